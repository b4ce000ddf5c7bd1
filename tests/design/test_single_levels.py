"""Grouping factors of one level under priors: the posterior by quadrature, the words, what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import integrate, stats

import multilevel as ml

rng = np.random.default_rng(1)
DATA = {"y": 2 + rng.normal(size=20), "g": np.full(20, "a"), "x": rng.normal(size=20)}
PRIORS = {"g": {"sd": ml.HalfNormal(1)}, "Intercept": ml.Normal(0, 5)}
WORDS = r"`g` of `\(1 \| g\)` has 1 level \('a'\): its sds, and how far the level is from others, are the"


def one_level(formula: str = "y ~ 1 + (1 | g)", **options: Any) -> ml.Posterior:
    """Return a posterior whose residual sd is one."""
    with pytest.warns(ml.InformationWarning, match="has 1 level"):
        return ml.sample(formula, DATA, PRIORS, residual_sd=1.0, seed=1, **options)


@pytest.mark.parametrize("method", ["marginal", "gibbs"])
def test_the_posterior_is_that_of_quadrature(method: Any) -> None:
    def density(s: float, power: int = 0) -> float:
        V = np.eye(20) + (25 + s**2) * np.ones((20, 20))
        return float(
            s**power * stats.halfnorm.pdf(s) * stats.multivariate_normal.pdf(DATA["y"], np.zeros(20), V)
        )

    total, first = (integrate.quad(density, 0, np.inf, args=(power,))[0] for power in (0, 1))
    found = one_level(method=method)
    assert found.draws["sd(g, Intercept)"].mean() == pytest.approx(first / total, abs=0.05)
    if method == "marginal":
        assert found.log_evidence == pytest.approx(np.log(total), abs=0.05)


def test_the_words_and_a_saved_posterior(tmp_path: Path) -> None:
    with pytest.warns(ml.InformationWarning, match=WORDS):
        found = ml.sample("y ~ 1 + (1 | g)", DATA, PRIORS, seed=1)
    found.save(tmp_path / "one.draws")
    again = ml.load_posterior(tmp_path / "one.draws")
    np.testing.assert_array_equal(again.draws["sigma"], found.draws["sigma"])
    assert ml.prior_predictive("y ~ 1 + (1 | g)", DATA, PRIORS, seed=1).responses.shape == (1000, 20)


def test_slopes_have_one_level_too() -> None:
    assert one_level("y ~ x + (x | g)", draws=1000).correlations.shape[0] == 1


@pytest.mark.parametrize("family", [None, "poisson"])
def test_improper_priors_of_the_sd_are_refused(family: str | None) -> None:
    data = {**DATA, "y": np.arange(20) % 5}
    with pytest.raises(ml.DesignError, match="and its prior is improper") as caught:
        ml.sample("y ~ 1 + (1 | g)", data, {"g": {"sd": ml.Flat()}}, family=family, seed=1)
    assert "a proper prior of each sd" in str(caught.value)


def test_fits_have_no_priors() -> None:
    with pytest.raises(ml.DesignError, match="the variance between levels cannot be estimated"):
        ml.fit("y ~ 1 + (1 | g)", DATA)
