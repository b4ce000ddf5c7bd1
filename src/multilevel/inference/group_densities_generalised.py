"""Log densities of the rows of whole groups of generalised models at the draws, and how exact they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multilevel.design.design import Design
from multilevel.errors import OptionError
from multilevel.inference.group_densities import Plan, Values, plan_of, values_of
from multilevel.inference.group_integrals import GroupIntegrals, Level
from multilevel.inference.posterior_generalised import constants_of_rows, family_of
from multilevel.model.families import Ordinal
from multilevel.results.posterior import Posterior

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MOST_EFFECTS = 6
NODES = {1: 15, 2: 9, 3: 5, 4: 3, 5: 3, 6: 3}
"""Nodes of each dimension, by effects per level."""
NESTED_NODES = {**NODES, 1: 9, 2: 5}
"""The same where the effects of two nested factors are integrated."""
FINER = {1: 31, 2: 17, 3: 9, 4: 5, 5: 5, 6: 5}
"""Nodes of each dimension that a few draws are integrated with again."""
CHECKED = 5
"""Draws that are integrated again."""
VISIBLE = 0.01
"""Differences of log densities that are mentioned."""
LEAST_SD = 1e-8
"""Sds of the outer of two nested factors are at least this, so that its effects have a density."""


@dataclass(frozen=True, slots=True, eq=False)
class Integrals:
    """Log densities of the levels of a factor.

    Parameters
    ----------
    values
        ``(s, m)`` at the draws.
    sentence
        What was integrated and how well, what was held.
    """

    values: Floats
    sentence: str


def generalised_plan(design: Design, factor: int) -> Plan:
    """Return what is integrated out: the factor's effects and those of the coarsest factor nested in it."""
    whole = plan_of(design, factor)
    chain = whole.chain[:2]
    held = tuple(t for t, block in enumerate(design.terms) if block.factor not in chain)
    return Plan(chain, held, whole.order)


def integrated_densities(posterior: Posterior, plan: Plan) -> Integrals:
    """Return the log densities of all rows of each level of a factor, at the draws.

    Parameters
    ----------
    posterior
        Of a generalised model.
    plan
        What is integrated out; see `generalised_plan`.

    Raises
    ------
    OptionError
        If a level has more than six effects, or an integral is not defined at a draw.

    Notes
    -----
    Adaptive Gauss-Hermite quadrature about the mode of the effects at each draw (Pinheiro and Bates 1995); of
    two nested factors the outer nodes stand about the mode of both, with the outer effects' covariance there
    (Rabe-Hesketh, Skrondal and Pickles 2005). Effects of all other factors are held at their draws. A few
    draws are integrated again with about twice the nodes; a difference that can be seen is in the sentence.
    """
    design, (chain, held) = posterior.design, (plan.chain, plan.held)
    values, name = values_of(posterior, plan), design.factors[plan.chain[0]].name
    sizes = [root.shape[1] for root in values.roots]
    if max(sizes) > MOST_EFFECTS:
        raise OptionError(
            f"loo(group={name!r}) of a generalised model with {max(sizes)} effects in each group",
            allowed=f"at most {MOST_EFFECTS} effects",
            remedy="loo(), of rows",
        )
    problem = _problem(posterior, chain, held, values)
    nodes = NODES if len(chain) == 1 else NESTED_NODES
    found = problem.densities(range(values.sigma.size), nodes)
    undefined = int((~np.isfinite(found)).any(axis=1).sum())
    if undefined:
        raise OptionError(
            f"loo(group={name!r}): the integral over the effects is not defined at"
            f" {undefined} of {values.sigma.size} draws",
            allowed="models whose link keeps means in their range, such as log",
            remedy="loo(), of rows",
        )
    some = np.unique(np.linspace(0, values.sigma.size - 1, CHECKED).astype(np.int64)).tolist()
    error = float(np.abs(problem.densities(some, FINER) - found[some]).max())
    return Integrals(
        found + problem.constants, _sentence(design, plan, [(nodes[k], FINER[k]) for k in sizes], error)
    )


def _sentence(design: Design, plan: Plan, nodes: Sequence[tuple[int, int]], error: float) -> str:
    """Return what was integrated, how well, and what was held."""
    inside = " and ".join(f"`{design.factors[f].name}`" for f in plan.chain)
    found = f"Effects of {inside} are integrated out by adaptive quadrature"
    if error >= VISIBLE:
        found += (
            f", which is not exact: with {' and '.join(str(finer) for _, finer in nodes)} in place of"
            f" {' and '.join(str(few) for few, _ in nodes)} nodes in each dimension a log density moves by"
            f" up to {error:.2g}"
        )
    others = dict.fromkeys(f"`{design.factors[design.terms[t].factor].name}`" for t in plan.held)
    return found + (f"; those of {', '.join(others)} are held at each draw." if others else ".")


def _problem(
    posterior: Posterior, chain: tuple[int, ...], held: tuple[int, ...], values: Values
) -> GroupIntegrals:
    """Return what is integrated at the draws, the effects of some terms held."""
    design = posterior.design
    family, used = family_of(posterior), posterior.sampled.kept if held else slice(None)
    numbers, inflation = family.values[:, used], family.inflation[:, used]
    draws = values.sigma.size
    numbers = numbers.reshape(draws, numbers.shape[2])
    levels = []
    for place, (f, root) in enumerate(zip(chain, values.roots, strict=True)):
        lower = np.swapaxes(np.linalg.qr(np.swapaxes(root, 1, 2), mode="r"), 1, 2)
        if place + 1 < len(chain):
            lower = lower + LEAST_SD * np.eye(lower.shape[1]) * (np.abs(lower) < LEAST_SD)
        Z = np.hstack([block.Z for block in design.terms if block.factor == f])
        factor = design.factors[f]
        levels.append(Level(factor.index, len(factor.levels), np.ascontiguousarray(Z), lower))
    first = levels[0]
    weights = constants_of_rows(posterior)
    if design.frequency_weights is not None:
        weights = weights * design.frequency_weights
    parents = None
    if len(levels) > 1:
        parents = np.zeros(levels[1].m, dtype=np.int64)
        parents[levels[1].index] = first.index
    return GroupIntegrals(
        design,
        tuple(levels),
        parents,
        values,
        held,
        np.ascontiguousarray(numbers if isinstance(design.family, Ordinal) else np.log(numbers)),
        inflation.reshape(draws, inflation.shape[2]),
        np.asarray(np.bincount(first.index, weights, first.m), dtype=np.float64),
    )
