"""Names that graphs have for the families of responses and for the functions that undo their links."""

from __future__ import annotations

from collections.abc import Mapping

from multilevel.model.families import REGISTRY, Family, LinkName

INVERSE_LINKS: Mapping[str, LinkName] = {
    "exp": "log",
    "logistic": "logit",
    "inv_logit": "logit",
    "expit": "logit",
    "Phi": "probit",
    "inv_cloglog": "cloglog",
    "inverse": "inverse",
    "square": "sqrt",
}
"""Functions round a linear predictor, and the links that they undo; the first of each is the usual one."""

RESPONSES: Mapping[str, type[Family]] = {
    "Normal": REGISTRY["gaussian"],
    "Bernoulli": REGISTRY["bernoulli"],
    "Binomial": REGISTRY["binomial"],
    "Poisson": REGISTRY["poisson"],
    "NegativeBinomial": REGISTRY["negative_binomial"],
    "NegativeBinomialLinear": REGISTRY["negative_binomial_linear"],
    "Gamma": REGISTRY["gamma"],
    "InverseGaussian": REGISTRY["inverse_gaussian"],
    "Beta": REGISTRY["beta"],
    "BetaBinomial": REGISTRY["beta_binomial"],
    "StudentT": REGISTRY["student"],
    "Ordinal": REGISTRY["ordinal"],
}
"""Distributions of a response. Those with trials have them as their first argument."""


def distribution_of(family: Family) -> str:
    """Return the name of a family's distribution.

    Examples
    --------
    >>> distribution_of(REGISTRY["poisson"]())
    'Poisson'
    """
    return next(name for name, kind in RESPONSES.items() if kind.name == family.name)


def inverse_of(family: Family) -> str:
    """Return the function that undoes a family's link, "" for the identity and for an ordinal logit.

    Examples
    --------
    >>> inverse_of(REGISTRY["poisson"](link="sqrt"))
    'square'
    """
    if family.link == "identity" or (family.name == "ordinal" and family.link == "logit"):
        return ""
    return next(word for word, link in INVERSE_LINKS.items() if link == family.link)
