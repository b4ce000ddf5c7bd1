"""From points of a marginal density to draws of everything: what was integrated out is drawn exactly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multilevel.engines.draws import Draws, ResidualDraws, Sampler
from multilevel.engines.marginal.density import MarginalDensity
from multilevel.engines.marginal.varying_density import VaryingDensity

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Density = MarginalDensity | VaryingDensity

STRETCH = 256
"""Points whose residual sds and effects are drawn together."""


@dataclass(frozen=True, slots=True, eq=False)
class Completed:
    """What was drawn at points ``(n, d)``, in the units of the data.

    Parameters
    ----------
    coefficients, sigma
        ``(n, p)`` and ``(n,)``; the pooled residual sd where sds differ between groups.
    sds, factors
        For each term ``(n, k)`` and ``(n, k, k)``.
    effects
        For each term ``(rows, m, k)``, at the points asked for.
    residual_sds, law
        ``(n, m)`` and ``(n, 2)`` where residual sds differ between groups, else ``None``.
    """

    coefficients: Floats
    sigma: Floats
    sds: tuple[Floats, ...]
    factors: tuple[Floats, ...]
    effects: tuple[Floats, ...]
    residual_sds: Floats | None = None
    law: Floats | None = None


@dataclass(frozen=True, slots=True)
class HowSampled:
    """What a sampler says of its points, as the fields of `Draws`."""

    method: Sampler
    efficiency: float | None
    log_evidence: float | None
    diagnostics: Mapping[str, float]
    sentence: str


def draws_at(density: Density, x: Floats, kept: Ints, said: HowSampled, *, chains: int, seed: int) -> Draws:
    """Draw the rest at the points of a sampler and lay everything out by chain.

    Parameters
    ----------
    density
        Of the points.
    x
        ``(n, d)``, the points of the first chain first.
    kept
        Numbers of the draws within a chain whose group effects are kept.
    said
        How the points came about.
    """
    per_chain = x.shape[0] // chains
    rows = (np.arange(chains)[:, None] * per_chain + kept).reshape(-1)
    done = complete(density, x, rows, seed)

    def by_chain(array: Floats) -> Floats:
        return np.ascontiguousarray(array.reshape(chains, -1, *array.shape[1:]))

    residual = None
    if isinstance(density, VaryingDensity) and done.law is not None and done.residual_sds is not None:
        parameters = tuple((name, by_chain(done.law[:, i])) for i, name in enumerate(density.residual.names))
        residual = ResidualDraws(density.residual.law, by_chain(done.residual_sds), parameters)
    return Draws(
        method=said.method,
        coefficients=by_chain(done.coefficients),
        sigma=by_chain(done.sigma),
        sds=tuple(by_chain(sd) for sd in done.sds),
        correlations=tuple(by_chain(L @ np.swapaxes(L, 1, 2)) for L in done.factors),
        effects=tuple(by_chain(effect) for effect in done.effects),
        kept=kept,
        efficiency=said.efficiency,
        log_evidence=said.log_evidence,
        diagnostics=said.diagnostics,
        sentence=said.sentence,
        residual=residual,
    )


def complete(density: Density, x: Floats, rows: Ints, seed: int) -> Completed:
    """Draw what was integrated out at points ``(n, d)``; group effects at some of them, ``rows``."""
    if isinstance(density, VaryingDensity):
        return _with_residual_sds(density, x, rows, seed)
    values = density.at.values(x)
    rng = np.random.Generator(np.random.Philox(key=[seed, 1]))
    beta, gamma, conditional = density.draw_coefficients(x, values, rng)
    effects = density.draw_effects(conditional, gamma, rows, seed)
    return Completed(beta, values.sigma, values.sds, values.factors, effects)


def _with_residual_sds(density: VaryingDensity, x: Floats, rows: Ints, seed: int) -> Completed:
    """Draw the residual sds at all points, and the effects with them."""
    wanted = np.zeros(x.shape[0], dtype=bool)
    wanted[rows] = True
    sds, effects = [], []
    for first in range(0, x.shape[0], STRETCH):
        here = slice(first, first + STRETCH)
        some, drawn = density.draw_groups(x[here], seed, first)
        sds.append(some)
        effects.append(tuple(effect[wanted[here]] for effect in drawn))
    values, all_sds = density.at.term_values(x), np.concatenate(sds)
    return Completed(
        density.coefficients(x),
        density.pooled(all_sds),
        values.sds,
        values.factors,
        tuple(np.concatenate(parts) for parts in zip(*effects, strict=True)),
        all_sds,
        density.law(x),
    )
