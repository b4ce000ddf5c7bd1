"""Levels of nodes as rows to predict: coefficients, constants and effects that a node is made of."""

from __future__ import annotations

import numpy as np
import pytest

from multilevel.data import read_table
from multilevel.design import bind
from multilevel.design.node_rows import levels_of, node_columns, node_rows
from multilevel.errors import DataError, OptionError
from multilevel.language import parse_formula
from multilevel.language.graph import parse_graph

RNG = np.random.default_rng(3)
PARENT = np.arange(12) % 6
APP = np.repeat(np.arange(12), 5)
KINDS = ["u", "v", "w", "u", "v", "w"]
ROWS = {
    "y": RNG.normal(size=60).tolist(),
    "app": [f"a{10 + i}" for i in APP],
    "house": [f"h{PARENT[i]}" for i in APP],
    "size": (1.0 + PARENT[APP] ** 2).tolist(),
    "kind": [KINDS[PARENT[i]] for i in APP],
    "x": RNG.normal(size=60).tolist(),
}


def _design(text, rows=None):
    rows = ROWS if rows is None else rows
    table = read_table(rows, list(rows))
    return bind(parse_graph(text, rows), table), table


def _of(text, component):
    design, table = _design(text)
    node, _ = design.model.dag.node_of(component)
    return design, node_rows(design, levels_of(design, table, node), component)


GRAPH = "H[house] ~ Normal(m + k * size - 2, t)\nA[app] ~ Normal(H[house], u)\ny ~ Normal(A[app] + b * x, s)"


def test_a_node_is_its_coefficients_constants_and_the_effects_above_it():
    design, found = _of(GRAPH, "A")
    assert found.labels == tuple(f"a{10 + i}" for i in range(12))
    assert found.chain == (1, 0)
    assert design.fixed.names == ("Intercept", "size", "x")
    expected = np.column_stack([np.ones(12), 1.0 + PARENT**2.0, np.zeros(12)])
    np.testing.assert_array_equal(found.rows.X, expected)
    np.testing.assert_array_equal(found.rows.offset, np.full(12, -2.0))
    np.testing.assert_array_equal(found.rows.index[1], np.arange(12))
    assert [design.factors[0].levels[i] for i in found.rows.index[0]] == [f"h{i}" for i in PARENT]
    for Z in found.rows.Z:
        np.testing.assert_array_equal(Z, np.ones((12, 1)))


def test_what_multiplies_a_node_in_the_response_is_not_in_the_node():
    design, found = _of("b[app] ~ Normal(m + k * size, t)\ny ~ Normal(b[app] * x, s)", "b")
    assert design.fixed.names == ("x", "size:x")
    np.testing.assert_array_equal(found.rows.X, np.column_stack([np.ones(12), 1.0 + PARENT**2.0]))


CATEGORIES = [
    ("H[house] ~ Normal(m + k * kind, t)\ny ~ Normal(H[house], s)", ("Intercept", "kind[T.v]", "kind[T.w]")),
    ("H[house] ~ Normal(k * kind, t)\ny ~ Normal(H[house], s)", ("kind[u]", "kind[v]", "kind[w]")),
    ("H[house] ~ Normal(m + k * kind, t)\ny ~ Normal(H[house] * x, s)", ("x", "kind[T.v]:x", "kind[T.w]:x")),
    ("H[house] ~ Normal(k * kind, t)\ny ~ Normal(H[house] * x, s)", ("kind[u]:x", "kind[v]:x", "kind[w]:x")),
    (
        "H[house] ~ Normal(m + k * C(kind), t)\ny ~ Normal(H[house], s)",
        ("Intercept", "C(kind)[T.v]", "C(kind)[T.w]"),
    ),
]


@pytest.mark.parametrize(("text", "names"), CATEGORIES)
def test_categories_have_the_coding_of_the_design(text, names):
    design, found = _of(text, "H")
    assert design.fixed.names == names
    kinds = np.array(KINDS)
    level = [name.partition("[")[2].partition("]")[0].removeprefix("T.") for name in names]
    expected = np.column_stack([np.ones(6) if not one else (kinds == one).astype(float) for one in level])
    np.testing.assert_array_equal(found.rows.X, expected)


def test_an_interaction_whose_coding_depends_on_the_rest_of_the_mean():
    text = "H[house] ~ Normal(m + v * size + w * size * kind, t)\ny ~ Normal(H[house], s)"
    design, found = _of(text, "H")
    kept = dict(zip(design.fixed.names, found.rows.X.T, strict=True))
    size = 1.0 + np.arange(6) ** 2.0
    np.testing.assert_array_equal(kept["size"], size)
    np.testing.assert_array_equal(kept["size:kind[T.v]"], size * (np.array(KINDS) == "v"))


def test_an_aliased_column_adds_nothing():
    rows = {**ROWS, "twice": [2.0 * size for size in ROWS["size"]]}
    text = "H[house] ~ Normal(m + k * size + l * twice, t)\ny ~ Normal(H[house], s)"
    with pytest.warns(UserWarning, match="twice"):
        design, table = _design(text, rows)
    found = node_rows(design, levels_of(design, table, design.model.dag.nodes[0]), "H")
    assert design.fixed.names == ("Intercept", "size")
    np.testing.assert_array_equal(found.rows.X[:, 1], 1.0 + np.arange(6) ** 2.0)


def test_new_levels_are_unknown_with_known_or_unknown_parents():
    design, _ = _design(GRAPH)
    new = {"app": ["a11", "new", "other"], "house": ["h1", "h3", "h9"], "size": [2.0, 10.0, 7.0]}
    found = node_rows(design, read_table(new, node_columns(design.model.dag, "A")), "A")
    assert found.rows.index[1].tolist() == [1, -1, -1]
    assert found.rows.index[0].tolist() == [1, 3, -1]
    assert found.rows.unknown == {"app": ("new", "other"), "house": ("h9",)}


def test_columns_that_a_node_needs():
    graph = parse_graph(GRAPH, ROWS).dag
    assert node_columns(graph, "A") == ("app", "house", "size")
    assert node_columns(graph, "H") == ("house", "size")


def test_faults():
    design, table = _design(GRAPH)
    wrong = {"app": ["a11"], "house": ["h2"], "size": [2.0]}
    with pytest.raises(DataError, match="'a11' is given another house than it has in the data: 'h1'"):
        node_rows(design, read_table(wrong, ["app", "house", "size"]), "A")
    plain = bind(parse_formula("y ~ x + (1 | app)"), table)
    with pytest.raises(OptionError, match="the model has no graph"):
        node_rows(plain, table, "A")
