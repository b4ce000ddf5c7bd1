"""Numbers as text: significant digits, no noise, blanks for what is missing."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

BLANK = ""


def significant(value: float | None, digits: int = 5) -> str:
    """Return a number with a fixed count of significant digits: ``24.740``, ``1.0000e-09``."""
    if value is None:
        return BLANK
    if value == 0:
        return "0"
    if not 1e-4 <= abs(value) < 1e7:
        return f"{value:.{digits - 1}e}"
    places = digits - 1 - math.floor(math.log10(abs(value)))
    return _plain(value, max(0, places))


def column(values: Sequence[float], digits: int = 4) -> list[str]:
    """Return a column of numbers to one decimal place, at which the smallest has ``digits`` digits.

    Each number gets its own significant digits if they are too different in size for that.
    """
    sizes = [abs(value) for value in values if value != 0]
    if not sizes or max(sizes) > 1e5 * min(sizes) or max(sizes) >= 1e7 or min(sizes) < 1e-4:
        return [significant(value) for value in values]
    places = max(0, digits - 1 - math.floor(math.log10(min(sizes))))
    return [_plain(value, places) if value else "0" for value in values]


def beside(value: float | None, error: float, digits: int = 4) -> str:
    """Return a number to the decimal place of the last of ``digits`` significant digits of its error.

    A number that is known to more than twelve digits gets eight.
    """
    if value is None:
        return BLANK
    if error <= 0 or not math.isfinite(error):
        return significant(value)
    places = digits - 1 - math.floor(math.log10(error))
    if error < 1e-12 * abs(value):
        return significant(value, 8)
    if max(abs(value), error) >= 1e7 or (error < 1e-5 and abs(value) < 1e-2):
        lead = max(0.0, math.floor(math.log10(max(abs(value), error))) - math.floor(math.log10(error)))
        return _no_minus_zero(f"{value:.{min(15, digits - 1 + int(lead))}e}")
    return _plain(value, max(0, places))


def fixed(value: float | None, places: int) -> str:
    """Return a number with a fixed count of decimal places; large ones in powers of ten."""
    if value is None:
        return BLANK
    return f"{value:.3e}" if abs(value) >= 1e7 else _plain(value, places)


def percent(share: float) -> str:
    """Return a share as a percentage with one decimal place."""
    return f"{100 * share:.1f}%"


def correlation(value: float) -> str:
    """Return a correlation with three decimal places; only one that is exactly one is shown as one."""
    if 0.9995 <= abs(value) < 1:
        return ">0.999" if value > 0 else "<-0.999"
    return _plain(value, 3)


def probability(value: float | None) -> str:
    """Return a p-value with three decimal places, or that it is below one in a thousand."""
    if value is None:
        return BLANK
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def degrees(value: float | None) -> str:
    """Return degrees of freedom with one decimal place, or without when there are very many."""
    if value is None:
        return BLANK
    return f"{value:.1f}" if value < 1e4 else f"{value:.3g}"


def without_noise(values: Sequence[float] | NDArray[np.float64], tolerance: float = 1e-12) -> list[float]:
    """Return the values, with those that are negligible beside the largest set to zero."""
    largest = max((abs(value) for value in values), default=0.0)
    return [0.0 if abs(value) <= tolerance * largest else float(value) for value in values]


def plural(count: int, word: str) -> str:
    """Return a count with its word: ``1 row``, ``180 rows``, ``1,000,000 rows``."""
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def _plain(value: float, places: int) -> str:
    return _no_minus_zero(f"{value:.{places}f}")


def _no_minus_zero(text: str) -> str:
    return text[1:] if text.startswith("-") and not text.strip("-0.e+") else text
