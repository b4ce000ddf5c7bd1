"""Draws of a generalised model laid out by chain, in the units of the data."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from multilevel.design.family_priors import FamilyPriors
from multilevel.engines.draws import Draws, FamilyDraws, Sampler
from multilevel.engines.joint.parameters import Parameters
from multilevel.engines.joint.values import values_of

Floats = NDArray[np.float64]


def laid_out(
    parameters: Parameters,
    numbers: Floats,
    effects: Sequence[Sequence[Sequence[Floats]]],
    kept: NDArray[np.int64],
    *,
    method: Sampler,
    efficiency: float | None = None,
) -> Draws:
    """Return draws, with nothing said yet of how they came about.

    Parameters
    ----------
    parameters
        What the numbers stand for.
    numbers
        ``(chains, draws, d)``.
    effects
        By chain and kept draw, for each grouped term ``(m, k)``.
    kept
        Numbers of the draws whose effects are given.
    method, efficiency
        As in `Draws`.
    """
    chains, per_chain, size = numbers.shape
    family = parameters.priors.family or FamilyPriors()
    found = values_of(parameters, numbers.reshape(chains * per_chain, size))

    def by_chain(values: Floats) -> Floats:
        return values.reshape(chains, per_chain, *values.shape[1:])

    terms = range(len(parameters.terms))
    return Draws(
        method=method,
        coefficients=by_chain(found.beta),
        sigma=np.ones((chains, per_chain)),
        sds=tuple(by_chain(sds) for sds in found.sds),
        correlations=tuple(by_chain(R) for R in found.correlations),
        effects=tuple(np.stack([np.stack([one[t] for one in chain]) for chain in effects]) for t in terms),
        kept=kept,
        efficiency=efficiency,
        log_evidence=None,
        family=FamilyDraws(
            family.names,
            by_chain(found.family),
            tuple(name for name, _ in family.inflation),
            by_chain(found.inflation),
        ),
    )
