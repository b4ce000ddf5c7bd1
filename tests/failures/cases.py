"""What hostile input is and what must come of it: the base data, a case, and its judgement."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.typing import NDArray

import multilevel as ml

Data = dict[str, Any]
ROWS, GROUPS = 100, 10
TABLES = ("fixed_effects", "variance_components", "correlations", "random_effects", "group_coefficients")


@dataclass(frozen=True, slots=True)
class Case:
    """One input and what must come of it.

    Parameters
    ----------
    row, what
        Section and number of the failure, and the input in words.
    formula, data, options
        What is fitted; ``data`` makes the columns.
    outcome
        The class of the error or of the one warning; ``None`` if the fit must be silent.
    words
        Pieces that the message must contain.
    right
        Checks the numbers of a fit.
    libraries
        Kinds of table that the input is tried in.
    """

    row: str
    what: str
    formula: str
    data: Callable[[], Data]
    outcome: type[ml.MultilevelError] | type[ml.MultilevelWarning] | None = None
    words: tuple[str, ...] = ()
    right: Callable[[ml.Fit], None] = lambda fit: None
    options: Mapping[str, Any] = field(default_factory=dict)
    libraries: tuple[str, ...] = ("pandas", "polars", "dict")


@cache
def _base() -> Data:
    random = np.random.default_rng(20240911)
    g = np.repeat(np.arange(GROUPS), ROWS // GROUPS)
    x = random.normal(size=ROWS)
    a, slope = random.normal(size=GROUPS), 0.5 * random.normal(size=GROUPS)
    e = random.normal(size=ROWS)
    return {
        "y": 1 + 2 * x + a[g] + 0.7 * e,
        "ys": 1 + 2 * x + a[g] + slope[g] * x + 0.7 * e,
        "x": x,
        "g": np.array([f"g{at}" for at in g], dtype=object),
        "h": np.array([f"h{at % GROUPS}" for at in range(ROWS)], dtype=object),
    }


def table(**changes: Any) -> Callable[[], Data]:
    """Return a maker of the base data, ``y = 1 + 2 x + a_g + e``, with some columns replaced or added.

    A function in place of a column is given the base data.
    """

    def make() -> Data:
        base = dict(_base())
        return base | {name: value(base) if callable(value) else value for name, value in changes.items()}

    return make


def at(name: str, row: int, value: Any) -> Callable[[Data], NDArray[Any]]:
    """Return a maker of a base column with another value in one row."""

    def make(base: Data) -> NDArray[Any]:
        column = base[name].copy()
        column[row] = value
        return np.asarray(column)

    return make


def rows(chosen: Any, make: Callable[[], Data]) -> Callable[[], Data]:
    """Return a maker of some of the rows."""
    return lambda: {name: np.asarray(column)[chosen] for name, column in make().items()}


def in_library(data: Data, library: str) -> Any:
    """Return columns as a table of a library."""
    if library == "dict":
        return data
    frame = pd.DataFrame(data)
    return frame if library == "pandas" else pl.from_pandas(frame)


def like(
    formula: str, *, scale: float = 1.0, shift: float = 0.0, terms: int | None = None, rtol: float = 1e-6
) -> Callable[[ml.Fit], None]:
    """Return a check: the estimates are those of a formula on the base data, in another unit of ``y``.

    Parameters
    ----------
    formula
        Fitted to the base data.
    scale, shift
        The response is ``scale * y + shift``.
    terms
        How many coefficients are compared, from the first; all by default.
    rtol
        Search tolerance of two fits: 1e-11 in the criterion leaves about 1e-6 in a variance.
    """

    def check(fit: ml.Fit) -> None:
        expected, found = ml.fit(formula, _base()), as_pandas(fit.fixed_effects)
        want = as_pandas(expected.fixed_effects)
        assert fit.certificate.holds
        beta = want["estimate"].to_numpy() * scale + np.where(want["term"] == "Intercept", shift, 0.0)
        size = float(np.abs(want["std_error"]).max()) * scale
        np.testing.assert_allclose(found["estimate"][:terms], beta[:terms], rtol=1e-9, atol=1e-6 * size)
        np.testing.assert_allclose(found["std_error"][:terms], want["std_error"][:terms] * scale, rtol=rtol)
        np.testing.assert_allclose(sds(fit), sds(expected) * scale, rtol=rtol, atol=rtol * scale)

    return check


def sds(fit: ml.Fit) -> NDArray[np.float64]:
    """Return the sds of the variance components."""
    return as_pandas(fit.variance_components)["sd"].to_numpy(dtype=np.float64)


def as_pandas(frame: Any) -> pd.DataFrame:
    """Return a table of any library as pandas."""
    return frame if isinstance(frame, pd.DataFrame) else frame.to_pandas()


def require_finite(fit: ml.Fit) -> None:
    """Require numbers, no NaN and no infinity, wherever a fit has a number; pages that can be written."""
    for name in TABLES:
        numbers = as_pandas(getattr(fit, name)).select_dtypes("number")
        bad = numbers.columns[~np.isfinite(numbers.to_numpy(dtype=np.float64)).all(axis=0)].tolist()
        if name == "fixed_effects" and (fit.options.residual_sd is not None or fit.options.ddf == "none"):
            bad = [column for column in bad if column != "df"]  # nothing is estimated: a normal test
        assert not bad, f"{name} has NaN or inf in {bad}"
    for name in ("sigma", "deviance", "loglik", "aic", "bic"):
        assert np.isfinite(getattr(fit, name)), name
    used = np.zeros(fit.design.n_input, dtype=bool)
    used[fit.design.rows] = True
    for values in (fit.fitted, fit.residuals):
        np.testing.assert_array_equal(np.isfinite(values), used)
    predicted = as_pandas(fit.predict(interval=0.9)).select_dtypes("number")
    assert np.isfinite(predicted.to_numpy(dtype=np.float64)).all()
    for page in (str(fit), fit.to_markdown(), fit.to_latex(), fit._repr_html_()):
        assert page and "nan" not in page.lower().split()


def judge(case: Case, library: str) -> None:
    """Fit a case and require its outcome: the class, the words, the numbers, and no other warning."""
    data = in_library(case.data(), library)
    if case.outcome is not None and issubclass(case.outcome, ml.MultilevelError):
        with warnings.catch_warnings(), pytest.raises(case.outcome) as refused:
            warnings.simplefilter("ignore", ml.MultilevelWarning)
            ml.fit(case.formula, data, **case.options)
        assert type(refused.value) is case.outcome
        require_words(str(refused.value), case.words)
        return
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        fit = ml.fit(case.formula, data, **case.options)
    kinds = [warning.category for warning in heard]
    assert kinds == ([] if case.outcome is None else [case.outcome]), [str(w.message) for w in heard]
    for warning in heard:
        require_words(str(warning.message), case.words)
        assert Path(warning.filename).name == Path(__file__).name, warning.filename
    require_finite(fit)
    case.right(fit)


def require_words(message: str, words: tuple[str, ...]) -> None:
    """Require pieces in a message."""
    for piece in words:
        assert piece in message, message
