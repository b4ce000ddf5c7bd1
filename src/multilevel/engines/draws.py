"""What an engine of posteriors gives out: draws in the units of the data, and how they came about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Sampler = Literal["marginal", "gibbs"]


@dataclass(frozen=True, slots=True, eq=False)
class Draws:
    """Draws from a posterior distribution, by chain and draw, in the units of the data.

    Parameters
    ----------
    method
        The engine.
    coefficients
        ``(chains, draws, p)``, in order of ``design.fixed.names``.
    sigma
        ``(chains, draws)`` residual sd.
    sds
        For each grouped term ``(chains, draws, k)``.
    correlations
        For each grouped term ``(chains, draws, k, k)``; identity where the term has none.
    effects
        For each grouped term ``(chains, kept, m, k)``: group effects at the draws ``kept``.
    kept
        ``(kept,)`` numbers of the draws (within a chain) whose group effects were kept.
    efficiency
        Effective draws for each draw: 1 for independent draws; importance sampling pays with duplicates.
        ``None`` for Markov chains, whose effective size is measured from their autocorrelation.
    log_evidence
        ``log p(y)`` where every prior is proper, else ``None``.
    diagnostics
        Numbers about the run by name (evaluations, Pareto k, acceptance rates ...).
    sentence
        How it went, in words.
    complete
        ``False`` if the run was interrupted: the draws are valid but fewer than asked for.
    """

    method: Sampler
    coefficients: Floats
    sigma: Floats
    sds: tuple[Floats, ...]
    correlations: tuple[Floats, ...]
    effects: tuple[Floats, ...]
    kept: NDArray[np.int64]
    efficiency: float | None
    log_evidence: float | None
    diagnostics: Mapping[str, float] = field(default_factory=dict)
    sentence: str = ""
    complete: bool = True
