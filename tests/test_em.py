"""EM through the doors: lme4's numbers, tables, pages, files, refits, comparisons, the command line."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import multilevel as ml
from multilevel.cli.main import main
from multilevel.engines.solution import Status
from tests.test_golden import ALL, RECORDS, frame_of

BY_EM = {"ml": "em", "reml": "em_reml"}
SLEEP = "reaction ~ days + (days | subject)"


def fitted(text: str, data: str, method: Any, **options: Any) -> ml.Fit:
    """Return a fit of a bundled data set."""
    return ml.fit(text, ml.datasets.load(data), method=method, **options)


@pytest.mark.parametrize("name", ALL)
def test_lme4_and_nlme_end_no_higher(name: str) -> None:
    """The records of `tests.test_golden`, with its tolerances; standard errors as well."""
    record = RECORDS[name]
    given = ("precision_weights", "frequency_weights", "residual_sd")
    options = {key: record[key] for key in given if key in record}
    with warnings.catch_warnings():
        if record["singular"]:
            warnings.simplefilter("ignore", ml.BoundaryWarning)
        fit = ml.fit(
            record["formula"], frame_of(record), method=BY_EM[record["method"]], missing="drop", **options
        )
    assert -1e-4 < fit.deviance - record["criterion"] < 1e-6
    assert fit.df == record["parameters"]
    trace = fit.solution.trace
    assert trace is not None
    assert (np.diff(trace) >= 0.0).all()
    assert trace[-1] == pytest.approx(fit.loglik, rel=1e-14)
    table = fit.fixed_effects.set_index("term").loc[[row["term"] for row in record["fixed"]]]
    expected = [row["std_error"] for row in record["fixed"]]
    np.testing.assert_allclose(table["std_error"], expected, rtol=1e-4)


@pytest.mark.parametrize(("method", "exact"), [("em", "ml"), ("em_reml", "reml")])
def test_tables_and_predictions_are_those_of_the_likelihood_engine(method: Any, exact: Any) -> None:
    """1e-5: what a criterion within 1e-11 of its optimum leaves of the estimates."""
    a, b = fitted(SLEEP, "sleepstudy", method), fitted(SLEEP, "sleepstudy", exact)
    for name in ("fixed_effects", "variance_components", "correlations", "random_effects"):
        mine, other = getattr(a, name), getattr(b, name)
        assert list(mine.columns) == list(other.columns)
        numbers = mine.select_dtypes("number")
        np.testing.assert_allclose(numbers, other[numbers.columns], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(a.fitted, b.fitted, rtol=1e-5)
    new = {"days": [3.0, 12.0], "subject": ["308", "new"]}
    columns = ["prediction", "lower", "upper"]
    mine = ml_numbers(a.predict(new, groups="new", interval=0.9), columns)
    np.testing.assert_allclose(
        mine, ml_numbers(b.predict(new, groups="new", interval=0.9), columns), rtol=1e-4
    )


def ml_numbers(frame: Any, columns: list[str]) -> np.ndarray:
    """Return columns of a table as numbers."""
    return np.asarray(frame[columns], dtype=float)


def test_degrees_of_freedom_of_kenward_and_roger_need_the_restricted_likelihood() -> None:
    fit = fitted(SLEEP, "sleepstudy", "em_reml", ddf="kenward-roger")
    assert fit.fixed_effects["df"].tolist() == pytest.approx([17.0, 17.0], abs=1e-3)
    with pytest.raises(ml.OptionError, match="kenward-roger"):
        fitted(SLEEP, "sleepstudy", "em", ddf="kenward-roger")


@pytest.mark.parametrize(
    ("method", "headline", "name"),
    [("em", "ML (EM)", "-2 log-likelihood"), ("em_reml", "REML (EM)", "-2 restricted log-likelihood")],
)
def test_the_page_says_how_it_was_fitted(method: Any, headline: str, name: str) -> None:
    text = str(fitted(SLEEP, "sleepstudy", method))
    assert text.startswith(f"Linear mixed model by {headline}\n")
    assert f"\n{name} " in text


def test_a_boundary_is_a_warning_with_both_sentences() -> None:
    with pytest.warns(ml.BoundaryWarning, match=r"method='ml' ends there exactly\. `\(1 \| batch\)`: the sd"):
        fit = fitted("yield ~ 1 + (1 | batch)", "dyestuff2", "em")
    assert fit.status is Status.BOUNDARY
    assert fit.sentence.count("is going to zero") == 1


def test_an_early_end_is_a_warning() -> None:
    with pytest.warns(ml.ConvergenceWarning, match="limit of evaluations"):
        fit = fitted(SLEEP, "sleepstudy", "em_reml", max_evaluations=3)
    assert fit.status is Status.EVALUATION_LIMIT


@pytest.mark.filterwarnings("ignore::multilevel.errors.BoundaryWarning")
@pytest.mark.parametrize(("text", "data"), [(SLEEP, "sleepstudy"), ("yield ~ 1 + (1 | batch)", "dyestuff2")])
def test_a_saved_fit_comes_back_whole(text: str, data: str, tmp_path: Path) -> None:
    fit = fitted(text, data, "em")
    fit.save(tmp_path / "a.fit")
    again = ml.load_fit(tmp_path / "a.fit")
    assert (again.method, again.status, again.sentence) == (fit.method, fit.status, fit.sentence)
    assert again.deviance == fit.deviance
    assert again.certificate == fit.certificate
    np.testing.assert_array_equal(again.solution.trace, fit.solution.trace)
    np.testing.assert_array_equal(again.solution.theta, fit.solution.theta)
    assert str(again) == str(fit)


@pytest.mark.filterwarnings("ignore::multilevel.errors.BoundaryWarning")
def test_a_refit_begins_inside() -> None:
    """From the fit of a variance at zero, which EM would not leave."""
    fit = fitted("yield ~ 1 + (1 | batch)", "dyestuff2", "em_reml")
    varying = ml.datasets.load("dyestuff")["yield"].to_numpy(float)
    again = fit.refit(varying)
    assert again.method == "em_reml"
    exact = fitted("yield ~ 1 + (1 | batch)", "dyestuff", "reml")
    assert again.deviance == pytest.approx(exact.deviance, abs=1e-8)


def test_comparisons_take_em_for_what_it_maximises() -> None:
    """Likelihood-ratio tests as of ML fits; restricted fits with other fixed parts are refitted."""
    small = "reaction ~ 1 + (days | subject)"
    mixed = ml.compare(fitted(small, "sleepstudy", "em"), fitted(SLEEP, "sleepstudy", "ml"))
    exact = ml.compare(fitted(small, "sleepstudy", "ml"), fitted(SLEEP, "sleepstudy", "ml"))
    assert mixed["method"].tolist() == ["em", "ml"]
    assert mixed["chi_square"].iloc[1] == pytest.approx(exact["chi_square"].iloc[1], abs=1e-8)
    restricted = ml.compare(fitted(small, "sleepstudy", "em_reml"), fitted(SLEEP, "sleepstudy", "em_reml"))
    assert restricted["method"].tolist() == ["ml (refitted)"] * 2
    assert restricted["chi_square"].iloc[1] == pytest.approx(exact["chi_square"].iloc[1], abs=1e-8)
    alike = ml.compare(
        fitted("reaction ~ days + (1 | subject)", "sleepstudy", "em_reml"),
        fitted(SLEEP, "sleepstudy", "reml"),
    )
    assert alike["method"].tolist() == ["em_reml", "reml"]


REFUSED: tuple[tuple[dict[str, Any], str], ...] = (
    ({"family": "poisson"}, "method='em' was asked of the poisson family"),
    (
        {"family": ml.families.Gaussian(link="log")},
        "method='em' was asked of the gaussian family with log link",
    ),
    ({"nodes": 5}, "nodes=5 was given to method='em'"),
    ({"start": np.array([0.0])}, "which EM never leaves"),
)


@pytest.mark.parametrize(("options", "message"), REFUSED, ids=str)
def test_what_em_does_not_do_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ml.OptionError) as caught:
        fitted("yield ~ 1 + (1 | batch)", "dyestuff", "em", **options)
    assert message in str(caught.value)


@pytest.mark.parametrize("method", ["em", "em_reml"])
def test_the_command_line_fits_and_predicts(
    method: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved = str(tmp_path / "sleep.fit")
    assert main(["fit", SLEEP, "sleepstudy", "--method", method, "--format", "json", "--save", saved]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["method"] == method
    assert facts["certificate"]["holds"]
    assert facts["deviance"] == pytest.approx(fitted(SLEEP, "sleepstudy", method).deviance, abs=1e-9)
    assert main(["predict", saved, "sleepstudy", "--interval", "0.9"]) == 0
    assert capsys.readouterr().out.count("\n") == 181
