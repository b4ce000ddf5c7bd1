"""Complete, no and partial pooling side by side: what one grouping factor does to the coefficients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multilevel.design.design import Design
from multilevel.errors import AliasedWarning, OptionError, warn
from multilevel.inference.effects import group_coefficients, group_effects
from multilevel.results import Columns, Fit
from multilevel.results.posterior import Result

Floats = NDArray[np.float64]

RANK = 1e-9
"""Share of a column (as a norm) that must be new for its coefficient to be determined."""


@dataclass(frozen=True, slots=True, eq=False)
class LeastSquares:
    """Least squares in which every group has coefficients of its own.

    Parameters
    ----------
    names
        The ``k`` coefficients that each group has: the effects of the grouping factor.
    own, std_errors
        ``(m, k)`` coefficients and standard errors, NaN where the rows of the group do not determine them.
    counts
        ``(m,)`` rows of each group.
    common_names, common
        Columns of the fixed part that do not vary between groups, and their coefficients.
    left_out
        Columns of the fixed part that within each group are combinations of its effects.
    sigma
        Residual sd, one for all groups; NaN if nothing is left to estimate it from.
    """

    names: tuple[str, ...]
    own: Floats
    std_errors: Floats
    counts: NDArray[np.int64]
    common_names: tuple[str, ...]
    common: Floats
    left_out: tuple[str, ...]
    sigma: float


def poolings(fit: Fit) -> Columns:
    """Return the coefficients of each group by complete, no and partial pooling.

    Parameters
    ----------
    fit
        A linear model with one grouping factor.

    Returns
    -------
    Columns group, level, term, n, complete, none, partial, complete_std_error, none_std_error,
    partial_std_error, pooling, remark, in the order of ``fit.random_effects``. *Complete*: least squares of
    the fixed part alone; an effect that the fixed part does not have is 0, without a standard error. *None*:
    see `no_pooling`; blank where the rows of the group do not determine the coefficient, and ``remark`` says
    so. *Partial*: the group's coefficient of the fit, with the standard error of its prediction given the
    variances. ``pooling`` is that of ``fit.random_effects``.

    Raises
    ------
    OptionError
        If the model is not linear or has not exactly one grouping factor.
    """
    own, pooled = no_pooling(fit), group_coefficients(fit)
    centre, centre_error = _complete(fit.design)
    ends = np.cumsum([len(block.names) for block in fit.design.terms])[:-1]

    def by_level(values: Floats) -> Floats:
        """Return values by level and effect in the order of the tables: term after term."""
        whole = np.broadcast_to(values, own.own.shape)
        return np.concatenate([part.ravel() for part in np.split(whole, ends, axis=1)])

    none = by_level(own.own)
    n = by_level(own.counts[:, None].astype(np.float64)).astype(np.int64)
    return {
        "group": pooled["group"],
        "level": pooled["level"],
        "term": pooled["term"],
        "n": n,
        "complete": by_level(centre),
        "none": _blanked(none),
        "partial": pooled["estimate"],
        "complete_std_error": _blanked(by_level(centre_error)),
        "none_std_error": _blanked(by_level(own.std_errors)),
        "partial_std_error": np.sqrt(_partial_variance(fit)),
        "pooling": group_effects(fit)["pooling"],
        "remark": [
            "" if known else _undetermined(int(k)) for known, k in zip(~np.isnan(none), n, strict=True)
        ],
    }


def levels_by_size(fit: Fit, *, term: str | None = None) -> Columns:
    """Return the three poolings of one effect, from the level with fewest rows to the one with most.

    Parameters
    ----------
    fit
        A linear model with one grouping factor.
    term
        An effect, by default the first.

    Returns
    -------
    Columns group, level, term, n, rank (from 1), complete, none, none_lower, none_upper, partial,
    partial_lower, partial_upper: one standard error to each side.

    Raises
    ------
    OptionError
        As `poolings`, or if there is no such effect, or of a posterior.
    """
    if not isinstance(fit, Fit):
        raise OptionError(
            "the three poolings were asked of a posterior",
            allowed="fits: no pooling and complete pooling are least squares",
            remedy="multilevel.fit of the same model; or plots.shrinkage, plots.caterpillar of the posterior",
        )
    table = poolings(fit)
    names = list(dict.fromkeys(table["term"]))
    if term is not None and term not in names:
        raise OptionError(f"the poolings of {term!r} were asked", allowed=", ".join(map(repr, names)))
    own = np.flatnonzero(np.array(table["term"]) == (names[0] if term is None else term))
    own = own[np.argsort(np.asarray(table["n"])[own], kind="stable")]
    found: dict[str, object] = {
        name: [table[name][int(i)] for i in own] for name in ("group", "level", "term")
    }
    found |= {"n": np.asarray(table["n"])[own], "rank": np.arange(1, own.size + 1)}
    found["complete"] = np.asarray(table["complete"], dtype=np.float64)[own]
    for name in ("none", "partial"):
        estimate, error = (
            np.array(table[column], dtype=np.float64)[own] for column in (name, f"{name}_std_error")
        )
        found[name] = _blanked(estimate)
        found |= {f"{name}_lower": _blanked(estimate - error), f"{name}_upper": _blanked(estimate + error)}
    return found  # type: ignore[return-value]


def _undetermined(rows: int) -> str:
    """Return why a coefficient is blank."""
    return f"not determined by {rows} {'row' if rows == 1 else 'rows'} alone"


def no_pooling(fit: Result) -> LeastSquares:
    """Return least squares in which every effect of the grouping factor is a coefficient of each group.

    For ``y ~ x + (1 | g)`` these are the indicators of the groups and one slope; for ``y ~ x + (x | g)``
    each group's own regression. The residual variance is the same in all groups. A column of the fixed part
    that does not vary within groups is left out, with an `AliasedWarning`: the coefficients of the groups
    contain what it does.

    The common coefficients come from the rows after each group's effects have been projected out (Frisch and
    Waugh 1933).

    Raises
    ------
    OptionError
        If the model is not linear or has not exactly one grouping factor.
    """
    return fit.once("no pooling", lambda: _no_pooling(fit.design))


def _no_pooling(design: Design) -> LeastSquares:
    """Return the least squares of `no_pooling`."""
    _refuse_others(design)
    names = tuple(name for block in design.terms for name in block.names)
    design.require_rows("group estimates without pooling")
    root = _root_weights(design)
    Z = np.hstack([block.Z for block in design.terms]) * root[:, None]
    rest = [i for i, name in enumerate(design.fixed.names) if name not in names]
    X, y = design.fixed.X[:, rest] * root[:, None], _response(design) * root
    groups = _rows_by_level(design)
    inverses = [_pseudo_inverse(Z[rows]) for rows in groups]
    right = np.column_stack([X, y])
    for rows, (inverse, _, _) in zip(groups, inverses, strict=True):
        right[rows] -= Z[rows] @ (inverse @ right[rows])
    kept = _new_columns(right[:, :-1], np.linalg.norm(X, axis=0))
    common, cov, rss = _least_squares(right[:, kept], right[:, -1])
    rank = sum(rank for _, rank, _ in inverses) + len(kept)
    sigma = _residual_sd(design, rss, design.n_observations - rank)
    own = np.full((len(groups), len(names)), np.nan)
    errors = np.full_like(own, np.nan)
    for j, (rows, (inverse, _, known)) in enumerate(zip(groups, inverses, strict=True)):
        through = inverse @ X[rows][:, kept]
        estimate = inverse @ y[rows] - through @ common
        spread = np.einsum("ij,ij->i", inverse, inverse) + np.einsum("ij,jk,ik->i", through, cov, through)
        own[j, known], errors[j, known] = estimate[known], sigma * np.sqrt(spread[known])
    labels = [design.fixed.names[i] for i in rest]
    left_out = tuple(name for i, name in enumerate(labels) if i not in kept)
    if left_out:
        shown = ", ".join(f"`{name}`" for name in left_out)
        warn(
            f"no pooling has no coefficient of {shown}: within each group it is a combination of the group's"
            f" own effects ({', '.join(names)}), whose coefficients contain it",
            AliasedWarning,
        )
    counts = np.array([len(rows) for rows in groups])
    return LeastSquares(names, own, errors, counts, tuple(labels[i] for i in kept), common, left_out, sigma)


def _refuse_others(design: Design) -> None:
    """Raise `OptionError` unless a model is linear with one grouping factor."""
    if not design.family.is_linear:
        raise OptionError(
            f"the three poolings were asked of {design.family.text()}",
            allowed="linear models: the gaussian family with identity link",
            remedy="fit.group_coefficients and fit.random_effects, which has a column of pooling",
        )
    if len({block.factor for block in design.terms}) != 1:
        names = ", ".join(f"`{factor.name}`" for factor in design.factors) or "none"
        raise OptionError(
            f"the three poolings were asked of a model with {len(design.factors)} grouping factors: {names}",
            allowed="one grouping factor",
            remedy="y ~ x + (x | g)",
        )


def _root_weights(design: Design) -> Floats:
    """Return ``(n,)`` roots of precision times frequency weights."""
    weights = np.ones(design.n_rows)
    for given in (design.precision_weights, design.frequency_weights):
        weights = weights if given is None else weights * given
    return np.sqrt(weights)


def _response(design: Design) -> Floats:
    """Return the response less its offset."""
    return design.y if design.offset is None else design.y - design.offset


def _rows_by_level(design: Design) -> list[NDArray[np.int64]]:
    """Return the rows of each level of the grouping factor."""
    index = design.factors[design.terms[0].factor].index
    order = np.argsort(index, kind="stable")
    return np.split(order, np.cumsum(np.bincount(index))[:-1])


def _pseudo_inverse(Z: Floats) -> tuple[Floats, int, NDArray[np.bool_]]:
    """Return the pseudo-inverse of a group's columns, their rank, and which coefficients are determined."""
    scale = np.linalg.norm(Z, axis=0)
    scale[scale == 0.0] = 1.0
    U, d, Vt = np.linalg.svd(Z / scale, full_matrices=False)
    kept = d > RANK
    U, d, Vt = U[:, kept], d[kept], Vt[kept]
    known = np.abs(1.0 - np.einsum("ij,ij->j", Vt, Vt)) < RANK
    return (Vt.T / d @ U.T) / scale[:, None], int(kept.sum()), known


def _new_columns(X: Floats, norms: Floats) -> list[int]:
    """Return the columns of which something is left that earlier ones do not have, against given norms."""
    basis = np.empty((X.shape[0], 0))
    kept: list[int] = []
    for i in range(X.shape[1]):
        rest = X[:, i].copy()
        for _ in range(2):  # twice is enough (Kahan, in Parlett 1980, section 6-9)
            rest -= basis @ (basis.T @ rest)
        size = float(np.linalg.norm(rest))
        if size > RANK * norms[i]:
            basis = np.column_stack([basis, rest / size])
            kept.append(i)
    return kept


def _least_squares(X: Floats, y: Floats) -> tuple[Floats, Floats, float]:
    """Return coefficients, the inverse of ``X'X``, and the residual sum of squares, for full rank."""
    Q, R = np.linalg.qr(X)
    beta = np.linalg.solve(R, Q.T @ y)
    root = np.linalg.solve(R, np.eye(R.shape[0]))
    residual = y - X @ beta
    return beta, root @ root.T, float(residual @ residual)


def _residual_sd(design: Design, rss: float, freedom: float) -> float:
    """Return the residual sd: the known one, or from the residual sum of squares; NaN without freedom."""
    if design.residual_sd is not None:
        return design.residual_sd
    return float(np.sqrt(rss / freedom)) if freedom > 0 else float("nan")


def _complete(design: Design) -> tuple[Floats, Floats]:
    """Return complete pooling of each effect and its standard error, NaN where the fixed part has none."""
    design.require_rows("estimates without groups")
    root = _root_weights(design)
    X, y = design.fixed.X * root[:, None], _response(design) * root
    beta, cov, rss = _least_squares(X, y)
    sigma = _residual_sd(design, rss, design.n_observations - len(beta))
    names = [name for block in design.terms for name in block.names]
    errors = sigma * np.sqrt(np.diag(cov))
    fixed = {name: i for i, name in enumerate(design.fixed.names)}
    estimates = [beta[fixed[name]] if name in fixed else 0.0 for name in names]
    return np.array(estimates), np.array([errors[fixed[n]] if n in fixed else np.nan for n in names])


def _partial_variance(fit: Fit) -> Floats:
    """Return variances of the groups' coefficients less their estimates, by term, level and effect."""
    design = fit.design
    m = len(design.factors[design.terms[0].factor].levels)
    index = [np.arange(m, dtype=np.int32)] * len(design.terms)
    found = []
    for b, block in enumerate(design.terms):
        variance = np.empty((m, len(block.names)))
        for i, name in enumerate(block.names):
            X = np.tile(np.array([float(name == other) for other in design.fixed.names]), (m, 1))
            Z = [np.zeros((m, len(other.names))) for other in design.terms]
            Z[b][:, i] = 1.0
            variance[:, i] = fit.solution.groups.prediction_variance(X, index, Z)
        found.append(variance.ravel())
    return np.maximum(np.concatenate(found), 0.0)


def _blanked(values: Floats) -> Floats | list[float | None]:
    """Return the values, with ``None`` where there is none."""
    if not np.isnan(values).any():
        return values
    return [None if np.isnan(value) else float(value) for value in values]
