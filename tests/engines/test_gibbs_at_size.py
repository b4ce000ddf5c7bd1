"""Which crossed models are sampled by conjugate gradients, and the posterior that they have then."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import multilevel as ml
from multilevel.engines.gibbs import at_size
from multilevel.engines.gibbs.at_size import by_gradients, starting_estimates
from multilevel.engines.likelihood import solve
from multilevel.model.priors import InverseGamma
from tests.engines.gibbs_cases import model_of

SIZES = {
    "one factor": ("y ~ x + (1 | a)", 50_000, 20, False),
    "few levels": ("y ~ x + (1 | a) + (1 | b)", 3000, 1000, False),
    "many crossed levels": ("y ~ x + (1 | a) + (1 | b)", 5000, 4000, True),
    "nested": ("y ~ x + (1 | a) + (1 | c)", 9000, 20, False),
}


def rows(levels: int, others: int) -> pd.DataFrame:
    """Return 60,000 rows of two crossed factors, and one in which the first is nested."""
    rng = np.random.default_rng(1)
    n = 60_000
    a, b = rng.integers(0, levels, n), rng.integers(0, others, n)
    y = rng.normal(size=levels)[a] + 0.5 * rng.normal(size=others)[b] + rng.normal(size=n)
    return pd.DataFrame({"y": y, "x": rng.normal(size=n), "a": a, "b": b, "c": a // 3})


@pytest.mark.parametrize(("formula", "levels", "others", "expected"), SIZES.values(), ids=SIZES)
def test_huge_crossed_factors_are_sampled_by_conjugate_gradients(
    formula: str, levels: int, others: int, expected: bool
) -> None:
    assert by_gradients(*model_of(formula, rows(levels, others))) is expected


def test_estimates_to_start_from_are_within_their_error_of_the_exact_ones() -> None:
    """A tenth of a standard error, three times."""
    moments, _ = model_of("y ~ x + (1 | a) + (1 | b)", rows(300, 200))
    exact, found = solve(moments), starting_estimates(moments, seed=1)
    spread = np.sqrt(np.diagonal(exact.groups.curvature().covariance))[:2]
    assert (np.abs(found.theta - exact.theta) < 3 * at_size.START_ERROR * spread).all()


def test_a_posterior_at_size_is_sampled_from_the_door(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bounds set aside, so that a small model stands for a huge one."""
    monkeypatch.setattr(at_size, "FEW", 0)
    monkeypatch.setattr(at_size, "WORTH", 0.0)
    priors = {"a": {"variance": InverseGamma(3, 2)}, "b": {"variance": InverseGamma(3, 1)}}
    frame = rows(60, 40).iloc[:3000]
    posterior = ml.sample(
        "y ~ x + (1 | a) + (1 | b)", frame, priors, draws=1200, chains=2, warmup=100, seed=4
    )
    assert posterior.sampled.method == "gibbs"
    assert "conjugate gradients" in posterior.sentence
    fit = ml.fit("y ~ x + (1 | a) + (1 | b)", frame)
    off = posterior.sampled.coefficients.mean(axis=(0, 1)) - fit.solution.beta
    assert (np.abs(off) < 0.5 * np.sqrt(np.diagonal(fit.solution.vcov_beta))).all()
