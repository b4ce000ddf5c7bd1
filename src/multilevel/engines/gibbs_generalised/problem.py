"""Design -> kernels of the rows, effects by factor, and the log densities that a sweep asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multilevel.design.bound_priors import BoundPriors
from multilevel.design.design import Design
from multilevel.design.family_priors import FamilyPriors
from multilevel.engines.gibbs.conjugate import lower_factor
from multilevel.engines.gibbs.terms import TermState
from multilevel.engines.laplace.merge import response_rows
from multilevel.engines.marginal.coordinates import Coordinates, TermPlace, term_place
from multilevel.kernels import core
from multilevel.moments import TermBlock, layout_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class TermRows:
    """Where a term's effects stand among those of its factor.

    Parameters
    ----------
    factor
        Number of the factor, in the design's order.
    columns
        Which columns of the factor's effects are the term's.
    active
        ``(a,)`` which of the term's effects they are: all but those whose sd is known to be zero.
    """

    factor: int
    columns: slice
    active: Ints


class GeneralisedProblem:
    """What the sweeps of a generalised model know of design and priors, in the user's units.

    Effects whose sd is known to be zero are left out of the kernels and stay at zero.

    Parameters
    ----------
    design
        With its family.
    priors
        Bound to it.
    """

    __slots__ = (
        "X", "at", "blocks", "design", "family", "inflation", "kernels", "levels", "offset", "ordinal",
        "priors", "rows", "terms", "widths",
    )  # fmt: skip

    def __init__(self, design: Design, priors: BoundPriors) -> None:
        self.design, self.priors = design, priors
        self.family: FamilyPriors = priors.family or FamilyPriors()
        self.ordinal = design.family.name == "ordinal"
        self.blocks: tuple[TermBlock, ...] = layout_of(design).blocks
        names: list[str] = []
        places = tuple(
            term_place(block, prior, names) for block, prior in zip(self.blocks, priors.terms, strict=True)
        )
        self.at = Coordinates(tuple(names), places, -1, 1.0, (), len(names))
        self.terms = _term_rows(design, places)
        self.levels = tuple(len(factor.levels) for factor in design.factors)
        self.widths = tuple(
            sum(rows.active.size for rows in self.terms if rows.factor == f) for f in range(len(self.levels))
        )
        merged = response_rows(design)
        self.rows: Ints | slice = slice(None) if merged.rows is None else merged.rows
        self.X = np.ascontiguousarray(design.fixed.X[self.rows])
        self.offset = None if design.offset is None else np.ascontiguousarray(design.offset[self.rows])
        self.inflation = None if design.inflation is None else np.ascontiguousarray(design.inflation.X)
        self.kernels = core.Metropolis(
            family=design.family.code,
            link=design.family.link_code,
            inflated=design.inflation is not None,
            n_global=len(self.family.parameters),
            y=np.ascontiguousarray(merged.y),
            trials=merged.trials,
            frequency=merged.frequency,
            factors=[self._factor(f) for f in range(len(self.levels))],
        )

    def _factor(self, f: int) -> tuple[NDArray[np.int32], int, Floats]:
        """Return level of each row, number of levels and effect columns of a factor."""
        mine = [(t, rows) for t, rows in enumerate(self.terms) if rows.factor == f]
        columns = [self.design.terms[t].Z[self.rows][:, rows.active] for t, rows in mine]
        index = np.ascontiguousarray(self.design.factors[f].index[self.rows])
        return index, self.levels[f], np.ascontiguousarray(np.concatenate(columns, axis=1))

    def numbers(self, values: Floats) -> Floats:
        """Return the family's parameters as the kernels have them: logs, but thresholds as they are."""
        return np.ascontiguousarray(values if self.ordinal else np.log(values))

    def zeros(self, inflation: Floats) -> Floats | None:
        """Return ``(n,)`` linear predictors of zero inflation, or ``None``."""
        return None if self.inflation is None else np.ascontiguousarray(self.inflation @ inflation)

    def predictor(self, beta: Floats, effects: Sequence[Floats]) -> Floats:
        """Return ``(n,)`` linear predictors."""
        fixed = self.X @ beta
        return self.kernels.predictor(fixed if self.offset is None else fixed + self.offset, list(effects))

    def log_density(self, eta: Floats, values: Floats, inflation: Floats) -> float:
        """Return the log likelihood given the effects, but for a constant; minus infinity where undefined."""
        found = self.kernels.log_density(self.numbers(values), self.zeros(inflation), eta)
        return found if np.isfinite(found) else -np.inf

    def log_family(self, values: Floats, inflation: Floats, beta: Floats) -> float:
        """Return the log prior density of the family's parameters and of zero inflation."""
        return float(self.family.log_density(values, inflation, beta))

    def root(self, f: int, terms: Sequence[TermState]) -> Floats:
        """Return the ``(K, K)`` lower factor of the covariance matrix of a factor's effects."""
        found = np.zeros((self.widths[f], self.widths[f]))
        for t, (rows, state) in enumerate(zip(self.terms, terms, strict=True)):
            if rows.factor == f:
                found[rows.columns, rows.columns] = self.term_root(t, state)
        return found

    def term_root(self, t: int, state: TermState) -> Floats:
        """Return the ``(a, a)`` lower factor of the covariance matrix of a term's active effects."""
        half, active = state.sds[:, None] * state.L, self.terms[t].active
        return half if active.size == half.shape[0] else lower_factor(half[active])

    def term_effects(self, t: int, effects: Sequence[Floats]) -> Floats:
        """Return ``(m, k)`` effects of a term, zeros among them where the sd is known to be zero."""
        rows = self.terms[t]
        own = effects[rows.factor]
        found = np.zeros((own.shape[0], self.blocks[t].size))
        found[:, rows.active] = own[:, rows.columns]
        return found


def _term_rows(design: Design, places: Sequence[TermPlace]) -> tuple[TermRows, ...]:
    """Return where each term's effects stand."""
    width = [0] * len(design.factors)
    found = []
    for term, place in zip(design.terms, places, strict=True):
        known = np.array(place.sds) < 0
        active = np.flatnonzero(~known | (place.fixed > 0.0)).astype(np.int64)
        start = width[term.factor]
        width[term.factor] += active.size
        found.append(TermRows(term.factor, slice(start, start + active.size), active))
    return tuple(found)
