"""Section A: a response or a grouping from which the model cannot be estimated."""

from __future__ import annotations

import numpy as np
import pandas as pd

import multilevel as ml
from multilevel.engines.solution import Status
from tests.failures.cases import GROUPS, ROWS, Case, Data, as_pandas, like, rows, sds, table

NUMBER = np.repeat(np.arange(GROUPS), ROWS // GROUPS)


def saturated(fit: ml.Fit) -> None:
    """``y = 1 + 2 x + g`` exactly: the slope is known to the last digits and the residual is nothing."""
    assert fit.status is Status.SATURATED
    assert not fit.certificate.holds
    intercept, slope = as_pandas(fit.fixed_effects)["estimate"]
    assert abs(slope - 2.0) < 1e-6
    assert abs(intercept - 5.5) < 1e-5
    assert fit.sigma < 1e-3
    np.testing.assert_allclose(fit.fitted, fit.design.y, atol=1e-3)


def ordinary_least_squares(fit: ml.Fit) -> None:
    """The sd is exactly zero, and coefficients and standard errors are those of least squares."""
    assert fit.status is Status.BOUNDARY and fit.certificate.holds
    assert sds(fit)[0] == 0.0
    X, y = fit.design.fixed.X, fit.design.y
    beta, rss, _, _ = np.linalg.lstsq(X, y, rcond=None)
    covariance = np.linalg.inv(X.T @ X) * rss[0] / (ROWS - 2)
    found = as_pandas(fit.fixed_effects)
    np.testing.assert_allclose(found["estimate"], beta, rtol=1e-9)
    np.testing.assert_allclose(found["std_error"], np.sqrt(np.diag(covariance)), rtol=1e-9)
    assert (as_pandas(fit.random_effects)["estimate"] == 0.0).all()


def without_group_means(base: Data) -> np.ndarray:
    """Return residuals that add to zero in every group: less alike inside groups than by chance."""
    noise = base["y"] - 2 * base["x"]
    means = np.array([noise[number == NUMBER].mean() for number in range(GROUPS)])
    return np.asarray(1 + 2 * base["x"] + noise - means[NUMBER])


def ten_levels(fit: ml.Fit) -> None:
    """Levels that do not occur are no levels."""
    assert fit.n_groups == {"g": GROUPS}
    like("y ~ x + (1 | g)")(fit)


def at_boundary(fit: ml.Fit) -> None:
    assert fit.status is Status.BOUNDARY and fit.certificate.holds


SCHOOLS = np.repeat([f"s{at}" for at in range(5)], 20)
CLASSES = np.tile(np.repeat(["c1", "c2"], 10), 5)


def reused_ids(base: Data) -> np.ndarray:
    """Return a response with a strong effect of each class of each school, and none of the bare label."""
    effect = np.array([4.0, -1, 0, 3, -4, 1, 2, -3, -2, 0.5])
    return np.asarray(base["y"] + effect[NUMBER])


CASES = [
    Case(
        "A1",
        "one level",
        "y ~ x + (1 | g)",
        table(g=np.full(ROWS, "a", dtype=object)),
        ml.DesignError,
        (
            "grouping factor `g` of `(1 | g)` has 1 level ('a')",
            "allowed: two levels",
            "try: leave the term out",
        ),
    ),
    Case(
        "A2",
        "one row a level",
        "y ~ x + (1 | g)",
        table(g=np.arange(ROWS)),
        ml.DesignError,
        ("100 levels of `g`", "100 rows", "residual variance cannot be told apart", "try:", "residual_sd="),
    ),
    Case(
        "A2",
        "one row a level, residual sd known",
        "y ~ x + (1 | g)",
        table(g=np.arange(ROWS)),
        options={"residual_sd": 0.7},
    ),
    Case(
        "A3",
        "constant response",
        "y ~ x + (1 | g)",
        table(y=np.full(ROWS, 3.0)),
        ml.DesignError,
        ("the response `y` is constant (3.0)", "allowed:", "try:"),
    ),
    Case(
        "A4",
        "perfect fit",
        "y ~ x + (1 | g)",
        table(y=lambda base: 1 + 2 * base["x"] + NUMBER),
        ml.ConvergenceWarning,
        ("residual variance is numerically zero", "saturated"),
        saturated,
    ),
    Case(
        "A5",
        "sd of zero",
        "y ~ x + (1 | g)",
        table(y=without_group_means),
        ml.BoundaryWarning,
        (
            "`(1 | g)`",
            "the sd of `Intercept` is estimated as exactly 0",
            "certified optimum",
            "drop the term",
        ),
        ordinary_least_squares,
    ),
    Case(
        "A6",
        "60 rows, 50 groups of two effects",
        "y ~ x + (x | g)",
        rows(slice(60), table(g=np.arange(ROWS) % 50)),
        ml.DesignError,
        ("`(1 + x | g)` has 100 effects (50 levels of `g`, 2 for each)", "60 rows", "try: leave effects out"),
    ),
    Case(
        "A7",
        "two rows",
        "y ~ x + (1 | g)",
        rows([0, 50], table()),
        ml.DesignError,
        ("2 rows, 4 parameters", "try: leave terms out"),
    ),
    Case("A7", "one row", "y ~ x + (1 | g)", rows([0], table()), ml.DesignError, ("1 row, ",)),
    Case(
        "A8", "no rows", "y ~ x + (1 | g)", rows([], table()), ml.DataError, ("the table has no rows", "try:")
    ),
    Case(
        "A8",
        "no rows but for missing values",
        "y ~ x + z + (1 | g)",
        table(
            x=lambda base: np.where(np.arange(ROWS) % 2, np.nan, base["x"]),
            z=lambda base: np.where(np.arange(ROWS) % 2, base["x"], np.nan),
        ),
        ml.DataError,
        ("no rows are left", "all 100", "`x` 50", "`z` 50", "try:"),
    ),
    Case(
        "A9",
        "the group is a coefficient too",
        "y ~ x + g + (1 | g)",
        table(),
        ml.DesignError,
        ("10 levels of `g` are coefficients of the fixed part too", "not identified", "leave `g` out"),
    ),
    Case(
        "A10",
        "ids that begin again in every school",
        "y ~ x + (1 | s) + (1 | c)",
        table(y=reused_ids, s=SCHOOLS, c=CLASSES),
        ml.GroupingWarning,
        ("`c` ids repeat inside `s`", "did you mean `(1 | s/c)`?"),
    ),
    Case(
        "A10",
        "the same, nested as it is meant",
        "y ~ x + (1 | s/c)",
        table(y=lambda base: reused_ids(base) + 5 * NUMBER, s=SCHOOLS, c=CLASSES),
    ),
    Case(
        "A11",
        "as many effects as rows",
        "y ~ x + (h | g)",
        table(),
        ml.DesignError,
        ("`(1 + h | g)` has 100 effects (10 levels of `g`, 10 for each)", "100 rows", "try:"),
    ),
    Case(
        "A12",
        "levels that do not occur",
        "y ~ x + (1 | g)",
        table(g=lambda base: pd.Categorical(base["g"], [f"g{at}" for at in range(12)])),
        right=ten_levels,
    ),
]
