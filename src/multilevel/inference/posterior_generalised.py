"""Posteriors of generalised models on the scale of the response: means, likelihoods, new responses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from multilevel.engines.draws import FamilyDraws
from multilevel.errors import OptionError
from multilevel.inference.averages import mean_over
from multilevel.inference.posterior_draws import Drawn, covariances
from multilevel.inference.posterior_predict import AT_ONCE, Rows, expected_at_draws, rows_of
from multilevel.kernels import core
from multilevel.model.families import Ordinal
from multilevel.results.posterior import Posterior
from multilevel.results.questions import Groups

Floats = NDArray[np.float64]


def family_of(posterior: Posterior) -> FamilyDraws:
    """Return the draws of the family; a linear model has none."""
    family = posterior.sampled.family
    assert family is not None
    return family


def is_generalised(posterior: Posterior) -> bool:
    """Return whether a posterior is that of a generalised model."""
    return posterior.sampled.family is not None


def used_numbers(posterior: Posterior, kinds: Sequence[Groups]) -> tuple[Floats, Floats]:
    """Return ``(s, a)`` parameters of the family and ``(s, q)`` of zero inflation, at the draws of `etas`."""
    family, used = family_of(posterior), posterior.sampled.kept if "known" in kinds else slice(None)
    values, inflation = family.values[:, used], family.inflation[:, used]
    s = values.shape[0] * values.shape[1]
    return values.reshape(s, values.shape[2]), inflation.reshape(s, inflation.shape[2])


def group_variances(posterior: Posterior, rows: Rows, kinds: Sequence[Groups], which: Groups) -> Floats:
    """Return ``(s, n)`` variances of the linear predictor between groups of one kind, given each draw."""
    used = posterior.sampled.kept if "known" in kinds else slice(None)
    shape = posterior.sampled.sigma[:, used].size, rows.X.shape[0]
    found = np.zeros(shape)
    for t, kind in enumerate(kinds):
        if kind == which:
            k = rows.Z[t].shape[1]
            between = covariances(posterior, t)[:, used].reshape(-1, k, k)
            found += np.einsum("ni,sij,nj->sn", rows.Z[t], between, rows.Z[t], optimize=True)
    return found


def shares_of_zeros(inflation: Floats, columns: Floats | None) -> Floats | float:
    """Return ``(s, n)`` shares of extra zeros, 0 without zero inflation."""
    return 0.0 if columns is None else np.asarray(expit(inflation @ columns.T))


def mean_draws(posterior: Posterior, rows: Rows, kinds: Sequence[Groups], zeros: Floats | None) -> Floats:
    """Return ``(s, n)`` mean responses at each draw: probabilities where there are trials.

    Parameters
    ----------
    posterior, rows, kinds
        Groups that are "average" are averaged over, groups that are "new" have no effects.
    zeros
        ``(n, q)`` columns of zero inflation.
    """
    family = posterior.design.family
    if isinstance(family, Ordinal):
        p = class_draws(posterior, rows, kinds)
        return np.asarray(p @ np.arange(1.0, p.shape[2] + 1.0))
    eta = expected_at_draws(posterior, rows, kinds)
    spread = group_variances(posterior, rows, kinds, "average")
    _, inflation = used_numbers(posterior, kinds)
    return np.asarray((1.0 - shares_of_zeros(inflation, zeros)) * mean_over(str(family.link), eta, spread))


def class_draws(posterior: Posterior, rows: Rows, kinds: Sequence[Groups]) -> Floats:
    """Return ``(s, n, C)`` probabilities of the classes of an ordinal response at each draw."""
    eta = expected_at_draws(posterior, rows, kinds)
    spread = group_variances(posterior, rows, kinds, "average")
    thresholds, _ = used_numbers(posterior, kinds)
    link = str(posterior.design.family.link)
    below = [mean_over(link, tau[:, None] - eta, spread) for tau in thresholds.T]
    ends = np.stack([np.zeros_like(eta), *below, np.ones_like(eta)], axis=2)
    return np.asarray(np.diff(ends, axis=2))


def fitted_means(posterior: Posterior) -> Floats:
    """Return ``(n,)`` posterior means of the mean response of the used rows given the group effects."""
    design = posterior.design
    kinds: list[Groups] = ["known"] * len(design.terms)
    rows, zeros = rows_of(posterior), None if design.inflation is None else design.inflation.X
    found = np.empty(design.n_rows)
    step = max(1, AT_ONCE // (4 * posterior.n_draws))
    for start in range(0, design.n_rows, step):
        some = slice(start, start + step)
        part = None if zeros is None else zeros[some]
        found[some] = mean_draws(posterior, rows.part(some), kinds, part).mean(axis=0)
    return found


def log_densities(posterior: Posterior, some: slice) -> Floats:
    """Return ``(s, n)`` log densities of some used rows given the group effects, each once."""
    design = posterior.design
    kinds: list[Groups] = ["known"] * len(design.terms)
    family, eta = design.family, expected_at_draws(posterior, rows_of(posterior).part(some), kinds)
    values, inflation = used_numbers(posterior, kinds)
    zeros = None if design.inflation is None else inflation @ design.inflation.X[some].T
    aux = values if isinstance(family, Ordinal) else np.log(values)
    y, trials = np.ascontiguousarray(design.y[some]), design.trials
    trials = None if trials is None else np.ascontiguousarray(trials[some])
    found = np.empty_like(eta)
    for s in range(eta.shape[0]):
        found[s] = core.row_derivatives(
            family.code,
            family.link_code,
            zeros is not None,
            y,
            trials,
            np.ascontiguousarray(aux[s]),
            None if zeros is None else np.ascontiguousarray(zeros[s]),
            np.ascontiguousarray(eta[s]),
        )[:, 0]
    return found + constants_of_rows(posterior)[some]


def constants_of_rows(posterior: Posterior) -> Floats:
    """Return ``(n,)`` what the log density of each row has besides what the kernels give."""
    return posterior.once("constants of the rows", lambda: _row_constants(posterior))


def _row_constants(posterior: Posterior) -> Floats:
    """Return the numbers of `constants_of_rows`; rows with the same response and trials have the same."""
    design, family = posterior.design, posterior.design.family
    trials = np.ones_like(design.y) if design.trials is None else design.trials
    distinct, inverse = np.unique(np.stack([design.y, trials]), axis=1, return_inverse=True)
    n_global = family_of(posterior).values.shape[2]
    constants = [
        core.response_constant(
            family.code,
            family.link_code,
            design.inflation is not None,
            n_global,
            np.array([y]),
            None if design.trials is None else np.array([m]),
            None,
        )
        for y, m in distinct.T
    ]
    return np.array(constants)[inverse.ravel()]


def new_responses(
    posterior: Posterior, n: int, rng: np.random.Generator, *, groups: Literal["known", "new"]
) -> Floats:
    """Return ``(n, rows)`` responses for the used rows, each at another draw while there are enough."""
    design = posterior.design
    kinds: list[Groups] = [groups] * len(design.terms)
    values, inflation = used_numbers(posterior, kinds)
    rounds = [rng.permutation(values.shape[0]) for _ in range(-(-n // values.shape[0]))]
    chosen = np.concatenate(rounds)[:n]
    rows = rows_of(posterior)
    found = np.empty((n, design.n_rows))
    eta = (
        expected_at_draws(posterior, rows, kinds) if design.n_rows * values.shape[0] <= 20 * AT_ONCE else None
    )
    for i, s in enumerate(chosen):
        predictor = eta[s].copy() if eta is not None else _one_draw(posterior, rows, kinds, int(s))
        if groups == "new":
            predictor += _new_effects(posterior, int(s), rng)
        zeros = None if design.inflation is None else expit(design.inflation.X @ inflation[s])
        found[i] = drawn_responses(posterior, predictor, values[s], zeros, design.trials, rng)
    return found


def drawn_responses(
    posterior: Drawn,
    eta: Floats,
    values: Floats,
    zeros: Floats | None,
    trials: Floats | None,
    rng: np.random.Generator,
) -> Floats:
    """Return ``(n,)`` responses at linear predictors, one set of parameters and shares of extra zeros.

    Raises
    ------
    OptionError
        A mean is one that the family does not allow.
    """
    family = posterior.design.family
    mu = family.mean(eta)
    if family.name not in ("gaussian", "student", "ordinal") and np.any(mu < 0.0):
        raise OptionError(
            f"a mean of {float(mu.min()):.3g} was drawn: {family.text()} has none below 0",
            allowed="models whose link keeps means in their range, such as log",
        )
    drawn = family.draw(rng, mu, values, trials)
    return drawn if zeros is None else np.where(rng.random(drawn.shape) < zeros, 0.0, drawn)


def _one_draw(posterior: Posterior, rows: Rows, kinds: Sequence[Groups], s: int) -> Floats:
    """Return ``(n,)`` linear predictors at one of the draws."""
    sampled = posterior.sampled
    used = sampled.kept if "known" in kinds else np.arange(sampled.sigma.shape[1])
    chain, draw = divmod(s, used.size)
    eta = np.asarray(rows.X @ sampled.coefficients[chain, used[draw]])
    for t, kind in enumerate(kinds):
        if kind == "known":
            eta += np.einsum("nk,nk->n", sampled.effects[t][chain, draw][rows.index[t]], rows.Z[t])
    return eta if rows.offset is None else eta + rows.offset


def _new_effects(posterior: Posterior, s: int, rng: np.random.Generator) -> Floats:
    """Return ``(n,)`` contributions of group effects drawn afresh at one of all draws."""
    design = posterior.design
    found = np.zeros(design.n_rows)
    chain, draw = divmod(s, posterior.sampled.sigma.shape[1])
    for t, block in enumerate(design.terms):
        factor, sds = design.factors[block.factor], posterior.sampled.sds[t][chain, draw]
        values, vectors = np.linalg.eigh(posterior.sampled.correlations[t][chain, draw])
        root = sds[:, None] * vectors * np.sqrt(np.maximum(values, 0.0))
        b = rng.standard_normal((len(factor.levels), sds.size)) @ root.T
        found += np.einsum("ij,ij->i", block.Z, b[factor.index])
    return found
