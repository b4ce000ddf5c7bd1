"""Fits and posteriors of generalised models from sources against those of the rows: one likelihood."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest

import multilevel as ml
from multilevel.data import merged
from multilevel.engines import refusals
from multilevel.errors import ComparisonError, DataError, MissingValuesWarning, OptionError
from tests.spark_cluster import spark_session

N = 1500


@pytest.fixture(autouse=True)
def _merging(monkeypatch: pytest.MonkeyPatch) -> None:
    """Merge small sources, too."""
    monkeypatch.setattr(merged.rows_of, "__kwdefaults__", {"frequency_weights": None, "few_rows": 0})


def data() -> pd.DataFrame:
    """Return responses of many families in 12 groups, with few distinct predictors."""
    rng = np.random.default_rng(16)
    g, x = rng.integers(0, 12, N), rng.integers(0, 4, N).astype(float)
    eta = 0.3 * x - 0.5 + 0.8 * rng.standard_normal(12)[g]
    t = rng.integers(1, 5, N)
    return pd.DataFrame(
        {
            "y": rng.binomial(1, 1.0 / (1.0 + np.exp(-eta))),
            "s": rng.binomial(t, 1.0 / (1.0 + np.exp(-eta))),
            "t": t,
            "c": rng.poisson(np.exp(eta)),
            "o": np.array(["a", "b", "c"])[np.digitize(eta + rng.logistic(size=N), [-0.5, 1.0])],
            "z": np.round(rng.gamma(2.0, np.exp(eta)), 1) + 0.1,
            "x": x,
            "k": rng.choice(list("uv"), N),
            "g": [f"g{level}" for level in g],
            "w": rng.integers(0, 3, N),
        }
    )


CASES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "bernoulli": ("y ~ x + k + (x | g)", "bernoulli", {}),
    "weights": ("y ~ x + (1 | g)", "bernoulli", {"frequency_weights": "w"}),
    "binomial": ("prop(s, t) ~ x + (1 | g)", "binomial", {}),
    "crossed": ("c ~ x + (1 | g) + (1 | k)", "poisson", {}),
    "offset": ("c ~ k + (1 | g)", "negative_binomial", {"offset": "x"}),
    "gamma": ("z ~ x + (1 | g)", "gamma", {}),
    "ordinal": ("o ~ x + (1 | g)", "ordinal", {}),
    "quadrature": ("y ~ x + (1 | g)", "bernoulli", {"method": "quadrature"}),
}


@pytest.mark.filterwarnings("ignore::multilevel.errors.BoundaryWarning")
@pytest.mark.parametrize(("formula", "family", "options"), CASES.values(), ids=CASES.keys())
def test_one_likelihood(formula: str, family: str, options: dict[str, Any]) -> None:
    rows = data()
    ours = ml.fit(formula, pl.from_pandas(rows).lazy(), family=family, **options)
    whole = ml.fit(formula, rows, family=family, **options)
    assert ours.deviance == pytest.approx(whole.deviance, rel=1e-9)
    assert ours.bic == pytest.approx(whole.bic, rel=1e-9)
    assert ours.n_rows == whole.n_rows
    assert ours.n_groups == whole.n_groups
    near = ours.solution.beta - whole.solution.beta
    assert np.abs(near / np.sqrt(np.diagonal(whole.vcov))).max() < 1e-4
    np.testing.assert_allclose(ours.vcov, whole.vcov, rtol=1e-4, atol=1e-9)
    assert ours.design.n_rows < N
    assert f"to {ours.design.n_rows:,} distinct ones" in str(ours).replace("\n", " ")


def test_engines_agree_to_the_last_bit(tmp_path: Path) -> None:
    rows = data()
    rows.to_parquet(tmp_path / "rows.parquet")
    sources: list[Any] = [
        pl.from_pandas(rows).lazy(),
        duckdb.connect().from_df(rows),
        [tmp_path / "rows.parquet"],
    ]
    found = [ml.fit("y ~ x + (1 | g)", one, family="bernoulli").deviance for one in sources]
    assert len(set(found)) == 1


@pytest.mark.engines
@pytest.mark.filterwarnings("ignore:The inplace keyword")  # of pandas, by Dask
def test_dask_merges_the_same_rows() -> None:
    import dask.dataframe as dd

    rows = data()
    found = ml.fit("y ~ x + (1 | g)", dd.from_pandas(rows, npartitions=3), family="bernoulli")
    assert (
        found.deviance == ml.fit("y ~ x + (1 | g)", pl.from_pandas(rows).lazy(), family="bernoulli").deviance
    )


@pytest.mark.engines
def test_a_cluster_merges_the_same_rows(tmp_path: Path) -> None:
    rows = data()
    rows.to_parquet(tmp_path / "rows.parquet")
    frame = spark_session().read.parquet(str(tmp_path / "rows.parquet"))
    found = ml.fit("y ~ x + (1 | g)", frame, family="bernoulli")
    assert (
        found.deviance == ml.fit("y ~ x + (1 | g)", pl.from_pandas(rows).lazy(), family="bernoulli").deviance
    )


def test_missing_values_are_counted_by_rows() -> None:
    rows = data()
    rows.loc[[1, 5, 9], "x"] = np.nan
    with pytest.warns(MissingValuesWarning, match="3 of 1500 rows left out because of missing values: x 3"):
        ours = ml.fit("y ~ x + (1 | g)", pl.from_pandas(rows).lazy(), family="bernoulli")
    assert ours.n_rows == N - 3
    assert "3 of 1,500 rows were left out (missing values: x 3)" in str(ours).replace("\n", " ")
    lost = rows.assign(g=rows["g"].where(rows.index > 1))
    with pytest.raises(DataError, match="`g` is missing in 2 of 1500 rows\n"):
        ml.fit("y ~ k + (1 | g)", pl.from_pandas(lost).lazy(), family="bernoulli")


def test_answers_about_single_rows_are_refused_with_a_remedy() -> None:
    rows = data()
    fit = ml.fit("y ~ x + (1 | g)", pl.from_pandas(rows).lazy(), family="bernoulli")
    for ask in (
        lambda: fit.fitted,
        lambda: fit.residuals,
        lambda: fit.simulate(1, seed=1),
        lambda: fit.predict(),
        lambda: fit.refit(y=rows["y"]),
    ):
        with pytest.raises(DataError, match=r"single rows[\s\S]*predict\(rows\)"):
            value = ask()
            value() if callable(value) else None
    whole = ml.fit("y ~ x + (1 | g)", rows, family="bernoulli")
    new = pl.DataFrame({"x": [1.0, 2.0], "g": ["g1", "g3"]})
    np.testing.assert_allclose(fit.predict(new)["prediction"], whole.predict(new)["prediction"], rtol=1e-7)


def test_comparisons_are_those_of_the_rows() -> None:
    rows = data()
    lazy = pl.from_pandas(rows).lazy()
    found = []
    for source in (lazy, rows):
        fits = [ml.fit(f"y ~ {fixed} + (1 | g)", source, family="bernoulli") for fixed in ("1", "x", "x + k")]
        found.append(ml.compare(*fits))
    for column in ("chi_square", "df", "p_value"):
        np.testing.assert_allclose(
            found[0][column].to_numpy()[1:].astype(float), found[1][column][1:].astype(float), rtol=1e-6
        )
    fewer = ml.fit("y ~ x + (1 | g)", lazy.head(N - 1), family="bernoulli")
    with pytest.raises(ComparisonError, match="the rows used"):
        ml.compare(fits[0], fewer)
    other = ml.fit("s ~ x + (1 | g)", lazy, family="poisson")
    with pytest.raises(ComparisonError, match="the response"):
        ml.compare(ml.fit("c ~ x + (1 | g)", lazy, family="poisson"), other)


def test_saved_and_loaded(tmp_path: Path) -> None:
    fit = ml.fit("y ~ x + (1 | g)", pl.from_pandas(data()).lazy(), family="bernoulli")
    fit.save(tmp_path / "merged.fit")
    again = ml.load_fit(tmp_path / "merged.fit")
    assert again.deviance == pytest.approx(fit.deviance, rel=1e-12)
    assert again.n_rows == N
    assert again.design.merged == fit.design.merged


@pytest.mark.filterwarnings("ignore::multilevel.errors.ConvergenceWarning")
@pytest.mark.parametrize("weights", [None, "w"])
def test_posteriors_are_those_of_the_rows(weights: str | None, tmp_path: Path) -> None:
    rows = data()
    options: dict[str, Any] = {
        "family": "bernoulli", "method": "gibbs", "draws": 100, "warmup": 100, "chains": 2, "seed": 1,
        "frequency_weights": weights,
    }  # fmt: skip
    ours = ml.sample("y ~ x + (1 | g)", pl.from_pandas(rows).lazy(), **options)
    whole = ml.sample("y ~ x + (1 | g)", rows, **options)
    np.testing.assert_allclose(ours.draws["x"], whole.draws["x"], rtol=1e-6)
    assert ours.n_rows == whole.n_rows
    if weights is None:
        np.testing.assert_allclose(ours.loo().elpd, whole.loo().elpd, rtol=1e-6)
    ours.save(tmp_path / "draws")
    assert ml.load_posterior(tmp_path / "draws").n_rows == whole.n_rows


@pytest.mark.parametrize("name", ["frequency_weights", "offset"])
def test_arrays_beside_a_source_are_refused(name: str) -> None:
    options: dict[str, Any] = {name: np.ones(N)}
    with pytest.raises(OptionError, match=f"`{name}` is an array"):
        ml.fit("y ~ x + (1 | g)", pl.from_pandas(data()).lazy(), family="bernoulli", **options)


@pytest.mark.parametrize("kind", ["polars", "Parquet", "DuckDB"])
def test_rows_in_files_are_those_in_memory_to_the_last_bit(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merged, "memory_bytes", lambda: 1000)
    rows = data().assign(v=np.random.default_rng(2).standard_normal(N))
    rows.loc[[1, 5], "v"] = np.nan
    rows.to_parquet(tmp_path / "rows.parquet")
    sources: dict[str, Any] = {
        "polars": pl.from_pandas(rows).lazy(),
        "Parquet": [tmp_path / "rows.parquet"],
        "DuckDB": duckdb.connect().from_df(rows),
    }
    formula, options = "y ~ v + k + (1 | g)", {"family": "bernoulli", "missing": "drop"}
    with monkeypatch.context() as little:
        little.setattr(refusals, "memory_limit", lambda: 1000)
        ours = ml.fit(formula, sources[kind], **options)
    whole = ml.fit(formula, rows, **options)
    assert ours.deviance == whole.deviance
    np.testing.assert_array_equal(ours.vcov, whole.vcov)
    np.testing.assert_allclose(ours.fitted, whole.fitted, rtol=1e-12)
    assert ours.n_rows == whole.n_rows == N - 2
    with pytest.raises(DataError, match="too many for the memory"):
        ml.sample(formula, sources[kind], family="bernoulli", method="gibbs", missing="drop", seed=1)
