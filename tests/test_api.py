"""The doors: what a model that was read before keeps of how it was read."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import pandas as pd
import pytest

import multilevel as ml

TEXT = "angle ~ recipe + (recipe || replicate)"


@pytest.fixture(scope="module")
def cake() -> pd.DataFrame:
    table: pd.DataFrame = ml.datasets.load("cake")
    return table


@pytest.mark.filterwarnings("ignore::multilevel.MultilevelWarning")
@pytest.mark.parametrize("compat", [False, True])
def test_a_model_is_saved_as_it_was_read(cake: pd.DataFrame, compat: bool, tmp_path: Path) -> None:
    fit = ml.fit(ml.formula(TEXT, lme4_compat=compat), cake)
    assert fit.deviance == ml.fit(TEXT, cake, lme4_compat=compat).deviance
    fit.save(tmp_path / "fit")
    again = ml.load_fit(tmp_path / "fit")
    assert again.model == fit.model
    assert again.deviance == pytest.approx(fit.deviance, rel=1e-12)


def test_lme4_compat_comes_too_late_for_a_model(cake: pd.DataFrame) -> None:
    with pytest.raises(ml.OptionError, match="has already been read without it"):
        ml.fit(ml.formula(TEXT), cake, lme4_compat=True)


def test_lme4_compat_is_yes_or_no(cake: pd.DataFrame) -> None:
    with pytest.raises(ml.OptionError, match="lme4_compat='no' is neither"):
        ml.fit(TEXT, cake, lme4_compat="no")  # type: ignore[arg-type]


@pytest.mark.parametrize("path", [3, None, b"fit"])
def test_a_path_that_is_none(cake: pd.DataFrame, path: object) -> None:
    fit = ml.fit("angle ~ temp + (1 | replicate)", cake)
    with pytest.raises(ml.StorageError, match="is not a path"):
        fit.save(path)  # type: ignore[arg-type]
    with pytest.raises(ml.StorageError, match="is not a path"):
        ml.load_fit(path)  # type: ignore[arg-type]


def test_results_are_saved_not_pickled() -> None:
    fit = ml.fit("reaction ~ 1 + (1 | subject)", ml.datasets.load("sleepstudy"))
    assert copy.deepcopy(fit) is fit
    with pytest.raises(ml.StorageError, match=r"multilevel\.load_fit\(path\)"):
        pickle.dumps(fit)


@pytest.mark.filterwarnings("ignore::multilevel.ConvergenceWarning")
@pytest.mark.parametrize("case", ["saturated", "evaluation_limit"])
def test_a_loaded_fit_ended_as_it_was_saved(case: str, tmp_path: Path) -> None:
    data = ml.datasets.load("sleepstudy")
    if case == "saturated":
        data["reaction"] = data["days"] + data["subject"].astype(float)
    fit = ml.fit("reaction ~ days + (1 | subject)", data, max_evaluations=200 if case == "saturated" else 1)
    fit.save(tmp_path / "fit")
    loaded = ml.load_fit(tmp_path / "fit")
    assert fit.status.value == loaded.status.value == case
    assert loaded.sentence == fit.sentence
    assert loaded.certificate.evaluations == fit.certificate.evaluations


def test_true_is_no_number_and_yes_is_no_flag() -> None:
    data, formula = ml.datasets.load("sleepstudy"), "reaction ~ 1 + (1 | subject)"
    for verb in (ml.fit, ml.sample):
        with pytest.raises(ml.OptionError, match="residual_sd=True is no number"):
            verb(formula, data, residual_sd=True)
    for result in (ml.fit(formula, data), ml.sample(formula, data, seed=1)):
        with pytest.raises(ml.OptionError, match="observation='yes' is neither true nor false"):
            result.predict(data, interval=0.9, observation="yes")
