"""Priors that the user gave for one grouped term, read against its effects."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from multilevel.data.names import nearest_names
from multilevel.design.bound_priors import TermPriors
from multilevel.design.default_priors import has_correlations, n_sds
from multilevel.design.design import EffectsTerm
from multilevel.design.prior_places import as_positive, as_variance
from multilevel.errors import OptionError
from multilevel.model import Covariance
from multilevel.model.priors import LKJ, CovariancePrior, Decov, Fixed, ScalarPrior, Uniform
from multilevel.model.priors.arguments import shown
from multilevel.model.priors.one_correlation import OneCorrelation, lowest_correlation

ALLOWED = (
    'InverseWishart, Wishart, ScaledInverseWishart, FixedMatrix, or {"sd": ..., "correlation": LKJ(eta)}'
)
KEYS = ("sd", "variance", "correlation")


def bind_term(term: EffectsTerm, own: TermPriors, given: object, *, where: str) -> TermPriors:
    """Return the priors of one term.

    Parameters
    ----------
    term
        The term.
    own
        Its default priors, used for what is not given.
    given
        A prior of the covariance matrix, or a dictionary of priors of its parts.
    where
        The place for messages, ``'priors["subject"]'``.

    Raises
    ------
    OptionError
        The prior is of the wrong kind or size, or a key names nothing.
    """
    if isinstance(given, CovariancePrior):
        return _with_matrix(term, own, given, where)
    if not isinstance(given, Mapping):
        text = given.text() if isinstance(given, ScalarPrior | LKJ) else repr(given)[:60]
        remedy = ""
        if isinstance(given, ScalarPrior):
            remedy = f'{{"sd": {text}}} for every sd of the term'
        elif isinstance(given, LKJ):
            remedy = f'{{"correlation": {text}}}'
        raise OptionError(f"{where} is {text}", allowed=ALLOWED, remedy=remedy)
    unknown = [key for key in given if key not in KEYS]
    if unknown or not given:
        near = nearest_names(str(unknown[0]), KEYS, 1) if unknown else []
        raise OptionError(
            f"{where} has the key {unknown[0]!r}" if unknown else f"{where} is empty",
            allowed='"sd" or "variance", and "correlation"',
            remedy=f"{near[0]!r}" if near else "",
        )
    if "sd" in given and "variance" in given:
        raise OptionError(f'{where} has both "sd" and "variance"', allowed="one of them")
    sds, relative = own.sds, own.relative
    for key, read in (("sd", as_positive), ("variance", as_variance)):
        if key in given:
            sds, relative = _sds(term, own, given[key], read, f'{where}["{key}"]'), False
    correlation = own.correlation
    if "correlation" in given:
        correlation = _correlation(term, given["correlation"], f'{where}["correlation"]')
    return dataclasses.replace(own, sds=sds, correlation=correlation, relative=relative)


def _with_matrix(term: EffectsTerm, own: TermPriors, given: CovariancePrior, where: str) -> TermPriors:
    """Return a prior of the whole covariance matrix."""
    k = len(term.names)
    if k > 1 and term.covariance is not Covariance.UNSTRUCTURED:
        raise OptionError(
            f"{where} is {given.text()} and the covariance matrix of the term is {term.covariance.value}",
            allowed='{"sd": ...} or {"variance": ...}'
            + (', and "correlation"' if term.covariance.correlated else ""),
            remedy='{"variance": InverseGamma(shape, scale)}',
        )
    if given.dimension != k:
        raise OptionError(
            f"{where} is {given.text()}, of a {given.dimension} by {given.dimension} matrix",
            allowed=f"{k} by {k}, for the effects {', '.join(term.names)}",
        )
    return dataclasses.replace(
        own, covariance=given.on_covariance(), sds=(), correlation=None, relative=False
    )


def _sds(
    term: EffectsTerm, own: TermPriors, given: object, read: Any, where: str
) -> tuple[ScalarPrior, ...] | Decov:
    """Return the priors of a term's sds, read by `as_positive` or `as_variance`."""
    if not isinstance(given, Mapping):
        return (read(given, where=where),) * n_sds(term)
    if n_sds(term) < len(term.names):
        raise OptionError(f"{where} names effects and the term has one sd for all", allowed="one prior")
    unknown = [key for key in given if key not in term.names]
    if unknown:
        near = nearest_names(str(unknown[0]), term.names, 1)
        raise OptionError(
            f"{where} names {unknown[0]!r}, which is no effect of the term",
            allowed=", ".join(repr(name) for name in term.names),
            remedy=f"{near[0]!r}" if near else "",
        )
    # beside sds that are relative to sigma, or have a joint prior, none can have one of its own
    defaults = (
        {} if own.relative or isinstance(own.sds, Decov) else dict(zip(term.names, own.sds, strict=True))
    )
    without = [name for name in term.names if name not in given and name not in defaults]
    if without:
        raise OptionError(f"{where} has no prior for {without[0]!r}", allowed="one for each effect")
    return tuple(
        read(given[name], where=f"{where}[{name!r}]") if name in given else defaults[name]
        for name in term.names
    )


def _correlation(term: EffectsTerm, given: object, where: str) -> LKJ | OneCorrelation | Fixed:
    """Return the prior of a term's correlations."""
    k = len(term.names)
    if not has_correlations(term):
        raise OptionError(
            f"{where} is given and the effects of the term are not correlated", remedy="leave it out"
        )
    if term.covariance is Covariance.COMPOUND_SYMMETRIC:
        return _one_correlation(k, given, where)
    if isinstance(given, LKJ):
        return given
    if k == 2 and given == Uniform(-1.0, 1.0):
        return LKJ(1.0)
    if k == 2 and isinstance(given, Fixed) and abs(given.value) < 1.0:
        return given
    pair = "; for two effects also Uniform(-1, 1), or Fixed(r) with r between -1 and 1"
    raise OptionError(
        f"{where} is {_text(given)}", allowed="LKJ(eta)" + (pair if k == 2 else ""), remedy="LKJ(2)"
    )


def _one_correlation(k: int, given: object, where: str) -> OneCorrelation | Fixed:
    """Return the prior of the one correlation of all effects of a term."""
    low = lowest_correlation(k)
    if isinstance(given, Fixed) and low < given.value < 1.0:
        return given
    if isinstance(given, LKJ | Uniform):
        try:
            return OneCorrelation(given, k)
        except OptionError as error:
            raise OptionError(
                f"{where}: {error.asked}", allowed=error.allowed, remedy=error.remedy
            ) from error
    raise OptionError(
        f"{where} is {_text(given)}",
        allowed=f"LKJ(eta), Uniform(low, high), or Fixed(r) with r between {shown(low)} and 1",
        remedy="LKJ(1)",
    )


def _text(given: object) -> str:
    """Return what was given, as text for a message."""
    return given.text() if isinstance(given, ScalarPrior | CovariancePrior) else repr(given)[:60]
