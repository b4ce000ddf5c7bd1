"""Which columns are functions of which: chains, indices of several columns, crossed ones, circles."""

from __future__ import annotations

import pytest

from multilevel.design.nesting import nesting_of
from multilevel.errors import DesignError
from multilevel.language import parse_formula
from multilevel.language.graph import parse_graph


def graph_of(text: str):
    return parse_graph(text).dag


@pytest.mark.parametrize(
    ("text", "above", "finest"),
    [
        ("A[a] ~ Normal(m, s); y ~ Normal(A[a], v)", {"a": ()}, ("a",)),
        (
            "P[p] ~ Normal(m, s); A[a] ~ Normal(P[p], t); D[d] ~ Normal(0, u); y ~ Normal(A[a] + D[d], v)",
            {"p": (), "a": ("p",), "d": ()},
            ("a", "d"),
        ),
        (
            "P[p] ~ Normal(m, s); Q[q] ~ Normal(0, r); A[a] ~ Normal(P[p] + Q[q], t); y ~ Normal(A[a], v)",
            {"p": (), "q": (), "a": ("p", "q")},
            ("a",),
        ),
        ("A[a, b] ~ Normal(m, s); y ~ Normal(A[a, b], v)", {"a": (), "b": ()}, ("a", "b")),
    ],
)
def test_columns_are_nested_as_means_say(text, above, finest) -> None:
    found = nesting_of(graph_of(text))
    assert (dict(found.above), found.finest) == (above, finest)


def test_nested_terms_of_a_formula_are_a_chain() -> None:
    graph = parse_formula("y ~ 1 + (1 | a/b/c) + (1 | d)").graph().dag
    assert graph is not None
    assert dict(nesting_of(graph).above) == {"a": (), "b": ("a",), "c": ("b",), "d": ()}


def test_circles_are_refused() -> None:
    text = "B[b] ~ Normal(0, s); A[a] ~ Normal(B[b], t); D[a] ~ Normal(m, u); C[b] ~ Normal(D[a], v)"
    with pytest.raises(DesignError, match="functions of each other"):
        nesting_of(graph_of(text + "; y ~ Normal(A[a] + C[b] * x, w)"))


def test_parents_of_combinations_are_refused() -> None:
    text = "D[d] ~ Normal(m, s); A[a, b] ~ Normal(D[d], t); y ~ Normal(A[a, b], v)"
    with pytest.raises(DesignError, match="combination of columns"):
        nesting_of(graph_of(text))
