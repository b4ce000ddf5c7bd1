"""A covariance at its boundary, in words: what was estimated, what the data would still allow, what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from multilevel.engines.likelihood.problem import Terms, theta_of
from multilevel.engines.likelihood.serial import Place, Serial, autoregressions
from multilevel.engines.likelihood.verdict import is_singular
from multilevel.model import Covariance
from multilevel.moments import TermBlock
from multilevel.moments.serial import grid_of

Floats = NDArray[np.float64]

RISE = 3.841458820694124
"""How far the criterion may rise inside a 95% likelihood interval: the quantile of chi-square with 1 df."""
FIRST, STRIDE, FARTHEST = -7.0, 1.5, 30.0
"""Where the search for that point starts, its stride, and how far it goes: log of a relative variance."""
NO_RESIDUAL = 300.0
"""Sd of an autoregression's effects over the residual sd beyond which the likelihood is flat."""
WORDS = {
    Covariance.SCALAR: "homdiag",
    Covariance.COMPOUND_SYMMETRIC: "cs",
    Covariance.AUTOREGRESSIVE: "ar1",
    Covariance.RANDOM_WALK: "rw1",
}
"""How structures of one sd are written."""
ROUNDING = 1e-14
"""A variance in the user's columns this small beside what it was summed from is zero."""


class Criterion(Protocol):
    """What is minimised, as a function of theta alone."""

    def value(self, theta: Floats) -> float:
        """Return -2 log-likelihood, infinite where it is not defined."""


def boundary_sentences(
    moments: Terms,
    problem: Criterion,
    found: Mapping[str, Any],
    relative: Sequence[Floats],
    sigma: float,
) -> tuple[str, ...]:
    """Return a sentence or two for each term at its boundary, and "" for the others.

    Parameters
    ----------
    moments, problem, found
        The problem and the outcome of its search.
    relative
        ``T`` of each term, in the scaled columns.
    sigma
        Residual sd of the scaled problem.
    """
    if found["saturated"]:
        return ("",) * len(relative)
    return tuple(
        _sentence(moments, problem, found, relative, sigma, b) if is_singular(T) else ""
        for b, T in enumerate(relative)
    )


def _sentence(
    moments: Terms,
    problem: Criterion,
    found: Mapping[str, Any],
    relative: Sequence[Floats],
    sigma: float,
    term: int,
) -> str:
    """Return what is at the boundary in one term, how far the data would let it go, and what to do."""
    block, T = moments.blocks[term], relative[term]
    back = moments.scaling.terms[term].back
    unit = sigma * moments.scaling.y_scale
    certified = "; this is the certified optimum" if found["end"] == 0 else ""
    name = term_text(block)
    direction = _empty_direction(T, block.covariance)
    limit = _farthest(moments, problem, found, relative, term, direction)
    here, there = back @ T @ back.T, back @ (T + limit * direction) @ back.T
    zero = np.flatnonzero(np.diagonal(here) <= ROUNDING * np.square(np.abs(back) @ np.sqrt(np.diagonal(T))))
    if zero.size and block.times is not None:
        walk = block.covariance is Covariance.RANDOM_WALK
        first = grid_of(block.times.values).step if walk else 1.0
        up_to = f"{unit * np.sqrt(there[0, 0] / first):.4g}"
        what = "its steps" if walk else "its effects"
        found_words = f"the sd of {what} is estimated as exactly 0{certified}."
        allowed, remedy = f" The data would still allow an sd up to {up_to} (95%).", "drop the term"
    elif zero.size:
        words = " and ".join(f"`{block.names[i]}`" for i in zero)
        up_to = ", ".join(f"{unit * np.sqrt(there[i, i]):.4g}" for i in zero if there[i, i] > 0.0)
        allowed = f" The data would still allow an sd up to {up_to} (95%)." if up_to else ""
        found_words = f"the sd of {words} is estimated as exactly 0{certified}."
        remedy = "drop the effect" if block.size > 1 else "drop the term"
    elif block.covariance is Covariance.COMPOUND_SYMMETRIC:
        found_words, allowed = _one_correlation(here, there, certified)
        remedy = "write `homdiag` for uncorrelated effects"
    elif block.size == 2:
        r = _correlation(here)
        found_words = f"the correlation of its effects is estimated as exactly {np.sign(r):.0f}{certified}."
        allowed = allowed_correlation(_correlation(there), float(np.sign(r)))
        remedy = "write `||` for uncorrelated effects"
    else:
        found_words = f"one combination of its {block.size} effects does not vary between groups{certified}."
        allowed = ""
        remedy = "write `||` for uncorrelated effects, or drop one of them"
    return f"{name}: {found_words}{allowed} You may leave it so (the other estimates are right), or {remedy}."


def term_text(block: TermBlock) -> str:
    """Return a term with its effects written out, as one writes it in a formula."""
    effects = " + ".join("1" if name == "Intercept" else name for name in block.names)
    if "Intercept" not in block.names:
        effects = f"0 + {effects}"
    if block.size > 1 and block.covariance.one_sd:
        if block.times is not None:
            effects = f"0 + {block.times.column}"
        return f"`{WORDS[block.covariance]}({effects} | {block.group})`"
    bar = "||" if block.size > 1 and block.covariance is Covariance.DIAGONAL else "|"
    return f"`({effects} {bar} {block.group})`"


def serial_sentences(serial: Serial, others: Sequence[str]) -> tuple[str, ...]:
    """Return the sentences of all terms, those of autoregressions whose correlation is at its limit as well.

    Parameters
    ----------
    serial
        The outcome of the search.
    others
        What is said of each term but for its correlation.
    """
    found = list(others)
    for place, rho in zip(autoregressions(serial.moments), serial.rho, strict=True):
        block = serial.moments.blocks[place.block]
        if found[place.block]:
            continue
        step = f"of times {grid_of(place.times).step:g} apart"
        if serial.runaway and abs(rho) > 0.9:
            found[place.block] = (
                f"{term_text(block)}: the correlation {step} grows towards {np.sign(rho):.0f}, and the sd"
                " with it, without an optimum. A random walk fits better: write"
                f" `rw1(0 + {place.column} | {block.group})`."
            )
        elif abs(rho) == 1.0:
            alike = "one effect at all times" + (", of alternating sign" if rho < 0.0 else "")
            instead = f", or write `(1 | {block.group})`" if rho > 0.0 else ""
            found[place.block] = (
                f"{term_text(block)}: the correlation {step} is estimated as exactly {rho:.0f}: every group"
                f" has {alike}. You may leave it so (the other estimates are right){instead}."
            )
        elif _relative_sd(serial, place) > NO_RESIDUAL:
            found[place.block] = (
                f"{term_text(block)}: the residual sd is estimated as 0 beside the sd of its effects, which"
                " take up all of the variation inside groups. You may leave it so (the other estimates are"
                " right)."
            )
        elif rho == 0.0:
            found[place.block] = (
                f"{term_text(block)}: the correlation {step} is estimated as exactly 0: the effects are"
                " independent. You may leave it so (the other estimates are right), or write `homdiag`."
            )
    return tuple(found)


def _relative_sd(serial: Serial, place: Place) -> float:
    """Return the sd of an autoregression's effects over the residual sd."""
    back = serial.moments.scaling.terms[place.block].back
    return float(abs(serial.found["theta"][place.theta] * back[0, 0]))


def _one_correlation(here: Floats, there: Floats, certified: str) -> tuple[str, str]:
    """Return what is said of effects whose one correlation is at its lower limit or at one."""
    limit = -1.0 / (here.shape[0] - 1.0)
    at_one = here[0, 1] > 0.0
    words = f"the correlation of its effects is estimated as exactly {1.0 if at_one else limit:.4g}"
    if not at_one and here.shape[0] > 2:
        words += f", the lowest that {here.shape[0]} effects can have{certified}."
    else:
        words += f"{certified}."
    return words, allowed_correlation(_correlation(there), 1.0 if at_one else limit)


def allowed_correlation(farthest: float, limit: float) -> str:
    """Return what is said of the correlation farthest from its limit that the data allow.

    Examples
    --------
    >>> allowed_correlation(-0.9987, -1.0)
    ' The data would still allow a correlation as high as -0.999 (95%).'
    >>> allowed_correlation(1.0, 1.0)
    ' The data allow no other correlation (95%).'
    """
    way = "as low as" if limit > 0.0 else "as high as"
    for digits in range(2, 7):
        text = f"{farthest:.{digits}f}"
        if text != f"{limit:.{digits}f}":
            return f" The data would still allow a correlation {way} {text} (95%)."
    return " The data allow no other correlation (95%)."


def _correlation(T: Floats) -> float:
    """Return the correlation of the first two effects of a covariance matrix."""
    return float(T[0, 1] / np.sqrt(T[0, 0] * T[1, 1]))


def _empty_direction(T: Floats, covariance: Covariance) -> Floats:
    """Return the matrix ``D`` such that ``T + c D`` leaves the boundary, in the scaled columns."""
    if covariance is Covariance.SCALAR or covariance.serial:
        return np.eye(T.shape[0])
    if covariance in (Covariance.DIAGONAL, Covariance.COMPOUND_SYMMETRIC):
        return np.diag((np.diagonal(T) <= 0.0).astype(np.float64))
    root = np.sqrt(np.where(np.diagonal(T) > 0.0, np.diagonal(T), 1.0))
    v = np.linalg.eigh(T / np.outer(root, root))[1][:, 0] / root
    return np.outer(v, v)


def _farthest(
    moments: Terms,
    problem: Criterion,
    found: Mapping[str, Any],
    relative: Sequence[Floats],
    term: int,
    direction: Floats,
) -> float:
    """Return ``c > 0`` at which the criterion of ``T + c direction`` has risen by `RISE` (others held)."""

    def excess(log: float) -> float:
        step = np.exp(log) * direction
        changed = [T + step if b == term else T for b, T in enumerate(relative)]
        return float(problem.value(theta_of(moments, changed))) - float(found["value"]) - RISE

    high, above = FIRST, excess(FIRST)
    way = -STRIDE if above > 0.0 else STRIDE
    low, below = high, above
    while below * above > 0.0 and abs(low - FIRST) < FARTHEST:
        high, above = low, below
        low += way
        below = excess(low)
    for _ in range(50):  # regula falsi, the Illinois variant
        if abs(below) < 1e-6 or below * above > 0.0:
            break
        middle = low - below * (low - high) / (below - above)
        value = excess(middle)
        if value * below < 0.0:
            high, above = low, below
        else:
            above /= 2.0
        low, below = middle, value
    return float(np.exp(low))
