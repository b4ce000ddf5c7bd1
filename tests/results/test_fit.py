"""The fit holds facts and passes questions on."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path

import numpy as np
import pytest

from multilevel.engines.solution import Status
from multilevel.results import Fit
from tests.oracle import designs
from tests.oracle.fits import OracleAnswers, fit_design, table_of
from tests.oracle.solution import solve


@pytest.fixture(scope="module")
def fit() -> Fit:
    return fit_design(designs.slopes())


def test_numbers(fit: Fit) -> None:
    criterion = fit.solution.criterion
    assert fit.deviance == criterion
    assert fit.loglik == -criterion / 2
    assert fit.df == 6
    assert fit.aic == pytest.approx(criterion + 12)
    assert fit.bic == pytest.approx(criterion + 6 * np.log(70))
    assert (fit.n_rows, fit.n_groups, fit.method) == (70, {"g": 12}, "reml")
    assert fit.sigma == fit.solution.sigma
    assert fit.model.text == fit.formula == "y ~ x + (x | g)"
    assert fit.status is Status.OPTIMAL
    assert fit.certificate.holds
    assert repr(fit) == "Fit('y ~ x + (x | g)', method='reml', status='optimal')"


def test_bic_counts_frequencies() -> None:
    design = dataclasses.replace(designs.least_squares(), frequency_weights=np.full(30, 3.0))
    fit = fit_design(design)
    assert fit.n_rows == 30
    assert fit.bic == pytest.approx(fit.deviance + 3 * np.log(90))


def test_the_sentence_includes_boundaries() -> None:
    fit = fit_design(designs.zero_variance())
    assert fit.sentence == "The optimum is certified. A variance of `g` is estimated as zero."


def test_tables_arrays_and_pages_are_passed_on(fit: Fit, tmp_path: Path) -> None:
    assert list(fit.fixed_effects["term"]) == ["Intercept", "x"]
    assert list(fit.variance_components["group"]) == ["g", "g", "Residual"]
    assert len(fit.correlations) == 1
    assert len(fit.random_effects) == len(fit.group_coefficients) == 24
    np.testing.assert_allclose(fit.fitted + fit.residuals, fit.design.y)
    assert fit.vcov.shape == (2, 2)
    assert len(fit.predict(interval=0.9)) == 70
    assert fit.simulate(3, seed=1).shape == (3, 70)
    assert str(fit).startswith("Linear mixed model by REML")
    assert fit.to_latex().startswith(r"\begin{table}")
    assert fit.to_markdown().startswith("### Linear")
    assert fit._repr_html_().startswith("<div>")
    assert fit.to_json()["formula"] == "y ~ x + (x | g)"
    fit.save(tmp_path / "fit")
    assert (tmp_path / "fit").is_file()


def test_refit_answers_for_the_new_response(fit: Fit) -> None:
    other = fit.refit(fit.design.y * 2 + 1)
    np.testing.assert_allclose(other.solution.beta, fit.solution.beta * 2 + [1, 0], rtol=1e-6)


def test_a_value_is_made_once(fit: Fit) -> None:
    made: list[int] = []

    def make() -> int:
        made.append(1)
        return 7

    assert fit.once("seven", make) == fit.once("seven", make) == 7
    assert made == [1]


def test_making_a_fit_does_no_work() -> None:
    design = designs.slopes()
    solution, table = solve(design), table_of(design)
    start = time.perf_counter()
    for _ in range(1000):
        Fit(design, None, solution, table, fit_options, OracleAnswers())
    assert time.perf_counter() - start < 0.1, "a fit takes more than 0.1 ms to make"


fit_options = fit_design(designs.least_squares()).options
