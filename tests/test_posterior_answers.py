"""Answers of a posterior come in the caller's library; a saved posterior gives equal answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

from multilevel.data import datasets, read_table
from multilevel.design import bind
from multilevel.errors import OptionError, StorageError
from multilevel.language import parse_formula
from multilevel.posterior_answers import load_saved_posterior
from multilevel.results.posterior import Posterior
from tests.oracle.posteriors import SLEEP, made_up_draws, posterior_of, sleep_posterior, varying_posterior


@pytest.fixture(scope="module")
def posterior() -> Posterior:
    return sleep_posterior(level=0.8)


def test_a_loaded_posterior_gives_equal_answers(posterior: Posterior, tmp_path: Path) -> None:
    posterior.save(tmp_path / "a")
    again = load_saved_posterior(tmp_path / "a")
    for name in ("fixed_effects", "variance_components", "correlations", "random_effects"):
        pd.testing.assert_frame_equal(getattr(again, name), getattr(posterior, name), check_exact=True)
    assert str(again) == str(posterior)
    assert again.to_json() == posterior.to_json()
    new = {"days": [3.0], "subject": ["308"]}
    pd.testing.assert_frame_equal(
        again.predict(new, interval=0.9), posterior.predict(new, interval=0.9), check_exact=True
    )
    np.testing.assert_array_equal(again.simulate(2, seed=1), posterior.simulate(2, seed=1))


def test_a_loaded_posterior_has_only_the_texts_of_its_priors(posterior: Posterior) -> None:
    with pytest.raises(OptionError, match=r"loaded from a file.*\n.*\n  try: multilevel\.prior_predictive"):
        posterior.prior_predictive(seed=1)


def test_an_absent_file(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot read"):
        load_saved_posterior(tmp_path / "none")


def test_new_rows(posterior: Posterior) -> None:
    found = posterior.predict(pl.DataFrame({"days": [3.0, 4.0]}), groups="new", interval=0.9)
    assert isinstance(found, pl.DataFrame)
    assert found.columns == ["prediction", "sd", "lower", "upper", "varies"]
    alone = posterior.predict({"days": [3.0, 4.0]}, groups="typical")
    np.testing.assert_allclose(alone["prediction"], found["prediction"])


def test_tables_come_in_the_library_of_the_data() -> None:
    model = parse_formula(SLEEP)
    table = read_table(pl.from_pandas(datasets.load("sleepstudy")), model.variables)
    design = bind(model, table)
    posterior = posterior_of(design, made_up_draws(design), table)
    for frame in (posterior.fixed_effects, posterior.draws_table(), posterior.predict()):
        assert isinstance(frame, pl.DataFrame)


def test_a_loaded_posterior_has_its_residual_groups(tmp_path: Path) -> None:
    posterior = varying_posterior("late")
    posterior.save(tmp_path / "a")
    again = load_saved_posterior(tmp_path / "a")
    for name in ("residual_sds", "residual_law", "variance_components"):
        pd.testing.assert_frame_equal(getattr(again, name), getattr(posterior, name), check_exact=True)
    new = {"days": [1.0], "late": ["other"]}
    once, twice = (
        one.predict(new, groups="new", interval=0.9, observation=True) for one in (posterior, again)
    )
    pd.testing.assert_frame_equal(once, twice, check_exact=True)
