"""Families of responses: one file each, the same functions in each, one registry."""

from __future__ import annotations

from collections.abc import Mapping

from multilevel.errors import OptionError
from multilevel.model.families.beta import Beta, BetaBinomial
from multilevel.model.families.binomial import Bernoulli, Binomial
from multilevel.model.families.family import Family, LinkName, inverse_link, link_of, slope, suggestion
from multilevel.model.families.gamma import Gamma, InverseGaussian
from multilevel.model.families.gaussian import Gaussian, Student
from multilevel.model.families.negative_binomial import NegativeBinomial, NegativeBinomialLinear
from multilevel.model.families.ordinal import Ordinal
from multilevel.model.families.poisson import Poisson

REGISTRY: Mapping[str, type[Family]] = {
    family.name: family
    for family in (
        Gaussian,
        Bernoulli,
        Binomial,
        Poisson,
        NegativeBinomial,
        NegativeBinomialLinear,
        Gamma,
        InverseGaussian,
        Beta,
        BetaBinomial,
        Student,
        Ordinal,
    )
}

ELSEWHERE: Mapping[str, str] = {
    "nbinom": "negative_binomial",
    "nbinom1": "negative_binomial_linear",
    "nbinom2": "negative_binomial",
    "negbinomial": "negative_binomial",
    "quasipoisson": "negative_binomial_linear",
    "quasibinomial": "beta_binomial",
    "betabinomial": "beta_binomial",
    "beta_family": "beta",
    "t_family": "student",
    "normal": "gaussian",
    "logistic": "bernoulli",
    "cumulative": "ordinal",
}
"""What families of other programs are called here, or which one is nearest to them."""


def family_of(given: object) -> Family:
    """Return a family from its name or object.

    Raises
    ------
    OptionError
        If there is no such family.

    Examples
    --------
    >>> family_of("poisson")
    Poisson(link='log')
    """
    if isinstance(given, Family):
        return given
    if isinstance(given, type) and issubclass(given, Family) and given.__name__ in __all__:
        return given()
    if not isinstance(given, str) or given not in REGISTRY:
        raise OptionError(
            f"family={given!r} is not known",
            allowed=", ".join(repr(name) for name in REGISTRY)
            + ", or one of multilevel.families with its link",
            remedy=_remedy(given),
        )
    return REGISTRY[given]()


def _remedy(given: object) -> str:
    """Return what to write for a family of another program, or for a misspelt one."""
    known = ELSEWHERE.get(str(given).lower().removesuffix("()"))
    return f"family={known!r}" if known else suggestion(given, REGISTRY)


__all__ = [
    "REGISTRY",
    "Bernoulli",
    "Beta",
    "BetaBinomial",
    "Binomial",
    "Family",
    "Gamma",
    "Gaussian",
    "InverseGaussian",
    "LinkName",
    "NegativeBinomial",
    "NegativeBinomialLinear",
    "Ordinal",
    "Poisson",
    "Student",
    "family_of",
    "inverse_link",
    "link_of",
    "slope",
]
