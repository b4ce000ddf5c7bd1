"""Fits that Laplace's method makes hard: glmmTMB's optimum is found, and what has none is said by name.

The columns of laplace_links.csv were simulated: linear predictors near 1 or 2, large group sds. Numbers are
of glmmTMB 1.1.5: glmmTMB(y ~ x + (1 | g), rows, family = gaussian("inverse")),
Gamma("identity") and t_family("inverse").
"""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy import optimize, stats

import multilevel as ml
from multilevel.data import read_table
from multilevel.design import bind, columns_needed
from multilevel.engines.laplace.failing import has_several_optima, is_at_end, is_hollow, sentence_of
from multilevel.engines.laplace.problem import LaplaceProblem
from multilevel.engines.likelihood.verdict import SENTENCES
from multilevel.engines.solution import Status
from multilevel.language import parse_formula, with_family
from multilevel.model.families import Family, InverseGaussian, Poisson, Student
from tests.engines.laplace_cases import dense_of, design_of, problem_of, random_point
from tests.oracle.laplace import laplace

Floats = NDArray[np.float64]
ROWS = pd.read_csv(Path(__file__).with_name("laplace_links.csv"))
GLMMTMB = [
    ("gaussian inverse", ml.families.Gaussian(link="inverse"), 51.8238615068, [0.86458, 0.32456], 0.17232),
    ("gamma identity", ml.families.Gamma(link="identity"), 120.5374808534, [1.75540, 0.01873], 0.90599),
    ("student inverse", ml.families.Student(link="inverse"), 96.999736608747, [1.12434, 0.19586], 0.46429),
]


@pytest.mark.parametrize(("case", "family", "deviance", "beta", "sd"), GLMMTMB, ids=lambda a: str(a))
def test_the_optimum_of_glmmtmb_is_found(
    case: str, family: Family, deviance: float, beta: list[float], sd: float
) -> None:
    """Modes beyond the pole of the inverse link, places where Laplace's value has no bottom, or a start at
    the inverses of responses near zero mislead. Of the Student-t responses `nu` is without end.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ml.BoundaryWarning)
        fit = ml.fit("y ~ x + (1 | g)", ROWS[ROWS["case"] == case], family=family)
    assert fit.status is Status.OPTIMAL
    assert fit.deviance == pytest.approx(deviance, abs=1e-5)
    np.testing.assert_allclose(fit.fixed_effects["estimate"], beta, atol=1e-4)
    assert float(fit.variance_components["sd"].iloc[0]) == pytest.approx(sd, abs=1e-4)


def pairs_of(family: Family, y: Floats) -> LaplaceProblem:
    """Return the approximation for groups of two rows, with an intercept alone."""
    model = with_family(parse_formula("y ~ 1 + (1 | g)"), family, None)
    table = read_table({"y": y, "g": np.arange(y.size) // 2}, columns_needed(model))
    return problem_of(bind(model, table))


@pytest.mark.parametrize(("least", "hollow"), [(0.3, True), (0.8, False)])
def test_modes_between_two_outliers_are_hollow(least: float, hollow: bool) -> None:
    """``H = 1 + sd^2 W``, ``W`` of rows at ``+-a``: ``2 (nu + 1) (nu s^2 - a^2) / (nu s^2 + a^2)^2``."""
    nu, s, a = 3.0, 0.5, 2.0
    found = pairs_of(Student(), np.tile([a, -a], 6))
    W = 2 * (nu + 1) * (nu * s**2 - a**2) / (nu * s**2 + a**2) ** 2
    x = np.zeros(found.places.size)
    x[found.places.auxiliary] = np.log([s, nu])
    back = float(found.layout.scaling.terms[0].back[0, 0])
    x = found.with_relative(x, (np.array([[(least - 1) / W / back**2]]),))
    assert np.isfinite(found.at(x).value)
    assert is_hollow(found, x) is hollow
    assert ("two modes or none" in sentence_of(found, x, Status.STALLED)) is hollow
    assert sentence_of(found, x, Status.OPTIMAL) == SENTENCES[Status.OPTIMAL]


def test_effects_of_a_model_with_a_concave_density_are_never_hollow() -> None:
    found = problem_of(design_of(Poisson(), "crossed vectors"))
    x = random_point(found, 3)
    assert not is_hollow(found, x)
    assert not is_at_end(found, x)
    assert sentence_of(found, x, Status.STALLED) == SENTENCES[Status.STALLED]


def test_means_at_the_end_of_an_identity_link_are_named() -> None:
    """With ``b`` the effect of a group of zeros, ``-n b - b^2 / (2 sd^2)`` is largest below ``b = -mean``."""
    rng = np.random.default_rng(2)
    g = np.repeat(np.arange(12), 8)
    mean = np.maximum(2 + 1.5 * rng.normal(size=12), 0.02)[g]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ml.MultilevelWarning)
        fit = ml.fit("y ~ 1 + (1 | g)", {"y": rng.poisson(mean), "g": g}, family=Poisson(link="identity"))
    assert not fit.certificate.holds
    assert "push the mean of a count of 0 to 0" in fit.solution.sentence
    assert "log or the sqrt link" in str(fit)


def test_an_optimum_without_effects_does_not_hide_a_better_one() -> None:
    """The value at the estimates by dense algebra, and the least without effects by SciPy."""
    rows = ROWS[ROWS["case"] == "inverse_gaussian identity"]
    fit = ml.fit("y ~ x + (1 | g)", rows, family=ml.families.InverseGaussian(link="identity"))
    assert fit.status is Status.OPTIMAL
    found = problem_of(fit.design)
    assert fit.deviance == pytest.approx(laplace(dense_of(found, fit.solution.theta)), abs=1e-6)
    x, y = rows["x"].to_numpy(), rows["y"].to_numpy()

    def plain(v: Floats) -> float:
        mu = v[0] + v[1] * x
        return float(-2 * stats.invgauss.logpdf(y, mu * np.exp(v[2]), scale=np.exp(-v[2])).sum())

    without = optimize.minimize(plain, [2.0, 0.5, -1.0], method="Nelder-Mead", options={"xatol": 1e-6})
    assert without.success
    assert fit.deviance < without.fun - 0.1


def test_means_without_end_of_an_inverse_link_are_named() -> None:
    """The density of an inverse Gaussian response does not vanish as its mean goes to infinity."""
    y = np.tile([0.5, 2.0], 6)
    found = pairs_of(InverseGaussian(link="inverse"), y)
    x = np.zeros(found.places.size)
    for intercept, end in ((1.0, False), (1e-4, True)):
        x[0] = intercept / float(found.layout.scaling.fixed.back[0, 0])
        assert np.isfinite(found.at(x).value)
        assert found.predictor().min() == pytest.approx(intercept)
        assert is_at_end(found, x) is end
        assert ("push the mean of a row to infinity" in sentence_of(found, x, Status.STALLED)) is end


@pytest.mark.parametrize(
    ("family", "several"),
    [
        (Student(), True),
        (ml.families.Gaussian(link="log"), True),
        (ml.families.Gamma(link="identity"), True),
        (ml.families.Gamma(), False),
        (Poisson(), False),
        (ml.families.Bernoulli(link="probit"), False),
    ],
    ids=str,
)
def test_densities_that_may_have_several_optima(family: Family, several: bool) -> None:
    assert has_several_optima(family) is several
