"""What every family of responses offers, and the links between its mean and the linear predictor."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, ndtr, ndtri

from multilevel.errors import DataError, OptionError

Floats = NDArray[np.float64]
LinkName = Literal["identity", "log", "logit", "probit", "cloglog", "inverse", "sqrt"]
LINKS: Mapping[LinkName, int] = {
    "identity": 0, "log": 1, "logit": 2, "probit": 3, "cloglog": 4, "inverse": 5, "sqrt": 6,
}  # fmt: skip
"""Links, and their numbers in the kernels."""
SMALL = 1e-10
"""Starting means keep this distance from the ends of their range."""


@dataclass(frozen=True, slots=True)
class Family(ABC):
    """The distribution of a response given its mean ``mu``, with ``link(mu) = eta``.

    Parameters
    ----------
    link
        Name of the link function; "" stands for the family's default.

    Raises
    ------
    OptionError
        If the family has no such link.
    """

    link: LinkName | Literal[""] = ""

    name: ClassVar[str]
    code: ClassVar[int]
    """Number of the family in the kernels."""
    links: ClassVar[tuple[LinkName, ...]]
    """Links that can be had, the default first."""
    parameters: ClassVar[tuple[str, ...]] = ()
    """Positive numbers that are estimated besides the mean, such as ``("phi",)``."""
    trials: ClassVar[bool] = False
    """Whether the response counts successes of a known number of trials."""
    counts: ClassVar[bool] = False
    """Whether the response is a count without an upper end, so that zeros can be inflated."""
    discrete: ClassVar[bool] = False
    """Whether the response takes whole numbers only."""
    spread: ClassVar[str] = ""
    """What the parameters do, in words: "variance mu + mu^2 / theta"."""
    special_cases: ClassVar[tuple[str, ...]] = ()
    """Names of the families that this one becomes at an end of its parameters' range."""

    def __post_init__(self) -> None:
        if self.link == "":
            object.__setattr__(self, "link", self.links[0])
        elif self.link not in self.links:
            raise OptionError(
                f"the {self.name} family has no link {self.link!r}",
                allowed=", ".join(repr(link) for link in self.links),
                remedy=suggestion(self.link, self.links),
            )

    @property
    def link_code(self) -> int:
        """Number of the link in the kernels."""
        return LINKS[self.link]  # type: ignore[index]

    @property
    def is_linear(self) -> bool:
        """Whether this is the normal distribution with the identity link: a linear model."""
        return self.name == "gaussian" and self.link == "identity"

    def text(self) -> str:
        """Return family and link in words: "poisson (log link)"."""
        return f"{self.name} ({self.link} link)"

    def mean(self, eta: Floats) -> Floats:
        """Return ``mu`` at linear predictors of any shape."""
        return inverse_link(self.link, eta)

    def predictor(self, mu: Floats) -> Floats:
        """Return ``eta`` at means of any shape."""
        return link_of(self.link, mu)

    @abstractmethod
    def check(self, y: Floats, trials: Floats | None, name: str, rows: NDArray[np.int64]) -> None:
        """Raise `DataError` naming the rows whose response the family does not allow.

        Parameters
        ----------
        y
            ``(n,)`` response.
        trials
            ``(n,)`` or ``None``.
        name
            Text of the response.
        rows
            ``(n,)`` row numbers in the caller's table.
        """

    @abstractmethod
    def start(self, y: Floats, trials: Floats | None) -> Floats:
        """Return ``(n,)`` means near the responses at which the linear predictor is finite."""

    def start_parameters(self, y: Floats, mu: Floats, trials: Floats | None) -> Floats:
        """Return ``(len(parameters),)`` rough values of the parameters at given means, by moments."""
        return np.ones(len(self.parameters))

    def at_end(self, parameters: Floats, y: Floats, trials: Floats | None) -> bool:
        """Return whether the parameters are so near an end that the family is as good as its special case."""
        return False

    @abstractmethod
    def variance(self, mu: Floats, parameters: Floats, trials: Floats | None) -> Floats:
        """Return the variance of the response (of the number of successes where there are trials)."""

    @abstractmethod
    def draw(self, rng: np.random.Generator, mu: Floats, parameters: Floats, trials: Floats | None) -> Floats:
        """Draw responses at means ``mu``, of its shape."""

    @abstractmethod
    def cdf(self, y: Floats, mu: Floats, parameters: Floats, trials: Floats | None) -> Floats:
        """Return the probability of a response of ``y`` or less at means ``mu``; arrays that broadcast."""

    def deviance(self, y: Floats, mu: Floats, parameters: Floats, trials: Floats | None) -> Floats | None:
        """Return twice the log density at its best mean less that at ``mu``, by row (scaled by dispersion).

        The parameters are the same at both means. ``None`` where a row has no mean.
        """
        return None


def inverse_link(link: str, eta: Floats) -> Floats:
    """Return the mean at a linear predictor."""
    table: Mapping[str, Callable[[], Floats]] = {
        "identity": lambda: eta,
        "log": lambda: np.exp(eta),
        "logit": lambda: expit(eta),
        "probit": lambda: ndtr(eta),
        "cloglog": lambda: -np.expm1(-np.exp(eta)),
        "inverse": lambda: 1.0 / eta,
        "sqrt": lambda: eta * eta,
    }
    return np.asarray(table[link](), dtype=np.float64)


def slope(link: str, eta: Floats) -> Floats:
    """Return the derivative of the mean by the linear predictor."""
    table: Mapping[str, Callable[[], Floats]] = {
        "identity": lambda: np.ones_like(eta),
        "log": lambda: np.exp(eta),
        "logit": lambda: expit(eta) * expit(-eta),
        "probit": lambda: np.exp(-0.5 * eta * eta) / np.sqrt(2.0 * np.pi),
        "cloglog": lambda: np.exp(eta - np.exp(eta)),
        "inverse": lambda: -1.0 / (eta * eta),
        "sqrt": lambda: 2.0 * eta,
    }
    return np.asarray(table[link](), dtype=np.float64)


def link_of(link: str, mu: Floats) -> Floats:
    """Return the linear predictor at a mean."""
    table: Mapping[str, Callable[[], Floats]] = {
        "identity": lambda: mu,
        "log": lambda: np.log(mu),
        "logit": lambda: logit(mu),
        "probit": lambda: ndtri(mu),
        "cloglog": lambda: np.log(-np.log1p(-mu)),
        "inverse": lambda: 1.0 / mu,
        "sqrt": lambda: np.sqrt(mu),
    }
    return np.asarray(table[link](), dtype=np.float64)


def suggestion(given: object, names: Iterable[str]) -> str:
    """Return "did you mean 'poisson'?" if a name is near to what was given, else ""."""
    near = get_close_matches(str(given).lower().replace(" ", "_"), list(names), n=1, cutoff=0.6)
    return f"did you mean {near[0]!r}?" if near else ""


def refuse_rows(
    bad: NDArray[np.bool_],
    y: Floats,
    name: str,
    rows: NDArray[np.int64],
    fault: str,
    allowed: str,
    remedy: str = "",
) -> None:
    """Raise `DataError` if a row is bad, naming the first of them by its number in the caller's table."""
    if not bad.any():
        return
    first = np.flatnonzero(bad)[:5]
    shown = ", ".join(f"{y[i]:g} in row {rows[i]}" for i in first)
    more = f" and {int(bad.sum()) - first.size} more" if bad.sum() > first.size else ""
    raise DataError(f"the response `{name}` {fault}: {shown}{more}", allowed=allowed, remedy=remedy)


def falling_root(falls: Callable[[Floats], Floats], low: Floats, high: Floats) -> Floats:
    """Return where falling functions, one for each row, cross zero between two ends; by bisection.

    An end where a function does not cross. The functions are derivatives: a maximum is right to the square of
    the root's error, which is ``2^-34`` of the distance of the ends.
    """
    for _ in range(34):
        middle = 0.5 * (low + high)
        above = falls(middle) > 0.0
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return np.asarray(0.5 * (low + high))


def near(mu: Floats, low: float, high: float) -> Floats:
    """Return means moved inside ``(low, high)``."""
    return np.clip(mu, low + SMALL, high - SMALL)
