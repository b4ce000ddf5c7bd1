"""Tables drawn from sizes: every level and parent occurs, balance, predictors by level and row, refusals."""

from __future__ import annotations

import numpy as np
import pytest

from multilevel.design.drawn_table import draw_table
from multilevel.errors import OptionError
from multilevel.language.graph import parse_graph

APPS = parse_graph(
    """
    P[publisher] ~ Normal(mu + g * size, s_P)
    A[app]       ~ Normal(P[publisher], s_A)
    D[device]    ~ Normal(0, s_D)
    stars        ~ Normal(A[app] + D[device] + b * x, sigma)
    """
)
SIZES = {"publisher": 7, "app": 40, "device": 5, "rows": 300}


def drawn(sizes=None, *, model=APPS, seed=1, balanced=False):
    return draw_table(model, SIZES | (sizes or {}), seed=seed, balanced=balanced)


def values(table, name):
    return table.columns[name].values


def test_every_level_has_rows_and_every_parent_children() -> None:
    table = drawn()
    assert table.n_rows == 300
    for name in ("publisher", "app", "device"):
        assert set(values(table, name)) == set(range(1, SIZES[name] + 1))
    pairs = set(zip(values(table, "app"), values(table, "publisher"), strict=True))
    assert len(pairs) == 40  # each app has one publisher


def test_fewer_rows_than_levels_repeat_none() -> None:
    table = drawn({"rows": 20})
    assert len(set(values(table, "app"))) == 20


def test_balance() -> None:
    table = drawn({"rows": 400, "x": "binary"}, balanced=True)
    cells = np.unique(np.column_stack([values(table, "app"), values(table, "device")]), axis=0)
    assert len(cells) == 200
    children = [len(set(values(table, "app")[values(table, "publisher") == p])) for p in range(1, 8)]
    assert set(children) == {5, 6}
    assert values(table, "x")[:4].tolist() == [0, 1, 0, 1]
    sizes = {name: size for name, size in SIZES.items() if name != "rows"}
    assert draw_table(APPS, sizes, seed=1, balanced=True).n_rows == 200
    with pytest.raises(OptionError, match="in equal numbers"):
        drawn(balanced=True)


def test_predictors_belong_to_levels_or_rows() -> None:
    table = drawn({"size": lambda rng, n: np.arange(n) + 0.5, "x": 2})
    np.testing.assert_array_equal(values(table, "size"), values(table, "publisher") - 0.5)
    assert set(values(table, "x")) == {2.0}
    array = np.linspace(0, 1, 300)
    np.testing.assert_array_equal(values(drawn({"x": array}), "x"), array)
    texts = drawn({"size": list("abcdefg")}).columns["size"]
    np.testing.assert_array_equal(texts.values, values(table, "publisher") - 1)
    assert texts.levels == tuple("abcdefg")


def test_a_predictor_of_the_combinations_of_an_index() -> None:
    model = parse_graph("A[a, b] ~ Normal(m + g * z, s); y ~ Normal(A[a, b], v)")
    table = draw_table(model, {"a": 4, "b": 3, "rows": 100}, seed=1, balanced=False)
    keys = zip(values(table, "a"), values(table, "b"), values(table, "z"), strict=True)
    assert len(set(keys)) == 12


def test_columns_do_not_depend_on_other_sizes() -> None:
    one, two = drawn(), drawn({"size": "binary"})
    np.testing.assert_array_equal(values(one, "x"), values(two, "x"))
    np.testing.assert_array_equal(values(one, "app"), values(two, "app"))


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        ({"apps": 3}, "'apps' is no column"),
        ({"stars": "normal"}, "'stars' is no column"),
        ({"app": 3}, "3 levels of `app` in 7 of `publisher`.*\n.*sizes are totals"),
        ({"app": 0}, "app=0 is not a number of levels"),
        ({"rows": 2.5}, "rows=2.5 is not a number of rows"),
        ({"x": "uniform"}, "predictor `x` is 'uniform'"),
        ({"size": [1.0, 2.0]}, r"predictor `size` is of shape \(2,\)"),
    ],
)
def test_sizes_that_cannot_be(sizes, words) -> None:
    with pytest.raises(OptionError, match=words):
        drawn(sizes)


def test_absent_sizes_trials_and_sds_are_named() -> None:
    with pytest.raises(OptionError, match="missing of `device`, `app`"):
        draw_table(APPS, {"publisher": 3, "rows": 9}, seed=1, balanced=False)
    heads = parse_graph("h[g] ~ Normal(m, s); y ~ Binomial(n, logistic(h[g]))")
    with pytest.raises(OptionError, match="the trials `n` are missing"):
        draw_table(heads, {"g": 3, "rows": 9}, seed=1, balanced=False)
    known = parse_graph("h[g] ~ Normal(m, s); y ~ Normal(h[g], se)", ["g", "y", "se"])
    with pytest.raises(OptionError, match="known residual sds `se` are missing"):
        draw_table(known, {"g": 3, "rows": 9}, seed=1, balanced=False)
