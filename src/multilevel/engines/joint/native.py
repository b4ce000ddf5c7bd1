"""The joint density of one vector in one native call, for models all of whose priors have codes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from multilevel.design.bound_priors import TermPriors
from multilevel.design.family_priors import FamilyPriors
from multilevel.engines.joint.parameters import Parameters
from multilevel.engines.joint.prior_codes import codes_of
from multilevel.engines.joint.term_parameters import TermParameters
from multilevel.kernels import core
from multilevel.model.priors import LKJ, Fixed
from multilevel.moments import Layout, TermBlock

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Term = tuple[int, int, bool, Ints, Floats, Floats, int, Floats, float, float]


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
    if not isinstance(priors.coefficients, tuple):
        return None
    family = priors.family or FamilyPriors()
    coefficients = codes_of(priors.coefficients)
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
        places.ordinal,
        np.ascontiguousarray(parameters.centre, dtype=np.float64),
        np.zeros(0) if family.centre is None else np.ascontiguousarray(family.centre, dtype=np.float64),
        terms,
    )


def _term(block: TermBlock, term: TermParameters, prior: TermPriors) -> Term | None:
    """Return what the kernels are given of a term: sds one by one, correlations held or of an LKJ prior."""
    place, k = term.place, block.size
    if prior.covariance is not None or not isinstance(prior.sds, tuple) or place.common >= 0:
        return None
    if len(prior.sds) != (1 if block.covariance.one_sd else k) or not _is_plain(prior.correlation):
        return None
    codes = codes_of(prior.sds)
    if codes is None:
        return None
    power, top = 0.0, 0.0
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
    )


def _is_plain(correlation: object) -> bool:
    """Return whether correlations are held, absent or under an LKJ prior."""
    return correlation is None or isinstance(correlation, LKJ | Fixed)
