"""The start of importance sampling where a prior ends: curvature there is not taken from outside."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import multilevel as ml
from multilevel.engines.marginal.mode import find_mode


@pytest.mark.parametrize("end", [0.0, 1e-4, 0.3])
def test_a_mode_at_the_end_of_the_support_is_no_spike(end: float) -> None:
    """``exp(x)`` up to ``end``: its sd is 1 wherever it ends."""

    def density(x: np.ndarray) -> np.ndarray:
        return np.where(x[:, 0] < end, x[:, 0], -np.inf)

    mode, covariance, _ = find_mode(density, np.array([-0.5]))
    assert end - 0.6 < mode[0] < end
    assert covariance[0, 0] >= 1.0


def test_an_sd_cut_off_far_below_its_estimate_agrees_with_quadrature() -> None:
    """The sd of the schools, uniform up to 1; ``mu`` is integrated out exactly, the sd on 4,000 points."""
    data = ml.datasets.load("eight_schools")
    y, s = data["effect"].to_numpy(float), data["sd"].to_numpy(float)
    tau = (np.arange(4000) + 0.5) / 4000
    v = s[:, None] ** 2 + tau**2
    precision = (1 / v).sum(axis=0) + 1 / 25
    mean = (y[:, None] / v).sum(axis=0) / precision
    log_density = 0.5 * (mean**2 * precision - np.log(precision) - np.log(v).sum(axis=0) - (y * y) @ (1 / v))
    w = np.exp(log_density - log_density.max())
    w /= w.sum()
    exact = float(w @ tau), float(np.sqrt(w @ tau**2 - (w @ tau) ** 2))
    priors = {"Intercept": ml.Normal(0, 5), "school": {"sd": ml.Uniform(0, 1)}}
    post = ml.sample("effect ~ 1 + (1 | school)", data, priors, residual_sd="sd", seed=1, draws=8000)
    found = post.draws["sd(school, Intercept)"]
    assert found.mean() == pytest.approx(exact[0], abs=0.015)
    assert found.std() == pytest.approx(exact[1], abs=0.01)
    assert post.sampled.diagnostics["pareto_k"] < 0.7


@pytest.mark.parametrize(
    ("key", "name", "low", "high"), [("sigma", "sigma", 33.0, 36.0), ("days", "days", 11.0, 14.0)]
)
def test_a_uniform_prior_cuts_the_posterior(key: str, name: str, low: float, high: float) -> None:
    """The posterior under a narrow uniform prior is that under a wide one, cut at its ends."""
    sleep = ml.datasets.load("sleepstudy")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ml.ConvergenceWarning)
        wide, narrow = (
            ml.sample(
                "reaction ~ days + (1 | subject)", sleep, {key: ml.Uniform(*ends)}, seed=3, draws=20_000
            ).draws[name]
            for ends in ((-200.0 if key == "days" else 0.0, 300.0), (low, high))
        )
    kept = wide[(wide > low) & (wide < high)]
    assert ((narrow > low) & (narrow < high)).all()
    assert kept.size > 100
    error = 5.0 * kept.std() * np.sqrt(1.0 / kept.size + 1.0 / 5000)
    assert narrow.mean() == pytest.approx(kept.mean(), abs=error)
    assert narrow.std() == pytest.approx(kept.std(), abs=error)
