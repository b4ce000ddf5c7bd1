"""The kernels' log densities against SciPy, and each of their derivatives against differences."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from multilevel.kernels import core
from multilevel.model.families import (
    REGISTRY,
    Family,
    Gamma,
    NegativeBinomial,
    NegativeBinomialLinear,
    Poisson,
)
from tests.oracle import precise
from tests.oracle.families import Floats, Rows, every_family_and_link, log_density, random_rows

ALL = [(family, False) for family in every_family_and_link()]
ALL += [(family, True) for family, _ in ALL if family.counts]
NAMES = [f"{family.name} {family.link}{' inflated' if inflated else ''}" for family, inflated in ALL]
every = pytest.mark.parametrize(("family", "inflated"), ALL, ids=NAMES)


def derivatives(rows: Rows) -> Floats:
    """Return what the kernels say of rows, ``(n, 4 + 3 aux)``."""
    return core.row_derivatives(
        rows.family.code,
        rows.family.link_code,
        rows.inflation is not None,
        rows.y,
        rows.trials,
        rows.auxiliary,
        rows.inflation,
        rows.eta,
    )


def constants(rows: Rows) -> Floats:
    """Return what each row's density has besides."""
    ordinal = rows.family.name == "ordinal"
    return np.array(
        [
            core.response_constant(
                rows.family.code,
                rows.family.link_code,
                rows.inflation is not None,
                rows.auxiliary.size if ordinal else len(rows.family.parameters),
                rows.y[i : i + 1],
                None if rows.trials is None else rows.trials[i : i + 1],
                None,
            )
            for i in range(rows.y.size)
        ]
    )


@every
def test_densities_are_those_of_scipy(family: Family, inflated: bool) -> None:
    for seed, spread in enumerate((0.3, 1.0, 1.0, 2.0)):
        rows = random_rows(family, np.random.default_rng(seed), spread=spread, inflated=inflated)
        expected = log_density(rows)
        usable = np.isfinite(expected)
        assert usable.mean() > 0.9
        found = derivatives(rows)[:, 0] + constants(rows)
        scale = np.maximum(1.0, np.abs(expected))[usable]
        np.testing.assert_allclose(found[usable] / scale, expected[usable] / scale, atol=2e-11)


def differences(rows: Rows, column: int, field: str, at: int, h: float) -> Floats:
    """Return the derivative of a column by eta, by an auxiliary number or by inflation, to fourth order."""

    def moved(by: float) -> Floats:
        values = np.array(getattr(rows, field))
        values[at if at >= 0 else slice(None)] += by
        return np.asarray(derivatives(dataclasses.replace(rows, **{field: values}))[:, column])

    return np.asarray((8 * (moved(h) - moved(-h)) - moved(2 * h) + moved(-2 * h)) / (12 * h))


@every
def test_derivatives_are_those_of_differences(family: Family, inflated: bool) -> None:
    for seed, spread in enumerate((0.5, 1.0)):
        rows = random_rows(family, np.random.default_rng(seed), spread=spread, inflated=inflated)
        found = derivatives(rows)
        for order in (1, 2, 3):
            close(found[:, order], differences(rows, order - 1, "eta", -1, 3e-4), f"eta {order}")
        if family.name == "ordinal":
            ordinal_auxiliaries(rows, found)
            continue
        n_aux = len(family.parameters)
        for j in range(n_aux + inflated):
            field, at = ("auxiliary", j) if j < n_aux else ("inflation", -1)
            for order in range(3):
                expected = differences(rows, order, field, at, 3e-4)
                close(found[:, 4 + 3 * j + order], expected, f"auxiliary {j} {order}")


def ordinal_auxiliaries(rows: Rows, found: Floats) -> None:
    """Compare the derivatives by the thresholds below and above the class of each row."""
    for j in range(2):
        threshold = rows.y.astype(int) - 2 + j
        for order in range(3):
            expected = np.zeros(rows.y.size)
            for c in range(rows.auxiliary.size):
                moved = differences(rows, order, "auxiliary", c, 3e-4)
                expected[threshold == c] = moved[threshold == c]
            inside = (threshold >= 0) & (threshold < rows.auxiliary.size)
            close(found[inside, 4 + 3 * j + order], expected[inside], f"threshold {j} {order}")


def close(found: Floats, expected: Floats, message: str) -> None:
    """Compare up to the error of fourth-order differences."""
    scale = np.maximum(1.0, np.abs(expected))
    np.testing.assert_allclose(found / scale, expected / scale, atol=3e-8, err_msg=message)


EXTREMES = [  # family, link, y, trials, eta, then logs of parameters
    ("binomial", "logit", 1, 1, [-700.0]),
    ("binomial", "logit", 0, 1, [300.0]),
    ("binomial", "logit", 499_999_000, 1_000_000_000, [-4e-6]),
    ("binomial", "probit", 1, 1, [-29.9]),
    ("binomial", "probit", 1, 1, [-30.1]),
    ("binomial", "probit", 1, 4, [-60.0]),
    ("binomial", "probit", 3, 4, [8.0]),
    ("binomial", "cloglog", 1, 1, [-40.0]),
    ("binomial", "cloglog", 2, 3, [-4.0]),
    ("binomial", "cloglog", 2, 3, [-2.9]),
    ("binomial", "cloglog", 2, 3, [3.5]),
    ("poisson", "log", 0, 1, [-300.0]),
    ("poisson", "log", 5, 1, [-100.0]),
    ("poisson", "log", 485_165_195, 1, [20.0001]),
    ("negative_binomial", "log", 0, 1, [2.0, 27.0]),
    ("negative_binomial", "log", 3, 1, [1.0, 25.0]),
    ("negative_binomial", "log", 50, 1, [4.0, 35.0]),
    ("negative_binomial", "log", 1_000_000, 1, [13.8, 20.0]),
    ("negative_binomial", "log", 7, 1, [1.0, -20.0]),
    ("negative_binomial", "log", 2, 1, [-30.0, 1.0]),
    ("negative_binomial_linear", "log", 3, 1, [1.0, -25.0]),
    ("negative_binomial_linear", "log", 500, 1, [6.2, -30.0]),
    ("negative_binomial_linear", "log", 3, 1, [1.0, 20.0]),
    ("negative_binomial_linear", "log", 0, 1, [-30.0, 0.0]),
    ("gamma", "log", 1.001, 1, [0.0, -18.0]),
    ("gamma", "log", 1e-12, 1, [2.0, 4.0]),
    ("beta", "logit", 0.3, 1, [-0.85, 18.0]),
    ("beta", "logit", 1e-10, 1, [-5.0, 2.0]),
    ("beta", "cloglog", 0.999, 1, [1.2, 3.0]),
    ("beta", "probit", 0.4, 1, [6.0, -3.0]),
    ("beta_binomial", "logit", 3, 10, [-0.8, 25.0]),
    ("beta_binomial", "logit", 40, 90, [-0.2, 30.0]),
    ("beta_binomial", "logit", 0, 10, [-0.8, -15.0]),
    ("beta_binomial", "cloglog", 2, 10, [-20.0, 1.0]),
    ("student", "identity", 2.0, 1, [0.3, 0.0, 25.0]),
    ("student", "identity", 1e6, 1, [0.3, -2.0, 0.5]),
    ("student", "identity", 2.0, 1, [2.0, 0.0, -3.0]),
    ("ordinal", "logit", 2, 1, [40.0, -1.0, 1.0]),
    ("ordinal", "logit", 2, 1, [-40.0, -1.0, 1.0]),
    ("ordinal", "logit", 2, 1, [0.3, 0.1, 0.1 + 1e-6]),
    ("ordinal", "probit", 2, 1, [12.0, -1.0, 1.0]),
    ("ordinal", "probit", 2, 1, [-45.0, -1.0, 1.0]),
    ("ordinal", "probit", 2, 1, [0.3, 0.1, 0.1 + 1e-3]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "link", "y", "trials", "at"), EXTREMES)
def test_extreme_points_are_those_of_decimal_arithmetic(
    name: str, link: str, y: float, trials: int, at: list[float]
) -> None:
    family, ordinal = REGISTRY[name](link=link), name == "ordinal"
    expected = precise.derivatives(precise.log_density(name, link, precise.D(y), precise.D(trials)), at)
    rows = Rows(family, np.array([float(y)]), np.array([float(trials)]), np.array(at[:1]), np.array(at[1:]))
    found = derivatives(rows)[0]
    found[0] += constants(rows)[0]
    gap = min(1.0, at[2] - at[1]) if ordinal else 1.0  # rounding is divided by powers of it
    size = max(y, trials, np.exp(-at[1]) if name == "gamma" else 0.0) / gap**2  # and multiplied by these
    for place, (ours, exact) in enumerate(zip(found, expected, strict=True)):
        assert abs(ours - exact) < 1e-10 * abs(exact) + 2e-9 + 1e-14 * size, place


@pytest.mark.parametrize("family", [Poisson(link="identity"), NegativeBinomial(link="identity"),
                                    NegativeBinomialLinear(link="identity"), Gamma(link="identity"),
                                    Gamma(link="inverse")], ids=str)  # fmt: skip
def test_a_mean_that_is_not_allowed_has_no_density(family: Family) -> None:
    for y in (0.0, 3.0) if family.counts else (3.0,):
        n = len(family.parameters)
        rows = Rows(family, np.array([y]), None, np.array([-0.5]), np.zeros(n))
        assert np.isnan(derivatives(rows)[0, 0])


@pytest.mark.parametrize("name", ["binomial", "beta_binomial"])
def test_successes_only_are_certain_where_the_mean_rounds_to_one(name: str) -> None:
    family, ten = REGISTRY[name](link="cloglog"), np.array([10.0])
    rows = Rows(family, ten, ten, np.array([8.0]), np.ones(len(family.parameters)))
    np.testing.assert_allclose(derivatives(rows) + constants(rows), 0.0, atol=1e-12)
