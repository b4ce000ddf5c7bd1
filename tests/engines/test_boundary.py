"""What is said of a covariance at its boundary: exact texts, and numbers against dense algebra."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest

from multilevel.design.design import Design
from multilevel.engines.likelihood import solve
from multilevel.engines.likelihood.boundary import RISE, allowed_correlation
from multilevel.engines.solution import Method, Solution, Status
from multilevel.model import Covariance
from multilevel.moments import summarise
from tests.engines.structures import C, D, Floats, S, U, scaled_dense
from tests.oracle import designs
from tests.oracle.dense import dense
from tests.oracle.optimum import profiled

CERTIFIED = "this is the certified optimum"
LEAVE = "You may leave it so (the other estimates are right), or"


def grouped(
    effects: dict[str, Floats],
    covariance: Covariance,
    slopes: Floats,
    noise: float = 1.0,
    m: int = 12,
    n: int = 8,
) -> Design:
    """Return ``m`` groups of ``n`` rows with noise that has no variance between groups along any effect.

    ``slopes`` is ``(m, k)``: the groups' own effects, which are then all that varies.
    """
    g = np.repeat(np.arange(m), n)
    Z = np.column_stack(list(effects.values()))
    e = np.random.default_rng(4).normal(size=m * n)
    for j in range(m):
        e[g == j] -= Z[g == j] @ np.linalg.lstsq(Z[g == j], e[g == j], rcond=None)[0]
    y = 1 + e + np.einsum("nk,nk->n", Z, slopes[g])
    factor = designs.factor("g", [f"{j:03d}" for j in g])
    return designs.bound("", y, {"Intercept": np.ones(m * n)}, [factor], [(0, effects, covariance)])


def columns(m: int = 12, n: int = 8, centre: float = 0.0) -> dict[str, Floats]:
    """Return an intercept and a slope over the same values in every group."""
    x = np.tile(np.linspace(-1, 1, n) + centre, m)
    return {"Intercept": np.ones(m * n), "x": x}


def intercept(m: int = 12, n: int = 8) -> dict[str, Floats]:
    """Return only an intercept."""
    return {"Intercept": np.ones(m * n)}


def draws(scale: float, m: int = 12) -> Floats:
    """Return ``(m,)`` numbers with mean zero."""
    b = scale * np.random.default_rng(5).normal(size=m)
    return np.asarray(b - b.mean())


@pytest.mark.parametrize(("m", "n"), [(12, 3), (40, 200), (20, 20000)])
def test_a_zero_sd_is_said_with_the_sd_that_the_data_allow(m: int, n: int) -> None:
    """All group means are equal: the criterion rises by ``m log(1 + n t)`` at the relative variance ``t``."""
    solution = solve(summarise(grouped(intercept(m, n), U, np.zeros((m, 1)), m=m, n=n)), method="ml")
    allowed = solution.sigma * np.sqrt(np.expm1(RISE / m) / n)
    assert solution.covariances[0].tolist() == [[0.0]]
    assert solution.boundary == (
        f"`(1 | g)`: the sd of `Intercept` is estimated as exactly 0; {CERTIFIED}."
        f" The data would still allow an sd up to {allowed:.4g} (95%). {LEAVE} drop the term.",
    )


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_perfect_correlation_is_said_with_its_sign(sign: float) -> None:
    b = draws(2.0)
    solution = solve(summarise(grouped(columns(), U, np.column_stack([b, sign * b]))))
    (T,) = solution.covariances
    assert solution.status is Status.BOUNDARY
    assert T[0, 1] / np.sqrt(T[0, 0] * T[1, 1]) == pytest.approx(sign, abs=1e-12)
    way = "as low as" if sign > 0 else "as high as"
    pattern = re.escape(
        f"`(1 + x | g)`: the correlation of its effects is estimated as exactly {sign:.0f}; {CERTIFIED}."
        f" The data would still allow a correlation {way} @ (95%). {LEAVE} write `||` for"
        " uncorrelated effects."
    ).replace("@", r"-?0\.\d\d")
    assert re.fullmatch(pattern, solution.boundary[0])


@pytest.mark.parametrize(
    ("farthest", "limit", "words"),
    [
        (0.93, 1.0, "as low as 0.93 (95%)"),
        (-0.93, -1.0, "as high as -0.93 (95%)"),
        (-0.998, -1.0, "as high as -0.998 (95%)"),
        (0.99997, 1.0, "as low as 0.99997 (95%)"),
        (-0.4996, -0.5, "as high as -0.4996 (95%)"),
        (-1.0, -1.0, "no other correlation (95%)"),
    ],
)
def test_the_allowed_correlation_differs_from_the_estimated_one(
    farthest: float, limit: float, words: str
) -> None:
    assert words in allowed_correlation(farthest, limit)


def test_a_zero_sd_in_the_middle_of_x_is_no_zero_sd_in_the_columns_of_the_user() -> None:
    """Lines that meet at ``x = 10``: the intercept at ``x = 0`` varies, correlated -1 with the slope."""
    design = grouped(columns(centre=10.0), U, np.column_stack([-10 * draws(2.0), draws(2.0)]))
    solution = solve(summarise(design))
    (T,) = solution.covariances
    assert T[0, 0] == pytest.approx(100 * T[1, 1], rel=1e-6)
    assert "the correlation of its effects is estimated as exactly -1" in solution.boundary[0]


def test_the_zero_of_a_diagonal_term_is_named() -> None:
    design = grouped(columns(), D, np.column_stack([draws(2.0), np.zeros(12)]))
    solution = solve(summarise(design))
    assert solution.covariances[0][1, 1] == 0.0
    assert solution.covariances[0][0, 0] > 1.0
    assert f"the sd of `x` is estimated as exactly 0; {CERTIFIED}." in solution.boundary[0]
    assert solution.boundary[0].endswith("or drop the effect.")


@pytest.mark.parametrize(
    ("covariance", "term"),
    [(U, "(1 + x | g)"), (D, "(1 + x || g)"), (S, "homdiag(1 + x | g)"), (C, "cs(1 + x | g)")],
)
def test_two_zeros_are_both_named(covariance: Covariance, term: str) -> None:
    solution = solve(summarise(grouped(columns(), covariance, np.zeros((12, 2)))))
    assert not solution.covariances[0].any()
    assert f"`{term}`: the sd of `Intercept` and `x` is estimated as exactly 0" in solution.boundary[0]


@pytest.mark.parametrize(
    ("contrast", "words", "way"),
    [
        (True, "exactly -0.5, the lowest that 3 effects can have", "as high as"),
        (False, "exactly 1", "as low as"),
    ],
)
def test_one_correlation_at_its_limits_is_said(contrast: bool, words: str, way: str) -> None:
    """Effects of three conditions that add up to nothing, and effects that are the same."""
    condition = np.tile(np.arange(9) % 3, 12)
    effects = {name: (condition == i).astype(float) for i, name in enumerate("abc")}
    b = np.column_stack([draws(2.0), np.roll(draws(2.0), 5)])
    slopes = np.column_stack([b, -b.sum(axis=1)]) if contrast else np.repeat(draws(2.0)[:, None], 3, axis=1)
    design = grouped(effects, C, slopes, n=9)
    solution = solve(summarise(design))
    (T,) = solution.covariances
    assert solution.status is Status.BOUNDARY
    assert T[0, 1] / T[0, 0] == pytest.approx(-0.5 if contrast else 1.0, abs=1e-12)
    pattern = re.escape(
        f"`cs(0 + a + b + c | g)`: the correlation of its effects is estimated as {words}; {CERTIFIED}."
        f" The data would still allow a correlation {way} @ (95%). {LEAVE} write `homdiag` for"
        " uncorrelated effects."
    ).replace("@", r"(-?\d\.\d\d)")
    found = re.fullmatch(pattern, solution.boundary[0])
    assert found is not None
    assert (
        _rise_at(design, solution, float(found[1]) - 0.005)
        * _rise_at(design, solution, float(found[1]) + 0.005)
        < 0.0
    ), "the criterion has risen by RISE at the correlation that is named"


def _rise_at(design: Design, solution: Solution, r: float) -> float:
    """Return how far the dense criterion is above `RISE` where the vanished variance gives a correlation.

    The other variance is held relative to sigma, in the user's columns; sigma is profiled.
    """
    (T,) = solution.covariances
    k = T.shape[0]
    mean, contrast = T.sum() / k, T[0, 0] - T[0, 1]
    if contrast > mean:
        mean = contrast * (1.0 + (k - 1) * r) / (1.0 - r)
    else:
        contrast = mean * (1.0 - r) / (1.0 + (k - 1) * r)
    theta = np.sqrt(np.maximum([mean, contrast], 0.0)) / solution.sigma
    return profiled(dense(design), theta, "reml")[0] - solution.criterion - RISE


def test_a_term_without_an_intercept_is_written_without_one() -> None:
    solution = solve(summarise(grouped({"x": columns()["x"]}, U, np.zeros((12, 1)))))
    assert solution.boundary[0].startswith("`(0 + x | g)`: the sd of `x` is estimated as exactly 0")


def test_a_flat_combination_of_three_effects_is_said() -> None:
    effects = {**columns(), "x2": columns()["x"] ** 2}
    a, b = draws(2.0), np.roll(draws(1.5), 3)
    solution = solve(summarise(grouped(effects, U, np.column_stack([a, b, a - b]))))
    assert solution.boundary == (
        "`(1 + x + x2 | g)`: one combination of its 3 effects does not vary between groups;"
        f" {CERTIFIED}. {LEAVE} write `||` for uncorrelated effects, or drop one of them.",
    )


def test_only_the_term_at_its_boundary_is_named() -> None:
    design = designs.crossed()
    g, h = (factor.index for factor in design.factors)
    e = np.random.default_rng(6).normal(size=g.size)
    y = 2.0 * draws(1.0)[g] + e - (np.bincount(h, e) / np.bincount(h))[h]
    solution = solve(summarise(dataclasses.replace(design, y=y)))
    assert solution.boundary[0] == ""
    assert solution.boundary[1].startswith("`(1 | h)`: the sd of `Intercept` is estimated as exactly 0")


def test_an_interrupted_search_certifies_nothing() -> None:
    moments = summarise(designs.zero_variance())
    solution = solve(moments, start=np.zeros(1), progress=lambda _: False)
    assert solution.status is Status.INTERRUPTED
    assert "estimated as exactly 0." in solution.boundary[0]
    assert CERTIFIED not in solution.boundary[0]


@pytest.mark.parametrize("method", ["reml", "ml"])
def test_the_allowed_sd_is_where_the_dense_criterion_has_risen(method: Method) -> None:
    design = designs.zero_variance()
    moments = summarise(design)
    solution = solve(moments, method=method)
    sd = _allowed(solution)
    twin = scaled_dense(design, moments)
    low = profiled(twin, np.zeros(1), method)

    def relative(theta: float) -> float:
        return profiled(twin, np.array([theta]), method)[0] - low[0] - RISE

    theta = sd / (low[2] * moments.scaling.y_scale)
    assert relative(theta * 0.999) < 0 < relative(theta * 1.001)


def _allowed(solution: Solution) -> float:
    """Return the sd that the sentence of the first term allows."""
    found = re.search(r"up to ([\d.e+-]+) \(95%\)", solution.boundary[0])
    assert found is not None
    return float(found.group(1))
