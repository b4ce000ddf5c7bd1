"""Publishers, apps and devices as a graph, by Monte Carlo: nodes against the exact engine, and the truth."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import multilevel as ml

APPS = """
    P[publisher] ~ Normal(mu, sigma_P)
    A[app]       ~ Normal(P[publisher], sigma_A)
    D[device]    ~ Normal(0, sigma_D)
    reliability  ~ Normal(A[app] + D[device], sigma)
"""
TRUTH = {"mu": 80.0, "sigma_P": 6.0, "sigma_A": 4.0, "sigma_D": 3.0, "sigma": 8.0}
SIZES = {"publisher": 150, "app": 1500, "device": 900, "rows": 20_000}


@pytest.fixture(scope="module")
def apps() -> tuple[ml.Fit, ml.Fit, pd.DataFrame]:
    """Return the fits by Monte Carlo and exact, and the true values of the nodes."""
    graph = ml.graph(APPS)
    made = ml.simulate(graph, SIZES, TRUTH, seed=3)
    fits = [ml.fit(graph, made.data, solver=solver) for solver in ("monte_carlo", "exact")]
    return fits[0], fits[1], made.nodes


def test_nodes_are_those_of_the_exact_engine(apps: tuple[ml.Fit, ml.Fit, pd.DataFrame]) -> None:
    """Variances are off by 0.01 of their standard errors, sds of effects by 0.01 of themselves, rms."""
    found, expected = apps[0].nodes, apps[1].nodes
    assert found[["node", "level"]].equals(expected[["node", "level"]])
    assert (np.abs(found["estimate"] - expected["estimate"]) < 0.02 * expected["sd"]).all()
    relative = found["sd"] / expected["sd"] - 1.0
    assert np.sqrt((relative**2).groupby(found["node"]).mean()).max() < 0.02
    assert np.sqrt(((found["pooling"] - expected["pooling"]) ** 2).mean()) < 0.02


def test_intervals_of_nodes_hold_the_true_values(apps: tuple[ml.Fit, ml.Fit, pd.DataFrame]) -> None:
    """As often as they say: 95%, within four binomial standard errors."""
    both = apps[0].nodes.merge(apps[2], on=["node", "level"])
    held = (both["lower"] <= both["value"]) & (both["value"] <= both["upper"])
    for node, some in held.groupby(both["node"]):
        assert abs(some.mean() - 0.95) < 4.0 * np.sqrt(0.95 * 0.05 / len(some)), node


def test_effects_and_new_levels_have_their_sds(apps: tuple[ml.Fit, ml.Fit, pd.DataFrame]) -> None:
    found, expected = (fit.random_effects for fit in apps[:2])
    relative = found["sd"] / expected["sd"] - 1.0
    assert np.sqrt((relative**2).groupby(found["group"]).mean()).max() < 0.02
    assert 0.0 < apps[0].solution.groups.sd_error <= 0.01
    new = {"app": [1501, 1502], "publisher": [1, 151]}
    sds = [fit.node("A", new)["sd"].to_numpy() for fit in apps[:2]]
    np.testing.assert_allclose(*sds, rtol=0.03)
