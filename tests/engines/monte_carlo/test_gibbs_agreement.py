"""Markov chains whose effects come from conjugate gradients, against those of exact elimination."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from multilevel.data import read_table
from multilevel.design import bind
from multilevel.design.bound_priors import BoundPriors
from multilevel.design.priors import bind_priors
from multilevel.engines.draws import Draws
from multilevel.engines.gibbs import sample_gibbs
from multilevel.engines.likelihood import solve
from multilevel.language import parse_formula
from multilevel.moments import Moments, summarise

Floats = NDArray[np.float64]


def crossed() -> tuple[Moments, BoundPriors]:
    """Return 600 rows of 40 and 25 crossed levels, the former with slopes."""
    rng = np.random.default_rng(20261121)
    n = 600
    a, b, x = rng.integers(0, 40, n), rng.integers(0, 25, n), rng.standard_normal(n)
    effects = rng.multivariate_normal([0.0, 0.0], [[0.5, 0.1], [0.1, 0.2]], 40)
    y = 1.0 + 0.5 * x + effects[a, 0] + effects[a, 1] * x + rng.normal(0, 0.6, 25)[b] + rng.standard_normal(n)
    frame = pd.DataFrame({"y": y, "x": x, "a": a, "b": b})
    design = bind(parse_formula("y ~ x + (1 + x | a) + (1 | b)"), read_table(frame, ("y", "x", "a", "b")))
    return summarise(design), bind_priors(design)


def columns(draws: Draws) -> Floats:
    """Return ``(chains, draws, numbers)`` of coefficients, sds, sigma and a few effects."""
    parts = [draws.coefficients, *draws.sds, draws.sigma[:, :, None]]
    parts += [effects[:, :, :5].reshape(*effects.shape[:2], -1) for effects in draws.effects]
    return np.concatenate(parts, axis=2)


def spread_of_mean(values: Floats) -> Floats:
    """Return the standard errors of means over chains, from 40 batches of each."""
    chains, n, numbers = values.shape
    batches = values[:, : n // 40 * 40].reshape(chains * 40, n // 40, numbers).mean(axis=1)
    return np.asarray(batches.std(axis=0, ddof=1) / np.sqrt(batches.shape[0]))


@pytest.mark.statistics
def test_both_ways_to_draw_the_effects_have_one_posterior() -> None:
    """Means and sds of all numbers, four of their standard errors apart at most."""
    moments, priors = crossed()
    options = {"draws": 4000, "chains": 2, "warmup": 300}
    exact = columns(sample_gibbs(moments, priors, seed=1, **options))
    found = columns(sample_gibbs(moments, priors, seed=2, estimates=solve(moments), **options))
    for power in (1, 2):
        centre = exact.mean(axis=(0, 1)) if power == 2 else 0.0
        pair = [(values - centre) ** power for values in (exact, found)]
        error = np.hypot(*(spread_of_mean(values) for values in pair))
        off = (pair[1].mean(axis=(0, 1)) - pair[0].mean(axis=(0, 1))) / error
        assert np.abs(off).max() < 4.0


def test_a_run_is_the_same_whatever_the_threads_and_says_how_it_drew() -> None:
    moments, priors = crossed()
    estimates = solve(moments)
    runs = [
        sample_gibbs(
            moments, priors, draws=20, chains=2, warmup=5, seed=3, threads=threads, estimates=estimates
        )
        for threads in (1, 2)
    ]
    np.testing.assert_array_equal(columns(runs[0]), columns(runs[1]))
    assert "by conjugate gradients" in runs[0].sentence
