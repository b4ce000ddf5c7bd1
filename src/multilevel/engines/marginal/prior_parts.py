"""Which priors exclude points: starts are moved inside intervals, errors name the parameter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from multilevel.design.bound_priors import BoundPriors
from multilevel.engines.marginal.coordinates import Coordinates, Values, sampled_coefficients
from multilevel.engines.marginal.density import term_log_prior
from multilevel.model.priors import Fixed, ScalarPrior
from multilevel.moments import Moments

Floats = NDArray[np.float64]


MARGIN = 0.05
"""Share of an interval at each end that a start keeps away from."""


def inside_intervals(priors: BoundPriors, at: Coordinates, x: Floats) -> Floats:
    """Return a point ``(d,)`` moved inside the intervals to which priors confine single numbers."""
    moved, sigma = x.copy(), at.known_sigma
    if at.sigma >= 0:
        sigma = _inside(priors.sigma, float(np.exp(x[at.sigma])))
        moved[at.sigma] = np.log(sigma)
    for term, place in zip(priors.terms, at.terms, strict=True):
        if term.covariance is not None or not isinstance(term.sds, tuple):
            continue
        unit = sigma if term.relative else 1.0
        for a, position in enumerate(place.sds):
            if position >= 0:
                own = term.sds[min(a, len(term.sds) - 1)]
                moved[position] = np.log(unit * _inside(own, float(np.exp(x[position])) / unit))
    if isinstance(priors.coefficients, tuple):
        for position, i in enumerate(at.coefficients, at.first_coefficient):
            moved[position] = _inside(priors.coefficients[i], float(x[position]))
    return moved


def _inside(prior: ScalarPrior, value: float) -> float:
    """Return a value inside the support of a prior, if that is an interval."""
    low, high = prior.bounds
    if not np.isfinite(high - low):
        return value
    margin = MARGIN * (high - low)
    return min(max(value, low + margin), high - margin)


def excluding_priors(moments: Moments, priors: BoundPriors, at: Coordinates, x: Floats) -> str:
    """Return in words which priors have no finite log density at most of the points; empty if none.

    Parameters
    ----------
    moments, priors
        Of one design.
    at
        Places of the sampled numbers.
    x
        ``(n, d)`` points.
    """
    excluded: Counter[str] = Counter()
    found: dict[str, float] = {}
    for point in x:
        with np.errstate(all="ignore"):
            for what, value, density in _parts(moments, priors, at.values(point[None])):
                if not np.isfinite(density):
                    excluded[what] += 1
                    found.setdefault(what, value)
    most = max(excluded.values(), default=0)
    return "; ".join(
        f"{what} has no finite log density at {found[what]:.4g}, nor in {count} of {len(x)} points tried"
        for what, count in excluded.items()
        if count == most
    )


def _parts(moments: Moments, priors: BoundPriors, values: Values) -> Iterator[tuple[str, float, float]]:
    """Yield for each parameter of one point its prior in words, its value and its log prior density."""
    sigma = float(values.sigma[0])
    if not isinstance(priors.sigma, Fixed):
        yield f"the prior of sigma, {priors.sigma.text()},", sigma, float(priors.sigma.logpdf(sigma))
    if isinstance(priors.coefficients, tuple):
        for i, value in zip(sampled_coefficients(priors), values.coefficients[0], strict=True):
            prior = priors.coefficients[i]
            words = f"the prior of the coefficient {priors.names[i]}, {prior.text()},"
            yield words, float(value), float(prior.logpdf(value))
    rows = zip(priors.terms, moments.blocks, values.sds, values.factors, strict=True)
    for term, block, sds, factors in rows:
        shared = block.covariance.one_sd
        if term.covariance is not None or not isinstance(term.sds, tuple):
            density = term_log_prior(term, sds[:, :1] if shared else sds, factors, values.sigma)
            yield f"the prior of the covariance matrix of {term.label}", float(sds[0, 0]), float(density[0])
            continue
        names = ("all effects",) if shared else term.effects
        for name, own, sd in zip(names, term.sds, sds[0] / (sigma if term.relative else 1.0), strict=False):
            yield f"the prior of sd({term.label}, {name}), {own.text()},", float(sd), float(own.logpdf(sd))
