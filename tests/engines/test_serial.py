"""Serial structures against dense algebra: criterion, its optimum, derivatives, boundaries, refusals."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize

import multilevel as ml
from multilevel.data import read_table
from multilevel.design import bind
from multilevel.engines.likelihood.problem import native_problem
from multilevel.engines.likelihood.serial import autoregressions, slopes, whitened
from multilevel.language import parse_formula
from multilevel.moments import Moments, summarise

Floats = NDArray[np.float64]
FORMULA = "y ~ x + {}(0 + time | g)"


@dataclass(frozen=True)
class Case:
    """Simulated series: groups, times, correlation of one step, share of rows left out, unit of time."""

    m: int
    k: int
    rho: float
    gaps: float = 0.0
    unit: float = 1.0
    sigma: float = 0.6
    replicates: int = 1
    walk: bool = False


CASES = {
    "balanced": Case(20, 8, 0.7),
    "gaps": Case(25, 12, 0.8, gaps=0.3),
    "negative": Case(30, 6, -0.6),
    "one series": Case(1, 60, 0.8, gaps=0.1),
    "two long series": Case(2, 50, 0.6),
    "years, every other": Case(15, 7, 0.6, unit=2.0),
    "half hours, replicates": Case(12, 6, 0.5, unit=0.5, replicates=2),
    "walks": Case(15, 10, 1.0, walk=True),
}


def frame(case: Case, seed: int = 1) -> pd.DataFrame:
    """Return simulated rows ``g, time, x, y``."""
    rng = np.random.default_rng(seed)
    at = np.arange(case.k)
    R = np.minimum.outer(at, at) + 1.0 if case.walk else case.rho ** np.abs(np.subtract.outer(at, at))
    L = np.linalg.cholesky(R)
    rows = []
    for g in range(case.m):
        b = L @ rng.standard_normal(case.k)
        for t in at:
            if rng.random() < case.gaps:
                continue
            for _ in range(case.replicates):
                x = rng.standard_normal()
                y = 2.0 + 0.5 * x + b[t] + case.sigma * rng.standard_normal()
                rows.append((f"g{g:03d}", 4.0 + case.unit * t, x, y))
    return pd.DataFrame(rows, columns=["g", "time", "x", "y"])


def dense(rows: pd.DataFrame, method: str, kernel: Floats, sigma: float) -> float:
    """Return -2 log-likelihood of rows whose series have the covariances ``kernel``."""
    same = rows["g"].to_numpy()[:, None] == rows["g"].to_numpy()[None, :]
    V = np.where(same, kernel, 0.0) + sigma**2 * np.eye(len(rows))
    X, y = np.column_stack([np.ones(len(rows)), rows["x"]]), rows["y"].to_numpy()
    W = np.linalg.solve(V, np.column_stack([X, y]))
    A = X.T @ W[:, :2]
    r = y - X @ np.linalg.solve(A, X.T @ W[:, 2])
    value = np.linalg.slogdet(V)[1] + r @ np.linalg.solve(V, r) + len(rows) * np.log(2 * np.pi)
    if method == "reml":
        value += np.linalg.slogdet(A)[1] - 2 * np.log(2 * np.pi)
    return float(value)


def kernel_of(rows: pd.DataFrame, structure: str, sd: float, rho: float, gap: float) -> Floats:
    """Return the covariances of pairs of rows of one series; ``rho`` is that of times ``gap`` apart."""
    t = rows["time"].to_numpy()
    if structure == "ar1":
        return np.asarray(sd**2 * rho ** np.round(np.abs(t[:, None] - t[None, :]) / gap, 9))
    return np.asarray(sd**2 * (np.minimum(t[:, None], t[None, :]) - t.min() + gap))


def estimates(fit: ml.Fit, structure: str) -> tuple[float, float, float]:
    """Return sd, correlation and residual sd."""
    sd, sigma = fit.variance_components["sd"]
    rho = float(fit.correlations["correlation"].iloc[0]) if structure == "ar1" else 0.0
    return float(sd), rho, float(sigma)


@pytest.mark.parametrize("method", ["reml", "ml"])
@pytest.mark.parametrize("structure", ["ar1", "rw1"])
@pytest.mark.parametrize("name", CASES)
def test_criterion_and_optimum_are_those_of_dense_algebra(name: str, structure: str, method: Any) -> None:
    case = CASES[name]
    rows = frame(case)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ml.BoundaryWarning)
        fit = ml.fit(FORMULA.format(structure), rows, method=method)
    assert fit.certificate.holds
    at = np.array(estimates(fit, structure))

    def criterion(sd: float, rho: float, sigma: float) -> float:
        return dense(rows, method, kernel_of(rows, structure, sd, rho, case.unit), sigma)

    assert criterion(*at) == pytest.approx(fit.deviance, abs=1e-9 * abs(fit.deviance))
    if fit.status.name == "BOUNDARY":
        return
    for i in range(3) if structure == "ar1" else (0, 2):
        step = 2e-5 * (np.arange(3) == i)
        slope = (criterion(*(at + step)) - criterion(*(at - step))) / 4e-5
        assert abs(slope) < 1e-4


def moments_of(rows: pd.DataFrame, text: str) -> Moments:
    """Return the moments of a model."""
    model = parse_formula(text)
    return summarise(bind(model, read_table(rows, model.variables)))


@pytest.mark.parametrize("sigma", [None, 0.7])
@pytest.mark.parametrize("method", ["reml", "ml"])
@pytest.mark.parametrize("times", [1.0, 0.37])
def test_slopes_are_derivatives_of_the_criterion(times: float, method: Any, sigma: float | None) -> None:
    rows = frame(CASES["gaps"])
    rows["time"] = np.where(rows["time"] > 6, rows["time"] + times - 1.0, rows["time"])
    raw = replace(moments_of(rows, "y ~ x + (1 | g) + ar1(0 + time | g)"), known_sigma=sigma)
    (place,) = autoregressions(raw)
    assert place.regular == (times == 1.0)
    theta = np.array([0.6, 0.9])

    def value(rho: float) -> float:
        return float(native_problem(whitened(raw, np.array([rho])), method).value(theta))

    for rho in (0.3, 0.8) if times != 1.0 else (-0.4, 0.0, 0.7):
        here = whitened(raw, np.array([rho]))
        problem = native_problem(here, method)
        slope = slopes(here, method, problem, theta, problem.evaluate(theta), np.array([rho]))[0]
        numeric = (value(rho + 1e-5) - value(rho - 1e-5)) / 2e-5
        assert slope == pytest.approx(numeric, rel=1e-6, abs=1e-5)


def test_two_factors_agree_with_dense_algebra() -> None:
    rows = frame(CASES["half hours, replicates"])
    rows["h"] = [f"h{i % 7}" for i in range(len(rows))]
    rows["y"] += rows["h"].str[1].astype(float)
    fit = ml.fit("y ~ x + (1 | h) + (1 | g) + ar1(0 + time | g)", rows)
    sds = fit.variance_components.set_index(["group", "term"])["sd"]
    rho = float(fit.correlations["correlation"].iloc[0])
    kernel = kernel_of(rows, "ar1", sds["g", "time"], rho, 0.5) + sds["g", "Intercept"] ** 2
    crossed = rows["h"].to_numpy()[:, None] == rows["h"].to_numpy()[None, :]
    same = rows["g"].to_numpy()[:, None] == rows["g"].to_numpy()[None, :]
    total = np.where(same, kernel, 0.0) + sds["h", "Intercept"] ** 2 * crossed
    assert fit.status.name == "OPTIMAL"
    assert dense(rows.assign(g="all"), "reml", total, fit.sigma) == pytest.approx(fit.deviance, abs=1e-8)


def test_effects_are_the_conditional_means() -> None:
    rows = frame(CASES["gaps"])
    fit = ml.fit(FORMULA.format("ar1"), rows)
    sd, rho, sigma = estimates(fit, "ar1")
    one = rows[rows["g"] == "g003"]
    at = np.sort(rows["time"].unique())
    K = kernel_of(pd.DataFrame({"time": at}), "ar1", sd, rho, 1.0)
    Z = (one["time"].to_numpy()[:, None] == at[None, :]).astype(float)
    residual = one["y"] - fit.fixed_effects["estimate"] @ np.array([np.ones(len(one)), one["x"]])
    V = Z @ K @ Z.T + sigma**2 * np.eye(len(one))
    table = fit.random_effects
    found = table[table["level"] == "g003"]
    assert found["estimate"].to_numpy() == pytest.approx(K @ Z.T @ np.linalg.solve(V, residual), abs=1e-8)


def quiet(text: str, rows: pd.DataFrame) -> ml.Fit:
    """Return a fit at a boundary, without its warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ml.BoundaryWarning)
        return ml.fit(text, rows)


@pytest.mark.parametrize(
    ("column", "rho", "said"),
    [("one", 1.0, "or write `(1 | g)`"), ("sign", -1.0, "of alternating sign. You may leave it so")],
)
def test_correlations_of_one_are_effects_of_the_whole_group(column: str, rho: float, said: str) -> None:
    rng = np.random.default_rng(5)
    rows = frame(Case(30, 8, 0.5))
    rows["one"], rows["sign"] = 1.0, (-1.0) ** rows["time"]
    effects = dict(zip(rows["g"].unique(), rng.standard_normal(30), strict=True))
    rows["y"] = 2 + 0.5 * rows["x"] + rows["g"].map(effects) * rows[column] + rng.standard_normal(len(rows))
    fit, plain = quiet(FORMULA.format("ar1"), rows), ml.fit(f"y ~ x + (0 + {column} | g)", rows)
    assert fit.certificate.holds
    assert fit.status.name == "BOUNDARY"
    assert fit.correlations["correlation"].iloc[0] == rho
    assert said in fit.sentence
    assert fit.deviance == pytest.approx(plain.deviance, abs=1e-9)
    assert fit.df == plain.df + 1


def test_an_autoregression_without_variance() -> None:
    rows = frame(Case(12, 8, 0.6, replicates=3)).assign(h=lambda d: [f"h{i % 5}" for i in range(len(d))])
    fit = quiet("y ~ x + ar1(0 + time | g) + ar1(0 + time | h)", rows)
    assert fit.certificate.holds
    assert fit.variance_components["sd"].iloc[1] == 0.0
    assert "`ar1(0 + time | h)`: the sd of its effects is estimated as exactly 0" in fit.sentence
    alone = ml.fit(FORMULA.format("ar1"), rows)
    assert fit.deviance == pytest.approx(alone.deviance, abs=1e-8)


def test_a_walk_without_variance() -> None:
    rows = frame(CASES["negative"])
    fit = quiet(FORMULA.format("rw1"), rows)
    assert fit.certificate.holds
    assert fit.variance_components["sd"].iloc[0] == 0.0
    assert "`rw1(0 + time | g)`: the sd of its steps is estimated as exactly 0" in fit.sentence
    assert fit.deviance == pytest.approx(ml.fit("y ~ x", rows).deviance, abs=1e-9)


def test_nothing_left_for_the_residual() -> None:
    rows = frame(Case(12, 10, 0.7, sigma=0.0), seed=3)
    fit = quiet(FORMULA.format("ar1"), rows)
    assert fit.certificate.holds
    assert "the residual sd is estimated as 0" in fit.sentence

    def criterion(x: Floats) -> float:
        return dense(rows, "reml", kernel_of(rows, "ar1", np.exp(x[0]), np.tanh(x[1]), 1.0), 0.0)

    best = minimize(criterion, [0.0, 0.8], method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-10})
    assert fit.deviance == pytest.approx(best.fun, abs=1e-5)
    assert estimates(fit, "ar1")[:2] == pytest.approx((np.exp(best.x[0]), np.tanh(best.x[1])), abs=1e-4)


def test_a_search_may_start_from_estimates_or_be_stopped() -> None:
    rows = frame(CASES["balanced"])
    fit = ml.fit(FORMULA.format("ar1"), rows)
    again = ml.fit(FORMULA.format("ar1"), rows, start=fit.solution.theta)
    assert again.deviance == pytest.approx(fit.deviance, abs=1e-9)
    assert again.certificate.evaluations < fit.certificate.evaluations
    with pytest.warns(ml.ConvergenceWarning, match="interrupted"):
        stopped = ml.fit(FORMULA.format("ar1"), rows, progress=lambda step: step.evaluations < 12)
    assert not stopped.certificate.holds


def test_only_a_structure_that_holds_another_is_tested_against_it() -> None:
    rows = frame(CASES["half hours, replicates"])
    independent = ml.fit("y ~ x", rows)
    table = ml.compare(independent, ml.fit(FORMULA.format("ar1"), rows))
    assert table["chi_square"].iloc[1] > 0.0
    table = ml.compare(ml.fit(FORMULA.format("rw1"), rows), ml.fit(FORMULA.format("ar1"), rows))
    assert table["chi_square"].isna().all()
