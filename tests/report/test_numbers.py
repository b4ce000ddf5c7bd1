"""Numbers as text."""

from __future__ import annotations

import pytest

from multilevel.report.numbers import (
    beside,
    column,
    correlation,
    degrees,
    fixed,
    percent,
    plural,
    probability,
    significant,
    without_noise,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (24.740451, "24.740"),
        (5.9221, "5.9221"),
        (612.0957, "612.10"),
        (0.0, "0"),
        (1e-9, "1.0000e-09"),
        (123456.7, "123457"),
        (1.5e9, "1.5000e+09"),
        (None, ""),
    ],
)
def test_significant(value: float | None, text: str) -> None:
    assert significant(value) == text


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([24.74, 5.922133, 25.5918], ["24.740", "5.922", "25.592"]),
        ([0.0, 1.5], ["0", "1.500"]),
        ([1e-9, 1.5], ["1.0000e-09", "1.5000"]),
        ([0.0], ["0"]),
        ([], []),
    ],
)
def test_column(values: list[float], texts: list[str]) -> None:
    assert column(values) == texts


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (251.4051, 6.8246, "251.405"),
        (-1e-16, 0.5, "0.0000"),
        (-12.5, 250.0, "-12.5"),
        (1.9e-9, 1.3e-10, "1.9000e-09"),
        (2.0e9, 3.1e6, "2.000000e+09"),
        (1.9e-12, 1.3, "0.000"),
        (2.0, 3.9e-13, "2.0000000"),
        (2.0, 3.9e-8, "2.00000000000"),
        (3.9e-8, 3.9e-8, "3.900e-08"),
        (3.0, 0.0, "3.0000"),
        (3.0, float("inf"), "3.0000"),
        (None, 1.0, ""),
    ],
)
def test_beside(value: float | None, error: float, text: str) -> None:
    assert beside(value, error) == text


def test_small_ones() -> None:
    assert (fixed(-0.0001, 2), fixed(3.14159, 3), fixed(None, 1), fixed(2e9, 2)) == (
        "0.00",
        "3.142",
        "",
        "2.000e+09",
    )
    shown = [correlation(value) for value in (0.0656, -0.0001, -0.99999, 0.9996, 1.0, -1.0)]
    assert shown == ["0.066", "0.000", "<-0.999", ">0.999", "1.000", "-1.000"]
    assert (percent(0.4567), percent(0.0)) == ("45.7%", "0.0%")
    assert (probability(0.0004), probability(0.0421), probability(None)) == ("<0.001", "0.042", "")
    assert (degrees(16.9997), degrees(72813.2), degrees(None)) == ("17.0", "7.28e+04", "")
    assert (plural(1, "row"), plural(73421, "row")) == ("1 row", "73,421 rows")


def test_noise_beside_the_largest_is_zero() -> None:
    assert without_noise([1e-17, 2.0, -1e-13]) == [0.0, 2.0, 0.0]
    assert without_noise([]) == []
