"""A model as the doors take it: a text to be read, or a model read before."""

from __future__ import annotations

from multilevel.errors import OptionError
from multilevel.language.formula import parse_formula
from multilevel.model import Model


def given_model(model: object, *, lme4_compat: bool) -> tuple[Model, bool]:
    """Return the model, and whether its ``||`` was split term by term.

    Parameters
    ----------
    model
        A formula as text, or what `parse_formula` returned.
    lme4_compat
        Whether ``||`` of a text is to be split.

    Raises
    ------
    OptionError
        If it is neither, or ``lme4_compat`` is asked of a model that was read without it.

    Examples
    --------
    >>> given_model("y ~ x + (x | g)", lme4_compat=False)[0].fixed
    '1 + x'
    """
    if isinstance(model, str):
        return parse_formula(model, lme4_compat=lme4_compat), lme4_compat
    if not isinstance(model, Model):
        raise OptionError(
            f"a model cannot be made of {type(model).__name__}",
            allowed="a formula as text, or what multilevel.formula returns",
            remedy='fit("y ~ x + (x | group)", data)',
        )
    return model, _was_split(model, lme4_compat)


def _was_split(model: Model, lme4_compat: bool) -> bool:
    """Return whether ``||`` was split in a model, or raise `OptionError` if it was not and should be."""
    if "||" not in model.text:
        return lme4_compat
    if model == parse_formula(model.text):
        if lme4_compat and model != parse_formula(model.text, lme4_compat=True):
            raise OptionError(
                "lme4_compat=True was asked of a model whose formula has already been read without it",
                allowed="lme4_compat=True where the text is read",
                remedy="formula(..., lme4_compat=True), or give fit the text",
            )
        return lme4_compat
    return True
