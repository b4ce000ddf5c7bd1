"""Which priors may stand in a place for one number: a coefficient, an sd, a variance."""

from __future__ import annotations

from multilevel.errors import OptionError
from multilevel.model.priors import Fixed, Flat, Hierarchical, Normal, ScalarPrior, StudentT, root_of

POSITIVE = (
    "HalfNormal, HalfT, HalfCauchy, Exponential, LogNormal, Gamma, InverseGamma, Uniform(0, high), Fixed"
)


def as_scalar(prior: object, *, where: str) -> ScalarPrior:
    """Return a prior of one number.

    Parameters
    ----------
    prior
        What the user gave.
    where
        The place for the message, ``'priors["days"]'``.

    Raises
    ------
    OptionError
        It is something else.
    """
    if isinstance(prior, ScalarPrior):
        return prior
    if isinstance(prior, int | float) and not isinstance(prior, bool):
        remedy = f"Fixed({prior:g}) to hold it at this value"
    elif isinstance(prior, Hierarchical):
        remedy = 'residual_groups="a column" with this law under "sigma" or "sigma2"'
    elif hasattr(prior, "text") and not isinstance(prior, type):
        remedy = "Normal(mean, sd)"
    else:
        remedy = "a prior such as Normal(mean, sd); classes need their arguments"
    raise OptionError(f"{where} is {named(prior)}", allowed="a prior of one number", remedy=remedy)


def as_positive(prior: object, *, where: str) -> ScalarPrior:
    """Return a prior of a standard deviation; see `as_scalar`.

    Raises
    ------
    OptionError
        It is not a prior of one number, or allows negative ones.
    """
    found = as_scalar(prior, where=where)
    if found.bounds[0] >= 0.0 or isinstance(found, Flat):
        return found
    remedy = ""
    if isinstance(found, Normal):
        remedy = f"HalfNormal({found.sd:g})"
    elif isinstance(found, StudentT):
        remedy = f"HalfT({found.df:g}, {found.scale:g})"
    elif isinstance(found, Fixed):
        remedy = f"Fixed({-found.value:g})"
    raise OptionError(
        f"{where} is {found.text()}, which allows negative numbers",
        allowed=f"a prior of positive numbers: {POSITIVE}",
        remedy=remedy,
    )


def as_variance(prior: object, *, where: str) -> ScalarPrior:
    """Return the prior of a standard deviation from that of its square; see `as_positive` for the errors."""
    return root_of(as_positive(prior, where=where))


def named(prior: object) -> str:
    """Return a thing as text for a message: a prior's own text, else its Python form, cut short."""
    text = getattr(prior, "text", None)
    if callable(text) and not isinstance(prior, type):
        return str(text())
    shown = repr(prior)
    return shown if len(shown) <= 60 else shown[:57] + "..."
