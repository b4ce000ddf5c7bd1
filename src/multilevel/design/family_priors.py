"""Priors of what a generalised model has besides coefficients and groups: its family's parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from multilevel.design.scope import Floats
from multilevel.model.priors import ScalarPrior

NamedPrior = tuple[str, ScalarPrior]


@dataclass(frozen=True, slots=True, eq=False)
class FamilyPriors:
    """Priors of the parameters of a family (or thresholds), and of the coefficients of zero inflation.

    Parameters
    ----------
    parameters
        Name and prior of each parameter on its own scale, such as ``("theta", Gamma(...))``; for an ordinal
        response of each threshold, ``("low|middle", StudentT(...))``.
    inflation
        Name and prior of each coefficient of zero inflation, on the logit scale.
    centre
        ``(p,)``: the priors of thresholds are of ``threshold - centre' beta``, the threshold where the
        columns are at their means; ``None`` if they are of the thresholds themselves.
    """

    parameters: tuple[NamedPrior, ...] = ()
    inflation: tuple[NamedPrior, ...] = ()
    centre: Floats | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parameters, or thresholds."""
        return tuple(name for name, _ in self.parameters)

    def log_density(self, values: ArrayLike, inflation: ArrayLike, beta: ArrayLike) -> Floats:
        """Return the log prior density.

        Parameters
        ----------
        values, inflation
            ``(..., a)`` parameters on their own scale, and ``(..., q)`` coefficients of zero inflation.
        beta
            ``(..., p)`` coefficients, which the thresholds' priors may depend on.

        Returns
        -------
        Floats
            ``(...)``.
        """
        moved = self._moved(values, beta)
        coefficients = np.asarray(inflation, dtype=np.float64)
        total = np.zeros(moved.shape[:-1])
        for at, (_, prior) in enumerate(self.parameters):
            total = total + prior.logpdf(moved[..., at])
        for at, (_, prior) in enumerate(self.inflation):
            total = total + prior.logpdf(coefficients[..., at])
        return np.asarray(total)[()]

    def gradient(
        self, values: ArrayLike, inflation: ArrayLike, beta: ArrayLike
    ) -> tuple[Floats, Floats, Floats]:
        """Return the gradient of `log_density`: ``(..., a)``, ``(..., q)`` and ``(..., p)``."""
        moved = self._moved(values, beta)
        coefficients = np.asarray(inflation, dtype=np.float64)
        by_values, by_inflation = np.zeros(moved.shape), np.zeros(coefficients.shape)
        for at, (_, prior) in enumerate(self.parameters):
            by_values[..., at] = prior.dlogpdf(moved[..., at])
        for at, (_, prior) in enumerate(self.inflation):
            by_inflation[..., at] = prior.dlogpdf(coefficients[..., at])
        by_beta = np.zeros(np.shape(beta))
        if self.centre is not None:
            by_beta = by_beta - by_values.sum(axis=-1)[..., None] * self.centre
        return by_values, by_inflation, by_beta

    def texts(self) -> Sequence[tuple[str, str]]:
        """Return pairs of a parameter and its prior as text."""
        after = " with the columns at their means" if self.centre is not None and self.centre.any() else ""
        found = [(name, prior.text() + after) for name, prior in self.parameters]
        return [*found, *((f"zero inflation: {name}", prior.text()) for name, prior in self.inflation)]

    def _moved(self, values: ArrayLike, beta: ArrayLike) -> Floats:
        """Return the numbers that the priors are of."""
        found = np.asarray(values, dtype=np.float64)
        if self.centre is None:
            return found
        return np.asarray(found - (np.asarray(beta, dtype=np.float64) @ self.centre)[..., None])
