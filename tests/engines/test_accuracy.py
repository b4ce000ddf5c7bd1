"""What is said after a Laplace fit of one factor: against the fit by quadrature itself."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

import multilevel as ml
from multilevel.engines.laplace import solve_laplace, solve_quadrature
from tests.engines.quadrature_cases import CASES

Data = dict[str, NDArray[np.generic]]


def sparse(groups: int, rows: int, sd: float) -> Data:
    """Return Bernoulli responses of many small groups."""
    rng = np.random.default_rng(4)
    g = np.repeat(np.arange(groups), rows)
    x = rng.normal(size=g.size)
    eta = 0.5 * x + sd * rng.normal(size=groups)[g]
    return {"g": g, "x": x, "y": (rng.random(g.size) < 1.0 / (1.0 + np.exp(-eta))).astype(np.float64)}


def test_small_groups_of_yes_and_no_are_warned_of() -> None:
    data = sparse(200, 3, 1.5)
    with pytest.warns(ml.ApproximationWarning, match=r"the sd of `g` would move by about \d\.\d\d standard"):
        laplace = ml.fit("y ~ x + (1 | g)", data, family="bernoulli")
    fit = ml.fit("y ~ x + (1 | g)", data, family="bernoulli", method="quadrature")
    accuracy = laplace.solution.accuracy
    assert accuracy is not None
    assert fit.solution.accuracy is None
    assert laplace.sentence.endswith(accuracy.sentence)
    assert "method='quadrature' fits without it" in str(laplace)
    assert accuracy.parameter == "the sd of `g`"
    assert accuracy.loglik == pytest.approx(fit.loglik - laplace.loglik, rel=0.15)
    sds = [float(np.sqrt(each.solution.covariances[0][0, 0])) for each in (laplace, fit)]
    assert sds[1] - sds[0] > 0.1


def test_the_facts_hold_the_numbers() -> None:
    fit = ml.fit("prop(incidence, size) ~ period + (1 | herd)", ml.datasets.load("cbpp"), family="binomial")
    accuracy = fit.to_json()["accuracy"]
    assert accuracy["loglik"] == pytest.approx((184.052564 - 183.966738) / 2.0, abs=1e-3)
    assert accuracy["shift"] < 0.1
    assert "quadrature" not in fit.sentence


@pytest.mark.parametrize("case", [CASES[i] for i in (2, 3, 4, 6, 7, 10, 12)], ids=str)
def test_difference_and_shift_are_those_of_the_fits(case: object) -> None:
    design = case.design("(1 | g)")  # type: ignore[attr-defined]
    laplace, exact = solve_laplace(design), solve_quadrature(design)
    accuracy = laplace.accuracy
    assert accuracy is not None
    assert accuracy.loglik == pytest.approx((laplace.criterion - exact.criterion) / 2.0, abs=0.02)
    moved = np.abs(exact.beta - laplace.beta) / np.sqrt(np.diagonal(laplace.vcov_beta))
    assert moved.max() <= accuracy.shift + 0.02
    assert accuracy.sentence == ""


@pytest.mark.parametrize(
    "formula",
    ["y ~ x", "y ~ x + (1 | g) + (1 | h)", "y ~ x + (x + z + w | g)"],
    ids=["none", "crossed", "four"],
)
@pytest.mark.filterwarnings("ignore::multilevel.BoundaryWarning")
def test_other_models_are_not_checked(formula: str) -> None:
    rng = np.random.default_rng(1)
    g, h = np.repeat(np.arange(15), 20), np.tile(np.arange(20), 15)
    x, z, w = rng.normal(size=(3, 300))
    y = rng.poisson(np.exp(0.5 + 0.3 * x + 0.4 * rng.normal(size=15)[g]))
    fit = ml.fit(formula, {"g": g, "h": h, "x": x, "z": z, "w": w, "y": y}, family="poisson")
    assert fit.solution.accuracy is None


def test_linear_fits_are_exact() -> None:
    fit = ml.fit("reaction ~ days + (days | subject)", ml.datasets.load("sleepstudy"))
    assert fit.solution.accuracy is None
    assert fit.to_json()["accuracy"] is None


def test_every_kind_of_parameter_has_a_name() -> None:
    found = set()
    for case in CASES:
        accuracy = solve_laplace(case.design("(x | g)")).accuracy
        if accuracy is not None:
            found.add(accuracy.parameter)
            assert accuracy.shift >= 0.0
            assert bool(accuracy.sentence) == (abs(accuracy.loglik) > 0.5 or accuracy.shift > 0.1)
    assert "the covariance matrix of `g`" in found
