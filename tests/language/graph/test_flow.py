"""How nodes reach the response: their order, what they are multiplied by, and ways that are none."""

from __future__ import annotations

import pytest

from multilevel.language.graph.flow import flow_of
from multilevel.language.graph.reader import read_statements
from multilevel.language.graph.scope import scope_of
from tests.language.faults import fault


def _flow(text):
    scope = scope_of(*read_statements(text), None)
    return flow_of(scope, scope.response.arguments[0])


def test_parents_come_before_their_children():
    found = _flow("""
        y ~ Normal(A[a] * x, s)
        A[a] ~ Normal(B[b] * z + k * w, t)
        B[b] ~ Normal(C[c] + m, u)
        C[c] ~ Normal(0, v)
    """)
    assert [one.names[0] for one in found.order] == ["C", "B", "A"]
    assert found.reach == {"A": ("x",), "B": ("z", "x"), "C": ("z", "x")}
    assert [piece.parameter for piece in found.means["A"]] == ["", "k"]


def test_components_reach_the_response_each_on_its_own_way():
    found = _flow("[a, b][g] ~ MVNormal([P[h], 0], S)\nP[h] ~ Normal(0, t)\ny ~ Normal(b[g] * x + a[g], s)")
    assert found.reach == {"a": (), "b": ("x",), "P": ()}


FAULTS = [
    (
        "y ~ Normal(A[g], s)\nA[g] ~ Normal(B[h], t)\nB[h] ~ Normal(A[g], u)",
        "the nodes depend on each other in a circle: A -> B -> A",
        "A[g]",
    ),
    (
        "y ~ Normal(A[g], s)\nA[g] ~ Normal(A[g], t)",
        "the nodes depend on each other in a circle: A -> A",
        "A[g]",
    ),
    ("y ~ Normal(m, s)\nA[g] ~ Normal(0, t)", "the node `A` does not reach the response", "A[g]"),
    (
        "y ~ Normal(b[g][0], s)\nb[g] ~ MVNormal([0, 0], S)",
        "the node `b[1]` does not reach the response",
        "b[g]",
    ),
    (
        "y ~ Normal(A[g] + B[h], s)\nB[h] ~ Normal(A[g], t)\nA[g] ~ Normal(0, u)",
        "`A` reaches the response on two ways",
        "A[g]",
    ),
    ("y ~ Normal(A[g], s)\nA[g] ~ Normal(m)", "Normal has 1 argument here", "Normal(m)"),
    ("y ~ Normal(A[g], s)\nA[g] ~ Normal([m, n], t)", "Normal is the distribution of one number", "[m, n]"),
    (
        "y ~ Normal(A[g], s)\nA[g] ~ Normal(exp(m), t)",
        "`exp()` stands where the mean of a node must stand",
        "exp(m)",
    ),
    (
        "y ~ Normal(b[g][0], s)\nb[g] ~ MVNormal([m, [n]], S)",
        "a list stands where the mean of a node must stand",
        "[n]",
    ),
    (
        "y ~ Normal(b[g], s)\nb[g] ~ MVNormal([m], S)",
        "the mean of MVNormal must be a list of two or more",
        "[m]",
    ),
    (
        "y ~ Normal(a[g] + b[g] * x, s)\n[a, b][g] ~ MVNormal([0, 0, 0], S)",
        "2 names on the left and 3 means",
        "[0, 0, 0]",
    ),
]


@pytest.mark.parametrize(("text", "asked", "underlined"), FAULTS)
def test_faults(text, asked, underlined):
    assert fault(text, _flow) == (asked, underlined)


def test_a_vector_as_a_mean_is_written_number_by_number():
    text = "y ~ Normal(b[g][0] + b[g][1] * x, s)\nb[g] ~ MVNormal(v[h], S)\nv[h] ~ MVNormal([0, 0], T)"
    with pytest.raises(ValueError, match="list of two") as caught:
        _flow(text)
    assert caught.value.remedy == "[v[h][0], v[h][1]]"
