"""The tables of variance components and correlations."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from multilevel.inference import correlations, variance_components
from tests.generalised import fitted
from tests.oracle import designs
from tests.oracle.fits import fit_design


def test_rows_follow_the_model_and_end_with_the_residual() -> None:
    fit = fit_design(designs.crossed())
    found = variance_components(fit)
    assert list(found) == ["group", "term", "sd", "variance", "share"]
    assert found["group"] == ["g", "g", "h", "Residual"]
    assert found["term"] == ["Intercept", "x", "Intercept", ""]
    np.testing.assert_allclose(found["sd"] ** 2, found["variance"])
    assert found["sd"][-1] == pytest.approx(fit.sigma)
    assert found["share"].sum() == pytest.approx(1)


def test_a_zero_variance_is_zero() -> None:
    assert variance_components(fit_design(designs.zero_variance()))["share"].tolist() == [0.0, 1.0]


def test_all_variances_zero_have_no_share() -> None:
    fit = fit_design(designs.least_squares())
    still = dataclasses.replace(fit, solution=dataclasses.replace(fit.solution, sigma=0.0))
    assert variance_components(still)["share"].tolist() == [0.0]


def test_residual_sds_known_row_by_row_are_averaged() -> None:
    design = designs.friends()
    sds = np.linspace(0.3, 0.9, design.n_rows)
    fit = fit_design(dataclasses.replace(design, precision_weights=1 / sds**2, residual_sd=1.0))
    assert variance_components(fit)["variance"][-1] == pytest.approx(np.mean(sds**2))


def test_correlations_of_unstructured_terms_only() -> None:
    fit = fit_design(designs.slopes())
    T = fit.solution.covariances[0]
    found = correlations(fit)
    assert [found[name] for name in ("group", "term_1", "term_2")] == [["g"], ["Intercept"], ["x"]]
    assert found["correlation"][0] == pytest.approx(T[0, 1] / np.sqrt(T[0, 0] * T[1, 1]))
    assert found["covariance"][0] == T[0, 1]
    assert len(correlations(fit_design(designs.crossed()))["group"]) == 0


def test_one_correlation_stands_beside_every_pair_of_effects() -> None:
    fit = fit_design(designs.alike())
    found = correlations(fit)
    assert list(zip(found["term_1"], found["term_2"], strict=True)) == [("a", "b"), ("a", "c"), ("b", "c")]
    T = fit.solution.covariances[0]
    np.testing.assert_allclose(found["correlation"], T[0, 1] / T[0, 0])
    assert len(set(np.round(variance_components(fit)["sd"][:3], 12))) == 1


def test_a_zero_variance_has_no_correlation() -> None:
    fit = fit_design(designs.slopes())
    T = np.array([[1.0, 0.0], [0.0, 0.0]])
    flat = dataclasses.replace(fit, solution=dataclasses.replace(fit.solution, covariances=(T,)))
    assert correlations(flat)["group"] == []


def test_a_perfect_correlation_is_exactly_one() -> None:
    fit = fit_design(designs.slopes())
    a = np.array([0.1, -0.3])
    line = dataclasses.replace(fit, solution=dataclasses.replace(fit.solution, covariances=(np.outer(a, a),)))
    assert correlations(line)["correlation"].tolist() == [-1.0]


@pytest.mark.parametrize(
    ("case", "groups"),
    [
        ("student", ["g", "Residual"]),
        ("gaussian with log link", ["g"]),  # its residual is not on the scale of the effects
        ("bernoulli", ["g"]),
        ("gamma", ["g"]),
    ],
)
def test_a_residual_stands_beside_effects_on_its_scale(case: str, groups: list[str]) -> None:
    fit = fitted(case)
    found = variance_components(fit)
    assert found["group"] == groups
    assert found["share"].sum() == pytest.approx(1)
    if len(groups) > 1:
        assert found["sd"][-1] == fit.sigma
