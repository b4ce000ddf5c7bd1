"""Nodes of fits without rows, against those of the same rows in memory."""

from __future__ import annotations

import pandas as pd
import pytest

import multilevel as ml
from multilevel.errors import DataError, DesignError
from multilevel.inference.node_levels import parents_in_moments

APPS = """
    P[publisher] ~ Normal(mu, sigma_P)
    A[app]       ~ Normal(P[publisher], sigma_A)
    D[device]    ~ Normal(0, sigma_D)
    stars        ~ Normal(A[app] + D[device], sigma)
"""
CLASSES = """
    S[school]       ~ Normal(mu, tau)
    C[school:room]  ~ Normal(S[school], omega)
    score           ~ Normal(C[school:room], sigma)
"""
SIZES = {
    "apps": (
        APPS,
        {"publisher": 12, "app": 50, "device": 7, "rows": 700},
        "sigma_P sigma_A sigma_D sigma mu",
    ),
    "rooms": (CLASSES, {"school": 9, "room": 30, "rows": 400}, "tau omega sigma mu"),
}


def made(name: str) -> tuple[ml.Graph, pd.DataFrame]:
    """Return a graph and simulated rows."""
    text, sizes, parameters = SIZES[name]
    graph = ml.graph(text)
    return graph, ml.simulate(graph, sizes, dict.fromkeys(parameters.split(), 1.0), seed=1).data


@pytest.mark.parametrize("name", SIZES)
def test_nodes_of_moments_are_those_of_the_rows(name: str) -> None:
    graph, rows = made(name)
    expected = ml.fit(graph, rows).nodes
    found = ml.fit(ml.moments(graph, rows)).nodes
    pd.testing.assert_frame_equal(found, expected, rtol=1e-6, atol=1e-6)


def test_drawn_nodes_of_moments_are_those_of_the_rows() -> None:
    graph, rows = made("apps")
    expected = ml.sample(graph, rows, draws=1000, seed=1).nodes
    found = ml.sample(ml.moments(graph, rows), draws=1000, seed=1).nodes
    pd.testing.assert_frame_equal(found, expected, rtol=1e-5, atol=1e-5)


def test_new_levels_are_answered_and_known_ones_keep_their_parents() -> None:
    graph, rows = made("apps")
    fit = ml.fit(ml.moments(graph, rows))
    parent = int(rows.loc[rows["app"] == 1, "publisher"].iloc[0])
    new = {"app": [1, 51, 52], "publisher": [parent, 3, 13]}
    expected = ml.fit(graph, rows).node("A", new)
    pd.testing.assert_frame_equal(fit.node("A", new), expected, rtol=1e-6, atol=1e-6)
    with pytest.raises(DataError, match="app '1' is given another publisher than it has in the data"):
        fit.node("A", {"app": [1], "publisher": [parent % 12 + 1]})


def test_a_column_of_numbers_in_a_mean_must_be_given() -> None:
    graph = ml.graph(APPS.replace("Normal(mu, sigma_P)", "Normal(mu + g * size, sigma_P)"))
    _, rows = made("apps")
    rows["size"] = rows["publisher"] ** 0.5
    fit = ml.fit(ml.moments(graph, rows))
    with pytest.raises(DesignError, match="has the column `size`, of which this fit holds sums"):
        _ = fit.nodes
    new = {"publisher": [1, 2], "size": [1.0, 2**0.5]}
    expected = ml.fit(graph, rows).node("P", new)
    pd.testing.assert_frame_equal(fit.node("P", new), expected, rtol=1e-6, atol=1e-6)


def test_a_level_in_several_others_has_no_parent() -> None:
    graph, rows = made("apps")
    fit = ml.fit(ml.moments(graph, rows))
    names = [factor.name for factor in fit.design.factors]
    with pytest.raises(DesignError, match="lies in several levels of device"):
        parents_in_moments(fit.design, fit.moments, names.index("app"), names.index("device"))
