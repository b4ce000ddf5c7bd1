"""Section C: predictors that repeat each other, units of any size, weights."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

import multilevel as ml
from tests.failures.cases import GROUPS, ROWS, Case, Data, as_pandas, like, rows, sds, table

SAME = like("y ~ x + (1 | g)")
PREDICTOR = table()()["x"]
LETTERS = np.array(list("abcd") * 25, dtype=object)
OTHERS = np.where(LETTERS == "d", "u", np.array(list("uvwvu") * 20, dtype=object))
SLOPES = "ys ~ x + (x | g)"


def left_out(*names: str) -> Callable[[ml.Fit], None]:
    """Return a check: columns were left out, and the others are as in the base model."""

    def check(fit: ml.Fit) -> None:
        assert tuple(alias.name for alias in fit.design.fixed.aliased) == names
        assert not set(names) & set(as_pandas(fit.fixed_effects)["term"])
        SAME(fit)

    return check


def rescaled(shift: float, scale: float, response: float = 1.0) -> Callable[[ml.Fit], None]:
    """Return a check against a fit to the base data, given ``x * scale + shift`` and ``ys * response``.

    Compared are the criterion, the slope and its error, and the covariance matrix brought back to ``x``.
    """

    def check(fit: ml.Fit) -> None:
        plain = ml.fit(SLOPES, table()(), ddf=fit.options.ddf)
        jacobian = 2 * (np.log(scale) + (ROWS - 2) * np.log(response))  # of X'X, and of y
        assert fit.certificate.holds
        assert abs(fit.deviance - plain.deviance - jacobian) < 1e-6
        found, want = as_pandas(fit.fixed_effects), plain.fixed_effects
        np.testing.assert_allclose(found["df"][1], want["df"][1], rtol=1e-4)
        for column in ("estimate", "std_error"):
            expected = want[column][1] * response / scale
            np.testing.assert_allclose(found[column][1], expected, rtol=1e-5)
        back = np.array([[1.0, shift], [0.0, scale]]) / response
        covariance = back @ fit.solution.covariances[0] @ back.T
        np.testing.assert_allclose(covariance, plain.solution.covariances[0], rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(fit.fitted / response, plain.fitted, rtol=1e-6, atol=1e-6)

    return check


def cells(fit: ml.Fit) -> None:
    """Ten cells have rows, so ten coefficients are left of twelve."""
    assert len(as_pandas(fit.fixed_effects)) == 10
    assert len(fit.design.fixed.aliased) == 2


def second_half(fit: ml.Fit) -> None:
    """Rows of weight zero are as if they had never been there."""
    other = ml.fit("y ~ x + (1 | g)", rows(slice(50, None), table())())
    assert (fit.n_rows, fit.n_groups) == (50, {"g": 5})
    assert abs(fit.loglik - other.loglik) < 1e-9
    np.testing.assert_allclose(sds(fit), sds(other), rtol=1e-9)
    assert np.isnan(fit.fitted[:50]).all()


def crossed(fit: ml.Fit) -> None:
    """Both factors vary, and the order in which they are written means nothing."""
    other = ml.fit("y ~ x + (1 | h) + (1 | g)", {**table()(), "y": fit.design.y})
    assert fit.n_groups == {"g": GROUPS, "h": GROUPS}
    assert abs(fit.loglik - other.loglik) < 1e-9
    np.testing.assert_allclose(sds(fit), sds(other)[[1, 0, 2]], rtol=1e-6)


def crossed_response(base: Data) -> np.ndarray:
    """Return the response with effects of ``h``."""
    return np.asarray(base["y"] + np.arange(ROWS) % GROUPS)


SHUFFLED = np.random.default_rng(3).permutation(ROWS)
NEGATIVE = np.where(np.arange(ROWS) == 3, -1.0, 1.0)

CASES = [
    Case(
        "C31",
        "constant predictor",
        "y ~ x + k + (1 | g)",
        table(k=np.full(ROWS, 5.0)),
        ml.AliasedWarning,
        ("`k` is constant (5.0), aliased with Intercept",),
        left_out("k"),
    ),
    Case(
        "C32",
        "the same predictor twice",
        "y ~ x + z + (1 | g)",
        table(z=PREDICTOR),
        ml.AliasedWarning,
        ("they are left out: `z` = `x`",),
        left_out("z"),
    ),
    Case(
        "C32",
        "a combination of predictors",
        "y ~ x + z + (1 | g)",
        table(z=3 * PREDICTOR - 2),
        ml.AliasedWarning,
        ("`z` = 3 `x` - 2",),
        left_out("z"),
    ),
    Case(
        "C33",
        "nearly the same predictor",
        "y ~ x + z + (1 | g)",
        table(z=PREDICTOR + 1e-9 * np.cos(np.arange(ROWS))),
        ml.AliasedWarning,
        ("`z` = `x`",),
        left_out("z"),
    ),
    Case(
        "C35",
        "empty cells of an interaction",
        "y ~ a * b + (1 | g)",
        table(a=LETTERS, b=OTHERS),
        ml.AliasedWarning,
        ("`a:b` has no rows with a=d, b=v; a=d, b=w",),
        cells,
    ),
    Case(
        "C37",
        "response far from zero",
        "y ~ x + (1 | g)",
        table(y=lambda base: base["y"] + 1e8),
        right=like("y ~ x + (1 | g)", shift=1e8),
    ),
    Case(
        "C39",
        "years or time stamps",
        SLOPES,
        table(x=PREDICTOR * 5 + 2e6),
        right=rescaled(2e6, 5.0),
    ),
    Case(
        "C39",
        "years or time stamps, by Kenward and Roger",
        SLOPES,
        table(x=PREDICTOR * 5 + 2e6),
        right=rescaled(2e6, 5.0),
        options={"ddf": "kenward-roger"},
    ),
    Case("C40", "large predictor", SLOPES, table(x=PREDICTOR * 1e9), right=rescaled(0.0, 1e9)),
    Case("C40", "small predictor", SLOPES, table(x=PREDICTOR * 1e-9), right=rescaled(0.0, 1e-9)),
    Case(
        "C41",
        "large response",
        SLOPES,
        table(ys=lambda base: base["ys"] * 1e9),
        right=rescaled(0.0, 1.0, 1e9),
    ),
    Case(
        "C41",
        "small response",
        SLOPES,
        table(ys=lambda base: base["ys"] * 1e-9),
        right=rescaled(0.0, 1.0, 1e-9),
    ),
    Case(
        "C41",
        "a response that cannot be squared",
        "y ~ x + (1 | g)",
        table(y=lambda base: base["y"] * 1e300),
        ml.DataError,
        ("the column `y` has values of size", "e+300", "allowed:", "try: use another unit"),
    ),
    Case(
        "C41",
        "a predictor that vanishes when squared",
        "y ~ x + (1 | g)",
        table(x=PREDICTOR * 1e-300),
        ml.DataError,
        ("the column `x` has values of size", "e-300", "try: use another unit"),
    ),
    Case(
        "C41",
        "time stamps in nanoseconds",
        "y ~ x + t + (1 | g)",
        table(t=1_600_000_000_000_000_000 + 10**12 * (SHUFFLED**2 % 97)),
    ),
    Case("C42", "intercepts and slopes", SLOPES, table(), right=like(SLOPES)),
    Case("C43", "rows in another order", SLOPES, rows(SHUFFLED, table()), right=like(SLOPES, rtol=1e-9)),
    Case(
        "C44",
        "a negative weight",
        "y ~ x + (1 | g)",
        table(w=NEGATIVE),
        ml.DataError,
        ("`precision_weights` is -1 in row 3", "allowed:"),
        options={"precision_weights": "w"},
    ),
    Case(
        "C44",
        "weights of zero",
        "y ~ x + (1 | g)",
        table(w=(np.arange(ROWS) >= 50) * 1.0),
        right=second_half,
        options={"precision_weights": "w"},
    ),
    Case(
        "C44",
        "counts of zero",
        "y ~ x + (1 | g)",
        table(w=(np.arange(ROWS) >= 50) * 1),
        right=second_half,
        options={"frequency_weights": "w"},
    ),
    Case(
        "C44",
        "weights of an unsaid kind",
        "y ~ x + (1 | g)",
        table(),
        ml.OptionError,
        ("`weights` can mean several things", "precision_weights", "frequency_weights", "try:"),
        options={"weights": "x"},
    ),
    Case("C45", "crossed groups", "y ~ x + (1 | g) + (1 | h)", table(y=crossed_response), right=crossed),
]
