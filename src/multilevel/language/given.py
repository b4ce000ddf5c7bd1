"""A model as the doors take it: a text to be read, or a model read before."""

from __future__ import annotations

import dataclasses

from multilevel.errors import OptionError
from multilevel.language.formula import parse_formula
from multilevel.language.pieces import parse_terms
from multilevel.model import Model
from multilevel.model.families import family_of


def given_model(
    model: object, *, lme4_compat: bool, family: object = None, zero_inflation: str | None = None
) -> tuple[Model, bool]:
    """Return the model, and whether its ``||`` was split term by term.

    Parameters
    ----------
    model
        A formula as text, or what `parse_formula` returned.
    lme4_compat
        Whether ``||`` of a text is to be split.
    family
        Name or object of the family of the response; ``None`` for that of the model (of a text: gaussian).
    zero_inflation
        Right side of a formula, ``"~ 1 + x"``, for the logit of the share of extra zeros.

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
        parsed = parse_formula(model, lme4_compat=lme4_compat)
        return with_family(parsed, family, zero_inflation), lme4_compat
    if not isinstance(model, Model):
        raise OptionError(
            f"a model cannot be made of {type(model).__name__}",
            allowed="a formula as text, or what multilevel.formula returns",
            remedy='fit("y ~ x + (x | group)", data)',
        )
    found = with_family(model, family, zero_inflation)
    if model.dag is not None and found.family != model.family:
        raise OptionError(
            f"family={found.family} is given, and the graph's response is {model.family}",
            allowed="one of the two",
            remedy="leave family= out, or change the distribution of the response in the graph",
        )
    return found, _was_split(model, lme4_compat)


def with_family(model: Model, family: object, zero_inflation: str | None) -> Model:
    """Return the model with another family and zero inflation; what is ``None`` stays as it is.

    Raises
    ------
    OptionError
        If there is no such family, or zero inflation is no text.
    FormulaError
        If zero inflation is no right side of a formula, or has grouped terms.
    """
    if family is not None:
        model = dataclasses.replace(model, family=family_of(family))
    if zero_inflation is None:
        return model
    if not isinstance(zero_inflation, str):
        raise OptionError(
            f"zero_inflation is {type(zero_inflation).__name__}", allowed="the right side of a formula, '~ x'"
        )
    left, tilde, right = zero_inflation.partition("~")
    text = right if tilde and not left.strip() else zero_inflation
    side = parse_formula(f"zero_inflation ~ {text}")
    if side.groups or side.offsets:
        raise OptionError(
            f"zero_inflation={zero_inflation!r} has a grouped term or an offset",
            allowed="coefficients that do not vary between groups: '~ 1 + x'",
        )
    return dataclasses.replace(
        model,
        inflation=side.fixed,
        variables=tuple(dict.fromkeys([*model.variables, *parse_terms(side.fixed).columns])),
    )


def _was_split(model: Model, lme4_compat: bool) -> bool:
    """Return whether ``||`` was split in a model, or raise `OptionError` if it was not and should be."""
    if "||" not in model.text:
        return lme4_compat
    if model.groups == parse_formula(model.text).groups:
        if lme4_compat and model.groups != parse_formula(model.text, lme4_compat=True).groups:
            raise OptionError(
                "lme4_compat=True was asked of a model whose formula has already been read without it",
                allowed="lme4_compat=True where the text is read",
                remedy="formula(..., lme4_compat=True), or give fit the text",
            )
        return lme4_compat
    return True
