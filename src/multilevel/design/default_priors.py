"""Default priors, scaled to the data: our own, brms's and rstanarm's."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from multilevel.design.bound_priors import RESIDUAL_NAMES, BoundPriors, ResidualPriors, TermPriors
from multilevel.design.design import Design, EffectsTerm
from multilevel.design.scope import Floats
from multilevel.errors import OptionError
from multilevel.model import Covariance
from multilevel.model.priors import (
    LKJ,
    Decov,
    Exponential,
    Fixed,
    Flat,
    HalfNormal,
    HalfT,
    Normal,
    ScalarPrior,
    StudentT,
)
from multilevel.model.priors.one_correlation import OneCorrelation


def scaled_priors(design: Design) -> BoundPriors:
    """Return weakly informative priors on the scale of the data.

    With ``s`` the sd of the response (minus the offset), in any unit of ``y`` and ``x``:

    - a coefficient is ``Normal(0, 2.5 s / sd(x))``: a change of one sd of ``x`` moves the response by at
      most a few of its own sds; the constant is ``Normal(mean(y), 2.5 s)`` with the other columns at their
      means;
    - the sd of an effect is ``HalfT(3, s / sd(z))``, ``s`` for an intercept. An intercept that is correlated
      with slopes holds where every ``z`` is zero, which may be far from the data, so the scale of its sd is
      widened by ``sqrt(1 + sum (mean(z) / sd(z))^2)``. In terms without correlations or intercept the root
      mean square of ``z`` takes the place of its sd;
    - correlations are ``LKJ(2)``, which keeps away from -1 and 1 without favouring a sign; the one
      correlation of a ``cs()`` term is ``LKJ(1)``, uniform over what it can be;
    - the residual sd is ``HalfT(3, s)``; with precision weights ``w``, ``s / sqrt(mean(1 / w))``. Where
      groups have residual sds of their own, these are log-normal: the mean of their logarithms is
      ``Normal(log s, 1.5)``, the sd ``HalfNormal(1)``.

    In a model without a constant the root mean square of ``y`` and ``x`` takes the place of their sds.
    """
    y_mean, y_sd = response_moments(design)
    a = design.fixed.intercept
    if a is None:
        y_mean, y_sd = 0.0, math.hypot(y_mean, y_sd)
    scale = y_sd if y_sd > 0.0 else design.residual_sd or 1.0
    means, sds = fixed_moments(design)
    p = len(design.fixed.names)
    lift = np.zeros(p) if a is None else np.asarray(a)
    spread = np.hypot(means, sds) if a is None else sds
    coefficients = [
        Normal(lift[j] * y_mean, 2.5 * scale * abs(lift[j]))
        if lift[j]
        else Normal(0.0, 2.5 * scale / spread[j])
        for j in range(p)
    ]
    terms = half_t_terms(design, scale)
    weight = math.sqrt(mean_inverse_weight(design))
    sigma = _residual(design, HalfT(3.0, scale / weight))
    bound = BoundPriors(
        design.fixed.names, tuple(coefficients), np.where(lift != 0.0, 0.0, means), lift, sigma, terms
    )
    return _by_group(design, bound, Normal(math.log(scale / weight), 1.5), HalfNormal(1.0))


def half_t_terms(design: Design, scale: float) -> tuple[TermPriors, ...]:
    """Return the default priors of every grouped term: half-t sds on a scale, correlations `LKJ(2)`."""
    return tuple(
        TermPriors(
            label=label,
            effects=term.names,
            covariance=None,
            sds=tuple(HalfT(3.0, scale * factor) for factor in effect_scales(design, term)),
            correlation=correlation_prior(term, 2.0),
        )
        for label, term in zip(term_labels(design), design.terms, strict=True)
    )


def brms_priors(design: Design) -> BoundPriors:
    """Return the defaults of brms 2.23 for Gaussian models.

    Coefficients are flat; the intercept of column-centred ``X`` is ``StudentT(3, m, s)``, ``m`` the median of
    ``y``, to one decimal, minus the mean offset and ``s = max(2.5, mad(y))``, the mad to one decimal; sds
    and sigma are ``HalfT(3, s)``; correlations ``LKJ(1)``. Not invariant to the unit of ``y``. Residual sds
    of groups are log-normal, the mean of their logarithms ``StudentT(3, 0, 2.5)``, the sd ``HalfT(3, 2.5)``
    (brms itself takes the scale of the response for the latter, which is one of logarithms).
    """
    design.require_rows('priors="brms" have medians, which')
    middle = weighted_median(design, design.y)
    spread = max(2.5, round(1.4826 * weighted_median(design, np.abs(design.y - middle)), 1))
    offset = 0.0 if design.offset is None else weighted_moments(design, design.offset)[0]
    location = round(middle, 1) - offset
    half = HalfT(3.0, spread)
    others = [Flat()] * len(design.fixed.names)
    terms = [
        TermPriors(label, term.names, None, (half,) * n_sds(term), correlation_prior(term, 1.0))
        for label, term in zip(term_labels(design), design.terms, strict=True)
    ]
    bound = _with_centred_intercept(design, others, StudentT(3.0, location, spread), half, terms)
    return _by_group(design, bound, StudentT(3.0, 0.0, 2.5), HalfT(3.0, 2.5))


def rstanarm_priors(design: Design) -> BoundPriors:
    """Return the defaults of rstanarm for Gaussian models.

    Coefficients are ``Normal(0, 2.5 sd(y) / sd(x))``; the intercept of column-centred ``X`` is
    ``Normal(mean(y), 2.5 sd(y))``; sigma is ``Exponential(1 / sd(y))``. The covariance matrix of a term is
    ``decov(1, 1, 1, 1)``, its sds relative to sigma: `Decov` of the sds and ``LKJ(1)`` if the effects are
    correlated, ``Exponential(1)`` of each sd if they are not, or of the one sd of all.

    Raises
    ------
    OptionError
        Groups have residual sds of their own, which rstanarm does not have.
    """
    if design.residual_groups is not None:
        raise OptionError(
            'the priors of "rstanarm" were asked for beside residual_groups',
            allowed='"default", "brms" or a dictionary: rstanarm has one residual sd for all rows',
            remedy='priors="brms"',
        )
    if design.offset is not None:
        design.require_rows('priors="rstanarm" beside an offset')
        y_mean, y_sd = weighted_moments(design, design.y)
    else:
        y_mean, y_sd = response_moments(design)
    y_sd = y_sd if y_sd > 0.0 else 1.0
    sds = fixed_moments(design)[1]
    others = [Normal(0.0, 2.5 * y_sd / (sd if sd > 0.0 else 1.0)) for sd in sds]
    terms = []
    for label, term in zip(term_labels(design), design.terms, strict=True):
        split = (
            Decov(1.0, 1.0, 1.0)
            if has_correlations(term) and n_sds(term) > 1
            else (Exponential(1.0),) * n_sds(term)
        )
        terms.append(TermPriors(label, term.names, None, split, correlation_prior(term, 1.0), relative=True))
    centre = Normal(y_mean, 2.5 * y_sd)
    return _with_centred_intercept(design, others, centre, Exponential(1.0 / y_sd), terms)


def _with_centred_intercept(
    design: Design,
    coefficients: Sequence[ScalarPrior],
    intercept: ScalarPrior,
    sigma: ScalarPrior,
    terms: Sequence[TermPriors],
) -> BoundPriors:
    """Return priors in which a column named ``Intercept`` has its own prior, the others being centred."""
    names = design.fixed.names
    lift = np.array([float(name == "Intercept") for name in names])
    means = fixed_moments(design)[0]
    chosen = tuple(intercept if at else prior for at, prior in zip(lift, coefficients, strict=True))
    centre = np.where(lift != 0.0, 0.0, means) if lift.any() else np.zeros(len(names))
    return BoundPriors(names, chosen, centre, lift, _residual(design, sigma), tuple(terms))


def _by_group(design: Design, bound: BoundPriors, mean: ScalarPrior, sd: ScalarPrior) -> BoundPriors:
    """Return the priors with a log-normal law of residual sds if they differ between groups."""
    if design.residual_groups is None:
        return bound
    law = ResidualPriors("log_normal", RESIDUAL_NAMES["log_normal"], mean, sd)
    return dataclasses.replace(bound, sigma=Fixed(1.0), residual=law)


def has_correlations(term: EffectsTerm) -> bool:
    """Whether a term's effects are correlated."""
    return term.covariance.correlated and len(term.names) > 1


def n_sds(term: EffectsTerm) -> int:
    """Return how many sds a term has: one for each effect, or one for all."""
    return 1 if term.covariance.one_sd else len(term.names)


def correlation_prior(term: EffectsTerm, eta: float) -> LKJ | OneCorrelation | None:
    """Return ``LKJ(eta)`` of the correlation matrix, or ``LKJ(1)`` of the one correlation of all effects."""
    if not has_correlations(term):
        return None
    if term.covariance is Covariance.COMPOUND_SYMMETRIC:
        return OneCorrelation(LKJ(1.0), len(term.names))
    return LKJ(eta)


def term_labels(design: Design) -> list[str]:
    """Return ``subject`` for the only term of a factor, ``subject[1]``, ``subject[2]`` for several."""
    owners = [term.factor for term in design.terms]
    labels = []
    for at, owner in enumerate(owners):
        name = design.factors[owner].name
        labels.append(f"{name}[{owners[: at + 1].count(owner)}]" if owners.count(owner) > 1 else name)
    return labels


def _residual(design: Design, prior: ScalarPrior) -> ScalarPrior:
    """Return the prior of the residual sd, or its known value."""
    return prior if design.residual_sd is None else Fixed(design.residual_sd)


def effect_scales(design: Design, term: EffectsTerm) -> list[float]:
    """Return for each sd of a term how large it is if the effect moves the response by one unit."""
    means, sds = effect_moments(design, term)
    sizes = np.hypot(means, sds)
    if term.covariance.one_sd:
        return [1.0 / _positive(math.sqrt(float(np.mean(sizes**2))))]
    constant = (means == 1.0) & (sds == 0.0)
    if term.covariance is not Covariance.UNSTRUCTURED or constant.sum() != 1:
        return [1.0 / _positive(size) for size in sizes]
    spread = np.array([_positive(sd) for sd in sds])
    wider = math.sqrt(1.0 + float(((means / spread)[~constant] ** 2).sum()))
    return [wider if one else 1.0 / float(sd) for one, sd in zip(constant, spread, strict=True)]


def _positive(size: float) -> float:
    """Return a size as it is, or one for a column without any."""
    return float(size) if size > 0.0 else 1.0


def weighted_moments(design: Design, values: Floats) -> tuple[float, float]:
    """Return mean and sd (divisor n - 1) of a column, rows counted by their frequency weights."""
    w = design.frequency_weights
    n = design.n_observations
    away = values - values[0]  # a constant column has an sd of exactly zero
    shift = float(away.mean() if w is None else (w @ away) / n)
    square = (away - shift) ** 2
    sd = math.sqrt(float(square.sum() if w is None else w @ square) / max(n - 1.0, 1.0))
    return float(values[0]) + shift, sd


def response_moments(design: Design) -> tuple[float, float]:
    """Return mean and sd of the response less its offset."""
    if design.summary is not None:
        known = design.summary.response
        return float(known.mean[0]), float(known.sd[0])
    return weighted_moments(design, design.y if design.offset is None else design.y - design.offset)


def fixed_moments(design: Design) -> tuple[Floats, Floats]:
    """Return means and sds of the columns of the fixed part."""
    if design.summary is not None:
        return design.summary.fixed.mean, design.summary.fixed.sd
    return column_moments(design, design.fixed.X)


def effect_moments(design: Design, term: EffectsTerm) -> tuple[Floats, Floats]:
    """Return means and sds of the effect columns of one of the design's terms."""
    if design.summary is not None:
        at = next(t for t, own in enumerate(design.terms) if own is term)
        return design.summary.terms[at].mean, design.summary.terms[at].sd
    return column_moments(design, term.Z)


def mean_inverse_weight(design: Design) -> float:
    """Return the mean of ``1 / w`` of the precision weights, 1 without."""
    if design.summary is not None:
        return design.summary.inverse_weight
    w = design.precision_weights
    return 1.0 if w is None else weighted_moments(design, 1.0 / w)[0]


def column_moments(design: Design, columns: Floats) -> tuple[Floats, Floats]:
    """Return means and sds of the columns of a matrix, one at a time."""
    found = [weighted_moments(design, columns[:, at]) for at in range(columns.shape[1])]
    return np.array([mean for mean, _ in found]), np.array([sd for _, sd in found])


def weighted_median(design: Design, values: Floats) -> float:
    """Return the median of a column, rows counted by their frequency weights."""
    w = design.frequency_weights
    if w is None:
        return float(np.median(values))
    order = np.argsort(values, kind="stable")
    below = np.cumsum(w[order])
    half = 0.5 * float(below[-1])
    low = order[int(np.searchsorted(below, half, side="left"))]
    high = order[min(int(np.searchsorted(below, half, side="right")), order.size - 1)]
    return 0.5 * float(values[low]) + 0.5 * float(values[high])
