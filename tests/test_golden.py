"""Agreement with recorded numbers of lme4, lmerTest, pbkrtest and nlme (tests/golden, written by make.R).

Tolerances, all far below what a reader of a table can see:

- criterion: at most 1e-6 above the peer's; its optimum is polished, so 1e-4 below means another criterion;
- coefficients: 1e-4 of the larger of their value and their standard error; standard errors: 1e-4 relative;
- sds: 1e-4 relative, plus 1e-6 of the residual sd so that zero may be compared; correlations: 1e-4;
- group effects: 1e-4 of their conditional sd, plus 1e-6 of the residual sd; conditional sds: the same;
- degrees of freedom: 1e-3 relative, since lmerTest differentiates numerically.
"""

from __future__ import annotations

import functools
import json
import warnings
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

import multilevel as ml

Ddf = Literal["satterthwaite", "kenward-roger"]
GOLDEN = Path(__file__).parent / "golden"
RECORDS: dict[str, dict[str, Any]] = {
    record["name"]: record
    for path in sorted(GOLDEN.glob("*.json"))
    for record in json.loads(path.read_text())["models"]
}
ALL = sorted(RECORDS)


def having(*fields: str) -> list[str]:
    """Return the names of the records that hold the fields, at the top or for each coefficient."""
    return [n for n in ALL if all(f in RECORDS[n] or f in RECORDS[n]["fixed"][0] for f in fields)]


def frame_of(record: dict[str, Any]) -> pd.DataFrame:
    """Return a record's data: its set, with the columns, codings and missing values that the record adds."""
    simulated = GOLDEN / f"{record['data']}.csv"
    frame = pd.read_csv(simulated) if simulated.exists() else ml.datasets.load(record["data"])
    for name, values in record.get("extra_columns", {}).items():
        frame[name] = values
    for name, (column, one) in record.get("recode", {}).items():
        frame[name] = (frame[column].astype(str) == one).astype(float)
    for name, rows in record.get("missing", {}).items():
        frame[name] = frame[name].astype(float)
        frame.loc[rows, name] = np.nan
    return frame


@functools.cache
def fitted(name: str, ddf: Ddf = "satterthwaite") -> ml.Fit:
    """Return our fit of a record's model."""
    record = RECORDS[name]
    keywords = ("precision_weights", "frequency_weights", "residual_sd")
    options = {key: record[key] for key in keywords if key in record}
    with warnings.catch_warnings():
        if record["singular"]:
            warnings.simplefilter("ignore", ml.BoundaryWarning)
        return ml.fit(
            record["formula"], frame_of(record), method=record["method"], missing="drop", ddf=ddf, **options
        )


def residual_scale(record: dict[str, Any]) -> float:
    """Return the peer's residual sd, or the intercept's standard error where residual sds are known."""
    return float(record.get("sigma") or record["fixed"][0]["std_error"])


def coefficients(name: str, column: str, *, ddf: Ddf = "satterthwaite") -> NDArray[np.float64]:
    """Return one column of our coefficient table, in the record's order."""
    table = fitted(name, ddf).fixed_effects.set_index("term")
    terms = [row["term"] for row in RECORDS[name]["fixed"]]
    assert sorted(table.index) == sorted(terms)
    return np.asarray(table.loc[terms, column], float)


def recorded(name: str, column: str) -> NDArray[np.float64]:
    """Return one column of the record's coefficient table."""
    return np.array([row[column] for row in RECORDS[name]["fixed"]], float)


@pytest.mark.parametrize("name", ALL)
def test_criterion_is_the_peers_or_better(name: str) -> None:
    excess = fitted(name).deviance - RECORDS[name]["criterion"]
    assert -1e-4 < excess < 1e-6


@pytest.mark.parametrize("name", ALL)
def test_information_criteria_and_counts_agree(name: str) -> None:
    fit, record = fitted(name), RECORDS[name]
    assert fit.df == record["parameters"]
    found = [fit.loglik, fit.aic, fit.bic]
    np.testing.assert_allclose(found, [record["loglik"], record["aic"], record["bic"]], atol=1e-4, rtol=0)
    if "frequency_weights" not in record:
        assert fit.n_rows == record["n_rows"]
    if "sigma" in record:
        np.testing.assert_allclose(fit.sigma, record["sigma"], rtol=1e-4)


@pytest.mark.parametrize("name", ALL)
def test_coefficients_agree(name: str) -> None:
    estimate, std_error = recorded(name, "estimate"), recorded(name, "std_error")
    off = np.abs(coefficients(name, "estimate") - estimate)
    assert np.all(off <= 1e-4 * np.maximum(np.abs(estimate), std_error))
    np.testing.assert_allclose(coefficients(name, "std_error"), std_error, rtol=1e-4)


@pytest.mark.parametrize("name", ALL)
def test_variance_components_agree(name: str) -> None:
    fit, record = fitted(name), RECORDS[name]
    table = fit.variance_components
    ours = {(row.group, row.term): row.sd for row in table[table["group"] != "Residual"].itertuples()}
    peers = {(row["group"], row["term"]): row["sd"] for row in record["sds"]}
    assert ours.keys() == peers.keys()
    for key, sd in peers.items():
        assert ours[key] == pytest.approx(sd, rel=1e-4, abs=1e-6 * residual_scale(record)), key


@pytest.mark.parametrize("name", [n for n in ALL if RECORDS[n]["correlations"]])
def test_correlations_agree(name: str) -> None:
    table = fitted(name).correlations
    ours = {(row.group, frozenset((row.term_1, row.term_2))): row.correlation for row in table.itertuples()}
    peers = {
        (row["group"], frozenset((row["term_1"], row["term_2"]))): row["correlation"]
        for row in RECORDS[name]["correlations"]
    }
    assert ours == pytest.approx(peers, abs=1e-4)


@pytest.mark.parametrize("name", ALL)
def test_group_effects_agree(name: str) -> None:
    fit, record = fitted(name), RECORDS[name]
    table = fit.random_effects
    table = table.assign(level=table["level"].astype(str)).set_index(["group", "level", "term"])
    assert set(table.index.get_level_values("group")) == {part["group"] for part in record["random"]}
    for part in record["random"]:
        for j, term in enumerate(part["terms"]):
            keys = [(part["group"], level, term) for level in part["levels"]]
            mode, sd = np.array(part["mode"], float)[:, j], np.array(part["sd"], float)[:, j]
            ours, floor = table.loc[keys], 1e-6 * residual_scale(record)
            assert np.all(np.abs(ours["estimate"].to_numpy() - mode) <= 1e-4 * sd + floor)
            np.testing.assert_allclose(ours["sd"], sd, rtol=1e-4, atol=floor)


@pytest.mark.parametrize(
    "name", [n for n in ALL if any("sum_squares" in part for part in RECORDS[n]["random"])]
)
def test_sums_of_squares_of_many_group_effects_agree(name: str) -> None:
    table = fitted(name).random_effects
    for part in RECORDS[name]["random"]:
        sums = part.get("sum_squares", {"levels": 0, "mode": [], "sd": []})
        for j, (mode, sd) in enumerate(zip(sums["mode"], sums["sd"], strict=True)):
            ours = table[(table["group"] == part["group"]) & (table["term"] == part["terms"][j])]
            assert len(ours) == sums["levels"]
            np.testing.assert_allclose((ours["estimate"] ** 2).sum(), mode, rtol=4e-4)
            np.testing.assert_allclose((ours["sd"] ** 2).sum(), sd, rtol=2e-4)


@pytest.mark.parametrize("name", having("df"))
def test_satterthwaite_agrees_with_lmertest(name: str) -> None:
    np.testing.assert_allclose(coefficients(name, "df"), recorded(name, "df"), rtol=1e-3)
    np.testing.assert_allclose(coefficients(name, "statistic"), recorded(name, "t"), rtol=2e-4, atol=1e-4)
    np.testing.assert_allclose(coefficients(name, "p_value"), recorded(name, "p"), rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", having("kr_df"))
def test_kenward_roger_agrees_with_pbkrtest(name: str) -> None:
    ddf: Ddf = "kenward-roger"
    np.testing.assert_allclose(coefficients(name, "df", ddf=ddf), recorded(name, "kr_df"), rtol=1e-3)
    np.testing.assert_allclose(
        coefficients(name, "std_error", ddf=ddf), recorded(name, "kr_std_error"), rtol=1e-4
    )


@pytest.mark.parametrize("name", having("nlme"))
def test_nlme_gives_the_same_second_opinion(name: str) -> None:
    opinion = RECORDS[name]["nlme"]
    assert fitted(name).deviance == pytest.approx(opinion["criterion"], abs=1e-5)
    std_error = {row["term"]: row["std_error"] for row in RECORDS[name]["fixed"]}
    ours = dict(
        zip([row["term"] for row in RECORDS[name]["fixed"]], coefficients(name, "estimate"), strict=True)
    )
    for term, estimate in opinion["estimate"].items():
        assert abs(ours[term] - estimate) <= 1e-4 * max(abs(estimate), std_error[term])


def test_enough_models_and_sets_are_recorded() -> None:
    assert len(RECORDS) >= 36
    assert len({record["data"] for record in RECORDS.values()}) >= 13
    assert {record["method"] for record in RECORDS.values()} == {"reml", "ml"}
