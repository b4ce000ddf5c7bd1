"""The doors of moments: fits and posteriors of moments are those of the rows; what needs rows says so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest

import multilevel as ml

SLEEP = ml.datasets.load("sleepstudy")


def crossed(seed: int = 3, n: int = 400) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    data = pd.DataFrame(
        {
            "x": 1e8 + rng.normal(size=n),
            "f": rng.choice(["a", "b", "c"], n),
            "g": rng.integers(0, 20, n),
            "h": rng.choice(list("uvwxyz"), n),
            "w": rng.uniform(0.5, 2.0, n),
            "k": rng.integers(1, 4, n).astype(float),
            "o": rng.normal(size=n),
        }
    )
    data["y"] = 1e8 + 2.0 * (data["x"] - 1e8) + rng.normal(size=20)[data["g"]] + rng.normal(size=n)
    return data


CASES: list[tuple[str, Callable[[], Any], dict[str, Any]]] = [
    ("reaction ~ days + (days | subject)", lambda: SLEEP, {}),
    ("reaction ~ days + (days || subject)", lambda: SLEEP, {"residual_sd": 25.0}),
    ("y ~ x + f + (x | g) + (1 | h)", crossed, {}),
    ("y ~ f + (1 | g/h)", crossed, {"precision_weights": "w", "offset": "o"}),
    ("y ~ 0 + f + (1 | g)", crossed, {"frequency_weights": "k"}),
    ("y ~ x + offset(o) + cs(1 + f | g)", crossed, {"residual_sd": "w"}),
]


@pytest.mark.filterwarnings("ignore::multilevel.BoundaryWarning")
@pytest.mark.parametrize("method", ["reml", "ml", "em_reml"])
@pytest.mark.parametrize(("formula", "data", "keywords"), CASES)
def test_fits_of_moments_are_those_of_the_rows(
    formula: str, data: Callable[[], Any], keywords: dict[str, Any], method: Any
) -> None:
    if method.startswith("em") and formula.startswith("y"):
        method = "ml"
    moments = ml.moments(formula, data(), **keywords)
    fit, rows = ml.fit(moments, method=method), ml.fit(formula, data(), method=method, **keywords)
    assert fit.deviance == pytest.approx(rows.deviance, rel=1e-12)
    for table in ("fixed_effects", "variance_components", "correlations", "random_effects"):
        pd.testing.assert_frame_equal(getattr(fit, table), getattr(rows, table), rtol=1e-9)
    assert (fit.n_rows, fit.n_groups, fit.bic) == (rows.n_rows, rows.n_groups, pytest.approx(rows.bic))
    assert str(fit) == str(rows)
    new = pd.DataFrame(data()).head(7)
    pd.testing.assert_frame_equal(
        fit.predict(new, interval=0.9, observation=True), rows.predict(new, interval=0.9, observation=True)
    )


@pytest.mark.filterwarnings("ignore::multilevel.ConvergenceWarning")
@pytest.mark.parametrize("method", ["marginal", "gibbs"])
def test_posteriors_of_moments_are_those_of_the_rows(method: Any) -> None:
    formula = "reaction ~ days + (days | subject)"
    keywords: dict[str, Any] = {"method": method, "seed": 5, "draws": 2000, "warmup": 200}
    moments = ml.moments(formula, SLEEP)
    own, rows = ml.sample(moments, **keywords), ml.sample(formula, SLEEP, **keywords)
    np.testing.assert_array_equal(own.draws["days"], rows.draws["days"])
    pd.testing.assert_frame_equal(own.random_effects, rows.random_effects)
    again = ml.sample(formula, moments, {"sigma": ml.HalfNormal(30.0)}, **keywords)
    other = ml.sample(formula, SLEEP, {"sigma": ml.HalfNormal(30.0)}, **keywords)
    np.testing.assert_array_equal(again.draws["sigma"], other.draws["sigma"])


NEEDS_ROWS: list[tuple[str, Callable[[Any, Any], object]]] = [
    ("fitted values", lambda f, p: f.fitted),
    ("residuals", lambda f, p: f.residuals),
    ("fitted values and residuals", lambda f, p: f.residuals_of("quantile")),
    ("predictions of the used rows", lambda f, p: f.predict()),
    ("simulated responses", lambda f, p: f.simulate(seed=1)),
    ("new responses of refit", lambda f, p: f.refit(np.ones(180))),
    ("fitted values", lambda f, p: p.fitted),
    ("residuals", lambda f, p: p.residuals),
    ("predictions of the used rows", lambda f, p: p.predict()),
    ("simulated responses", lambda f, p: p.simulate(seed=1)),
    ("leave-one-out densities", lambda f, p: p.loo()),
    ("leave-one-out densities", lambda f, p: p.loo(group="subject")),
    ("prior predictive responses", lambda f, p: p.prior_predictive(10, seed=1)),
    ("log likelihood values", lambda f, p: p.to_arviz()),
    ("fitted values", lambda f, p: ml.plots.residuals(f)),
    ("simulated responses", lambda f, p: ml.plots.predictive(f)),
    ("sizes of groups", lambda f, p: ml.plots.pooling_weights(p)),
    ("group estimates without pooling", lambda f, p: ml.plots.poolings(f)),
    ("group estimates without pooling", lambda f, p: ml.plots.shrinkage(f)),
    ("group estimates without pooling", lambda f, p: ml.plots.shrinkage(p)),
]


@pytest.mark.parametrize(("what", "ask"), NEEDS_ROWS)
def test_what_needs_rows_says_so(what: str, ask: Callable[[Any, Any], object]) -> None:
    moments = ml.moments("reaction ~ days + (days | subject)", SLEEP)
    fit, posterior = ml.fit(moments), ml.sample(moments, seed=1, draws=2000)
    with pytest.raises(ml.DataError, match=what) as caught:
        ask(fit, posterior)
    assert "it holds moments, not rows (180 rows of a table)" in str(caught.value)


def test_fits_of_moments_are_compared_by_their_sums() -> None:
    texts = ["reaction ~ 1 + (days | subject)", "reaction ~ days + (days | subject)"]
    table = ml.compare(*[ml.fit(ml.moments(text, SLEEP)) for text in texts])
    rows = ml.compare(*[ml.fit(text, SLEEP) for text in texts])
    pd.testing.assert_frame_equal(table, rows, rtol=1e-9)
    with pytest.raises(ml.ComparisonError, match=r"the rows used \(180 and 179\)"):
        ml.compare(ml.fit(ml.moments(texts[0], SLEEP)), ml.fit(texts[1], SLEEP.iloc[1:]))
    changed = SLEEP.assign(reaction=SLEEP["reaction"] * 1.001)
    with pytest.raises(ml.ComparisonError, match="the response, its offset or its weights"):
        ml.compare(ml.fit(ml.moments(texts[0], SLEEP)), ml.fit(texts[1], changed))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: ml.fit(m, SLEEP), "data beside them"),
        (lambda m: ml.fit("reaction ~ 1 + (days | subject)", m), "the moments are those of"),
        (lambda m: ml.fit("reaction ~ days + (days || subject)", m), "the moments are those of"),
        (lambda m: ml.fit(m, offset="days"), "offset= was given beside moments"),
        (lambda m: ml.fit(m, family="poisson"), "leave family= out"),
        (lambda m: ml.fit(m, missing="drop"), "missing= was given beside moments"),
        (lambda m: ml.sample(m, residual_groups="subject"), "residual_groups= was given"),
        (lambda m: ml.moments("reaction ~ ar1(0 + days | subject)", SLEEP), "serial structure"),
        (lambda m: ml.moments(ml.formula("days ~ 1 + (1 | subject)", family="poisson"), SLEEP), "poisson"),
    ],
)
def test_what_moments_cannot_take_is_refused(call: Callable[[Any], object], message: str) -> None:
    with pytest.raises(ml.MultilevelError, match=message):
        call(ml.moments("reaction ~ days + (days | subject)", SLEEP))


def test_moments_of_a_graph() -> None:
    text = "[a, b][subject] ~ MVNormal([am, bm], S)\nreaction ~ Normal(a[subject] + b[subject] * days, sigma)"
    moments = ml.moments(ml.graph(text), SLEEP)
    assert ml.fit(moments).deviance == pytest.approx(ml.fit(ml.graph(text), SLEEP).deviance, rel=1e-12)
    assert ml.fit(ml.graph(text), moments).formula == moments.formula


def test_resuming_with_other_moments_is_refused(tmp_path: Any) -> None:
    formula, path = "reaction ~ days + (days | subject)", tmp_path / "run"
    ml.sample(ml.moments(formula, SLEEP), seed=1, draws=2000, checkpoint=path)
    changed = SLEEP.assign(reaction=SLEEP["reaction"].to_numpy()[::-1])
    with pytest.raises(ml.MultilevelError, match="data"):
        ml.sample(ml.moments(formula, changed), seed=1, draws=2000, checkpoint=path, resume=True)


def of_folder(table: pd.DataFrame, folder: Path) -> object:
    for i, part in enumerate(np.array_split(np.arange(len(table)), 3)):
        table.iloc[part].to_parquet(folder / f"part{i}.parquet")
    return folder


SOURCES: list[Callable[[pd.DataFrame, Path], object]] = [
    of_folder,
    lambda table, folder: f"{of_folder(table, folder)}/*.parquet",
    lambda table, folder: sorted(Path(str(of_folder(table, folder))).glob("*.parquet")),
    lambda table, folder: duckdb.connect().from_df(table),
    lambda table, folder: pl.LazyFrame(table),
]


@pytest.mark.parametrize("source", SOURCES)
def test_fits_of_sources_are_those_of_the_rows(
    source: Callable[[pd.DataFrame, Path], object], tmp_path: Path
) -> None:
    table = crossed()
    formula, keywords = "y ~ x + f + (1 | g)", {"precision_weights": "w", "offset": "o"}
    data = source(table, tmp_path)
    fit, rows = ml.fit(formula, data, **keywords), ml.fit(formula, table, **keywords)
    assert fit.deviance == pytest.approx(rows.deviance, rel=1e-10)
    for name in ("fixed_effects", "variance_components", "random_effects"):
        own, other = getattr(fit, name), getattr(rows, name)
        own = own.to_pandas() if isinstance(own, pl.DataFrame) else own
        pd.testing.assert_frame_equal(own, other, rtol=1e-5, check_dtype=False)
    assert fit.predict(table.head(3), interval=0.9)["lower"].tolist() == pytest.approx(
        rows.predict(table.head(3), interval=0.9)["lower"].tolist(), rel=1e-9
    )
    moments = ml.moments(formula, data, **keywords)
    assert ml.fit(moments, method="ml").deviance == pytest.approx(
        ml.fit(formula, table, method="ml", **keywords).deviance, rel=1e-10
    )
    with pytest.raises(ml.DataError, match=r"not rows \(400 rows of "):
        fit.predict()


def test_posteriors_of_sources_are_those_of_the_rows() -> None:
    formula, source = "reaction ~ days + (days | subject)", pl.LazyFrame(SLEEP)
    own, rows = ml.sample(formula, source, seed=2), ml.sample(formula, SLEEP, seed=2)
    assert own.fixed_effects["mean"].to_list() == pytest.approx(list(rows.fixed_effects["mean"]), rel=1e-3)
    assert str(own.priors.texts()) == str(rows.priors.texts())
    with pytest.raises(ml.OptionError, match="residual_groups were asked of data whose rows stay"):
        ml.sample(formula, source, residual_groups="subject", seed=2)


def test_graphs_of_sources() -> None:
    text = "a[subject] ~ Normal(am, t)\nreaction ~ Normal(a[subject] + b * days, sigma)"
    own, rows = ml.fit(ml.graph(text), pl.LazyFrame(SLEEP)), ml.fit(ml.graph(text), SLEEP)
    assert own.deviance == pytest.approx(rows.deviance, rel=1e-12)


def test_one_level_needs_priors() -> None:
    one = SLEEP.assign(subject="a")
    moments = ml.moments("reaction ~ days + (1 | subject)", one)
    with pytest.raises(ml.DesignError, match="has 1 level"):
        ml.fit(moments)
    with pytest.raises(ml.DesignError, match="has 1 level"):
        ml.fit("reaction ~ days + (1 | subject)", pl.LazyFrame(one))
    with pytest.warns(ml.InformationWarning, match="has 1 level"):
        ml.sample(moments, seed=1)
