"""Covariances that end on their boundary: snapped to it, left again where the likelihood would rise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multilevel.engines.laplace.problem import LaplaceProblem
from multilevel.engines.laplace.search import Search
from multilevel.engines.likelihood.boundary import boundary_sentences
from multilevel.engines.likelihood.problem import entries

Floats = NDArray[np.float64]

SMALL = 1e-3
"""Sds below this (scaled columns, scale of the linear predictor) are tried at zero."""
NOTICE = 1e-6
"""What -2 log-likelihood may rise by when a covariance is put on its boundary."""


@dataclass(frozen=True, slots=True, eq=False)
class Snapped:
    """The covariance matrices at the end of a search.

    Parameters
    ----------
    relative
        ``T`` of each term in the scaled columns.
    free
        Coordinates in which the Hessian is taken.
    dual
        Least eigenvalue of the derivative by ``T`` in directions without variance, zero if there are none.
    complementarity
        Largest entry of that derivative times ``T``.
    """

    relative: tuple[Floats, ...]
    free: NDArray[np.int64]
    dual: float
    complementarity: float

    def sentences(self, problem: LaplaceProblem, search: Search, *, certified: bool) -> tuple[str, ...]:
        """Return for each term what its boundary means, or ""."""
        found = {"value": search.point.value, "end": 0 if certified else 2, "saturated": False}
        return boundary_sentences(problem.layout, _AtOthers(problem, search.x), found, self.relative, 1.0)


class _AtOthers:
    """-2 log-likelihood as a function of theta, the other coordinates held."""

    def __init__(self, problem: LaplaceProblem, x: Floats) -> None:
        self._problem, self._x = problem, x

    def value(self, theta: Floats) -> float:
        """Return -2 log-likelihood."""
        x = self._x.copy()
        x[self._problem.places.theta] = theta
        return self._problem.at(x, gradient=False).value


def snapped(problem: LaplaceProblem, search: Search) -> Snapped:
    """Put covariances that are nearly singular on the boundary if the likelihood does not notice."""
    relative = problem.relative(search.x)
    cleaned = tuple(_cleaned(T) for T in relative)
    if any(not np.array_equal(a, b) for a, b in zip(relative, cleaned, strict=True)):
        x = problem.with_relative(search.x, cleaned)
        point = problem.at(x)
        search.evaluations += 1
        if np.isfinite(point.value) and point.value <= search.point.value + NOTICE + search.noise:
            search.x, search.point, relative = x, point, cleaned
        else:
            problem.at(search.x)
    dual, complementarity = 0.0, 0.0
    for b, T in enumerate(relative):
        G = _dual_of(problem, search, b)
        complementarity = max(complementarity, float(np.abs(G @ T).max()))
        null = _null_space(T)
        if null.shape[1]:
            dual = min(dual, float(np.linalg.eigvalsh(null.T @ G @ null)[0]))
    return Snapped(relative, _free(problem, relative), dual, complementarity)


def escape(problem: LaplaceProblem, search: Search, snap: Snapped) -> bool:
    """Move off the boundary along a direction in which the likelihood rises; whether it did."""
    tried = False
    for b, T in enumerate(snap.relative):
        null = _null_space(T)
        if not null.shape[1]:
            continue
        values, vectors = np.linalg.eigh(null.T @ _dual_of(problem, search, b) @ null)
        if values[0] >= 0.0:
            continue
        v = null @ vectors[:, 0]
        for size in (1e-1, 1e-2, 1e-3, 1e-4):
            changed = [R + size * np.outer(v, v) if i == b else R for i, R in enumerate(snap.relative)]
            x = problem.with_relative(search.x, changed)
            point, tried = problem.at(x), True
            search.evaluations += 1
            if np.isfinite(point.value) and point.value < search.point.value - NOTICE - search.noise:
                search.x, search.point = x, point
                return True
    if tried:
        problem.at(search.x)
    return False


def _dual_of(problem: LaplaceProblem, search: Search, term: int) -> Floats:
    """Return the derivative of -2 log-likelihood by ``T`` of one term."""
    block = problem.layout.blocks[term]
    at = slice(block.start, block.start + block.size)
    return np.asarray(search.point.found["G"][block.factor][at, at])


def _null_space(T: Floats) -> Floats:
    """Return orthonormal directions ``(k, j)`` without variance."""
    values, vectors = np.linalg.eigh(T)
    return np.asarray(vectors[:, values <= 1e-8 * max(float(values[-1]), 1e-300)])


def _cleaned(T: Floats) -> Floats:
    """Return ``T`` with tiny sds, and tiny eigenvalues of the correlation matrix, set to zero."""
    sd = np.sqrt(np.maximum(np.diagonal(T), 0.0))
    if (sd < SMALL).all():
        return np.zeros_like(T)
    keep = sd >= SMALL
    R = T / np.outer(np.where(keep, sd, 1.0), np.where(keep, sd, 1.0)) * np.outer(keep, keep)
    values, vectors = np.linalg.eigh(R)
    if values[keep.size - int(keep.sum())] >= SMALL * SMALL and keep.all():
        return T
    values = np.where(values < SMALL * SMALL, 0.0, values)
    size = np.where(keep, sd, 0.0)
    return np.asarray((vectors * values) @ vectors.T * np.outer(size, size))


def _free(problem: LaplaceProblem, relative: tuple[Floats, ...]) -> NDArray[np.int64]:
    """Return the coordinates that are not held: theta in the rows of variances that are zero is held."""
    here = problem.places
    held = np.zeros(here.size, dtype=bool)
    for number, factor, row, _ in entries(problem.layout.blocks):
        for block, T in zip(problem.layout.blocks, relative, strict=True):
            inside = block.factor == factor and block.start <= row < block.start + block.size
            if inside and T[row - block.start, row - block.start] <= 0.0:
                held[here.theta.start + number] = True
    return np.flatnonzero(~held)
