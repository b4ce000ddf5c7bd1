"""The kernels' log densities against SciPy, and each of their derivatives against differences."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from multilevel.kernels import core
from multilevel.model.families import (
    Family,
)
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
