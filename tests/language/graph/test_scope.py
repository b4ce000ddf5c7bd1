"""What every name of a graph is: a node, the response, a parameter with a prior, a column."""

from __future__ import annotations

import pytest

from multilevel.errors import FormulaError
from multilevel.language.graph import parse_graph
from multilevel.language.graph.reader import read_statements
from multilevel.language.graph.scope import node_use, scope_of, uses_in, vector_size
from tests.language.faults import fault

GRAPH = """
    m    ~ Normal(0, 1)
    b[g] ~ MVNormal([m, 0, 1], S)
    [c, d][h] ~ MVNormal([0, 0], T)
    y    ~ Normal(b[g][0] + b[g][1] * x + b[g][2] * z + c[h] + d[h] * x, s[k])
    s[k] ~ LogNormal(0, t)
    t    ~ HalfNormal(1)
"""


def _scope(text, columns=None):
    return scope_of(*read_statements(text), columns)


def test_statements_by_what_they_define():
    scope = _scope(GRAPH)
    assert scope.response.names == ("y",)
    assert sorted(scope.nodes) == ["b", "c", "d"]
    assert scope.noise is not None
    assert scope.noise.names == ("s",)
    assert sorted(scope.priors) == ["m", "t"]
    assert scope.indices == {"g", "h", "k", "y"}
    assert [vector_size(scope.nodes[name]) for name in ("b", "c")] == [3, 2]


def test_uses_are_components():
    scope = _scope(GRAPH)
    found = [node_use(scope, use) for use in uses_in(scope.response.arguments[:1])]
    assert found == ["b[0]", "b[1]", "b[2]", "c", "d"]


def test_columns_of_the_data_are_no_parameters():
    assert _scope("y ~ Normal(m + b * x, s)\nb ~ Normal(0, 1)", ("y", "x")).priors.keys() == {"b"}
    assert not _scope("y ~ Normal(m, s)").is_column("x")
    assert _scope("y ~ Normal(m, s)", ("y", "x")).is_column("x")
    assert _scope("y ~ Normal(A[g], s)\nA[g] ~ Normal(0, t)").is_column("g")


def test_the_nearest_name_is_the_remedy():
    scope = _scope("y ~ Normal(A[app], s)\nA[app] ~ Normal(0, t)", ("y", "app", "price"))
    assert scope.near("prize") == "did you mean `price`?"
    assert scope.near("qqq") == ""


FAULTS = [
    ("A[g] ~ Normal(0, s)", None, "no statement has the response on its left", "A[g]"),
    ("y ~ Normal(m, s)\nz ~ Normal(n, t)", None, "`z` is a second response: no other statement uses it", "z"),
    (
        "y ~ Normal(b * x, s)\nx ~ Normal(0, 1)",
        ("y", "x"),
        "`x` is a column of the data, so that it is a second response",
        "x",
    ),
    ("y ~ Normal(m, s)\nm ~ Normal(0, 1)\nm ~ Normal(0, 2)", None, "`m` has two statements", "m"),
    ("y ~ Normal(A[g], s)\nA[g] ~ Normal(0, t)\nA[h] ~ Normal(0, u)", None, "`A` has two statements", "A[h]"),
    (
        "y ~ Normal(A[g] + m, s)\nA[g] ~ Normal(0, t)\nA ~ Normal(0, 1)\nm ~ Normal(A, 1)",
        None,
        "`A` has two statements",
        "A[g]",
    ),
    ("y ~ Normal(y[g], s)\ny[g] ~ Normal(0, t)", None, "`y` is the response and a node", "y[g]"),
    (
        "y ~ Normal(A[g], A[g])\nA[g] ~ Normal(0, t)",
        None,
        "`A` stands in a mean and is the residual sd",
        "A[g]",
    ),
    ("y ~ Normal(A[g], s)\nA[g] ~ Poisson(m)", None, "the node `A` is Poisson", "Poisson(m)"),
    (
        "y ~ Normal(A[gg], s)\nA[gg] ~ Normal(0, t)",
        ("y", "g"),
        "the index `gg` is no column of the data",
        "A[gg]",
    ),
]


@pytest.mark.parametrize(("text", "columns", "asked", "underlined"), FAULTS)
def test_faults(text, columns, asked, underlined):
    assert fault(text, lambda one: _scope(one, columns)) == (asked, underlined)


def test_a_response_with_an_index_is_told():
    with pytest.raises(ValueError, match="no statement has the response") as caught:
        _scope("y[i] ~ Normal(A[g], s)\nA[g] ~ Normal(0, t)")
    assert caught.value.remedy == "if `y` is the response, leave its index out"


USES = [
    ("A[h]", "`A` is used with the index h"),
    ("A[g][0]", "`A` is one number for each g"),
    ("B[g]", "`B[g]` has no statement of its own"),
    ("b[g]", "`b` is a vector of 2 numbers"),
    ("b[g][2]", "`b` is a vector of 2 numbers"),
]


@pytest.mark.parametrize(("use", "asked"), USES)
def test_faults_of_uses(use, asked):
    text = f"y ~ Normal({use}, s)\nA[g] ~ Normal(0, t)\nb[g] ~ MVNormal([0, 0], S)"

    def read(one):
        scope = _scope(one)
        return [node_use(scope, found) for found in uses_in(scope.response.arguments)]

    assert fault(text, read) == (asked, use)


def test_a_misspelt_parameter_gets_a_remedy() -> None:
    with pytest.raises(FormulaError, match="did you mean the prior of `sigma`"):
        parse_graph("y ~ Normal(m, sigma)\nsigm ~ HalfNormal(1)")
