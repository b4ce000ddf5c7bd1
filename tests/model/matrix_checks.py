"""Points, finite differences and moments that the tests of matrix priors share."""

from __future__ import annotations

from typing import Any

import numpy as np


def positive_matrices(n: int, k: int) -> np.ndarray:
    """Return ``(n, k, k)`` random positive definite matrices."""
    A = np.random.default_rng(10 + k).normal(size=(n, k, k + 2))
    return np.asarray(A @ np.swapaxes(A, 1, 2) / k)


def check_gradient(prior: Any, points: np.ndarray) -> None:
    """The gradient is symmetric and gives the derivative along a random symmetric direction."""
    rng = np.random.default_rng(5)
    direction = rng.normal(size=points.shape)
    direction = direction + np.swapaxes(direction, 1, 2)
    h = 1e-6
    gradient = prior.dlogpdf(points)
    np.testing.assert_allclose(gradient, np.swapaxes(gradient, 1, 2), rtol=1e-9, atol=1e-12)
    difference = (prior.logpdf(points + h * direction) - prior.logpdf(points - h * direction)) / (2 * h)
    found = (gradient * direction).sum(axis=(1, 2))
    size = np.abs(gradient * direction).sum(axis=(1, 2)) ** 2  # the step's own error grows with the curvature
    assert (np.abs(found - difference) < 1e-7 * (1 + size)).all()


def check_mean_of_draws(draws: np.ndarray, mean: np.ndarray) -> None:
    """Every entry of the mean lies within 4.5 standard errors."""
    error = draws.std(axis=0) / np.sqrt(draws.shape[0])
    assert (np.abs(draws.mean(axis=0) - mean) < 4.5 * error).all()
