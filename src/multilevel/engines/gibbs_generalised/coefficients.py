"""The coefficients given everything else: all at once, proposed from the curvature where they stand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multilevel.design.bound_priors import BoundPriors
from multilevel.engines.gibbs_generalised.tally import Tally
from multilevel.model.priors import Fixed, MVNormal

Floats = NDArray[np.float64]
Derivatives = Callable[[Floats], tuple[float, Floats, Floats]]
"""From linear predictors to log density and its first two derivatives by each of them."""

STEP = 1e-4
"""Step, in the units of a coefficient, of the differences that give the curvature of its prior."""


class CoefficientPriors:
    """Priors of the coefficients: density, and the quadratic form that is nearest to it.

    Coefficients are ``beta = F delta`` plus what is held, ``delta`` being those (in the priors' own
    coordinates) that are not held.
    """

    __slots__ = ("F", "_held", "_others", "_priors", "_to_centred", "exact", "mean", "precision")

    def __init__(self, priors: BoundPriors) -> None:
        p = len(priors.names)
        self._priors, self._to_centred = priors, priors.to_centred
        self.mean, self.precision, normal = priors.coefficient_normal()
        given = priors.coefficients if isinstance(priors.coefficients, tuple) else ()
        self._held = {i: float(prior.value) for i, prior in enumerate(given) if isinstance(prior, Fixed)}
        free = [i for i in range(p) if i not in self._held]
        self._others = [i for i in free if not normal[i]]
        self.exact = not self._others
        self.F = np.asarray((2.0 * np.eye(p) - self._to_centred)[:, free])

    @property
    def free(self) -> int:
        """How many coefficients are not held."""
        return int(self.F.shape[1])

    def may_move(self, column: int) -> bool:
        """Return whether a coefficient can change alone without changing what is held."""
        return not any(self._to_centred[i, column] != 0.0 for i in self._held)

    def allowed(self, beta: Floats) -> Floats:
        """Return coefficients with what is held at its value."""
        gamma = self._to_centred @ beta
        for i, value in self._held.items():
            gamma[i] = value
        return np.asarray((2.0 * np.eye(gamma.size) - self._to_centred) @ gamma)

    def replace_excluded(self, beta: Floats, rng: np.random.Generator) -> Floats:
        """Return coefficients in which those that their own prior excludes are drawn from it."""
        gamma = self._to_centred @ self.allowed(beta)
        if isinstance(self._priors.coefficients, MVNormal):
            return beta
        for i in self._others:
            prior = self._priors.coefficients[i]
            if not np.isfinite(prior.logpdf(gamma[i])):
                gamma[i] = float(prior.draw(rng, 1)[0])
        return np.asarray((2.0 * np.eye(gamma.size) - self._to_centred) @ gamma)

    def log_normal(self, beta: Floats) -> float:
        """Return the part of the log density that is normal."""
        gap = beta - self.mean
        return float(-0.5 * gap @ self.precision @ gap)

    def log_others(self, beta: Floats) -> float:
        """Return the log density of the coefficients whose priors are neither normal nor flat nor points."""
        if self.exact or isinstance(self._priors.coefficients, MVNormal):
            return 0.0
        gamma = self._to_centred @ beta
        return float(sum(self._priors.coefficients[i].logpdf(gamma[i]) for i in self._others))

    def local(self, beta: Floats) -> tuple[Floats, Floats]:
        """Return slope ``(p,)`` of the log density and minus its curvature ``(p, p)``, none negative."""
        slope = self.precision @ (self.mean - beta)
        if self.exact or isinstance(self._priors.coefficients, MVNormal):
            return slope, self.precision
        gamma = self._to_centred @ beta
        first, second = np.zeros(beta.size), np.zeros(beta.size)
        for i in self._others:
            prior, h = self._priors.coefficients[i], STEP * max(1.0, abs(float(gamma[i])))
            below, above = (float(prior.dlogpdf(gamma[i] + s * h)) for s in (-1.0, 1.0))
            first[i], second[i] = 0.5 * (below + above), max((below - above) / (2.0 * h), 0.0)
        first, second = (np.where(np.isfinite(v), v, 0.0) for v in (first, second))
        T = self._to_centred
        return slope + T.T @ first, self.precision + (T.T * second) @ T


@dataclass(frozen=True, slots=True, eq=False)
class Local:
    """The proposal made at a point: mean of its step ``(s,)``, factor of its precision ``(s, s)``."""

    step: Floats
    L: Floats
    value: float


class CoefficientStep:
    """Propose ``delta' ~ N(delta + H^-1 g, H^-1)``: one step of scoring, with its noise (Gamerman 1997).

    Parameters
    ----------
    priors
        Of the coefficients.
    X
        ``(n, p)`` rows of the kernels.
    """

    __slots__ = ("_F", "_U", "_priors")

    def __init__(self, priors: CoefficientPriors, X: Floats) -> None:
        U = X @ priors.F
        size = np.sqrt(np.maximum(np.mean(U * U, axis=0), 1e-300)) if U.size else np.ones(priors.free)
        self._priors, self._U, self._F = priors, U / size, priors.F / size

    def draw(
        self,
        beta: Floats,
        eta: Floats,
        derivatives: Derivatives,
        log_rest: Callable[[Floats], float],
        rng: np.random.Generator,
        tally: Tally,
        *,
        pull: float = 1.0,
        spread: float = 1.0,
    ) -> tuple[Floats, Floats]:
        """Return the next coefficients and linear predictors.

        Parameters
        ----------
        beta, eta
            The present ones.
        derivatives
            Of the rows' log densities.
        log_rest
            Log prior density of what else depends on the coefficients.
        tally
            Counts the proposal.
        pull, spread
            Shares of the step of scoring and of its noise; ``(0, s)`` is a walk that follows the curvature.
        """
        noise = rng.standard_normal(self._F.shape[1])
        here = self._local(beta, eta, derivatives)
        if here is None:
            tally.count(1, 0, 1)
            return beta, eta
        step: Floats = pull * here.step + spread * np.asarray(np.linalg.solve(here.L.T, noise))
        tried, moved = beta + self._F @ step, eta + self._U @ step
        there = self._local(tried, moved, derivatives)
        if there is None:
            tally.count(1, 0, 1)
            return beta, eta
        back: Floats = there.L.T @ (step + pull * there.step) / spread
        ratio = there.value - here.value + log_rest(tried) - log_rest(beta)
        lengths = float(np.vdot(noise, noise) - np.vdot(back, back))
        ratio += _log_det(there.L) - _log_det(here.L) + 0.5 * lengths
        return (tried, moved) if tally.decide(ratio, rng) else (beta, eta)

    def _local(self, beta: Floats, eta: Floats, derivatives: Derivatives) -> Local | None:
        """Return the proposal made at a point, or ``None`` where there is no density."""
        value, d1, d2 = derivatives(eta)
        value += self._priors.log_normal(beta) + self._priors.log_others(beta)
        if not np.isfinite(value):
            return None
        slope, curvature = self._priors.local(beta)
        U, F = self._U, self._F
        H = U.T @ (U * np.maximum(-d2, 0.0)[:, None]) + F.T @ curvature @ F
        try:
            L = np.linalg.cholesky(H)
        except np.linalg.LinAlgError:
            return None
        g = U.T @ d1 + F.T @ slope
        return Local(np.asarray(np.linalg.solve(L.T, np.linalg.solve(L, g))), np.asarray(L), value)


def _log_det(L: Floats) -> float:
    """Return the log determinant of a triangular matrix."""
    return float(np.log(np.diagonal(L)).sum())
