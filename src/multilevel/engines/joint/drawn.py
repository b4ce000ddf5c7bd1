"""Draws of a generalised model laid out by chain, in the units of the data."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from multilevel.design.family_priors import FamilyPriors
from multilevel.engines.draws import Draws, FamilyDraws, Sampler
from multilevel.engines.joint.parameters import Parameters

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
    points = [parameters.at(x) for x in numbers.reshape(chains * per_chain, size)]

    def by_chain(values: list[Floats]) -> Floats:
        return np.stack(values).reshape(chains, per_chain, *values[0].shape)

    terms = range(len(parameters.terms))
    return Draws(
        method=method,
        coefficients=by_chain([point.beta for point in points]),
        sigma=np.ones((chains, per_chain)),
        sds=tuple(by_chain([point.terms[t].sds for point in points]) for t in terms),
        correlations=tuple(
            by_chain([point.terms[t].factor @ point.terms[t].factor.T for point in points]) for t in terms
        ),
        effects=tuple(np.stack([np.stack([one[t] for one in chain]) for chain in effects]) for t in terms),
        kept=kept,
        efficiency=efficiency,
        log_evidence=None,
        family=FamilyDraws(
            family.names,
            by_chain([point.aux if parameters.places.ordinal else np.exp(point.aux) for point in points]),
            tuple(name for name, _ in family.inflation),
            by_chain([point.inflation for point in points]),
        ),
    )
