"""Which covariances EM is taking to their boundary, found by trying it; and that in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilevel.engines.likelihood.boundary import ROUNDING, term_text
from multilevel.engines.likelihood.problem import theta_of
from multilevel.engines.solution import Method, is_restricted
from multilevel.kernels import core
from multilevel.model import Covariance
from multilevel.moments import Moments, TermBlock

Floats = NDArray[np.float64]

NOTICED = 1e-9
"""The criterion may be higher by this much at a boundary that counts as where the search was going."""
SLACK = 1e-14
"""Relative rounding of the criterion, beside its own size and the number of rows."""
ASIDE = 1e-4
"""Share of the way back from the boundary after which the likelihood must have fallen."""
STRONG = 1.0
"""Effects whose sd is that many times the error with which one group tells it are not going to zero."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a search ended, for the sentences.

    Parameters
    ----------
    method
        "em" or "em_reml".
    certified
        Whether the optimum is certified.
    evaluations
        How many it took.
    unit
        Residual sd in the unit of the response.
    """

    method: Method
    certified: bool
    evaluations: int
    unit: float


def vanishing_sentences(
    moments: Moments,
    problem: core.Problem,
    found: Mapping[str, Any],
    relative: Sequence[Floats],
    ending: Ending,
) -> tuple[str, ...]:
    """Return a sentence or two for each term that is going to its boundary, and "" for the others.

    A term is said to be going there if the model fits as well, or better, with the term at its boundary and
    all else as it is, which is false at an optimum inside. Before the end of a search the likelihood must
    also fall at once on the way back from the boundary, lest there be an optimum on the way to it.

    Parameters
    ----------
    moments, problem, found
        The problem and the outcome of its search.
    relative
        ``T`` of each term, in the scaled columns.
    ending
        How the search ended.
    """
    here = float(found["value"])
    highest = here + NOTICED + SLACK * (abs(here) + moments.n)

    def value(term: int, T: Floats) -> float:
        changed = [T if b == term else other for b, other in enumerate(relative)]
        return float(problem.value(theta_of(moments, changed)))

    def is_goal(term: int, T: Floats) -> bool:
        there = value(term, T)
        if there > highest or ending.certified:
            return there <= highest
        return value(term, T + ASIDE * (relative[term] - T)) >= there

    sentences = []
    for term, (block, T) in enumerate(zip(moments.blocks, relative, strict=True)):
        words = ""
        if _is_weak(moments, block, T):
            back = moments.scaling.terms[term].back
            at = [there for there in _boundaries(block, T, back) if is_goal(term, there)]
            words = _words(block, T, at, back, ending) if at else ""
        sentences.append(words)
    return tuple(sentences)


def _is_weak(moments: Moments, block: TermBlock, T: Floats) -> bool:
    """Return whether some combination of a term's effects varies no more than a group's data can tell."""
    here = slice(block.start, block.start + block.size)
    values, vectors = np.linalg.eigh(moments.A[block.factor][:, here, here].mean(axis=0))
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    return bool(np.linalg.eigvalsh(root.T @ T @ root)[0] < STRONG)


def _boundaries(block: TermBlock, T: Floats, back: Floats) -> Iterator[Floats]:
    """Yield covariance matrices at the boundary near ``T``, in the scaled columns."""
    k = block.size
    if block.covariance.one_sd:
        if k == 1 or block.covariance is Covariance.SCALAR:
            yield np.zeros((k, k))
        else:  # in the rotated columns: the mean of the effects, then their contrasts
            mean = np.arange(k)[:, None] == 0
            yield np.where(mean, 0.0, T)
            yield np.where(mean, T, 0.0)
        return
    mine = back @ T @ back.T  # in the user's columns
    forth = np.linalg.inv(back)
    for i in range(k):
        others = np.arange(k) != i
        yield forth @ np.where(np.outer(others, others), mine, 0.0) @ forth.T
    if block.covariance is Covariance.UNSTRUCTURED and k > 1:
        root = np.sqrt(np.diagonal(mine))
        values, vectors = np.linalg.eigh(mine / np.outer(root, root))
        kept = vectors[:, 1:] * root[:, None]
        yield forth @ (kept * values[1:]) @ kept.T @ forth.T


def _words(block: TermBlock, T: Floats, at: Sequence[Floats], back: Floats, ending: Ending) -> str:
    """Return what is going to which boundary, how, and where it is."""
    here = back @ T @ back.T
    reach = np.square(np.abs(back) @ np.sqrt(np.diagonal(T)))
    zero = np.array([np.diagonal(back @ there @ back.T) <= ROUNDING * reach for there in at]).any(axis=0)
    if block.covariance is Covariance.COMPOUND_SYMMETRIC and len(at) == 2:  # of the mean and of the contrasts
        zero = np.ones(block.size, dtype=bool)
    root = np.sqrt(np.diagonal(here))
    R = here / np.outer(root, root)
    if zero.any():
        what = "the sd of " + " and ".join(f"`{block.names[i]}`" for i in np.flatnonzero(zero))
        goal, where = "zero", " and ".join(f"{ending.unit * root[i]:.3g}" for i in np.flatnonzero(zero))
    elif block.covariance is Covariance.COMPOUND_SYMMETRIC or block.size == 2:
        lowest = at[0][0, 0] == 0.0 if block.covariance is Covariance.COMPOUND_SYMMETRIC else R[0, 1] < 0.0
        limit = -1.0 / (block.size - 1.0) if lowest else 1.0
        what, goal = "the correlation of its effects", f"{limit:.4g}"
        where = f"{_amount(abs(R[0, 1] - limit), 1e-12)} away from it"
    else:
        what = f"the sd of one combination of its {block.size} effects, each in units of its own sd,"
        goal, where = "zero", _amount(float(np.sqrt(max(np.linalg.eigvalsh(R)[0], 0.0))), 1e-6)
    after = f"after {ending.evaluations:,} evaluations it is {where}"
    if ending.certified:
        return f"{term_text(block)}: {what} is going to {goal}; {after}."
    exact = "reml" if is_restricted(ending.method) else "ml"
    return (
        f"{term_text(block)}: {what} is going to {goal}, and EM converges there slowly: {after};"
        f" method='{exact}' ends at the boundary exactly."
    )


def _amount(value: float, least: float) -> str:
    """Return a small number as text, or below what it is if it is lost in rounding."""
    return f"less than {least:.0e}" if value < least else f"{value:.3g}"
