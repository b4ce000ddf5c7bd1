"""Every error and warning of the library; the floor that any room may stand on."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path


class MultilevelError(ValueError):
    """The ancestor of every error that this library raises on purpose.

    Parameters
    ----------
    asked
        What was asked for, and what was found: one sentence with the offending value in it.
    allowed
        What is allowed instead; may be empty.
    remedy
        What to try; may be empty.

    Examples
    --------
    >>> raise MultilevelError("the grouping column `g` has 1 level", remedy="drop `(1 | g)`")
    Traceback (most recent call last):
    multilevel.errors.MultilevelError: the grouping column `g` has 1 level
      try: drop `(1 | g)`
    """

    def __init__(self, asked: str, *, allowed: str = "", remedy: str = "") -> None:
        self.asked, self.allowed, self.remedy = asked, allowed, remedy
        lines = [asked]
        if allowed:
            lines.append(f"  allowed: {allowed}")
        if remedy:
            lines.append(f"  try: {remedy}")
        super().__init__("\n".join(lines))


class FormulaError(MultilevelError):
    """The text of a formula cannot be read; shows the line with a caret under the fault.

    Parameters
    ----------
    asked, allowed, remedy
        As in `MultilevelError`.
    text
        The whole formula as the user wrote it.
    position
        Zero-based character of the fault in ``text``.
    length
        How many characters the caret line underlines (at least 1).
    """

    def __init__(
        self,
        asked: str,
        *,
        text: str,
        position: int,
        length: int = 1,
        allowed: str = "",
        remedy: str = "",
    ) -> None:
        self.text, self.position, self.length = text, position, length
        line, column = _line_of(text, position)
        caret = " " * column + "^" * max(1, min(length, max(1, len(line) - column)))
        super().__init__(f"{asked}\n    {line}\n    {caret}", allowed=allowed, remedy=remedy)


def _line_of(text: str, position: int) -> tuple[str, int]:
    """Return the line of ``text`` that holds ``position``, cut to 100 characters, and the column there."""
    start = text.rfind("\n", 0, position) + 1
    end = text.find("\n", position)
    line = text[start : end if end >= 0 else len(text)]
    column = position - start
    if len(line) > 100:
        cut = max(0, column - 50)
        line, column = line[cut : cut + 100], column - cut
    return line, column


class DataError(MultilevelError):
    """The table cannot be read, or a column is not what the model needs."""


class DesignError(MultilevelError):
    """Model and data are both readable, but the model cannot be estimated from these data."""


class OptionError(MultilevelError):
    """A keyword has a value that is not allowed, or two keywords contradict each other."""


class ComparisonError(MultilevelError):
    """Fits that cannot be compared were asked to be."""


class StorageError(MultilevelError):
    """A saved result is damaged, truncated, of another version, or not one of ours."""


class MultilevelWarning(UserWarning):
    """The ancestor of every warning of the library."""


class MissingValuesWarning(MultilevelWarning):
    """Rows with missing values were left out; the message counts them by column."""


class AliasedWarning(MultilevelWarning):
    """A column of the fixed part is a combination of others and was left out."""


class GroupingWarning(MultilevelWarning):
    """The grouping structure may not be what was meant (re-used ids, unused levels)."""


class BoundaryWarning(MultilevelWarning):
    """A variance or correlation is estimated at its boundary."""


class ConvergenceWarning(MultilevelWarning):
    """The optimum could not be certified."""


class ApproximationWarning(MultilevelWarning):
    """Laplace's method moves an estimate by more than half a standard error; quadrature would not."""


class InformationWarning(MultilevelWarning):
    """The data leave a direction open, in which the posterior is what the priors make it."""


class OverflowWarning(MultilevelWarning):
    """A prediction is too large for a number, and given as infinite; the message names the rows."""


class CheckpointWarning(MultilevelWarning):
    """The end of a checkpoint was damaged; the run goes on from what is whole before it."""


def warn(message: str, category: type[MultilevelWarning]) -> None:
    """Warn at the line outside the library that called it."""
    here = str(Path(__file__).parent)
    level, frame = 2, sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(here):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)
