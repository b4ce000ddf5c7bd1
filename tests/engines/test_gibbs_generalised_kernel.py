"""The native Metropolis step of group effects against the same step written with dense algebra."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit

from multilevel.kernels import core

Floats = NDArray[np.float64]
M, K, N = 7, 2, 40
POISSON, BERNOULLI = 1, 0


def problem(family: int) -> tuple[Any, dict[str, Any]]:
    """Return kernels of a random problem, and its arrays."""
    rng = np.random.default_rng([4, family])
    level = np.concatenate([np.arange(M), rng.integers(0, M, N - M)]).astype(np.int32)
    Z = np.column_stack([np.ones(N), rng.normal(size=N)])
    y = rng.poisson(2.0, N).astype(float) if family == POISSON else rng.integers(0, 2, N).astype(float)
    frequency = rng.integers(1, 4, N).astype(float)
    root = np.array([[0.8, 0.0], [0.3, 0.5]])
    b = rng.normal(size=(M, K)) @ root.T
    fixed = 0.3 * rng.normal(size=N)
    link = 1 if family == POISSON else 2
    kernels = core.Metropolis(family, link, False, 0, y, None, frequency, [(level, M, Z)])
    return kernels, {"level": level, "Z": Z, "y": y, "w": frequency, "root": root, "b": b, "fixed": fixed}


def log_density(family: int, a: dict[str, Any], eta: Floats) -> tuple[Floats, Floats, Floats]:
    """Return log densities of the rows and their first two derivatives, times their frequencies."""
    y, w = a["y"], a["w"]
    mu = np.exp(eta) if family == POISSON else expit(eta)
    if family == POISSON:
        return w * (y * eta - mu), w * (y - mu), -w * mu
    return w * (y * eta - np.logaddexp(0.0, eta)), w * (y - mu), -w * mu * (1.0 - mu)


def dense_step(
    family: int, a: dict[str, Any], noise: Floats, log_uniform: Floats, pull: float, spread: float
) -> Floats:
    """Return the effects after a step, each level's proposal density written out as a normal density."""
    b, root = a["b"].copy(), a["root"]
    prior = np.linalg.inv(root @ root.T)
    for j in range(M):
        mine = a["level"] == j
        Z = a["Z"][mine]
        part = {"y": a["y"][mine], "w": a["w"][mine]}

        def local(
            own: Floats, Z: Floats = Z, part: Any = part, mine: Any = mine
        ) -> tuple[float, Floats, Floats]:
            value, d1, d2 = log_density(family, part, a["fixed"][mine] + Z @ own)
            H = Z.T @ (Z * -d2[:, None]) + prior
            g = Z.T @ d1 - prior @ own
            return float(value.sum() - 0.5 * own @ prior @ own), own + pull * np.linalg.solve(H, g), H

        value, mean, H = local(b[j])
        whitened = np.linalg.cholesky(root.T @ H @ root)
        tried = mean + spread * root @ np.linalg.solve(whitened.T, noise[j])
        other, back, G = local(tried)

        def log_normal(x: Floats, centre: Floats, precision: Floats) -> float:
            gap = (x - centre) / spread
            return float(0.5 * np.linalg.slogdet(precision)[1] - 0.5 * gap @ precision @ gap)

        ratio = other - value + log_normal(b[j], back, G) - log_normal(tried, mean, H)
        if log_uniform[j] < ratio:
            b[j] = tried
    return b


@pytest.mark.parametrize(("pull", "spread"), [(1.0, 1.0), (0.0, 1.0), (0.5, 1.3)])
@pytest.mark.parametrize("family", [POISSON, BERNOULLI], ids=["Poisson", "Bernoulli"])
def test_a_step_is_that_of_dense_algebra(family: int, pull: float, spread: float) -> None:
    """Thirty steps, some accepted and some not; linear predictors follow the effects."""
    kernels, a = problem(family)
    rng = np.random.default_rng(9)
    eta = kernels.predictor(a["fixed"], [a["b"]])
    np.testing.assert_allclose(
        eta, a["fixed"] + np.einsum("ik,ik->i", a["Z"], a["b"][a["level"]]), rtol=1e-13
    )
    changed = 0
    for _ in range(30):
        noise, log_uniform = 1.5 * rng.standard_normal((M, K)), np.log(rng.random(M))
        expected = dense_step(family, a, noise, log_uniform, pull, spread)
        found, eta, accepted, impossible = kernels.step(
            0, a["root"], np.zeros(0), None, eta, a["b"], noise, log_uniform, pull, spread
        )
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-10)
        assert (accepted, impossible) == (int((expected != a["b"]).any(axis=1).sum()), 0)
        changed += accepted
        a["b"] = found
        np.testing.assert_allclose(eta, kernels.predictor(a["fixed"], [found]), rtol=1e-11, atol=1e-12)
    assert 0.2 * 30 * M < changed < 30 * M


def test_density_and_derivatives_are_those_of_the_rows() -> None:
    kernels, a = problem(POISSON)
    eta = a["fixed"]
    value, d1, d2 = kernels.derivatives(np.zeros(0), None, eta)
    rows, first, second = log_density(POISSON, a, eta)
    assert value == pytest.approx(rows.sum(), rel=1e-13)
    assert kernels.log_density(np.zeros(0), None, eta) == pytest.approx(value, rel=1e-13)
    np.testing.assert_allclose(d1, first, rtol=1e-12)
    np.testing.assert_allclose(d2, second, rtol=1e-12)


def test_a_proposal_without_a_density_is_refused_and_counted() -> None:
    """An identity link of counts: a mean below zero has no density."""
    level = np.zeros(3, dtype=np.int32)
    kernels = core.Metropolis(POISSON, 0, False, 0, np.ones(3), None, None, [(level, 1, np.ones((3, 1)))])
    b, eta = np.zeros((1, 1)), np.full(3, 0.5)
    found, moved, accepted, impossible = kernels.step(
        0, np.eye(1), np.zeros(0), None, eta, b, np.full((1, 1), -50.0), np.array([-1e9]), 0.0, 1.0
    )
    assert (accepted, impossible, found.tolist(), moved.tolist()) == (0, 1, [[0.0]], [0.5] * 3)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"f": 1}, "no such factor"),
        ({"root": np.zeros((2, 2))}, "positive diagonal"),
        ({"root": np.eye(3)}, "root has the wrong shape"),
        ({"eta": np.zeros(3)}, "eta has the wrong length"),
        ({"b": np.zeros((2, 2))}, "effects have the wrong shape"),
        ({"log_uniform": np.zeros(2)}, "number for each level"),
        ({"spread": 0.0}, "must be positive"),
        ({"rows_aux": np.zeros(N)}, "zero inflation"),
    ],
)
def test_arrays_of_wrong_shapes_are_refused(changes: dict[str, Any], words: str) -> None:
    kernels, a = problem(POISSON)
    given: dict[str, Any] = {
        "f": 0,
        "root": a["root"],
        "aux": np.zeros(0),
        "rows_aux": None,
        "eta": a["fixed"],
        "b": a["b"],
        "noise": np.zeros((M, K)),
        "log_uniform": np.zeros(M),
        "pull": 1.0,
        "spread": 1.0,
    }
    with pytest.raises(ValueError, match=words):
        kernels.step(**(given | changes))
