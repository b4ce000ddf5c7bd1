"""The law of residual sds that differ between groups, read from what the user gave for sigma or sigma2."""

from __future__ import annotations

from multilevel.design.bound_priors import RESIDUAL_NAMES, ResidualPriors
from multilevel.design.prior_places import named
from multilevel.errors import OptionError
from multilevel.model.priors import Fixed, Hierarchical, InverseGamma, LogNormal, ScalarPrior

SIGMA = "LogNormal(mu, sigma), or Hierarchical(LogNormal, mu=Normal(0, 2), sigma=HalfNormal(1))"
SIGMA2 = (
    "InverseGamma(shape, scale), or Hierarchical(InverseGamma, shape=Gamma(2, 0.1), scale=Exponential(0.1))"
)


def residual_law(key: str, given: object) -> ResidualPriors:
    """Return the law of the residual sds of groups.

    Parameters
    ----------
    key
        "sigma" for the law of the sds, log-normal; "sigma2" for that of their squares, inverse gamma.
    given
        `LogNormal` or `InverseGamma` with known numbers, or `Hierarchical` of one of them.

    Raises
    ------
    OptionError
        It is another prior, or stands under the other key.

    Examples
    --------
    >>> residual_law("sigma2", InverseGamma(3, 4)).first
    Fixed(value=3.0)
    """
    law, parameters = _read(given)
    if key == "sigma2" and law is InverseGamma:
        (_, first), (_, second) = parameters
        return ResidualPriors("inverse_gamma", RESIDUAL_NAMES["inverse_gamma"], first, second)
    if key == "sigma" and law is LogNormal:
        (_, first), (_, second) = parameters
        return ResidualPriors("log_normal", RESIDUAL_NAMES["log_normal"], first, second)
    remedy = ""
    if law is LogNormal:
        remedy = '"sigma" with half of both numbers: the sds are log-normal if their squares are'
    elif law is InverseGamma:
        remedy = '"sigma2", the squares of the sds, for InverseGamma'
    elif isinstance(given, ScalarPrior):
        remedy = "leave residual_groups out for one residual sd with this prior"
    raise OptionError(
        f'priors["{key}"] is {named(given)}, and residual_groups gives each group a residual sd of its own',
        allowed=f'under "sigma": {SIGMA}; under "sigma2": {SIGMA2}',
        remedy=remedy,
    )


def _read(given: object) -> tuple[type | None, tuple[tuple[str, ScalarPrior], ...]]:
    """Return the law that was given and its parameters, known numbers as `Fixed`."""
    if isinstance(given, Hierarchical):
        return given.law, given.parameters
    if isinstance(given, InverseGamma):
        return InverseGamma, (("shape", Fixed(given.shape)), ("scale", Fixed(given.scale)))
    if isinstance(given, LogNormal):
        return LogNormal, (("mu", Fixed(given.mu)), ("sigma", Fixed(given.sigma)))
    return None, ()
