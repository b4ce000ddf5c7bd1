"""What every prior of one number can do: density, slope, mean, draws, support."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import fields
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike

from multilevel.model.priors.arguments import Floats, Kind, checked_number, shown

Support = Literal["real", "positive", "interval", "point"]
Size = int | tuple[int, ...]


class ScalarPrior(ABC):
    """The distribution of one unknown number; the priors of coefficients and standard deviations.

    Two priors are equal if they are of one class and have the same numbers.
    """

    __slots__ = ()
    includes_zero: ClassVar[bool] = True
    """For positive priors: whether the density is given at zero (else zero is outside the support)."""

    @property
    @abstractmethod
    def support(self) -> Support:
        """Where the density is positive: "real", "positive", "interval" or "point"."""

    @property
    def bounds(self) -> tuple[float, float]:
        """Lower and upper end of the support."""
        return (0.0 if self.support == "positive" else -np.inf, np.inf)

    @property
    @abstractmethod
    def mean(self) -> float | None:
        """The mean, or ``None`` where it does not exist or is infinite."""

    @abstractmethod
    def draw(self, rng: np.random.Generator, size: Size) -> Floats:
        """Return independent draws.

        Parameters
        ----------
        rng
            Source of randomness.
        size
            Number of draws, or the shape of the array of draws.

        Raises
        ------
        OptionError
            The prior is improper.
        """

    @abstractmethod
    def _log(self, x: Floats) -> Floats:
        """Return the log density at points inside the support."""

    @abstractmethod
    def _slope(self, x: Floats) -> Floats:
        """Return the derivative of the log density at points inside the support."""

    def logpdf(self, x: ArrayLike) -> Floats:
        """Return the normalised log density: minus infinity outside the support, NaN at NaN.

        Parameters
        ----------
        x
            Any shape.

        Returns
        -------
        Floats
            Of the shape of ``x``.
        """
        values, inside = self._inside(x)
        with np.errstate(over="ignore", divide="ignore"):
            found = np.where(inside, self._log(np.where(inside, values, self._within)), -np.inf)
        return _plain(np.where(np.isnan(values), np.nan, found))

    def dlogpdf(self, x: ArrayLike) -> Floats:
        """Return the derivative of the log density: zero outside the support, NaN at NaN; shaped as ``x``."""
        values, inside = self._inside(x)
        with np.errstate(over="ignore", divide="ignore"):
            found = np.where(inside, self._slope(np.where(inside, values, self._within)), 0.0)
        return _plain(np.where(np.isnan(values), np.nan, found))

    def text(self) -> str:
        """Return the prior as it may be printed, ``Normal(0, 51.23)``."""
        numbers = (shown(getattr(self, field.name)) for field in fields(self))  # type: ignore[arg-type]
        return f"{type(self).__name__}({', '.join(numbers)})"

    @property
    def _within(self) -> float:
        """A point inside the support, at which the density is evaluated in place of points outside."""
        return 1.0

    def _inside(self, x: ArrayLike) -> tuple[Floats, Any]:
        """Return ``x`` as an array, and which of its points lie inside the support."""
        values = np.asarray(x, dtype=np.float64)
        low, high = self.bounds
        above = values >= low if self.includes_zero else values > low
        return values, above & (values <= high) & np.isfinite(values)

    def _check(self, kinds: dict[str, Kind]) -> None:
        """Turn the named fields into checked floats; for use in constructors."""
        for name, kind in kinds.items():
            where = f"{type(self).__name__}: {name}"
            object.__setattr__(self, name, checked_number(getattr(self, name), where=where, kind=kind))


def _plain(values: Floats) -> Floats:
    """Return an array as it is, and an array without axes as a NumPy number."""
    return values[()]
