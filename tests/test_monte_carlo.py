"""Monte Carlo fits as a user meets them: keywords, summary, tables, saving, refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import multilevel as ml
from multilevel.results import Fit

FORMULA = "y ~ x + (1 + x | a) + (1 | b)"


def crossed() -> dict[str, object]:
    """Return a table of crossed factors."""
    rng = np.random.default_rng(0)
    a, b, x = rng.integers(0, 200, 3000), rng.integers(0, 150, 3000), rng.normal(size=3000)
    slopes = rng.multivariate_normal([0.0, 0.0], [[0.5, 0.1], [0.1, 0.2]], 200)[a]
    y = 1.0 + x + slopes[:, 0] + slopes[:, 1] * x + 0.8 * rng.normal(size=150)[b] + rng.normal(size=3000)
    return {"y": y, "x": x, "a": a, "b": b}


@pytest.fixture(scope="module")
def fits() -> tuple[Fit, Fit]:
    """The same model by Monte Carlo and exactly."""
    return (
        ml.fit(FORMULA, crossed(), solver="monte_carlo", mc_error=0.02, mc_seed=4),
        ml.fit(FORMULA, crossed(), solver="exact"),
    )


def test_tables_are_those_of_the_exact_fit(fits: tuple[Fit, Fit]) -> None:
    found, exact = fits
    assert found.solution.monte_carlo is not None
    assert found.solution.monte_carlo.error <= 0.02
    assert "certified within its Monte Carlo error" in str(found)
    for name in ("estimate", "std_error", "df"):
        a, b = (np.asarray(one.fixed_effects[name], dtype=float) for one in fits)
        np.testing.assert_allclose(a, b, rtol=0.05 if name == "df" else 5e-3)
    a, b = (np.asarray(one.variance_components["sd"], dtype=float) for one in fits)
    np.testing.assert_allclose(a, b, rtol=5e-3)  # 0.02 of errors of a tenth
    a, b = (np.asarray(one.random_effects["estimate"], dtype=float) for one in fits)
    np.testing.assert_allclose(a, b, atol=5e-3)
    assert abs(found.loglik - exact.loglik) < 4 * found.solution.monte_carlo.loglik_error
    np.testing.assert_allclose(found.fitted, exact.fitted, atol=2e-2)


def test_a_saved_fit_comes_back(fits: tuple[Fit, Fit], tmp_path: Path) -> None:
    found = fits[0]
    found.save(tmp_path / "a.fit")
    again = ml.load_fit(tmp_path / "a.fit")
    assert again.deviance == pytest.approx(found.deviance, rel=1e-9)
    assert again.sentence == found.sentence
    assert again.solution.monte_carlo is not None
    assert again.options.solver == "monte_carlo"


def test_refits_go_the_same_way(fits: tuple[Fit, Fit]) -> None:
    found = fits[0]
    y = np.asarray(found.fitted) + np.random.default_rng(1).normal(size=3000)
    again = found.refit(y)
    assert again.solution.monte_carlo is not None
    assert again.solution.monte_carlo.seed == 4


def test_auto_is_exact_for_small_models() -> None:
    assert ml.fit("y ~ x + (1 | a) + (1 | b)", crossed()).solution.monte_carlo is None


REFUSED = {
    "unknown": ({"solver": "quick"}, "solver='quick' is not known"),
    "method": ({"solver": "monte_carlo", "method": "em"}, "method='em'"),
    "error": ({"mc_error": -1.0}, "mc_error=-1.0 is not a Monte Carlo error"),
    "seed": ({"mc_seed": "a"}, "mc_seed='a' is not a seed"),
    "kenward": ({"solver": "monte_carlo", "ddf": "kenward-roger"}, "together with ddf='kenward-roger'"),
    "known": ({"solver": "monte_carlo", "known": {"a": {"sd": 1.0}}}, "together with known sds"),
    "family": ({"solver": "monte_carlo", "family": "poisson"}, "method='laplace'"),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED.keys())
def test_what_does_not_go_together_is_refused(case) -> None:  # type: ignore[no-untyped-def]
    options, message = case
    with pytest.raises(ml.MultilevelError, match=message):
        ml.fit("y ~ x + (1 | a) + (1 | b)", crossed(), **options)


def test_one_factor_is_refused() -> None:
    with pytest.raises(ml.MultilevelError, match="fewer than two grouping factors"):
        ml.fit("y ~ x + (1 | a)", crossed(), solver="monte_carlo")


def test_kenward_roger_takes_the_exact_engine_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("multilevel.engines.monte_carlo.choice.max_core", lambda: 10)
    data = crossed()
    assert ml.fit("y ~ x + (1 | a) + (1 | b)", data).solution.monte_carlo is not None
    exact = ml.fit("y ~ x + (1 | a) + (1 | b)", data, ddf="kenward-roger")
    assert exact.solution.monte_carlo is None


@pytest.mark.parametrize(
    "formula", ["y ~ service + (1 | s) + (1 | d)", "y ~ service + (1 | s) + (1 | d) + (1 | dept)"]
)
def test_lecture_evaluations_are_within_a_hundredth_of_a_standard_error(formula: str) -> None:
    data = ml.datasets.load("insteval")
    found = ml.fit(formula, data, solver="monte_carlo", mc_seed=1)
    exact = ml.fit(formula, data, solver="exact")
    curvature = exact.solution.groups.curvature()
    errors = np.sqrt(np.diagonal(curvature.covariance))[: exact.solution.theta.size]
    assert found.solution.monte_carlo is not None
    assert found.solution.monte_carlo.error <= 0.01
    assert np.max(np.abs(found.solution.theta - exact.solution.theta) / errors) < 0.01
    assert abs(found.loglik - exact.loglik) < 4 * found.solution.monte_carlo.loglik_error
