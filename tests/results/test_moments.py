"""The moments that a user holds: what they say of themselves."""

from __future__ import annotations

import copy
import pickle

import polars as pl
import pytest

import multilevel as ml

SLEEP = ml.datasets.load("sleepstudy")
FORMULA = "reaction ~ days + (days | subject)"


def test_they_say_what_they_are() -> None:
    data = SLEEP.assign(w=2.0, half=SLEEP["days"] > 4)
    moments = ml.moments("reaction ~ days + (days | subject) + (1 | half)", data, frequency_weights="w")
    assert (moments.n_rows, moments.n_observations) == (180, 360.0)
    assert moments.groups == {"subject": 18, "half": 2}
    assert moments.formula == moments.model.text == "reaction ~ days + (days | subject) + (1 | half)"
    products = moments.products
    arrays = [products.D, *products.A, *products.C]
    arrays += [array for pair in products.pairs for array in (pair.start, pair.index, pair.value)]
    assert moments.size == sum(array.nbytes for array in arrays)
    assert repr(moments).startswith(
        f"Moments({moments.formula!r}, 180 rows, subject: 18 levels, half: 2 levels, "
    )


def test_missing_values_are_counted() -> None:
    data = SLEEP.assign(days=SLEEP["days"].where(SLEEP.index % 60 != 7))
    assert ml.moments(FORMULA, data, missing="drop").missing == {"days": 3}
    with pytest.warns(ml.MissingValuesWarning):
        assert ml.moments(FORMULA, pl.LazyFrame(data)).n_rows == 177


def test_sizes_do_not_grow_with_the_rows() -> None:
    twice = ml.moments(FORMULA, {name: [*SLEEP[name], *SLEEP[name]] for name in SLEEP})
    assert twice.size == ml.moments(FORMULA, SLEEP).size


def test_they_are_frozen_and_not_pickled() -> None:
    moments = ml.moments(FORMULA, SLEEP)
    assert copy.deepcopy(moments) is moments
    with pytest.raises(ml.StorageError, match="load_moments"):
        pickle.dumps(moments)
    with pytest.raises(AttributeError):
        moments.design = None  # type: ignore[misc, assignment]


def test_pages_of_fits_of_moments_are_those_of_the_rows() -> None:
    fit, rows = ml.fit(ml.moments(FORMULA, SLEEP)), ml.fit(FORMULA, SLEEP)
    assert (fit.to_markdown(), fit.to_latex(), fit.to_json()) == (
        rows.to_markdown(),
        rows.to_latex(),
        rows.to_json(),
    )
