"""Whatever the table, a fit gives finite numbers or one of our errors; nothing else ever comes out."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import multilevel as ml
from multilevel.engines.solution import Status
from tests.failures.cases import require_finite

Maker = Callable[[np.random.Generator, int], Any]


def objects(*values: Any) -> Maker:
    """Return a maker of a column of Python objects."""

    def make(r: np.random.Generator, n: int) -> Any:
        column = np.empty(n, dtype=object)
        for row, at in enumerate(r.integers(0, len(values), n)):
            column[row] = values[at]
        return column

    return make


def spiked(*values: float) -> Maker:
    """Return a maker of ordinary numbers with one of these among them."""

    def make(r: np.random.Generator, n: int) -> Any:
        column = r.normal(size=n)
        column[r.integers(0, n, min(n, 1))] = r.choice(values)
        return column

    return make


NICE: list[Maker] = [
    lambda r, n: r.normal(size=n),
    lambda r, n: r.integers(0, 4, n),
    lambda r, n: r.integers(0, 4, n),
    lambda r, n: np.repeat(np.arange(n // 3 + 1), 3)[:n],
    objects("a", "b", "c"),
]
UGLY: list[Maker] = [
    lambda r, n: np.full(n, np.nan),
    lambda r, n: np.full(n, 7.0),
    lambda r, n: r.normal(size=n) * 1e300,
    lambda r, n: r.normal(size=n) * 1e37,
    lambda r, n: r.normal(size=n) * 1e-37,
    lambda r, n: r.integers(-3, 3, n) * 5e-324,
    lambda r, n: r.normal(size=n) + 1e12,
    lambda r, n: np.where(r.random(n) < 0.5, -0.0, 0.0),
    lambda r, n: r.integers(-(2**62), 2**62, n),
    lambda r, n: r.integers(0, 2, n).astype(bool),
    lambda r, n: pd.Categorical(r.choice(list("abc"), n), categories=list("dcba")),
    lambda r, n: pd.array([[1, 2, None][at] for at in r.integers(0, 3, n)], dtype="Int64"),
    lambda r, n: pd.date_range("2020-01-01", periods=n),
    lambda r, n: r.normal(size=n) + 1j,
    spiked(np.nan),
    spiked(np.inf, -np.inf),
    spiked(1e300, 1e30, 1e15, 1e-300),
    objects("a", "b\0", "b", "ß", "", " "),
    objects("a", 1, 2.5, None, True),
    objects([1], (2,), {}),
    objects("1", "2.5", "x"),
    objects(1, 2.5, None),
]
FORMULAS = [
    "y ~ x + (1 | g)",
    "y ~ x + (x | g)",
    "y ~ x + (x || g)",
    "y ~ x * z + (1 | g)",
    "y ~ x + (1 | g/h)",
    "y ~ x + (1 | g) + (1 | h)",
    "y ~ 0 + x + (0 + x | g)",
    "y ~ x",
    "log(y) ~ x + (1 | g)",
    "y ~ poly(x, 2) + (1 | g)",
    "y ~ scale(x) + (z | g)",
    "y ~ bs(x, 4) + (1 | h)",
    "y ~ C(x) + (1 | g)",
    "y ~ x + offset(z) + (1 | g)",
    "y ~ x + (x | g) + (z | h)",
    "y ~ I(x^2) + (1 | g)",
]
OPTIONS: list[dict[str, Any]] = [
    {},
    {},
    {"method": "ml"},
    {"missing": "drop"},
    {"missing": "error"},
    {"ddf": "kenward-roger"},
    {"ddf": "none"},
    {"precision_weights": "z"},
    {"frequency_weights": "z"},
    {"residual_sd": 0.5},
    {"residual_sd": "x"},
    {"offset": "z"},
    {"max_evaluations": 1},
    {"lme4_compat": True},
]
TRIES = 60


def ugly(seed: int) -> tuple[str, Any, dict[str, Any]]:
    """Return a formula, a table and options."""
    pick, numbers = random.Random(seed), np.random.default_rng(seed)
    n = pick.choice([0, 1, 2, 5, 12, 30, 60, 60])
    ugliness = pick.choice([0.0, 0.2, 0.2, 0.6])
    data = {
        name: pick.choice(UGLY if pick.random() < ugliness else NICE)(numbers, n)
        for name in ("x", "z", "g", "h")
    }
    data["y"] = pick.choice(UGLY if pick.random() < ugliness else NICE[:2])(numbers, n)
    formula, options, library = (
        pick.choice(FORMULAS),
        pick.choice(OPTIONS),
        pick.choice(["pandas", "polars", "dict"]),
    )
    if library == "dict":
        return formula, data, options
    frame = pd.DataFrame(data)
    if pick.random() < 0.1:
        return formula, pd.concat([frame, frame[["x"]]], axis=1), options
    foreign = any(column.dtype in (object, complex) for _, column in frame.items())  # not for polars
    return formula, frame if foreign or library == "pandas" else pl.from_pandas(frame), options


@pytest.mark.parametrize("block", range(10))
def test_a_table_gives_finite_numbers_or_one_of_our_errors(block: int) -> None:
    fitted = 0
    for seed in range(block * TRIES, (block + 1) * TRIES):
        formula, data, options = ugly(seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ml.MultilevelWarning)
            try:
                fit = ml.fit(formula, data, **options)
            except ml.MultilevelError as error:
                assert len(str(error)) < 3000, (seed, formula, options)
                continue
            if fit.status is not Status.SATURATED:
                require_finite(fit)
            fitted += 1
    assert fitted > TRIES // 12
