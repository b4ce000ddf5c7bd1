"""The coefficients given covariances and residual sd, group effects integrated out."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from multilevel.design.bound_priors import BoundPriors
from multilevel.engines.gibbs.metropolis import Walk
from multilevel.engines.marginal.coordinates import sampled_coefficients
from multilevel.errors import DesignError
from multilevel.model.priors import Fixed, ScalarPrior
from multilevel.moments import Moments

Floats = NDArray[np.float64]

STEPS = 4
"""Steps of the random walk in each sweep."""
TRIES = 1000


class CoefficientBlock:
    """The distribution of the coefficients given everything but the group effects.

    With ``gamma = origin + W delta`` the coefficients of the scaled columns, ``delta`` those that are not
    held, the precision of ``delta`` is ``W'S_XX W / s2 + P`` and its mean solves
    ``precision mean = W'(S_Xy - S_XX origin) / s2 + P m`` for ``S = [X y]'V^-1 [X y]``
    (Hoff 2009, section 9.2). Elements of ``delta`` whose priors are neither normal nor flat take a random
    walk, the others integrated out; then the others are drawn given them.
    """

    __slots__ = (
        "_W",
        "_exact",
        "_from_scaled",
        "_offset",
        "_origin",
        "_precision",
        "_priors",
        "_pull",
        "_size",
        "_units",
        "_walking",
        "names",
    )

    def __init__(self, moments: Moments, priors: BoundPriors) -> None:
        p, scaling = moments.p, moments.scaling
        means, precision, exact = priors.coefficient_normal()
        held = np.zeros(p)
        given = priors.coefficients if isinstance(priors.coefficients, tuple) else ()
        for i, prior in enumerate(given):
            if isinstance(prior, Fixed):
                held[i] = prior.value
        walking = np.array(sampled_coefficients(priors), dtype=np.int64)
        self.names = tuple(priors.names[i] for i in walking)
        self._priors: tuple[ScalarPrior, ...] = tuple(given[i] for i in walking)
        to_scaled = np.linalg.inv(scaling.fixed.back) / scaling.y_scale
        from_centred = 2.0 * np.eye(p) - priors.to_centred
        path = to_scaled @ from_centred
        free = np.concatenate([np.flatnonzero(exact), walking])
        n_exact = free.size - walking.size
        self._exact, self._walking = slice(0, n_exact), slice(n_exact, free.size)
        size = 1.0 / np.maximum(np.abs(path[:, free]).max(axis=0, initial=0.0), 1e-300)
        self._origin = path @ held - to_scaled @ scaling.constant
        self._W = path[:, free] * size
        centred = from_centred.T @ precision @ from_centred
        self._precision = size[:, None] * centred[np.ix_(free, free)] * size
        self._pull = self._precision @ ((priors.to_centred @ means)[free] / size)
        self._size, self._units = p, size[self._walking]
        to_delta = priors.to_centred[walking] / self._units[:, None]
        self._from_scaled = scaling.y_scale * to_delta @ scaling.fixed.back
        self._offset = to_delta @ scaling.constant

    @property
    def walk_size(self) -> int:
        """How many coefficients walk."""
        return len(self.names)

    def precision(self, S: Floats, sigma: float) -> tuple[Floats, Floats]:
        """Return precision ``(s, s)`` and precision times mean ``(s,)`` of ``delta``, those that walk last.

        Priors that are not normal are left out.

        Parameters
        ----------
        S
            ``(p + 1, p + 1)`` ``[X y]'V^-1 [X y]`` times the residual variance, in scaled columns.
        sigma
            Residual sd in the scaled unit.
        """
        p, s2 = self._size, sigma * sigma
        XX = S[:p, :p]
        A = self._W.T @ XX @ self._W / s2 + self._precision
        return A, (S[:p, p] - XX @ self._origin) @ self._W / s2 + self._pull

    def draw(
        self, S: Floats, sigma: float, rng: np.random.Generator, gamma: Floats, walk: Walk | None
    ) -> Floats:
        """Return the next ``(p,)`` coefficients of the scaled columns.

        Parameters
        ----------
        S, sigma
            As in `precision`.
        rng
            Source of randomness.
        gamma
            ``(p,)`` the present coefficients; of no account without a walk.
        walk
            Random walk of `walk_size` numbers, or ``None``.
        """
        A, h = self.precision(S, sigma)
        if walk is None:
            return self._complete(A, h, np.zeros(0), rng)
        P, g = self._profile(A, h)
        x = self._inside(self._from_scaled @ gamma + self._offset, P, g, rng)
        return self._complete(A, h, walk.move(x, lambda x: self.log_density(x, P, g), rng, STEPS), rng)

    def log_density(self, x: Floats, P: Floats, g: Floats) -> float:
        """Return the log density of those that walk, ``-x'P x / 2 + g'x`` and their log priors."""
        with np.errstate(over="ignore"):
            total = float(g @ x - 0.5 * x @ P @ x)
        for prior, value in zip(self._priors, x * self._units, strict=True):
            total += float(prior.logpdf(value))
        return total

    def moments(self, S: Floats, sigma: float) -> tuple[Floats, Floats]:
        """Return mean ``(p,)`` and covariance ``(p, p)`` of what `draw` draws where nothing walks."""
        A, h = self.precision(S, sigma)
        mean = self._origin + self._W @ np.linalg.solve(A, h)
        return np.asarray(mean), np.asarray(self._W @ np.linalg.solve(A, self._W.T))

    def _profile(self, A: Floats, h: Floats) -> tuple[Floats, Floats]:
        """Return the quadratic form of those that walk, the others integrated out."""
        e, w = self._exact, self._walking
        if e.stop == 0:
            return A, h
        through = np.linalg.solve(A[e, e], np.column_stack([A[e, w], h[e]]))
        P = A[w, w] - A[w, e] @ through[:, :-1]
        return 0.5 * (P + P.T), h[w] - A[w, e] @ through[:, -1]

    def _complete(self, A: Floats, h: Floats, x: Floats, rng: np.random.Generator) -> Floats:
        """Return the coefficients with those that do not walk drawn given those that do."""
        e, w = self._exact, self._walking
        L = np.linalg.cholesky(A[e, e])
        half = np.linalg.solve(L, h[e] - A[e, w] @ x) + rng.standard_normal(e.stop)
        return np.asarray(self._origin + self._W @ np.concatenate([np.linalg.solve(L.T, half), x]))

    def _inside(self, x: Floats, P: Floats, g: Floats, rng: np.random.Generator) -> Floats:
        """Return the point itself, or where the priors exclude it (a chain's first) one that they allow.

        Raises
        ------
        DesignError
            If no draw from the priors has a density.
        """
        at = x
        for _ in range(TRIES):
            if self.log_density(at, P, g) > -math.inf:
                return at
            at = np.array([float(prior.draw(rng, 1)[0]) for prior in self._priors]) / self._units
        raise DesignError(
            f"no value of {', '.join(self.names)} that the priors allow has a density",
            remedy="priors that allow the values of the data's units",
        )
