"""Merged moments: those of the tables set below one another, whatever each table lacks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import multilevel as ml
from multilevel.design.priors import bind_priors
from multilevel.engines.likelihood import solve


def table(n: int = 360) -> pd.DataFrame:
    rng = np.random.default_rng(11)
    day = np.repeat([1.0, 2.0, 3.0], n // 3)
    data = pd.DataFrame(
        {
            "day": day,
            "x": 1e8 + 3.0 * day + rng.normal(size=n),
            "z": rng.normal(size=n),
            "g": rng.integers(0, 14, n) + 4 * day.astype(int),
            "h": rng.choice(list("pqrstu"), n),
            "w": rng.uniform(0.5, 2.0, n),
            "k": rng.integers(1, 4, n).astype(float),
            "c": rng.integers(1, 4, n),
        }
    )
    sets = {1.0: ["a", "b"], 2.0: ["b", "c"], 3.0: ["c", "a", "d"]}
    data["f"] = [rng.choice(sets[one]) for one in day]
    data["b"] = rng.random(n) < 0.4
    effect = rng.normal(size=40)
    data["y"] = 1e8 + 5.0 * day + data["z"] + effect[data["g"]] + rng.normal(size=n)
    return data


CASES: list[tuple[str, dict[str, Any]]] = [
    ("y ~ x + z + (z | g)", {}),
    ("y ~ day + z + (1 | g)", {}),
    ("y ~ f + day + (1 | g) + (1 | h)", {}),
    ("y ~ f * z + b + (1 | g:h)", {}),
    ("y ~ 0 + f + z + (1 | g)", {"precision_weights": "w"}),
    ("y ~ C(c, contr.sum) + f:z + (1 | h)", {"frequency_weights": "k", "offset": "z"}),
    ("y ~ z + (f | h)", {}),
    ("y ~ x + cs(f | h)", {"residual_sd": "w"}),
    ("I(y - 1e8) ~ 0 + z + (0 + z || g) + (1 | h)", {"residual_sd": 3.0}),
]


@pytest.mark.filterwarnings("ignore::multilevel.AliasedWarning")
@pytest.mark.filterwarnings("ignore::multilevel.BoundaryWarning")
@pytest.mark.filterwarnings("ignore::multilevel.GroupingWarning")
@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize(("formula", "options"), CASES)
def test_merged_moments_are_those_of_all_rows(
    formula: str, options: dict[str, Any], lazy: bool, tmp_path: Path
) -> None:
    data = table()
    parts = [data[data["day"] == day] for day in (1.0, 2.0, 3.0)]
    made = [ml.moments(formula, pl.LazyFrame(part) if lazy else part, **options) for part in parts]
    made[1].save(tmp_path / "second")
    merged = made[0].merge(ml.load_moments(tmp_path / "second")).merge(made[2])
    whole = ml.moments(formula, data, **options)
    assert merged.design.fixed.names == whole.design.fixed.names
    assert [f.levels for f in merged.design.factors] == [f.levels for f in whole.design.factors]
    assert (merged.n_rows, merged.groups) == (whole.n_rows, whole.groups)
    assert merged.n_observations == pytest.approx(whole.n_observations, rel=1e-13)
    fit, rows = ml.fit(merged), ml.fit(formula, data, **options)
    assert fit.deviance == pytest.approx(rows.deviance, rel=1e-10)
    own, other = fit.fixed_effects, rows.fixed_effects
    for name in ("estimate", "std_error"):
        np.testing.assert_allclose(own[name], other[name], rtol=1e-6, atol=1e-7)
    new = data.iloc[::30]
    np.testing.assert_allclose(fit.predict(new)["prediction"], rows.predict(new)["prediction"], rtol=1e-9)


def test_missing_values_and_small_tables_are_added_up() -> None:
    data = table()
    data.loc[[3, 200], "z"] = np.nan
    formula = "y ~ z + (1 | g)"
    parts = [data.iloc[:2], data.iloc[2:180], data.iloc[180:]]
    merged = ml.merge_moments(*[ml.moments(formula, part, missing="drop") for part in parts])
    assert (merged.missing, merged.n_rows, merged.design.n_input) == ({"z": 2}, 358, 360)
    rows = ml.fit(formula, data, missing="drop")
    assert ml.fit(merged).deviance == pytest.approx(rows.deviance, rel=1e-10)


@pytest.mark.parametrize("lazy", [False, True])
def test_effects_of_a_factor_of_one_level_wait_for_others(lazy: bool) -> None:
    data = table()
    data = data[data["f"] != "d"]
    formula = "y ~ day + (f | h)"
    parts = [data[data["f"] == "c"], data[data["f"] != "c"]]
    made = [ml.moments(formula, pl.LazyFrame(part) if lazy else part) for part in parts]
    with pytest.raises(ml.DesignError, match="has one level and nothing to vary"):
        ml.fit(made[0])
    merged = ml.moments(formula, data).products
    own = made[0].merge(made[1]).products
    assert [block.names for block in own.blocks] == [block.names for block in merged.blocks]
    for a, b in ((own.A[0], merged.A[0]), (own.D, merged.D)):
        assert a.shape == b.shape
    found = solve(own, method="reml").criterion
    assert found == pytest.approx(solve(merged, method="reml").criterion, rel=1e-10)


def test_default_priors_of_merged_moments_are_those_of_all_rows() -> None:
    data = table()
    formula = "y ~ z + (1 | g)"
    merged = ml.moments(formula, data[data["day"] == 1.0]).merge(ml.moments(formula, data[data["day"] > 1.0]))
    whole = ml.moments(formula, data)
    assert bind_priors(merged.design, None).texts() == bind_priors(whole.design, None).texts()


@pytest.mark.filterwarnings("ignore::multilevel.AliasedWarning")
@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (
            ("y ~ z + (1 | g)", {}),
            ("y ~ x + (1 | g)", {}),
            "(?s)the moments are those of.*sum each table with",
        ),
        (
            ("y ~ z + (1 | g)", {}),
            ("y ~ z + (1 | g)", {"offset": "x"}),
            "made with offset=None and offset='x'",
        ),
        (
            ("y ~ z + (1 | g)", {"residual_sd": 1.0}),
            ("y ~ z + (1 | g)", {"residual_sd": 2.0}),
            "residual_sd=1.0",
        ),
        (("y ~ scale(z) + (1 | g)", {}), ("y ~ scale(z) + (1 | g)", {}), "`scale.z.` were to be merged"),
    ],
)
def test_what_cannot_be_merged_is_refused(first: Any, second: Any, message: str) -> None:
    data = table()
    made = [ml.moments(formula, data, **options) for formula, options in (first, second)]
    with pytest.raises(ml.OptionError, match=message):
        ml.merge_moments(*made)


def test_columns_of_two_kinds_are_refused() -> None:
    data = table()
    made = [ml.moments("y ~ b + (1 | g)", one) for one in (data, data.assign(b=data["b"].map(str)))]
    with pytest.raises(ml.OptionError, match="`b` is text, in another boolean"):
        ml.merge_moments(*made)
    with pytest.raises(ml.OptionError, match="merge was given int"):
        ml.merge_moments(made[0], 3)  # type: ignore[arg-type]
