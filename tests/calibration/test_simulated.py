"""Graphs simulated at 2e5 rows and fitted: parameters in their intervals, nodes calibrated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from scipy import stats

import multilevel as ml

pytestmark = pytest.mark.statistics
Z = stats.norm.ppf(0.9995)
"""Of an interval that covers 99.9%."""

FRIENDS = """
    R[friend] ~ Normal(mean, spread)
    rating    ~ Normal(R[friend], sigma)
"""
SCHOOLS = """
    S[state]         ~ Normal(mean, s_state)
    D[district]      ~ Normal(S[state], s_district)
    H[school]        ~ Normal(D[district] + g * urban, s_school)
    C[room]          ~ Normal(H[school], s_room)
    B[background]    ~ Normal(0, s_background)
    score            ~ Normal(C[room] + B[background] + b * hours, sigma)
"""
APPS = """
    P[publisher] ~ Normal(mean + g * size, s_P)
    A[app]       ~ Normal(P[publisher], s_A)
    D[device]    ~ Normal(0, s_D)
    stars        ~ Normal(A[app] + D[device], sigma)
"""
COFFEE = """
    [a, b][cafe] ~ MVNormal([a_mean, b_mean], Sigma)
    wait         ~ Normal(a[cafe] + b[cafe] * afternoon, sigma)
"""


@dataclass(frozen=True)
class Case:
    """A model of the list that the library exists for, with sizes at which shared errors are small."""

    graph: str
    sizes: dict[str, object]
    truth: dict[str, object]


CASES = {
    "friends": Case(
        FRIENDS, {"friend": 5000, "rows": 200_000}, {"mean": 3, "spread": 1.2, "sigma": 2.0}
    ),
    "schools": Case(
        SCHOOLS,
        {"state": 30, "district": 120, "school": 480, "room": 1920, "background": 60, "rows": 200_000,
         "urban": "binary"},
        {"mean": 10, "s_state": 1.0, "s_district": 0.8, "s_school": 0.6, "s_room": 0.5, "s_background": 0.4,
         "g": 0.5, "b": -0.3, "sigma": 2.0},
    ),
    "apps": Case(
        APPS,
        {"publisher": 300, "app": 3000, "device": 4000, "rows": 200_000},
        {"mean": 3, "g": 0.4, "s_P": 1.0, "s_A": 0.7, "s_D": 0.5, "sigma": 0.8},
    ),
    "coffee": Case(
        COFFEE,
        {"cafe": 2000, "rows": 200_000, "afternoon": "binary"},
        {"a_mean": 3.5, "b_mean": -1, "Sigma": {"sds": [1, 0.5], "correlation": -0.7}, "sigma": 0.5},
    ),
}  # fmt: skip


@pytest.fixture(scope="module", params=list(CASES))
def fitted(request):
    case = CASES[request.param]
    drawn = ml.simulate(ml.graph(case.graph), case.sizes, case.truth, seed=20)
    return case, drawn, ml.fit(ml.graph(case.graph), drawn.data, level=0.9)


def test_coefficients_are_in_their_intervals(fitted):
    case, _, fit = fitted
    table = fit.fixed_effects.set_index("term")
    for name, column in fit.model.dag.coefficients.items():
        row = table.loc["Intercept" if column == "1" else column]
        assert abs(row["estimate"] - case.truth[name]) < Z * row["std_error"], name


def test_sds_are_in_their_intervals(fitted):
    case, _, fit = fitted
    table = fit.variance_components
    covariance = fit.solution.groups.curvature().covariance
    variance = covariance[-1, -1] / (4.0 * _scaled_sigma(fit) ** 4)
    assert abs(np.log(fit.sigma / case.truth["sigma"])) < Z * np.sqrt(variance)
    for t, node in enumerate(fit.model.dag.nodes):
        sds = table.loc[table["group"] == node.group, "sd"].to_numpy()
        if node.covariance:
            _check_matrix(fit, case.truth[node.covariance])
            continue
        gradient = np.zeros(covariance.shape[0])
        gradient[t], gradient[-1] = 1.0 / fit.solution.theta[t], 0.5 / _scaled_sigma(fit) ** 2
        error = np.sqrt(gradient @ covariance @ gradient)
        assert abs(np.log(sds[0] / case.truth[node.sds[0]])) < Z * error, node.name


def _scaled_sigma(fit):
    return fit.sigma / fit.moments.scaling.y_scale


def _check_matrix(fit, truth):
    """Check each sd, and Fisher's z of their correlation, with the noise of the cafes' own values."""
    m = fit.n_groups["cafe"]
    own = fit.nodes.groupby("node")["pooling"].mean()
    sds = np.sqrt(np.diagonal(fit.solution.covariances[0]))
    for found, wanted, weight in zip(sds, truth["sds"], own, strict=True):
        assert abs(np.log(found / wanted)) < Z / (np.sqrt(2 * m) * weight)
    r = fit.solution.covariances[0][0, 1] / sds.prod()
    assert abs(np.arctanh(r) - np.arctanh(truth["correlation"])) < Z / (np.sqrt(m) * own.min())


def test_nodes_are_calibrated(fitted):
    _, drawn, fit = fitted
    both = fit.nodes.merge(drawn.nodes, on=["node", "level"], validate="one_to_one")
    assert len(both) == len(fit.nodes) == len(drawn.nodes)
    inside = (both["lower"] <= both["value"]) & (both["value"] <= both["upper"])
    for node, hits in inside.groupby(both["node"]):
        n = len(hits)
        low, high = stats.binom.ppf([0.0005, 0.9995], n, 0.9)
        assert low <= hits.sum() <= high, node


def test_nodes_have_their_laws(fitted):
    case, drawn, _ = fitted
    nodes = drawn.nodes.groupby("node")["value"]
    graph = drawn.model.dag
    for node in graph.nodes:
        names = [part.parameter for part in node.means[0]]
        if node.covariance or len(names) > 1 or names == [""]:
            continue  # parents and predictors stand in the mean
        law = stats.norm(case.truth[names[0]] if names else 0.0, case.truth[node.sds[0]])
        p = stats.kstest(nodes.get_group(node.name), law.cdf).pvalue
        assert p > 0.001, node.name
