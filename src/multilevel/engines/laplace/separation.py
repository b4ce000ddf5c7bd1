"""Separation: coefficients along which the likelihood rises for ever, found by linear programs and named."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

from multilevel.design.design import Design
from multilevel.errors import DesignError

Floats = NDArray[np.float64]

EDGE = 1e-5
"""A fit is suspected of separation if the fixed part puts a mean nearer than this to the end of its range."""
WIDE = 12.0
"""Range of the linear predictors of an ordinal response that arouses suspicion."""
ROWS = 2_000
"""Constraints of the first linear program; those that its direction violates join the next."""
ROUNDS = 20
RISE, FALL = 1e-3, 1e-6
"""A direction must raise a row's linear predictor by as much, and may lower none by more (scaled columns)."""
SURE = 10.0
"""Logits of shares of extra zeros beyond this are those of shares that are one, or none."""
SHARES = ("bernoulli", "binomial", "beta_binomial")


def refuse_separation(design: Design, beta: Floats, *, certified: bool) -> None:
    """Raise `DesignError` if a direction of the coefficients makes no row less likely and some rows more.

    The likelihood then has no maximum, whatever the group effects (Albert and Anderson 1984).

    Parameters
    ----------
    design
        As it was fitted.
    beta
        ``(p,)`` where the search ended.
    certified
        Whether it ended at an optimum: if so, only means near the end of their range arouse suspicion.

    Raises
    ------
    DesignError
        Naming the columns.
    """
    family, names = design.family, design.fixed.names
    bounded = family.name in SHARES or family.name == "ordinal" or (family.counts and family.link == "log")
    if not bounded or not names or (certified and not _suspect(design, beta)):
        return
    A = constraints(design)
    every = np.arange(A.shape[1])
    direction = separating(A, every)
    if direction is None:
        return
    constant = [j for j, name in enumerate(names) if name == "Intercept"] + every[len(names) :].tolist()
    guilty = [j for j in range(len(names)) if j not in constant and abs(direction[j]) > FALL]
    alone = next((j for j in guilty if separating(A, np.array([*constant, j])) is not None), None)
    shown = ", ".join(f"`{names[j]}`" for j in (guilty if alone is None else [alone])) or "`Intercept`"
    raise DesignError(
        f"separation on {shown}: it parts the responses `{design.model.response}` perfectly, and maximum"
        " likelihood would send its coefficient to infinity",
        allowed="predictors at every value of which each response can occur",
        remedy="ml.sample with proper priors, or leave the predictor out, or merge levels of a factor",
    )


def refuse_split_groups(design: Design, relative: Sequence[Floats]) -> None:
    """Raise `DesignError` if a sd runs away because every group has successes only, or failures only.

    Parameters
    ----------
    design
        As it was fitted.
    relative
        Covariance matrix of each term where the search ended.

    Raises
    ------
    DesignError
        Naming the grouping factor.
    """
    if design.family.name not in SHARES:
        return
    trials = np.ones_like(design.y) if design.trials is None else design.trials
    for term, T in zip(design.terms, relative, strict=True):
        factor = design.factors[term.factor]
        successes = np.bincount(factor.index, weights=design.y)
        split = (successes == 0.0) | (successes == np.bincount(factor.index, weights=trials))
        if split.all() and float(np.diagonal(T).max()) > WIDE * WIDE:
            raise DesignError(
                f"separation on `{factor.name}`: each of its {split.size} levels has successes only, or"
                " failures only, and maximum likelihood would send the sd of its effects to infinity",
                allowed="levels in which both responses occur",
                remedy="ml.sample with proper priors, or leave the term out",
            )


def refuse_inflation_separation(design: Design, inflation: Floats) -> None:
    """Raise `DesignError` if a direction of the inflation's coefficients makes zeros extra for certain.

    Which zeros are extra is not seen, but at the end of a search those are known whose share is nearly one,
    or nearly none. A direction along which the first rise, the second and all counts above zero fall, and
    other zeros stay, is one in which the likelihood never falls. Shares that only fall to none are no
    obstacle: there the model has no extra zeros.

    Parameters
    ----------
    design
        As it was fitted.
    inflation
        ``(q,)`` coefficients of zero inflation where the search ended.

    Raises
    ------
    DesignError
        Naming the columns, and where they go.
    """
    if design.inflation is None:
        return
    names, X, zero = design.inflation.names, design.inflation.X, design.y == 0.0
    eta = X @ inflation
    certain = zero & (eta > SURE)
    if not certain.any():
        return
    scaled = _scaled(X, "Intercept" in names)
    falling, fixed = ~zero | (eta < -SURE), zero & (np.abs(eta) <= SURE)
    weight = 10.0 * zero.size / float(certain.sum())  # the linear program must first of all make these rise
    A = np.concatenate([weight * scaled[certain], -scaled[falling], scaled[fixed], -scaled[fixed]])

    def direction(columns: Sequence[int]) -> Floats | None:
        found = separating(A, np.array(columns))
        return found if found is not None and float((scaled[certain] @ found).max()) >= RISE else None

    v = direction(range(len(names)))
    if v is None:
        return
    constant = [j for j, name in enumerate(names) if name == "Intercept"]
    alone = (direction([*constant, j]) for j in range(len(names)) if j not in constant)
    v = next((found for found in alone if found is not None), v)
    guilty = [j for j in range(len(names)) if j not in constant and abs(v[j]) > FALL]
    shown = ", ".join(f"`{names[j]}` ({'plus' if v[j] > 0 else 'minus'} infinity)" for j in guilty)
    raise DesignError(
        f"separation in the zero inflation on {shown or '`Intercept` (plus infinity)'}: the share of extra"
        f" zeros is 1 in {int(certain.sum()):,} of the {int(zero.sum()):,} rows where"
        f" `{design.model.response}` is 0, and maximum likelihood has no finite coefficient",
        allowed="predictors of zero inflation at every value of which some count is not 0",
        remedy="ml.sample with proper priors, or leave the predictor out of zero_inflation, or merge levels"
        " of a factor",
    )


def _suspect(design: Design, beta: Floats) -> bool:
    """Return whether the fixed part puts some mean at the end of its range, but for little."""
    eta = design.fixed.X @ beta
    if design.family.name == "ordinal":
        return bool(np.ptp(eta) > WIDE)
    mu = design.family.mean(np.minimum(eta, 500.0))
    if design.family.counts:
        return bool(mu.min() < EDGE * max(1.0, float(design.y.mean())))
    return bool(mu.min() < EDGE or mu.max() > 1.0 - EDGE)


def constraints(design: Design) -> Floats:
    """Return ``(m, p)`` rows ``a``: no response gets less likely along ``v`` if ``a'v >= 0`` in all of them.

    Columns are centred, if there is an intercept, and scaled; those of an ordinal response are followed by
    its thresholds.
    """
    X = _scaled(design.fixed.X, "Intercept" in design.fixed.names or design.family.name == "ordinal")
    y = design.y
    if design.family.name == "ordinal":
        cuts = np.eye(int(y.max()) - 1)
        at = y.astype(np.int64)
        above, below = at <= cuts.shape[0], at > 1
        return np.concatenate(
            [
                np.hstack([-X[above], cuts[at[above] - 1]]),
                np.hstack([X[below], -cuts[at[below] - 2]]),
            ]
        )
    if design.family.counts:
        return np.concatenate([-X, X[y > 0]])
    trials = np.ones_like(y) if design.trials is None else design.trials
    return np.concatenate([X[y > 0], -X[y < trials]])


def _scaled(X: Floats, centred: bool) -> Floats:
    """Return columns of entries up to one, those that vary about their means if there is an intercept."""
    X = np.array(X)
    other = np.ptp(X, axis=0) > 0.0
    if centred:
        X[:, other] -= X[:, other].mean(axis=0)
    return np.asarray(X / np.abs(X).max(axis=0))


def separating(A: Floats, columns: NDArray[np.int64]) -> Floats | None:
    """Return a direction ``v``, zero but for some columns, with ``A v >= 0`` and not zero, or ``None``."""
    part = A[:, columns]
    rows = np.unique(np.linspace(0, part.shape[0] - 1, min(ROWS, part.shape[0])).astype(np.int64))
    for _ in range(ROUNDS):
        found = linprog(-part[rows].sum(axis=0), A_ub=-part[rows], b_ub=np.zeros(rows.size), bounds=(-1, 1))
        rise = part @ found.x if found.status == 0 else np.zeros(1)
        if rise.max() < RISE:
            return None
        if rise.min() > -FALL:
            direction = np.zeros(A.shape[1])
            direction[columns] = found.x
            return direction
        rows = np.unique(np.concatenate([rows, np.argsort(rise)[:ROWS]]))
    return None
