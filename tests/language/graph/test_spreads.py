"""Spreads of nodes: an sd, a covariance matrix, or sds and a correlation matrix."""

from __future__ import annotations

import pytest

from multilevel.language.graph.reader import read_statements
from multilevel.language.graph.scope import scope_of
from multilevel.language.graph.spreads import spread_of
from tests.language.faults import fault


def _spread(node, columns=None):
    text = f"y ~ Normal(b[g][0] + b[g][1] * x + P[h], s)\n{node}\nP[h] ~ Normal(0, v)"
    scope = scope_of(*read_statements(text), columns)
    return spread_of(scope, next(iter(scope.nodes.values())))


CASES = [
    ("b[g] ~ Normal(0, t)", (("t",), "")),
    ("b[g] ~ Normal(0, 2.5)", ((2.5,), "")),
    ("b[g] ~ Normal(0, sqrt(v2))", (("sqrt(v2)",), "")),
    ("b[g] ~ Normal(0, sqrt(9))", ((3.0,), "")),
    ("b[g] ~ MVNormal([0, 0], S)", ((), "S")),
    ("b[g] ~ MVNormal([0, 0], [t, u], R)", (("t", "u"), "R")),
    ("b[g] ~ MVNormal([0, 0], [t, 3], R)", (("t", 3.0), "R")),
]


@pytest.mark.parametrize(("node", "wanted"), CASES)
def test_spreads(node, wanted):
    assert _spread(node) == wanted


FAULTS = [
    ("b[g] ~ Normal(0, -1)", "this stands where an sd must stand", "-1"),
    ("b[g] ~ Normal(0, sqrt(2 * t))", "this stands where an sd must stand", "sqrt(2 * t)"),
    ("b[g] ~ Normal(0, exp(t))", "this stands where an sd must stand", "exp(t)"),
    ("b[g] ~ Normal(0, 2 * t)", "this stands where an sd must stand", "2 * t"),
    ("b[g] ~ Normal(0, P)", "`P` is a node and stands where the sd of a node must stand", "P"),
    ("b[g] ~ Normal(0, g)", "`g` is a column of the data and stands where the sd of a node must stand", "g"),
    ("b[g] ~ MVNormal([0, 0], 2)", "a number stands where the covariance matrix of MVNormal must stand", "2"),
    (
        "b[g] ~ MVNormal([0, 0], [t, u], 2)",
        "a number stands where the correlation matrix of MVNormal must stand",
        "2",
    ),
    (
        "b[g] ~ MVNormal([0, 0], [t], R)",
        "the sds of a vector of 2 numbers must be a list of 2; found 1",
        "[t]",
    ),
    ("b[g] ~ MVNormal([0, 0], t, R)", "the sds of a vector of 2 numbers must be a list of 2", "t"),
]


@pytest.mark.parametrize(("node", "asked", "underlined"), FAULTS)
def test_faults(node, asked, underlined):
    def read(text):
        scope = scope_of(*read_statements(text), None)
        return spread_of(scope, scope.nodes["b"])

    text = f"y ~ Normal(b[g][0] + b[g][1] * x + P[h], s)\n{node}\nP[h] ~ Normal(0, v)"
    assert fault(text, read) == (asked, underlined)
