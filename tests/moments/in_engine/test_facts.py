"""Facts of sources: counts, means and levels against those of the rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from multilevel.data.sources import open_source
from multilevel.design.blueprint_outline import outline_of
from multilevel.errors import DesignError
from multilevel.language import parse_formula
from multilevel.moments.in_engine import facts as module
from multilevel.moments.in_engine.facts import facts_in_engine
from multilevel.moments.products import Facts

Make = Callable[[pa.Table], Any]
ENGINES: dict[str, Make] = {
    "polars": lambda table: pl.from_arrow(table).lazy(),
    "duckdb": duckdb.from_arrow,
}
COLUMNS: Mapping[str, Any] = {
    "y": [1.0, 2.0, None, 4.0, 5.0, 7.0],
    "x": [1.0, float("nan"), 3.0, 4.0, 5.0, 9.0],
    "z": [1.0, 1.0, 1.0, 0.0, 2.0, 4.0],
    "f": ["b", "z", "z", "a", "b", "only with weight zero"],
    "b": [True, False, True, True, True, True],
    "k": [10, 3, 3, 2, 10, 2],
    "g": [1, 1, 2, 2, 3, None],
    "w": [1.0, 1.0, 1.0, 2.0, 0.5, 1.0],
    "n": [1, 1, 1, 1, 2, 0],
}


def facts_of(make: Make, formula: str, columns: Mapping[str, Any] = COLUMNS, **options: Any) -> Facts:
    """Return the facts of a table."""
    source = open_source(make(pa.table(dict(columns))))
    return facts_in_engine(source, outline_of(parse_formula(formula), source.schema, **options))


@pytest.mark.parametrize("make", ENGINES.values(), ids=ENGINES)
def test_facts_are_those_of_the_rows(make: Make) -> None:
    facts = facts_of(
        make,
        "y ~ x + log(z) + f + b + C(k) + offset(x) + (1 | g)",
        precision_weights="w",
        frequency_weights="n",
    )
    used = pd.DataFrame(COLUMNS).iloc[[0, 3, 4]]
    assert (facts.n_input, facts.n_used, facts.lost, facts.sampled) == (6, 3, 3, False)
    assert facts.missing == {"y": 1, "x": 1, "g": 1}
    assert facts.infinite == {"log(z)": 1}, "the logarithm of zero, in a row that is used"
    assert facts.levels == {"f": ("a", "b"), "b": ("True",), "k": ("2", "10")}
    response = used["y"] - used["x"]
    for name, column in {"x": used["x"], "response": response, "log(z)": np.log([1.0, 2.0])}.items():
        found = [part[name] for part in (facts.mean, facts.deviation, facts.low, facts.high)]
        wanted = [np.mean(column), np.std(column), np.min(column), np.max(column)]
        np.testing.assert_allclose(found, wanted, rtol=1e-14, atol=1e-14)
    assert (facts.low["precision_weights"], facts.high["precision_weights"]) == (0.5, 2.0)
    assert (facts.low["frequency_weights"], facts.high["frequency_weights"]) == (1.0, 2.0)


@pytest.mark.parametrize("make", ENGINES.values(), ids=ENGINES)
def test_weights_of_zero_and_below_are_seen(make: Make) -> None:
    columns = {**COLUMNS, "g": [1, 1, 2, 2, 3, 3], "w": [1.0, 1.0, 1.0, 2.0, -0.5, 1.0]}
    facts = facts_of(make, "y ~ 1 + (1 | g)", columns, precision_weights="w", frequency_weights="n")
    assert (facts.low["precision_weights"], facts.low["frequency_weights"]) == (-0.5, 0.0)
    assert (facts.n_used, facts.lost) == (3, 1)


@pytest.mark.parametrize("make", ENGINES.values(), ids=ENGINES)
def test_infinite_values_are_counted_and_not_in_means(make: Make) -> None:
    columns = {**COLUMNS, "x": [1.0, float("inf"), 3.0, -float("inf"), 5.0, 9.0]}
    facts = facts_of(make, "y ~ x + (1 | n)", columns)
    assert facts.infinite == {"x": 2}
    assert facts.mean["x"] == 5.0


@pytest.mark.parametrize("make", ENGINES.values(), ids=ENGINES)
def test_of_no_rows_nothing_is_known(make: Make) -> None:
    columns = {**COLUMNS, "x": pa.array([None] * 6, pa.float64())}
    facts = facts_of(make, "y ~ x + f + (1 | g)", columns)
    assert (facts.n_used, facts.missing["x"], facts.levels) == (0, 6, {"f": ()})
    assert np.isnan(facts.mean["x"])


@pytest.mark.parametrize("make", ENGINES.values(), ids=ENGINES)
def test_a_large_offset_leaves_the_deviation(make: Make) -> None:
    """At 1e8 a float64 is exact to 1.5e-8; the deviation only chooses a scale."""
    x = np.random.default_rng(3).normal(size=5000)
    columns = {"y": x + 1e8, "g": np.arange(5000) % 7}
    facts = facts_of(make, "y ~ 1 + (1 | g)", columns)
    np.testing.assert_allclose(facts.deviation["response"], np.std(x), rtol=1e-6)
    np.testing.assert_allclose(facts.mean["response"], 1e8 + np.mean(x), rtol=1e-12)


def test_thousands_of_levels_are_not_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_LEVELS", 3)
    facts_of(ENGINES["polars"], "y ~ C(k) + (1 | g)")
    columns = {**COLUMNS, "f": list("abcdef"), "g": [1] * 6, "y": [1.0] * 6}
    for make in ENGINES.values():
        with pytest.raises(DesignError, match=r"`f` has more than 3 levels[\s\S]*\(1 \| f\)"):
            facts_of(make, "y ~ f + (1 | g)", columns)


def test_levels_of_an_enum_keep_their_order() -> None:
    """As with a table of polars in memory; other texts are sorted."""
    kind = pl.Enum(["low", "not there", "high", "mid"])
    for dtype, wanted in ((kind, ("low", "high", "mid")), (pl.Categorical(), ("high", "low", "mid"))):
        f = pl.Series(["mid", "low", "high"], dtype=dtype)
        source = open_source(pl.LazyFrame({"y": [1.0, 2.0, 4.0], "f": f, "g": [1, 1, 2]}))
        outline = outline_of(parse_formula("y ~ f + (1 | g)"), source.schema)
        assert facts_in_engine(source, outline).levels == {"f": wanted}
