"""What a parametric bootstrap gives out, and the member of `Fit` that asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from multilevel.results.questions import Floats, Frame


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Bootstrap:
    """A model estimated again from responses that were simulated at its estimates.

    Parameters
    ----------
    intervals
        A table with a row for each parameter: parameter (named as in ``Posterior.draws``), estimate (of the
        fit), bias (mean of the replicates less the estimate), std_error (their sd), lower and upper (their
        quantiles), replicates (how many have the parameter: a correlation with a variance of zero is none).
    replicates
        A table with a row for each replicate and parameter: replicate, status, parameter, value.
    draws
        ``(n,)`` values by parameter, NaN where there is none.
    n, seed, level
        Replicates, the seed that draws them again, and the coverage of the intervals.
    formula
        Of the model.

    Examples
    --------
    >>> import multilevel as ml
    >>> fit = ml.fit("reaction ~ days + (days | subject)", ml.datasets.load("sleepstudy"))
    >>> again = fit.bootstrap(200, seed=1)
    >>> again
    Bootstrap('reaction ~ days + (days | subject)', n=200, seed=1)
    >>> list(again.draws)[:4]
    ['Intercept', 'days', 'sd(subject, Intercept)', 'sd(subject, days)']
    """

    intervals: Frame
    replicates: Frame
    draws: Mapping[str, Floats]
    n: int
    seed: int
    level: float
    formula: str

    def __repr__(self) -> str:
        return f"Bootstrap({self.formula!r}, n={self.n}, seed={self.seed})"


class BootstrapAnswers(Protocol):
    """The function that bootstraps."""

    def bootstrap(
        self, fit: Any, n: int, *, seed: int | np.random.Generator, level: float | None
    ) -> Bootstrap:
        """Return the model estimated again from simulated responses."""


class HasBootstrap(Protocol):
    """A fit."""

    @property
    def answers(self) -> BootstrapAnswers:
        """The functions that answer questions about it."""


class BootstrapQuestions:
    """The member of `Fit` that bootstraps."""

    __slots__ = ()

    def bootstrap(
        self: HasBootstrap, n: int = 1000, *, seed: int | np.random.Generator, level: float | None = None
    ) -> Bootstrap:
        """Simulate responses at the estimates, estimate the model from each, and return how they vary.

        The cross-products with each response are simulated, not its rows: a replicate costs what the groups
        cost, whatever the rows. Group effects are drawn afresh. For linear models; of several crossed factors
        all but the largest may have a few thousand effects together.

        Parameters
        ----------
        n
            How many replicates, at least 2.
        seed
            A whole number or a NumPy generator.
        level
            Coverage of the intervals; by default that of the fit.

        Raises
        ------
        OptionError
            If the model is not linear, or a keyword is not what it should be.
        DesignError
            If the crossed factors are too large.
        """
        return self.answers.bootstrap(self, n, seed=seed, level=level)
