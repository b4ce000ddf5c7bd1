"""What an engine of posteriors gives out: draws in the units of the data, and how they came about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from multilevel.design.bound_priors import ResidualLaw

Floats = NDArray[np.float64]
Sampler = Literal["marginal", "nuts", "gibbs", "prior"]
"""The engines; "prior" are draws from the priors themselves, without the data."""


@dataclass(frozen=True, slots=True, eq=False)
class ResidualDraws:
    """Draws of residual sds that differ between groups, and of the parameters of their law.

    Parameters
    ----------
    law
        As in `ResidualPriors`.
    sds
        ``(chains, draws, m)`` in the unit of the response, by level of ``design.residual_groups``.
    parameters
        Both parameters of the law in its order, each a name and ``(chains, draws)``; one that is known does
        not vary.
    """

    law: ResidualLaw
    sds: Floats
    parameters: tuple[tuple[str, Floats], ...]


@dataclass(frozen=True, slots=True, eq=False)
class FamilyDraws:
    """Draws of what a generalised model has besides coefficients and groups.

    Parameters
    ----------
    names, values
        The ``a`` parameters of the family on their own scale, or thresholds; ``(chains, draws, a)``.
    inflation_names, inflation
        The ``q`` coefficients of zero inflation on the logit scale; ``(chains, draws, q)``.
    """

    names: tuple[str, ...]
    values: Floats
    inflation_names: tuple[str, ...]
    inflation: Floats


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
        ``(chains, draws)`` residual sd; the pooled one, ``sqrt(sum_j n_j s_j^2 / n)``, where sds differ
        between groups; one in a generalised model, which has none.
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
    residual
        Residual sds by group, or ``None`` if there is one residual sd.
    family
        Parameters of the family and zero inflation; ``None`` in a linear model.
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
    residual: ResidualDraws | None = None
    family: FamilyDraws | None = None
