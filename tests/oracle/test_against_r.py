"""The oracle against numbers recorded from lme4, lmerTest and pbkrtest, wherever it is small enough."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from multilevel.data import datasets, read_table
from multilevel.design import bind, columns_needed
from multilevel.language import parse_formula
from multilevel.results import Fit
from tests.oracle.fits import fit_design

GOLDEN = Path(__file__).parents[1] / "golden"
GIVEN = ("precision_weights", "residual_sd", "offset")
CHOSEN = (
    "cake-factorial-ml",
    "cbpp-weighted-reml",
    "dyestuff-one_way-reml",
    "dyestuff2-singular-ml",
    "eight_schools-known_sds-reml",
    "machines-by_machine-reml",
    "orthodont-growth-ml",
    "pastes-nested-reml",
    "penicillin-crossed-reml",
    "sleepstudy-slopes-reml",
    "sleepstudy-uncorrelated-reml",
)


def recorded() -> dict[str, Any]:
    """Return the recorded models by name."""
    found = {}
    for file in sorted(GOLDEN.glob("*.json")):
        for model in json.loads(file.read_text()).get("models", []):
            found[model["name"]] = model
    return found


RECORDED = recorded()


def refit(model: dict[str, Any], ddf: str = "satterthwaite") -> Fit:
    """Fit a recorded model by the oracle."""
    given = {name: model[name] for name in GIVEN if model.get(name) is not None}
    parsed = parse_formula(model["formula"])
    table = read_table(datasets.load(model["data"]), columns_needed(parsed, **given))
    return fit_design(bind(parsed, table, **given), method=model["method"], ddf=ddf)


@pytest.mark.parametrize("name", CHOSEN)
def test_criterion_coefficients_and_degrees_of_freedom(name: str) -> None:
    """Criterion to 1e-8, the rest to 1e-6: R's Hessians are numerical, and its optimiser stops there."""
    model = RECORDED[name]
    fit = refit(model)
    assert fit.deviance == pytest.approx(model["criterion"], abs=1e-8)
    table = fit.fixed_effects.set_index("term")
    for row in model["fixed"]:
        found = table.loc[row["term"]]
        assert found["estimate"] == pytest.approx(row["estimate"], rel=1e-6)
        assert found["std_error"] == pytest.approx(row["std_error"], rel=1e-6)
        if row.get("df") is not None:
            assert found["df"] == pytest.approx(row["df"], rel=1e-6)


@pytest.mark.parametrize(
    "name", ["penicillin-crossed-reml", "machines-by_machine-reml", "dyestuff2-singular-reml"]
)
def test_kenward_roger(name: str) -> None:
    model = RECORDED[name]
    table = refit(model, "kenward-roger").fixed_effects.set_index("term")
    for row in model["fixed"]:
        assert table.loc[row["term"], "std_error"] == pytest.approx(row["kr_std_error"], rel=1e-6)
        assert table.loc[row["term"], "df"] == pytest.approx(row["kr_df"], rel=1e-6)


def test_group_effects() -> None:
    model = RECORDED["sleepstudy-slopes-reml"]
    found = refit(model).random_effects
    recorded_modes = np.array(model["random"][0]["mode"])
    recorded_sds = np.array(model["random"][0]["sd"])
    np.testing.assert_allclose(found["estimate"].to_numpy().reshape(-1, 2), recorded_modes, atol=1e-6)
    np.testing.assert_allclose(found["sd"].to_numpy().reshape(-1, 2), recorded_sds, rtol=1e-6)
