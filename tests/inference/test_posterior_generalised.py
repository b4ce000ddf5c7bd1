"""Likelihoods, fitted values and new responses of posteriors of generalised models, by hand and by SciPy."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit

from multilevel.inference.posterior_simulate import log_likelihood
from multilevel.results.posterior import Posterior
from tests.engines.joint_cases import table
from tests.inference.generalised_posteriors import made

Floats = np.ndarray
DATA = table()


def etas(post: Posterior) -> Floats:
    """Return ``(s, n)`` linear predictors of the rows."""
    sampled, design = post.sampled, post.design
    eta = sampled.coefficients @ design.fixed.X.T
    for term, effects in zip(design.terms, sampled.effects, strict=True):
        eta = eta + np.einsum("cdnk,nk->cdn", effects[:, :, design.factors[term.factor].index], term.Z)
    return np.asarray(eta.reshape(-1, design.n_rows))


def values(post: Posterior) -> Floats:
    """Return ``(s, a)`` parameters."""
    assert post.sampled.family is not None
    return np.asarray(post.sampled.family.values.reshape(post.n_draws, -1))


def zeros(post: Posterior) -> Floats:
    """Return ``(s, n)`` shares of extra zeros."""
    assert post.sampled.family is not None and post.design.inflation is not None
    return np.asarray(
        expit(post.sampled.family.inflation.reshape(post.n_draws, -1) @ post.design.inflation.X.T)
    )


def inflated(post: Posterior) -> Floats:
    """Return log densities of zero-inflated Poisson counts."""
    share, mu, y = zeros(post), np.exp(etas(post)), post.design.y
    return np.log((y == 0) * share + (1 - share) * stats.poisson.pmf(y, mu))


def classes(post: Posterior) -> Floats:
    """Return log probabilities of the classes."""
    below = expit(values(post)[:, None, :] - etas(post)[:, :, None])
    ends = np.concatenate([np.zeros_like(below[..., :1]), below, np.ones_like(below[..., :1])], axis=2)
    p = np.diff(ends, axis=2)
    return np.log(np.take_along_axis(p, (post.design.y.astype(int) - 1)[None, :, None], axis=2)[..., 0])


CASES: dict[str, tuple[str, str, str | None, Callable[[Posterior], Floats]]] = {
    "bernoulli": (
        "yes ~ x + (1 | g)",
        "bernoulli",
        None,
        lambda post: stats.bernoulli.logpmf(post.design.y, expit(etas(post))),
    ),
    "binomial": (
        "prop(hits, trials) ~ x + (x | g) + (1 | i)",
        "binomial",
        None,
        lambda post: stats.binom.logpmf(post.design.y, post.design.trials, expit(etas(post))),
    ),
    "negative binomial": (
        "count ~ x + (1 | g)",
        "negative_binomial",
        None,
        lambda post: stats.nbinom.logpmf(
            post.design.y, values(post), values(post) / (values(post) + np.exp(etas(post)))
        ),
    ),
    "gamma": (
        "positive ~ x + (1 | g)",
        "gamma",
        None,
        lambda post: stats.gamma.logpdf(
            post.design.y, 1 / values(post), scale=np.exp(etas(post)) * values(post)
        ),
    ),
    "Student": (
        "real ~ x + (1 | g)",
        "student",
        None,
        lambda post: stats.t.logpdf(post.design.y, values(post)[:, 1:], etas(post), values(post)[:, :1]),
    ),
    "zero inflation": ("zeros ~ x + (1 | g)", "poisson", "~ x", inflated),
    "ordinal": ("class ~ x + (1 | g)", "ordinal", None, classes),
}


def case(name: str) -> Posterior:
    """Return the posterior of a case."""
    formula, family, inflation, _ = CASES[name]
    return made(formula, DATA, family, zero_inflation=inflation)


@pytest.mark.parametrize("name", CASES)
def test_log_likelihood(name: str) -> None:
    post = case(name)
    assert log_likelihood(post) == pytest.approx(CASES[name][3](post), abs=1e-8)
    assert log_likelihood(post, slice(5, 9)) == pytest.approx(CASES[name][3](post)[:, 5:9], abs=1e-8)


def test_leave_one_out_is_of_the_family() -> None:
    found = case("bernoulli").loo()
    assert math.isfinite(found.elpd) and found.elpd < 0.0


@pytest.mark.parametrize("name", CASES)
def test_new_responses_have_the_means_of_the_fitted_values(name: str) -> None:
    post = case(name)
    drawn = post.simulate(3000, seed=4)
    expected = post.fitted * (1.0 if post.design.trials is None else post.design.trials)
    error = drawn.std(axis=0) / np.sqrt(3000)
    assert np.all(np.abs(drawn.mean(axis=0) - expected) < 5.0 * error)
    y = post.design.y if post.design.trials is None else post.design.y / post.design.trials
    assert post.residuals == pytest.approx(y - post.fitted)


def test_fitted_values_by_hand() -> None:
    post = case("zero inflation")
    assert post.fitted == pytest.approx(((1 - zeros(post)) * np.exp(etas(post))).mean(axis=0))


def test_new_groups_vary_more() -> None:
    post = case("Student")
    known, new = (post.simulate(2000, seed=4, groups=groups) for groups in ("known", "new"))  # type: ignore[arg-type]
    mean = (post.sampled.coefficients.reshape(-1, 2) @ post.design.fixed.X.T).mean(axis=0)
    assert np.median(np.abs(new - mean)) > 1.2 * np.median(np.abs(known - mean))


def test_priors_before_the_data_have_the_names_of_the_posterior() -> None:
    for name in ("zero inflation", "ordinal", "Student"):
        post = case(name)
        before = post.prior_predictive(10, seed=1)
        assert list(before.draws) == list(post.draws)
        assert before.responses.shape == (10, post.n_rows)


def test_thresholds_alone() -> None:
    post = made("class ~ 1 + (1 | g)", DATA, "ordinal")
    assert log_likelihood(post) == pytest.approx(classes(post), abs=1e-8)
    assert post.predict(groups="typical").sum(axis=1).to_numpy() == pytest.approx(np.ones(post.n_rows))
