"""The kernel of groups with residual sds of their own, against dense densities and quadrature."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special
import scipy.stats
from numpy.typing import NDArray

from multilevel.kernels import core
from tests.oracle.varying import (
    DenseGroup,
    group_log_likelihood,
    inverse_gamma_law,
    log_normal_law,
    sd_distribution,
)

Floats = NDArray[np.float64]

# rows of each group, k, p, scale of the effects' covariance
SHAPES = {
    "tiny groups": ((1, 1, 2, 2, 3), 1, 1, 1.0),
    "tiny groups, slopes": ((1, 2, 3, 4), 2, 2, 1.0),
    "middle": ((5, 20, 35), 2, 3, 1.0),
    "large": ((400, 150), 1, 2, 1.0),
    "three effects": ((2, 8, 15), 3, 2, 1.0),
    "effects nearly nothing": ((1, 6, 12), 2, 1, 1e-6),
    "effects very large": ((1, 2, 6, 12), 2, 1, 1e3),
    "no effects": ((1, 3, 9), 0, 2, 1.0),
}
LAWS = {
    "inverse gamma": (False, 2.5, 1.5),
    "inverse gamma, vague": (False, 0.05, 0.02),
    "inverse gamma, narrow": (False, 400.0, 300.0),
    "log normal": (True, -0.3, 0.7),
    "log normal, wide": (True, 0.2, 1.5),
    "log normal, narrow": (True, 0.1, 1e-3),
}


def made_groups(rows: tuple[int, ...], k: int, p: int, rng: np.random.Generator) -> list[DenseGroup]:
    """Return groups of rows with weights, the response of another scale in each group."""
    groups = []
    for j, n in enumerate(rows):
        X = np.column_stack([np.ones(n), rng.standard_normal((n, p - 1))])
        Z = np.column_stack([np.ones(n), rng.standard_normal((n, k))])[:, :k]
        y = X.sum(axis=1) + Z @ rng.standard_normal(k) + rng.standard_normal(n) * (0.5 + 0.4 * j)
        groups.append(DenseGroup(Z, X, y, rng.uniform(0.5, 2.0, n)))
    return groups


def kernel_of(groups: list[DenseGroup], *, log_normal: bool) -> core.VaryingGroups:
    """Return the kernel on the triangular factors of the groups' weighted rows."""
    width = groups[0].Z.shape[1] + groups[0].X.shape[1] + 1
    R = np.zeros((len(groups), width, width))
    for j, g in enumerate(groups):
        rows = np.sqrt(g.w)[:, None] * np.column_stack([g.Z, g.X, g.y])
        factor = np.linalg.qr(rows, mode="r")
        R[j, : factor.shape[0]] = factor
    return core.VaryingGroups(
        groups[0].Z.shape[1], log_normal, R, np.array([float(g.y.size) for g in groups])
    )


def constants(groups: list[DenseGroup], *, log_normal: bool, law: tuple[float, float]) -> float:
    """Return what the kernel leaves out: powers of 2 pi, weights, and the law's constant for each group."""
    total = sum(0.5 * np.log(g.w).sum() - 0.5 * g.y.size * np.log(2.0 * np.pi) for g in groups)
    a, b = law
    if log_normal:
        return float(total - len(groups) * (np.log(b) + 0.5 * np.log(2.0 * np.pi)))
    return float(total + len(groups) * (np.log(2.0) + a * np.log(b) - scipy.special.gammaln(a)))


def law_of(name: str) -> tuple[bool, tuple[float, float]]:
    log_normal, first, second = LAWS[name]
    return bool(log_normal), (first, second)


@pytest.mark.parametrize("law_name", LAWS)
@pytest.mark.parametrize("shape", SHAPES)
def test_values_are_those_of_dense_densities_and_quadrature(shape: str, law_name: str) -> None:
    rows, k, p, scale = SHAPES[shape]
    rng = np.random.default_rng(8)
    groups = made_groups(rows, k, p, rng)
    log_normal, law = law_of(law_name)
    Lambda = scale * (np.tril(rng.standard_normal((k, k))) + np.eye(k))
    beta = 1.0 + 0.1 * rng.standard_normal(p)
    found = kernel_of(groups, log_normal=log_normal).values(Lambda[None], beta[None], np.array([law]))
    dense_law = log_normal_law(*law) if log_normal else inverse_gamma_law(*law)
    expected = sum(group_log_likelihood(g, Lambda @ Lambda.T, beta, dense_law) for g in groups)
    total = found[0] + constants(groups, log_normal=log_normal, law=law)
    assert total == pytest.approx(expected, abs=1e-8 * len(groups))


@pytest.mark.parametrize("log_normal", [False, True])
def test_two_maxima_far_apart_are_both_counted(log_normal: bool) -> None:
    """A group far from the rest: either its effect is improbable, or its residual sd is large."""
    rng = np.random.default_rng(3)
    for n, away in ((6, 8.0), (12, 30.0), (30, 60.0)):
        y = away + 0.5 * rng.standard_normal(n)
        group = DenseGroup(np.ones((n, 1)), np.ones((n, 1)), y, np.ones(n))
        law = (0.3, 1.2) if log_normal else (0.5, 0.2)
        found = kernel_of([group], log_normal=log_normal).values(
            np.ones((1, 1, 1)), np.zeros((1, 1)), np.array([law])
        )
        dense_law = log_normal_law(*law) if log_normal else inverse_gamma_law(*law)
        expected = group_log_likelihood(group, np.eye(1), np.zeros(1), dense_law)
        assert found[0] + constants([group], log_normal=log_normal, law=law) == pytest.approx(
            expected, abs=1e-8
        )


@pytest.mark.parametrize("law_name", ["inverse gamma", "log normal"])
@pytest.mark.parametrize("shape", SHAPES)
def test_gradients_are_those_of_differences(shape: str, law_name: str) -> None:
    rows, k, p, scale = SHAPES[shape]
    rng = np.random.default_rng(4)
    log_normal, law = law_of(law_name)
    kernel = kernel_of(made_groups(rows, k, p, rng), log_normal=log_normal)
    sizes = (k * k, p, 2)
    for _ in range(50):
        start = np.concatenate(
            [
                scale * rng.standard_normal(k * k),
                1.0 + 0.3 * rng.standard_normal(p),
                np.array(law) * np.exp(0.2 * rng.standard_normal(2)),
            ]
        )
        step = 1e-5 * np.maximum(np.abs(start), np.concatenate([np.full(k * k, scale), np.ones(p + 2)]))
        points = np.vstack([start, start + np.diag(step), start - np.diag(step)])
        parts = np.split(points, np.cumsum(sizes)[:-1], axis=1)
        values, by_covariance, by_gamma, by_law = kernel.gradients(
            np.ascontiguousarray(parts[0].reshape(len(points), k, k)),
            np.ascontiguousarray(parts[1]),
            np.ascontiguousarray(parts[2]),
        )
        by_Lambda = 2.0 * by_covariance[0] @ parts[0][0].reshape(k, k)
        found = np.concatenate([by_Lambda.reshape(-1), by_gamma[0], by_law[0]])
        d = start.size
        differences = (values[1 : d + 1] - values[d + 1 :]) / (2.0 * step)
        np.testing.assert_allclose(
            found * step, differences * step, atol=2e-9 + 2e-7 * np.abs(found * step).max()
        )


def test_values_and_draws_do_not_depend_on_threads_or_neighbours() -> None:
    rng = np.random.default_rng(5)
    kernel = kernel_of(made_groups((3, 8, 1), 2, 2, rng), log_normal=True)
    Lambda, gamma = rng.standard_normal((30, 2, 2)), rng.standard_normal((30, 2))
    law = np.column_stack([rng.standard_normal(30), rng.uniform(0.3, 1.0, 30)])
    one, two = (kernel.values(Lambda, gamma, law, threads) for threads in (1, 2))
    np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(one, kernel.gradients(Lambda, gamma, law, 2)[0])
    sds, effects = kernel.draws(Lambda, gamma, law, 9, 0, 2)
    again = kernel.draws(
        np.ascontiguousarray(Lambda[20:]),
        np.ascontiguousarray(gamma[20:]),
        np.ascontiguousarray(law[20:]),
        9,
        20,
    )
    np.testing.assert_array_equal(sds[20:], again[0])
    np.testing.assert_array_equal(effects[20:], again[1])


@pytest.mark.parametrize("law_name", ["inverse gamma, vague", "log normal, wide"])
def test_draws_of_sds_have_the_conditional_distribution(law_name: str) -> None:
    rng = np.random.default_rng(6)
    groups = made_groups((1, 2, 7, 20), 1, 1, rng)
    log_normal, law = law_of(law_name)
    n = 20_000
    Lambda, beta = np.full((n, 1, 1), 0.8), np.full((n, 1), 0.9)
    sds, _ = kernel_of(groups, log_normal=log_normal).draws(Lambda, beta, np.tile(law, (n, 1)), 1, 0)
    dense_law = log_normal_law(*law) if log_normal else inverse_gamma_law(*law)
    for j, group in enumerate(groups):
        cdf = sd_distribution(group, np.array([[0.64]]), beta[0], dense_law)
        assert scipy.stats.kstest(cdf(sds[:, j]), "uniform").pvalue > 1e-3


@pytest.mark.parametrize("scale", [1e-3, 1.0, 30.0])
def test_effects_are_normal_given_the_drawn_sds(scale: float) -> None:
    """Standardised by their dense conditional distribution at each draw's own sd."""
    rng = np.random.default_rng(7)
    groups = made_groups((1, 4, 12), 2, 2, rng)
    n = 8000
    factor = scale * np.array([[1.0, 0.3], [-0.4, 0.7]])
    beta = np.array([0.8, 1.2])
    sds, effects = kernel_of(groups, log_normal=True).draws(
        np.tile(factor, (n, 1, 1)), np.tile(beta, (n, 1)), np.tile((0.0, 0.6), (n, 1)), 2, 0
    )
    precision = np.linalg.inv(factor @ factor.T)
    for j, g in enumerate(groups):
        ZWZ, ZWe = (g.Z.T * g.w) @ g.Z, (g.Z.T * g.w) @ (g.y - g.X @ beta)
        A = ZWZ / np.exp(2.0 * sds[:, j, None, None]) + precision
        mean = np.linalg.solve(A, (ZWe / np.exp(2.0 * sds[:, j, None]))[:, :, None])[:, :, 0]
        z = np.einsum("nba,nb->na", np.linalg.cholesky(A), effects[:, j] - mean)
        for i in range(2):
            assert scipy.stats.kstest(z[:, i], "norm").pvalue > 1e-3
        assert abs(np.corrcoef(z.T)[0, 1]) < 4.0 / np.sqrt(n)
        assert abs(np.corrcoef(z[:, 0], sds[:, j])[0, 1]) < 4.0 / np.sqrt(n)


@pytest.mark.parametrize(
    ("Lambda", "gamma", "law"),
    [
        (np.nan, 0.0, (1.0, 1.0)),
        (1.0, np.inf, (1.0, 1.0)),
        (1.0, 0.0, (1.0, 0.0)),
        (1.0, 0.0, (1.0, -1.0)),
        (1.0, 0.0, (np.nan, 1.0)),
        (1.0, 0.0, (0.0, 1e200)),
        (1.0, 1e200, (1.0, 1.0)),
        (1.0, 0.0, (1e6, 1.0)),
    ],
)
def test_points_without_a_density_have_minus_infinity(
    Lambda: float, gamma: float, law: tuple[float, float]
) -> None:
    kernel = kernel_of(made_groups((1, 4), 1, 1, np.random.default_rng(1)), log_normal=True)
    at = (np.full((1, 1, 1), Lambda), np.full((1, 1), gamma), np.array([law]))
    assert kernel.values(*at)[0] == -np.inf
    with pytest.raises(ValueError, match="not defined"):
        kernel.draws(*at, 1, 0)


def test_wrong_shapes_are_refused() -> None:
    kernel = kernel_of(made_groups((3, 4), 2, 1, np.random.default_rng(1)), log_normal=True)
    good = (np.ones((2, 2, 2)), np.ones((2, 1)), np.ones((2, 2)))
    for place, bad in ((0, np.ones((2, 1, 2))), (1, np.ones((2, 2))), (2, np.ones((1, 2)))):
        given = [*good]
        given[place] = bad
        with pytest.raises(ValueError, match="must be n x"):
            kernel.values(*given)
    with pytest.raises(ValueError, match="threads"):
        kernel.values(*good, 0)
    with pytest.raises(ValueError, match="R must be"):
        core.VaryingGroups(1, True, np.ones((2, 3, 4)), np.ones(2))
    with pytest.raises(ValueError, match="as wide"):
        core.VaryingGroups(3, True, np.ones((2, 3, 3)), np.ones(2))
