"""The joint density of one vector in one native call, for models all of whose priors have codes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from multilevel.design.bound_priors import BoundPriors, TermPriors
from multilevel.design.family_priors import FamilyPriors
from multilevel.engines.joint.parameters import Parameters
from multilevel.engines.joint.prior_codes import codes_of
from multilevel.engines.joint.term_parameters import TermParameters
from multilevel.kernels import core
from multilevel.model.priors import LKJ, Fixed, FixedMatrix, Flat, InverseWishart, ScalarPrior
from multilevel.moments import Layout, TermBlock

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Term = tuple[int, int, bool, Ints, Floats, Floats, int, Floats, float, float, float, Floats]
JointNormal = tuple[Floats, Floats, float]

NOTHING = np.zeros((0, 0))


def native_target(
    joint: core.Joint, layout: Layout, parameters: Parameters, centre: Floats, factor: Floats
) -> core.JointTarget | None:
    """Return the density of parameters and effects, ``None`` if a prior has no code.

    The value and the gradient are those of `JointDensity.value_and_gradient`.

    Parameters
    ----------
    joint
        Of response and effects.
    layout, parameters
        Of the same model.
    centre, factor
        ``(d,)`` and ``(d, d)``: the parameters' numbers are ``centre + factor @ h``.
    """
    priors, places = parameters.priors, parameters.places
    family = priors.family or FamilyPriors()
    one_by_one, normal = _coefficients(priors)
    coefficients = codes_of(one_by_one)
    inflation = codes_of([prior for _, prior in family.inflation])
    own = codes_of([prior for _, prior in family.parameters])
    terms = []
    for block, term, prior in zip(layout.blocks, parameters.terms, priors.terms, strict=True):
        found = _term(block, term, prior)
        if found is None:
            return None
        terms.append(found)
    if coefficients is None or inflation is None or own is None:
        return None
    return core.JointTarget(
        joint,
        np.ascontiguousarray(centre),
        np.ascontiguousarray(factor),
        (places.coefficients.start, places.free_beta.astype(np.int32), places.beta, coefficients),
        (places.zeros.start, places.free_inflation.astype(np.int32), places.inflation, inflation),
        (places.family.start, places.free_family.astype(np.int32), places.family_logs, own),
        np.ascontiguousarray(priors.to_centred, dtype=np.float64),
        normal,
        places.ordinal,
        np.ascontiguousarray(parameters.centre, dtype=np.float64),
        np.zeros(0) if family.centre is None else np.ascontiguousarray(family.centre, dtype=np.float64),
        terms,
    )


def _coefficients(priors: BoundPriors) -> tuple[Sequence[ScalarPrior], JointNormal]:
    """Return priors of the coefficients one by one, and a joint normal one."""
    given = priors.coefficients
    if isinstance(given, tuple):
        return given, (np.zeros(0), NOTHING, 0.0)
    mean = np.ascontiguousarray(given.mean, dtype=np.float64)
    precision = np.ascontiguousarray(np.linalg.inv(given.covariance))
    return [Flat()] * mean.size, (mean, precision, float(given.logpdf(mean)))


def _term(block: TermBlock, term: TermParameters, prior: TermPriors) -> Term | None:
    """Return what the kernels are given of a term: sds one by one, correlations held or of an LKJ prior."""
    place, k = term.place, block.size
    power, top, df, scale = 0.0, 0.0, 0.0, NOTHING
    sds = prior.sds
    if prior.covariance is not None:
        sds = (Flat(),) * k
        if type(prior.covariance) is InverseWishart:
            df, scale = prior.covariance.df, np.ascontiguousarray(prior.covariance.scale, dtype=np.float64)
            trace = float(np.trace(scale))
            top = float(prior.covariance.logpdf(np.eye(k))) + 0.5 * trace
        elif not isinstance(prior.covariance, FixedMatrix):
            return None
    elif not isinstance(sds, tuple) or len(sds) != (1 if block.covariance.one_sd else k):
        return None
    if place.common >= 0 or not _is_plain(prior.correlation):
        return None
    codes = codes_of(sds) if isinstance(sds, tuple) else None
    if codes is None:
        return None
    if isinstance(prior.correlation, LKJ):
        power, top = prior.correlation.eta - 1.0, -float(prior.correlation.log_constant(k))
    return (
        block.factor,
        block.start,
        term.is_alone,
        np.array(place.sds, dtype=np.int32),
        np.ascontiguousarray(place.fixed, dtype=np.float64),
        codes,
        place.partial if place.n_partial else -1,
        np.ascontiguousarray(place.factor, dtype=np.float64),
        power,
        top,
        df,
        scale,
    )


def _is_plain(correlation: object) -> bool:
    """Return whether correlations are held, absent or under an LKJ prior."""
    return correlation is None or isinstance(correlation, LKJ | Fixed)
