"""Family parameters, thresholds and zero inflation: against SciPy's densities; sentences about them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import optimize, special, stats

import multilevel as ml
from multilevel.inference import family_parameters, family_remarks, zero_inflation
from tests.generalised import fitted, table
from tests.oracle import designs
from tests.oracle.fits import fit_design

Floats = np.ndarray


def column(name: str) -> Floats:
    """Return a column of the table as numbers; classes count from 0."""
    values = table()[name]
    return np.asarray(values.cat.codes if name == "level" else values, dtype=np.float64)


def log_mean(q: Floats) -> Floats:
    """Return the mean under a log link."""
    return np.exp(q[0] + q[1] * column("x"))


def share(q: Floats) -> Floats:
    """Return the mean under a logit link."""
    return np.asarray(special.expit(q[0] + q[1] * column("x")))


def quadratic_counts(q: Floats) -> float:
    return float(stats.nbinom.logpmf(column("spread"), q[2], q[2] / (q[2] + log_mean(q))).sum())


def linear_counts(q: Floats) -> float:
    return float(stats.nbinom.logpmf(column("spread"), log_mean(q) / q[2], 1 / (1 + q[2])).sum())


def times(q: Floats) -> float:
    return float(stats.gamma.logpdf(column("time"), 1 / q[2], scale=log_mean(q) * q[2]).sum())


def speeds(q: Floats) -> float:
    return float(stats.invgauss.logpdf(column("speed"), log_mean(q) * q[2], scale=1 / q[2]).sum())


def shares(q: Floats) -> float:
    return float(stats.beta.logpdf(column("share"), share(q) * q[2], (1 - share(q)) * q[2]).sum())


def clumps(q: Floats) -> float:
    a, b = share(q) * q[2], (1 - share(q)) * q[2]
    return float(stats.betabinom.logpmf(column("clumped"), column("size"), a, b).sum())


def heavy(q: Floats) -> float:
    return float(stats.t.logpdf(column("heavy"), q[3], q[0] + q[1] * column("x"), q[2]).sum())


def levels(q: Floats) -> float:
    """Return the log-likelihood of the slope and two thresholds."""
    below = special.expit(q[1:] - q[0] * column("x")[:, None])
    ends = np.column_stack([np.zeros(len(below)), below, np.ones(len(below))])
    return float(np.log(np.diff(ends)[np.arange(len(below)), column("level").astype(int)]).sum())


def zeros(q: Floats) -> float:
    """Return the log-likelihood of two coefficients of the mean and two of zero inflation."""
    y, extra = column("zeros"), special.expit(q[2] + q[3] * column("x"))
    return float(np.log(extra * (y == 0) + (1 - extra) * stats.poisson.pmf(y, log_mean(q))).sum())


def maximum(loglik: Callable[[Floats], float], start: list[float]) -> tuple[Floats, Floats]:
    """Return the maximum of a likelihood and standard errors by differences of second order."""
    limits = {"xatol": 1e-9, "fatol": 1e-11, "maxiter": 20000, "maxfev": 20000}
    found = optimize.minimize(lambda q: -loglik(q), start, method="Nelder-Mead", options=limits)
    q, h = found.x, 1e-3 * np.maximum(np.abs(found.x), 0.1)
    E, H = np.diag(h), np.empty((q.size, q.size))
    for i in range(q.size):
        for j in range(q.size):
            corners = [loglik(q + a * E[i] + b * E[j]) * a * b for a in (1, -1) for b in (1, -1)]
            H[i, j] = -sum(corners) / (4 * h[i] * h[j])
    return q, np.sqrt(np.diag(np.linalg.inv(H)))


@pytest.mark.parametrize(
    ("formula", "family", "loglik", "start", "own"),
    [
        ("spread ~ x", "negative_binomial", quadratic_counts, [0.3, 0.5, 2.0], slice(2, 3)),
        ("spread ~ x", "negative_binomial_linear", linear_counts, [0.3, 0.5, 0.5], slice(2, 3)),
        ("time ~ x", ml.families.Gamma(link="log"), times, [0.3, 0.5, 0.5], slice(2, 3)),
        ("speed ~ x", ml.families.InverseGaussian(link="log"), speeds, [0.3, 0.5, 0.5], slice(2, 3)),
        ("share ~ x", "beta", shares, [0.3, 0.5, 5.0], slice(2, 3)),
        ("prop(clumped, size) ~ x", "beta_binomial", clumps, [0.3, 0.5, 5.0], slice(2, 3)),
        ("heavy ~ x", "student", heavy, [0.3, 0.5, 0.6, 4.0], slice(2, 4)),
        ("level ~ x", "ordinal", levels, [0.5, -0.7, 1.0], slice(1, 3)),
    ],
)  # fmt: skip
def test_parameters_are_where_the_likelihood_is_highest(
    formula: str, family: Any, loglik: Callable[[Floats], float], start: list[float], own: slice
) -> None:
    fit = ml.fit(formula, table(), family=family, level=0.9)
    q, error = maximum(loglik, start)
    assert fit.loglik == pytest.approx(loglik(q), abs=1e-6)
    found = family_parameters(fit)
    # The certificate allows half a squared step of 1e-6, a thousandth of a standard error.
    np.testing.assert_allclose(found["estimate"], q[own], atol=2e-3 * error[own].max())
    np.testing.assert_allclose(found["std_error"], error[own], rtol=1e-2)  # differences on both sides
    z = stats.norm.ppf(0.95)
    if family == "ordinal":
        np.testing.assert_allclose(found["upper"], found["estimate"] + z * found["std_error"])
        np.testing.assert_allclose(found["lower"], found["estimate"] - z * found["std_error"])
    else:
        logs = np.log(found["estimate"]), found["std_error"] / found["estimate"]
        np.testing.assert_allclose(np.log(found["upper"]), logs[0] + z * logs[1])
        np.testing.assert_allclose(np.log(found["lower"]), logs[0] - z * logs[1])


def test_zero_inflation_is_where_the_likelihood_is_highest() -> None:
    fit = ml.fit("zeros ~ x", table(), family="poisson", zero_inflation="~ x", level=0.9)
    q, error = maximum(zeros, [1.0, 0.5, -1.0, 0.0])
    assert fit.loglik == pytest.approx(zeros(q), abs=1e-6)
    found = zero_inflation(fit)
    assert found["term"] == ["Intercept", "x"]
    np.testing.assert_allclose(found["estimate"], q[2:], atol=2e-3 * error.max())
    np.testing.assert_allclose(found["std_error"], error[2:], rtol=1e-2)
    np.testing.assert_allclose(found["statistic"], found["estimate"] / found["std_error"])
    np.testing.assert_allclose(found["p_value"], 2 * stats.norm.sf(np.abs(found["statistic"])))
    half = stats.norm.ppf(0.95) * found["std_error"]
    np.testing.assert_allclose(found["lower"], found["estimate"] - half)
    assert found["df"] == [None, None]


def test_linear_models_have_neither() -> None:
    fit = fit_design(designs.slopes())
    for found in (family_parameters(fit), zero_inflation(fit)):
        assert found["term"] == []
        assert {len(values) for values in found.values()} == {0}
    assert family_remarks(fit) == []


def test_an_end_that_is_no_number_is_blank() -> None:
    fit = fitted("negative binomial")
    numbers = dataclasses.replace(fit.solution.family_numbers, std_errors=np.array([1e4]))
    wide = dataclasses.replace(fit, solution=dataclasses.replace(fit.solution, family_numbers=numbers))
    found = family_parameters(wide)
    assert found["upper"] == [None]
    assert found["lower"][0] == 0.0


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("bernoulli of text", 'answer is 1 where it is "yes", 0 where it is "no".'),
        (
            "ordinal",
            "P(class <= c) = F(threshold - predictor), F logistic: a positive coefficient makes higher"
            ' classes ("high") more likely.',
        ),
    ],
)
def test_sentences_on_classes(case: str, message: str) -> None:
    assert family_remarks(fitted(case)) == [message]


def test_no_sentence_where_nothing_needs_one() -> None:
    assert [family_remarks(fitted(case)) for case in ("bernoulli", "gamma", "zero-inflated")] == [[], [], []]


@pytest.mark.parametrize(
    ("formula", "rows"),
    [("answer ~ 1 + (1 | g)", "12 distinct rows, which carry"), ("yes ~ 1", "1 distinct row, which carries")],
)
def test_merged_rows_are_told(formula: str, rows: str) -> None:
    fit = ml.fit(formula, table(), family="bernoulli")
    assert family_remarks(fit)[-1] == f"The likelihood was computed from {rows} the 144 rows exactly."


def test_no_extra_zeros_are_told_and_warned_of() -> None:
    data = table().assign(full=lambda d: 3 + d["size"] % 2)  # no zeros at all
    with pytest.warns(ml.BoundaryWarning, match="the share of extra zeros is estimated as 0, and"):
        fit = ml.fit("full ~ x", data, family="poisson", zero_inflation="~ 1")
    assert family_remarks(fit)[-1].startswith("There are no more zeros than the counts explain:")


def test_extra_zeros_in_a_part_of_the_rows() -> None:
    data = table().assign(part=lambda d: np.where(d["x"] > 0, "a", "b"))
    data["some"] = np.where(data["part"] == "a", data["zeros"], 3 + data["size"] % 2)
    with pytest.warns(ml.BoundaryWarning) as caught:
        fit = ml.fit("some ~ x", data, family="poisson", zero_inflation="~ part")
    rows = int((data["part"] == "b").sum())
    message = f"The share of extra zeros is estimated as 0 in {rows} of 144 rows"
    assert [str(warning.message).startswith(message) for warning in caught] == [True]
    assert "in the zero inflation `part[T.b]` runs to minus infinity, and standard" in family_remarks(fit)[-1]
    assert family_remarks(fit)[-1].startswith(message)
    assert fit.zero_inflation["estimate"][1] < -9


def test_a_family_at_the_end_of_its_range_is_told_and_warned_of() -> None:
    with pytest.warns(ml.BoundaryWarning) as caught:  # binomial counts vary less than Poisson ones
        fit = ml.fit("successes ~ offset(log(size)) + (1 | g)", table(), family="negative_binomial")
    message = (
        "theta is estimated at the end of its range, where the negative_binomial family is the poisson family"
        " and the standard error of theta means nothing: fit that family in its place."
    )
    assert message in [str(warning.message) for warning in caught]
    assert family_remarks(fit)[-1] == message
    poisson = ml.fit("successes ~ offset(log(size)) + (1 | g)", table(), family="poisson")
    assert fit.deviance == pytest.approx(poisson.deviance, abs=1e-3)
