"""Exact or Monte Carlo: what each would cost, and which is taken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from multilevel.engines.likelihood.problem import max_core
from multilevel.engines.monte_carlo.estimator import unsupported
from multilevel.engines.monte_carlo.system import longest_chain
from multilevel.moments import Moments

Solver = Literal["auto", "exact", "monte_carlo"]

EVALUATIONS = 8
"""Evaluations of a usual search."""
DENSE_PACE, SPARSE_PACE = 4e10, 2e9
"""Operations a second of two idle cores: of dense matrices; of products with pairs of levels."""
ITERATIONS, PROBES = 14, 16
"""Of a usual evaluation by Monte Carlo."""
PATIENCE = 10.0
"""Seconds that the exact engine may take before another is considered."""
ADVANTAGE = 3.0
"""How many times faster that must be."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which engine solves a linear model, "exact" or "monte_carlo", and why, in a sentence.

    ``exact_fits`` says whether the exact one would have the memory that it needs.
    """

    solver: Literal["exact", "monte_carlo"]
    sentence: str
    exact_fits: bool = True


def choose(*, core: int, pairs: int, effects: int, columns: int) -> Choice:
    """Return the cheaper engine for crossed factors.

    Parameters
    ----------
    core
        Effects that are left when nested factors have been eliminated level by level.
    pairs
        Pairs of levels that share a row.
    effects
        Effects per level of the factors that are left, together.
    columns
        Columns of the fixed part.

    Examples
    --------
    >>> choose(core=1128, pairs=73_000, effects=1, columns=2).sentence
    'Exact: 1,128 effects are solved together, in about 1 s.'
    >>> choose(core=50_000, pairs=10_000_000, effects=1, columns=2).solver
    'monte_carlo'
    """
    exact = EVALUATIONS * float(core) ** 3 / DENSE_PACE
    sparse = EVALUATIONS * ITERATIONS * 2 * pairs * (PROBES * effects + columns) / SPARSE_PACE
    memory = f"{24 * float(core) ** 2 / 1e9:,.1f} GB"
    together = f"{core:,} effects are solved together"
    if core > max_core():
        sentence = f"Monte Carlo: an exact solution of {core:,} effects together needs {memory}."
        return Choice("monte_carlo", sentence, exact_fits=False)
    if exact > PATIENCE and exact > ADVANTAGE * sparse:
        return Choice(
            "monte_carlo",
            f"Monte Carlo: an exact solution of {core:,} effects together needs {memory} and about"
            f" {_duration(exact)}.",
        )
    return Choice("exact", f"Exact: {together}, in about {_duration(exact)}." if core else "Exact.")


def choice_for(moments: Moments) -> Choice:
    """Return the cheaper engine for given moments."""
    reason = unsupported(moments)
    if reason:
        return Choice("exact", f"Exact: {reason}.")
    chain = longest_chain(moments)
    left = [f for f in range(len(moments.A)) if f not in chain]
    return choose(
        core=sum(moments.levels[f] * moments.effects[f] for f in left),
        pairs=sum(pair.index.size for pair in moments.pairs),
        effects=sum(moments.effects[f] for f in left),
        columns=moments.p,
    )


def _duration(seconds: float) -> str:
    """Return seconds in words."""
    for unit, name in ((3600.0, "h"), (60.0, "min")):
        if seconds >= 2.0 * unit:
            return f"{seconds / unit:,.0f} {name}"
    return f"{max(1.0, seconds):.0f} s"
