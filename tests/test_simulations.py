"""Simulation through the door: one call each for the models of the list, tables, seeds, order, refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import multilevel as ml

STATEMENTS = [
    "P[publisher] ~ Normal(mu + g * size, s_P)",
    "A[app]       ~ Normal(P[publisher], s_A)",
    "D[device]    ~ Normal(0, s_D)",
    "stars        ~ Normal(A[app] + D[device], sigma)",
]
TRUTH = {"mu": 3, "g": 0.4, "s_P": 1.0, "s_A": 0.7, "s_D": 0.5, "sigma": 0.8}
SIZES = {"publisher": 7, "app": 40, "device": 5, "rows": 300}


def apps(order=(0, 1, 2, 3)):
    return ml.graph("\n".join(STATEMENTS[i] for i in order))


def test_a_seed_gives_the_same_whatever_the_order_of_the_statements() -> None:
    one = ml.simulate(apps(), SIZES, TRUTH, seed=1)
    two = ml.simulate(apps((3, 2, 1, 0)), dict(reversed(SIZES.items())), TRUTH, seed=1)
    pd.testing.assert_frame_equal(one.data, two.data, check_like=True)
    by = ["node", "level"]
    pd.testing.assert_frame_equal(
        one.nodes.sort_values(by, ignore_index=True), two.nodes.sort_values(by, ignore_index=True)
    )
    other = ml.simulate(apps(), SIZES, TRUTH, seed=2)
    assert (other.data["stars"] != one.data["stars"]).all()
    assert one.seed == 1


def test_nodes_stand_as_in_a_fit() -> None:
    drawn = ml.simulate(apps(), SIZES, TRUTH, seed=1)
    fit = ml.fit(apps(), drawn.data)
    assert fit.nodes[["node", "level"]].equals(drawn.nodes[["node", "level"]])


@pytest.mark.parametrize(
    "library", [pd.DataFrame, pl.DataFrame, pa.table, dict], ids=["pandas", "polars", "pyarrow", "dictionary"]
)
def test_a_table_comes_back_with_its_response(library) -> None:
    columns = {"cafe": ["a", "b", "c"] * 4, "other": list(range(12)), "wait": [0.0] * 12}
    cafes = "wait ~ 1 + (1 | cafe)"
    truth = {"a": 3, "sigma_a_cafe": 1, "sigma": 0.5}
    given = library(columns)
    found = ml.simulate(cafes, given, truth, seed=1)
    assert isinstance(found.data, pd.DataFrame if library is dict else type(given))
    frame = found.data.to_pandas() if hasattr(found.data, "to_pandas") else found.data
    assert list(frame.columns) == ["cafe", "other", "wait"]
    assert frame["other"].tolist() == list(range(12))
    wanted = ml.simulate(cafes, pd.DataFrame(columns), truth, seed=1).data["wait"]
    np.testing.assert_array_equal(frame["wait"], wanted)


def test_a_pandas_index_stays() -> None:
    frame = pd.DataFrame({"cafe": list("abab")}, index=[5, 6, 8, 7])
    found = ml.simulate("wait ~ 1 + (1 | cafe)", frame, {"a": 1, "sigma_a_cafe": 0, "sigma": 0}, seed=1)
    assert found.data.index.tolist() == [5, 6, 8, 7]
    assert found.data["wait"].tolist() == [1.0] * 4


def test_a_file_is_read(tmp_path) -> None:
    pd.DataFrame({"cafe": list("abab"), "x": 1.0}).to_csv(tmp_path / "cafes.csv", index=False)
    truth = {"a": 1, "sigma_a_cafe": 0, "sigma": 0}
    found = ml.simulate("wait ~ 1 + (1 | cafe)", tmp_path / "cafes.csv", truth, seed=1)
    assert found.data.columns.tolist() == ["wait", "cafe"]


def test_the_schools_of_a_formula_are_five_levels_deep() -> None:
    model = ml.formula("score ~ ses + (1 | state/district/school/room) + (1 | background)")
    sizes = {"state": 3, "district": 9, "school": 20, "room": 50, "background": 4, "rows": 400}
    text = model.graph().dag.text
    names = [word for word in text.replace(")", " ").replace(",", " ").split() if word.startswith("sigma")]
    found = ml.simulate(model, sizes, {"a": 1, "b_ses": 2, **dict.fromkeys(names, 0.5)}, seed=1)
    assert found.data[["state", "district", "school", "room"]].drop_duplicates().shape[0] == 50
    assert found.nodes["node"].nunique() == 5


def test_orders_of_factors_that_the_parameters_settle() -> None:
    model = ml.graph("y ~ Normal(A[g] + x * b, s); A[g] ~ Normal(m, t)")
    truth = {"m": 0, "b": 2, "s": 1, "t": 1}
    found = ml.simulate(model, {"g": 4, "rows": 20, "x": "normal"}, truth, seed=1)
    assert set(found.data) == {"y", "x", "g"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"parameters": {"mu": 3}}, "parameters missing: 'g', 's_P', 's_A', 's_D', 'sigma'"),
        ({"parameters": TRUTH | {"sigm": 1}}, "not in the graph: 'sigm'"),
        ({"seed": -1}, "seed=-1 is not a seed"),
        ({"balanced": 1}, "balanced=1 is neither"),
        ({"data_or_sizes": pd.DataFrame({"app": [1]}), "balanced": True}, "was given with a table"),
        ({"data_or_sizes": {}}, "number of levels is missing"),
        ({"model": "log(y) ~ 1 + (1 | g)"}, r"asked of the response `log\(y\)`"),
        ({"model": ml.formula("y ~ 1 + (1 | g)", family="poisson", zero_inflation="~ 1")}, "zero inflation"),
    ],
)
def test_what_is_refused(change, words) -> None:
    given = {"model": apps(), "data_or_sizes": SIZES, "parameters": TRUTH, "seed": 1, "balanced": False}
    call = given | change
    if "model" in change:
        call["data_or_sizes"] = {"g": 3, "rows": 9}
    with pytest.raises(ml.OptionError, match=words):
        ml.simulate(
            call["model"],
            call["data_or_sizes"],
            call["parameters"],
            seed=call["seed"],
            balanced=call["balanced"],
        )


def test_missing_values_are_refused() -> None:
    frame = pd.DataFrame({"cafe": ["a", None, "b"], "wait": 1.0})
    with pytest.raises(ml.DataError, match="`cafe` is missing"):
        ml.simulate("wait ~ 1 + (1 | cafe)", frame, {"a": 1, "sigma_a_cafe": 0, "sigma": 0}, seed=1)
