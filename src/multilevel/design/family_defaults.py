"""Default priors of generalised models, on the scale of the link: our own, brms's and rstanarm's."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping

import numpy as np

from multilevel.design.bound_priors import BoundPriors, TermPriors
from multilevel.design.default_priors import (
    column_moments,
    correlation_prior,
    half_t_terms,
    has_correlations,
    n_sds,
    term_labels,
    weighted_median,
    weighted_moments,
)
from multilevel.design.design import Design
from multilevel.design.family_priors import FamilyPriors, NamedPrior
from multilevel.design.scope import Floats
from multilevel.errors import OptionError
from multilevel.model.families.family import near
from multilevel.model.priors import (
    Decov,
    Exponential,
    Fixed,
    Flat,
    Gamma,
    HalfT,
    InverseGamma,
    Normal,
    ScalarPrior,
    StudentT,
)

VAGUE = Gamma(0.01, 0.01)
PARAMETERS: Mapping[tuple[str, str], ScalarPrior] = {
    ("negative_binomial", "theta"): InverseGamma(0.4, 0.3),
    ("negative_binomial_linear", "phi"): HalfT(3.0, 2.5),
    ("gamma", "phi"): InverseGamma(0.01, 0.01),
    ("inverse_gaussian", "phi"): InverseGamma(0.01, 0.01),
    ("beta", "phi"): VAGUE,
    ("beta_binomial", "phi"): VAGUE,
    ("student", "nu"): Gamma(2.0, 0.1),
}
"""As in brms 2.23, whose ``shape`` of gamma and inverse Gaussian responses is ``1 / phi``."""
RSTANARM: Mapping[tuple[str, str], ScalarPrior] = {
    ("negative_binomial", "theta"): Exponential(1.0),
    ("gamma", "phi"): InverseGamma(1.0, 1.0),
    ("inverse_gaussian", "phi"): InverseGamma(1.0, 1.0),
    ("beta", "phi"): Exponential(1.0),
}
"""As in rstanarm, whose ``shape`` of gamma and ``lambda`` of inverse Gaussian responses is ``1 / phi``."""
RSTANARM_FAMILIES = (
    "bernoulli", "binomial", "poisson", "negative_binomial", "gamma", "inverse_gaussian", "beta", "gaussian",
)  # fmt: skip
UNIT_LINKS = ("log", "logit", "probit", "cloglog")
"""Links on whose scale one is a large change."""
LOGISTIC = StudentT(7.0, 0.0, 1.57)
"""Nearly the logistic distribution, the prior of a logit whose probability is uniform."""


def family_defaults(design: Design, word: str) -> BoundPriors:
    """Return the default priors of a generalised model.

    Parameters
    ----------
    design
        With its family.
    word
        "default": with ``u = 1`` for log, logit, probit and cloglog links, else the sd of the response
        carried to the link scale at its mean, a coefficient is ``Normal(0, 2.5 u / sd(x))``, the intercept
        ``StudentT(3, link(mean(y)), 2.5 u)`` with the other columns at their means (of zeros or successes
        alone the mean with half a count or half a trial more), the sd of an effect
        ``HalfT(3, 2.5 u / sd(z))``, correlations ``LKJ(2)``, thresholds ``StudentT(3, 0, 2.5)`` with the
        columns at their means; coefficients of zero inflation ``Normal(0, 2.5 / sd(x))``, its intercept
        ``StudentT(3, 0, 2.5)``. "brms": flat coefficients, intercept and sds by median and mad of the
        response on the link scale, ``LKJ(1)``. "rstanarm": ``Normal(0, 2.5 / sd(x))``, intercept
        ``Normal(0, 2.5)``, ``decov(1, 1, 1, 1)``.

    Raises
    ------
    OptionError
        rstanarm has no such family, or no zero inflation; brms has no linear negative binomial.

    Notes
    -----
    Parameters of the families as in brms 2.23 (`PARAMETERS`) or rstanarm (`RSTANARM`). brms's logistic prior
    of the intercept of zero inflation is here the Student-t distribution nearest to it.
    """
    return {"default": _ours, "brms": _brms, "rstanarm": _rstanarm}[word](design)


def _ours(design: Design) -> BoundPriors:
    """Return our own defaults."""
    middle, unit = _place(design)
    offset = 0.0 if design.offset is None else weighted_moments(design, design.offset)[0]
    a = design.fixed.intercept
    means, sds = column_moments(design, design.fixed.X)
    p = len(design.fixed.names)
    lift = np.zeros(p) if a is None else np.asarray(a, dtype=np.float64)
    spread = np.hypot(means, sds) if a is None and design.family.name != "ordinal" else sds
    coefficients: list[ScalarPrior] = [
        StudentT(3.0, lift[j] * (middle - offset), 2.5 * unit * abs(lift[j]))
        if lift[j]
        else Normal(0.0, 2.5 * unit / _positive(spread[j]))
        for j in range(p)
    ]
    terms = half_t_terms(design, 2.5 * unit)
    centre = np.where(lift != 0.0, 0.0, means) if lift.any() else np.zeros(p)
    inflation = _inflation(design, StudentT(3.0, 0.0, 2.5), flat=False)
    sigma = HalfT(3.0, _positive(weighted_moments(design, design.y)[1]))
    family = FamilyPriors(_parameters(design, PARAMETERS, sigma), inflation, _threshold_centre(design))
    return BoundPriors(
        design.fixed.names, tuple(coefficients), centre, lift, Fixed(1.0), terms, family=family
    )


def _brms(design: Design) -> BoundPriors:
    """Return the defaults of brms 2.23."""
    if design.family.name == "negative_binomial_linear":
        raise _not_there("brms", design)
    location, spread = 0.0, 2.5
    if design.family.link in ("identity", "log", "inverse", "sqrt") and design.family.name != "ordinal":
        y = design.y
        if design.family.link in ("log", "inverse"):
            y = np.where(y == 0.0, 0.1, y)
        eta = design.family.predictor(y)
        median = weighted_median(design, eta)
        spread = max(2.5, round(1.4826 * weighted_median(design, np.abs(eta - median)), 1))
        location = round(median, 1)
    if design.offset is not None:
        location -= weighted_moments(design, design.offset)[0]
    half = HalfT(3.0, spread)
    terms = [
        TermPriors(label, term.names, None, (half,) * n_sds(term), correlation_prior(term, 1.0))
        for label, term in zip(term_labels(design), design.terms, strict=True)
    ]
    others: list[ScalarPrior] = [Flat()] * len(design.fixed.names)
    family = FamilyPriors(
        _parameters(design, PARAMETERS, half),
        _inflation(design, LOGISTIC, flat=True),
        _threshold_centre(design),
    )
    return _with_intercept(design, others, StudentT(3.0, location, spread), terms, family)


def _rstanarm(design: Design) -> BoundPriors:
    """Return the defaults of rstanarm."""
    if design.family.name not in RSTANARM_FAMILIES or design.inflation is not None:
        raise _not_there("rstanarm", design)
    sds = column_moments(design, design.fixed.X)[1]
    others: list[ScalarPrior] = [Normal(0.0, 2.5 / _positive(sd)) for sd in sds]
    terms = []
    for label, term in zip(term_labels(design), design.terms, strict=True):
        split = (
            Decov(1.0, 1.0, 1.0)
            if has_correlations(term) and n_sds(term) > 1
            else (Exponential(1.0),) * n_sds(term)
        )
        terms.append(TermPriors(label, term.names, None, split, correlation_prior(term, 1.0)))
    sd = _positive(weighted_moments(design, design.y)[1])
    return _with_intercept(
        design,
        others,
        Normal(0.0, 2.5),
        terms,
        FamilyPriors(_parameters(design, RSTANARM, Exponential(1.0 / sd))),
    )


def _with_intercept(
    design: Design,
    others: list[ScalarPrior],
    intercept: ScalarPrior,
    terms: list[TermPriors],
    family: FamilyPriors,
) -> BoundPriors:
    """Return priors in which a column named ``Intercept`` has its own prior, the others being centred."""
    names = design.fixed.names
    lift = np.array([float(name == "Intercept") for name in names])
    chosen = tuple(intercept if at else prior for at, prior in zip(lift, others, strict=True))
    means = column_moments(design, design.fixed.X)[0]
    centre = np.where(lift != 0.0, 0.0, means) if lift.any() else np.zeros(len(names))
    return BoundPriors(names, chosen, centre, lift, Fixed(1.0), tuple(terms), family=family)


def _place(design: Design) -> tuple[float, float]:
    """Return the response's mean on the link scale, and what is a large change there."""
    family = design.family
    if family.name == "ordinal":
        return 0.0, 1.0
    y = design.y if design.trials is None else design.y / design.trials
    mean, sd = weighted_moments(design, y)
    shares = family.trials or family.name in ("bernoulli", "beta")
    inside = near(np.array([_inner_mean(design, mean)]), 0.0, 1.0 if shares else math.inf)
    mu = inside if shares or family.link in ("log", "inverse", "sqrt") else np.array([mean])
    eta = float(family.predictor(mu)[0])
    if family.link in UNIT_LINKS:
        return eta, 1.0
    step = 1e-6 * max(abs(float(mu[0])), 1e-3)
    slope = (float(family.predictor(mu + step)[0]) - eta) / step
    return eta, _positive(abs(slope) * sd)


def _inner_mean(design: Design, mean: float) -> float:
    """Return the mean; where all are zeros, or all successes, that with half a count or half a trial more."""
    if not design.family.discrete or (mean != 0.0 and (design.family.counts or mean != 1.0)):
        return mean
    size = np.ones_like(design.y) if design.trials is None else design.trials
    total = float((size if design.frequency_weights is None else size * design.frequency_weights).sum())
    if design.family.counts:
        return 0.5 / total
    return (mean * total + 0.5) / (total + 1.0)


def _parameters(
    design: Design, known: Mapping[tuple[str, str], ScalarPrior], sigma: ScalarPrior
) -> tuple[NamedPrior, ...]:
    """Return the priors of the family's parameters, ``sigma`` that of a residual sd, or of the thresholds."""
    family = design.family
    if family.name == "ordinal":
        return tuple((name, StudentT(3.0, 0.0, 2.5)) for name in threshold_names(design))
    return tuple((name, known.get((family.name, name), sigma)) for name in family.parameters)


def threshold_names(design: Design) -> tuple[str, ...]:
    """Return the names of an ordinal response's thresholds: ``"low|middle"``."""
    return tuple(f"{a}|{b}" for a, b in itertools.pairwise(design.classes))


def _threshold_centre(design: Design) -> Floats | None:
    """Return the means of the columns if there are thresholds."""
    return column_moments(design, design.fixed.X)[0] if design.family.name == "ordinal" else None


def _inflation(design: Design, intercept: ScalarPrior, *, flat: bool) -> tuple[NamedPrior, ...]:
    """Return the priors of the coefficients of zero inflation."""
    if design.inflation is None:
        return ()
    _, sds = column_moments(design, design.inflation.X)
    return tuple(
        (name, intercept if name == "Intercept" else Flat() if flat else Normal(0.0, 2.5 / _positive(sd)))
        for name, sd in zip(design.inflation.names, sds, strict=True)
    )


def _positive(size: float) -> float:
    """Return a size as it is, or one for none."""
    return float(size) if size > 0.0 else 1.0


def _not_there(program: str, design: Design) -> OptionError:
    """Return the error for a model that a program does not have."""
    what = f"the {design.family.name} family" + (" with zero inflation" if design.inflation else "")
    return OptionError(
        f'the priors of "{program}" were asked for with {what}, which it does not have',
        allowed='"default", or a dictionary of priors',
        remedy='priors="default"',
    )
