"""Small random data sets of every family: fits are certified, no other start finds better, nothing leaks."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import multilevel as ml
from multilevel.engines.solution import Status
from multilevel.model.families import Family
from tests.engines.laplace_cases import columns, narrow
from tests.oracle.families import POSITIVE, every_family_and_link

REGULAR = [f for f in every_family_and_link() if f.link in ("logit", "probit", "cloglog", "log", "sqrt")]
REGULAR = [f for f in REGULAR if f.name not in ("gaussian", "student", "inverse_gaussian")]
OTHERS = [f for f in every_family_and_link() if f not in REGULAR]
TERMS = ["(1 | g)", "(x | g)", "(1 | g) + (1 | h)", "(x | g) + (1 | h)", "(x || g)", "(1 | a/b)"]
GOOD = (Status.OPTIMAL, Status.BOUNDARY)


def random_data(family: Family, seed: int) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Return formula, columns and options; group sds from none to large, dispersion from small to large."""
    rng = np.random.default_rng([seed, 5])
    n, sd = int(rng.choice([30, 60, 150])), rng.choice([0.0, 0.5, 1.5])
    data = columns(n, seed)
    eta = rng.normal(0, 0.7) + rng.normal() * data["x"] + sd * rng.normal(size=6)[data["g"]]
    eta += 0.7 * sd * rng.normal(size=4)[data["h"]]
    eta = 3.0 + 0.6 * np.tanh(eta) if narrow(family) else eta
    sizes = {
        "sigma": 0.5,
        "nu": 5.0,
        "phi": rng.choice([0.1, 0.4, 2.0]),
        "theta": rng.choice([0.5, 2.0, 20.0]),
    }
    if family.name.startswith("beta"):
        sizes["phi"] = rng.choice([2.0, 10.0, 100.0])
    given = np.array([sizes[p] for p in family.parameters])
    if family.name == "ordinal":
        y = family.draw(rng, eta, np.array([-0.8, 0.2, 1.0]), None)
        y[:4] = [1, 2, 3, 4]
    else:
        y = family.draw(rng, family.mean(eta), given, data["n"] if family.trials else None)
    if family.name == "beta":
        y = np.clip(y, 1e-6, 1 - 1e-6)
    if family.name in POSITIVE:
        y = np.maximum(y, 1e-8)
    left = "prop(y, n)" if family.trials else "y"
    inflation = {"zero_inflation": "~ 1"} if family.counts and rng.random() < 0.3 else {}
    return f"{left} ~ x + {rng.choice(TERMS)}", data | {"y": y}, {"family": family, **inflation}


def fitted(formula: str, data: dict[str, Any], **options: Any) -> ml.Fit | None:
    """Fit; only warnings of the library may come, and `None` is returned for a refusal by name."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", ml.MultilevelWarning)
        try:
            return ml.fit(formula, data, **options)
        except ml.DesignError as error:
            assert "separation on" in str(error)
            return None


@pytest.mark.parametrize("family", REGULAR, ids=lambda f: f"{f.name} {f.link}")
def test_fits_are_certified_and_no_other_start_finds_better(family: Family) -> None:
    count = 0
    for seed in range(8):
        formula, data, options = random_data(family, seed)
        fit = fitted(formula, data, **options)
        if fit is None:
            continue
        count += 1
        assert fit.status in GOOD, (seed, formula, fit.status)
        for other in range(1 if seed < 4 else 0):
            move = np.random.default_rng([seed, other]).normal(0, 0.3, fit.solution.theta.size)
            again = fitted(formula, data, start=fit.solution.theta + move, **options)
            assert again is not None
            assert again.deviance > fit.deviance - 1e-4, (seed, formula)
    assert count >= 6


@pytest.mark.parametrize("family", OTHERS, ids=lambda f: f"{f.name} {f.link}")
def test_other_links_are_certified_or_say_that_they_are_not(family: Family) -> None:
    """Their likelihoods may have several maxima, or none."""
    for seed in range(4):
        formula, data, options = random_data(family, seed)
        fit = fitted(formula, data, **options)
        if fit is not None:
            assert fit.certificate.holds == (fit.status in GOOD)
            assert np.isfinite(fit.deviance)
            assert np.isfinite(np.asarray(fit.fixed_effects["estimate"], dtype=np.float64)).all()


def test_gaussian_with_the_identity_link_is_the_linear_model() -> None:
    data = columns(150, 1)
    data["y"] = data["x"] + data["g"] + np.random.default_rng(1).normal(size=150)
    linear = ml.fit("y ~ x + (1 | g)", data, method="ml")
    again = ml.fit("y ~ x + (1 | g)", data, family="gaussian", method="ml")
    assert again.solution.method == "ml"
    assert again.loglik == linear.loglik


def test_student_with_many_degrees_of_freedom_is_nearly_the_linear_model() -> None:
    """Laplace's method is exact for normal responses; nu of thousands is as good as normal."""
    rng = np.random.default_rng(9)
    g, x = np.arange(200) % 10, rng.normal(size=200)
    y = 1 + x + rng.normal(size=10)[g] + 0.5 * rng.uniform(-1.7, 1.7, 200)  # no tails: nu runs to its end
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ml.MultilevelWarning)
        student = ml.fit("y ~ x + (1 | g)", {"y": y, "x": x, "g": g}, family="student")
    linear = ml.fit("y ~ x + (1 | g)", {"y": y, "x": x, "g": g}, method="ml")
    assert abs(student.loglik - linear.loglik) < 1e-4
    np.testing.assert_allclose(student.fixed_effects["estimate"], linear.fixed_effects["estimate"], atol=1e-4)


@pytest.mark.parametrize("size", [12.0, 16.0, 20.0])
def test_standard_errors_where_counts_are_huge(size: float) -> None:
    """Groups are known exactly there: the slope has the information within them, the intercept their sd."""
    rng = np.random.default_rng(1)
    g, x = np.repeat(np.arange(20), 10), rng.normal(size=200)
    y = rng.poisson(np.exp(size + 0.1 * x + 0.6 * rng.normal(size=20)[g])).astype(float)
    fit = ml.fit("y ~ x + (1 | g)", {"y": y, "x": x, "g": g}, family="poisson")
    mean = np.bincount(g, y * x) / np.bincount(g, y)
    within = float((y * (x - mean[g]) ** 2).sum())
    errors = fit.solution.vcov_beta.diagonal() ** 0.5
    assert errors[1] == pytest.approx(within**-0.5, rel=0.01)
    assert errors[0] == pytest.approx(fit.solution.covariances[0][0, 0] ** 0.5 / 20**0.5, rel=0.02)
    assert fit.solution.status is Status.OPTIMAL
