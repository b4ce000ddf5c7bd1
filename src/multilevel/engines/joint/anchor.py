"""What the joint density knows of the group effects near the mode: information of rows, modes and pulls."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multilevel.design.design import Design
from multilevel.engines.joint.laplace_mode import Mode
from multilevel.engines.joint.parameters import Parameters, Point
from multilevel.engines.laplace.problem import LaplaceProblem
from multilevel.kernels import core
from multilevel.moments import Layout

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]

LEAST = 1e-6
"""Share of the mean information of the rows that each of them has at least."""


@dataclass(frozen=True, slots=True, eq=False)
class FactorAnchor:
    """One factor near the mode, in the units of the data.

    Parameters
    ----------
    index, levels
        ``(n,)`` level of each row, and how many there are.
    Z
        ``(n, K)`` effect columns of the factor's terms side by side.
    weight
        ``(n,)`` information of each row about the factor's effects, given the coarser factors and with the
        finer ones integrated out.
    W
        ``(m, K, K)`` sums of ``weight z z'``.
    pull
        ``(m, K)`` ``W b`` plus the score of the rows, at the mode.
    mode
        ``(m, K)`` effects at the mode.
    """

    index: Ints
    levels: int
    Z: Floats
    weight: Floats
    W: Floats
    pull: Floats
    mode: Floats

    def as_tuple(self) -> tuple[Ints, int, Floats, Floats, Floats, Floats, Floats]:
        """Return what the kernels are given."""
        return self.index, self.levels, self.Z, self.weight, self.W, self.pull, self.mode


def factor_roots(layout: Layout, point: Point) -> list[Floats]:
    """Return by factor ``(K, K)`` lower triangular roots of the effects' covariance matrix."""
    found = [np.zeros((K, K)) for K in layout.effects]
    for block, term in zip(layout.blocks, point.terms, strict=True):
        here = slice(block.start, block.start + block.size)
        found[block.factor][here, here] = term.root
    return found


def anchors(design: Design, layout: Layout, parameters: Parameters, mode: Mode) -> list[FactorAnchor]:
    """Return the factors near the mode, the finest first.

    The information about a factor's effects is reduced by what the finer factors explain of it: exactly for
    factors of intercepts that are nested in each other, roughly else. It only scales and shifts the sampler's
    coordinates and does not change the posterior.
    """
    problem = mode.problem
    taken = slice(None) if problem.rows.rows is None else problem.rows.rows
    point = parameters.at(mode.x)
    score, information = _rows(problem, parameters, point)
    roots = factor_roots(layout, point)
    modes = problem.effects()
    found, weight = [], information
    for number, factor in enumerate(layout.order):
        members = [t for t, block in enumerate(layout.blocks) if block.factor == number]
        Z = np.ascontiguousarray(np.concatenate([design.terms[t].Z[taken] for t in members], axis=1))
        b = np.zeros((len(design.factors[factor].levels), Z.shape[1]))
        for t in members:
            block, back = layout.blocks[t], layout.scaling.terms[t].back
            here = slice(block.start, block.start + block.size)
            b[:, here] = modes[number][0][:, here] @ back.T
        index = np.ascontiguousarray(design.factors[factor].index[taken])
        W = _sums(index, b.shape[0], weight[:, None, None] * Z[:, :, None] * Z[:, None, :])
        pull = np.einsum("jab,jb->ja", W, b) + _sums(index, b.shape[0], score[:, None] * Z)
        found.append(FactorAnchor(index, b.shape[0], Z, weight, W, pull, b))
        weight = weight * _left(roots[number], W, index, Z)
    return found


def _rows(problem: LaplaceProblem, parameters: Parameters, point: Point) -> tuple[Floats, Floats]:
    """Return derivatives of the rows by eta at the mode, and minus the second ones, made positive."""
    rows, design = problem.rows, problem.design
    family, zeros = design.family, None
    if design.inflation is not None:
        taken = slice(None) if rows.rows is None else rows.rows
        zeros = np.ascontiguousarray(design.inflation.X[taken] @ point.inflation)
    eta = problem.predictor() + float(parameters.centre @ point.beta)
    table = core.row_derivatives(
        family.code, family.link_code, zeros is not None, rows.y, rows.trials, point.aux, zeros, eta
    )
    frequency = 1.0 if rows.frequency is None else rows.frequency
    score, information = frequency * table[:, 1], -frequency * table[:, 2]
    return score, np.maximum(information, LEAST * max(float(np.abs(information).mean()), 1e-300))


def _sums(index: Ints, m: int, values: Floats) -> Floats:
    """Return sums of ``(n, ...)`` values by level."""
    found = np.zeros((m, *values.shape[1:]))
    np.add.at(found, index, values)
    return found


def _left(root: Floats, W: Floats, index: Ints, Z: Floats) -> Floats:
    """Return the share of each row's information that is left once a factor's effects are integrated out.

    ``z'(I - L M^-1 L'W) z / z'z`` with ``M = I + L'W L``.
    """
    K = root.shape[0]
    inner = np.eye(K) + np.swapaxes(root, 0, 1) @ W @ root
    explained = root @ np.linalg.solve(inner, np.swapaxes(root, 0, 1) @ W)
    size = np.maximum((Z * Z).sum(axis=1), 1e-300)
    left = 1.0 - np.einsum("ia,iab,ib->i", Z, explained[index], Z) / size
    return np.asarray(np.clip(left, 1e-3, 1.0), dtype=np.float64)
