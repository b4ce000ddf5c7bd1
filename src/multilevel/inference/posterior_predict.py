"""Predictions of a posterior: means, sds and equal-tailed intervals that say what varies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from multilevel.design.design import NewRows
from multilevel.errors import OptionError
from multilevel.inference.posterior_draws import covariances, kept_coefficients, kept_effects
from multilevel.inference.posterior_residual import residual_index, row_sds
from multilevel.inference.predict import kinds_of_terms, refuse_unknown, what_varies
from multilevel.results.options import check_flag, check_level
from multilevel.results.posterior import Posterior
from multilevel.results.questions import Columns, Groups

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]

AT_ONCE = 4_000_000
"""Numbers (rows by draws) that are held at a time."""
STEPS = 60
"""Newton or bisection steps for a quantile; five are usual."""
EXACT = 1e-9
"""Error of a quantile's probability that ends the search."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows to predict.

    Parameters
    ----------
    X, offset
        ``(n, p)``, and ``(n,)`` or ``None``.
    index, Z
        For each grouped term ``(n,)`` level numbers and ``(n, k)`` effect columns.
    precision
        ``(n,)`` precision weights, or ``None`` for one.
    residual
        ``(n,)`` residual groups, -1 for one that is not in the data; ``None`` if sds do not differ.
    """

    X: Floats
    offset: Floats | None
    index: tuple[Ints, ...]
    Z: tuple[Floats, ...]
    precision: Floats | None
    residual: Ints | None = None

    def part(self, some: slice) -> Rows:
        """Return some of the rows."""
        return Rows(
            self.X[some],
            None if self.offset is None else self.offset[some],
            tuple(index[some] for index in self.index),
            tuple(Z[some] for Z in self.Z),
            None if self.precision is None else self.precision[some],
            None if self.residual is None else self.residual[some],
        )


def posterior_predict(
    posterior: Posterior,
    rows: NewRows | None = None,
    *,
    groups: Groups | Mapping[str, Groups] = "known",
    interval: float | None = None,
    observation: bool = False,
    precision: Floats | None = None,
) -> Columns:
    """Return predictions for new rows, or for the rows of the data.

    Parameters
    ----------
    posterior
        A posterior.
    rows
        New rows bound by its design; ``None`` for the used rows.
    groups, interval, observation
        See `Posterior.predict`.
    precision
        ``(n_new,)`` precision weights of new rows, one by default.

    Returns
    -------
    Column prediction; with an interval also sd, lower, upper, and ``varies``.

    Raises
    ------
    DataError
        If ``groups="known"`` and a row has a level that the data do not have.
    OptionError
        If a keyword has a value that is not allowed, or a single observation is asked for without an
        interval.

    Notes
    -----
    Given a draw of the parameters, effects of new groups and residuals are normal. They are integrated out:
    mean and sd are those of the mixture of these normal distributions over the draws, and the limits are
    its quantiles, so that no random numbers are needed. Where residual sds differ between groups, a row's
    residual has the sd of its own group; a group that is not in the data has at each draw an sd from the
    law of the residual sds (`new_group_sds`).
    """
    check_flag("observation", observation)
    kinds = kinds_of_terms(posterior, groups)
    level = None if interval is None else check_level("interval", interval)
    if observation and level is None:
        raise OptionError(
            "observation=True was asked without an interval",
            allowed="observation=True changes the interval only",
            remedy="interval=0.9",
        )
    if rows is not None:
        refuse_unknown(posterior, rows, kinds)
    else:
        posterior.design.require_rows("predictions of the used rows")
    wanted = rows_of(posterior)
    if rows is not None:
        wanted = Rows(rows.X, rows.offset, rows.index, rows.Z, precision, rows.residual)
    wanted = replace(wanted, residual=residual_index(posterior.design, wanted.residual, kinds))
    n = wanted.X.shape[0]
    found = np.empty((4, n))
    step = max(1, AT_ONCE // posterior.n_draws)
    for start in range(0, n, step):
        some = slice(start, start + step)
        mean, variance = _normals(posterior, wanted.part(some), kinds, observation=observation)
        found[0, some] = mean.mean(axis=0)
        if level is not None:
            found[1, some] = np.sqrt(mean.var(axis=0) + variance.mean(axis=0))
            found[2:, some] = [
                mixture_quantile(mean, variance, p) for p in ((1 - level) / 2, (1 + level) / 2)
            ]
    if level is None:
        return {"prediction": found[0]}
    return {
        "prediction": found[0],
        "sd": found[1],
        "lower": found[2],
        "upper": found[3],
        "varies": [what_varies(kinds, observation=observation)] * n,
    }


def rows_of(posterior: Posterior) -> Rows:
    """Return the used rows of the data."""
    design = posterior.design
    return Rows(
        design.fixed.X,
        design.offset,
        tuple(design.factors[block.factor].index for block in design.terms),
        tuple(block.Z for block in design.terms),
        design.precision_weights,
        None if design.residual_groups is None else design.residual_groups.index,
    )


def expected_at_draws(posterior: Posterior, rows: Rows, kinds: Sequence[Groups]) -> Floats:
    """Return ``(s, n)`` expected responses by draw: fixed part, offset and effects of known groups."""
    known = [t for t, kind in enumerate(kinds) if kind == "known"]
    all_draws = posterior.sampled.coefficients
    beta = kept_coefficients(posterior) if known else all_draws.reshape(posterior.n_draws, all_draws.shape[2])
    mean = np.asarray(beta @ rows.X.T)
    if rows.offset is not None:
        mean += rows.offset
    for t in known:
        mean += np.einsum("snk,nk->sn", kept_effects(posterior, t)[:, rows.index[t]], rows.Z[t])
    return mean


def _normals(
    posterior: Posterior, rows: Rows, kinds: Sequence[Groups], *, observation: bool
) -> tuple[Floats, Floats]:
    """Return ``(s, n)`` means and variances of the prediction given each draw."""
    mean = expected_at_draws(posterior, rows, kinds)
    sampled = posterior.sampled
    used = sampled.kept if "known" in kinds else slice(None)
    variance = np.zeros_like(mean)
    for t, kind in enumerate(kinds):
        if kind == "new" or (observation and kind == "average"):
            k = rows.Z[t].shape[1]
            between = covariances(posterior, t)[:, used].reshape(-1, k, k)
            variance += np.einsum("ni,sij,nj->sn", rows.Z[t], between, rows.Z[t], optimize=True)
    if observation:
        residual = row_sds(posterior, rows.residual, used) ** 2
        variance += residual if rows.precision is None else residual / rows.precision
    return mean, variance


def mixture_quantile(mean: Floats, variance: Floats, p: float) -> Floats:
    """Return a quantile of the equal mixture of normal distributions in each column.

    Parameters
    ----------
    mean, variance
        ``(s, n)``; a column of zero variances is a sample, whose quantile is taken.
    p
        Probability between 0 and 1.

    Returns
    -------
    ``(n,)``.

    Notes
    -----
    The quantile of a mixture lies between the least and the largest of its components' quantiles; Newton's
    steps on the distribution function stay inside that bracket, else it is halved.
    """
    sd = np.sqrt(np.maximum(variance, 0.0))
    spread = sd.max(axis=0)
    if not (spread > 0).all():
        found = np.asarray(np.quantile(mean, p, axis=0))
        mixed = spread > 0
        found[mixed] = mixture_quantile(mean[:, mixed], variance[:, mixed], p) if mixed.any() else 0.0
        return found
    sd = np.maximum(sd, 1e-9 * spread)
    ends = mean + ndtri(p) * sd
    low, high = ends.min(axis=0), ends.max(axis=0)
    at = np.clip(mean.mean(axis=0) + ndtri(p) * np.sqrt(mean.var(axis=0) + variance.mean(axis=0)), low, high)
    for _ in range(STEPS):
        z = (at - mean) / sd
        error = ndtr(z).mean(axis=0) - p
        if np.all(np.abs(error) < EXACT):
            break
        low, high = np.where(error < 0, at, low), np.where(error > 0, at, high)
        slope = np.mean(np.exp(-0.5 * z**2) / sd, axis=0) / np.sqrt(2 * np.pi)
        step = np.divide(error, slope, out=np.full_like(at, np.inf), where=slope > 0)
        at = np.where((at - step > low) & (at - step < high), at - step, (low + high) / 2)
    return np.asarray(at)
