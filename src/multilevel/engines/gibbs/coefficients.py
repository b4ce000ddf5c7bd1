"""The coefficients given covariances and residual sd, group effects integrated out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from multilevel.design.bound_priors import BoundPriors
from multilevel.errors import OptionError
from multilevel.model.priors import Fixed
from multilevel.moments import Moments

Floats = NDArray[np.float64]


class CoefficientBlock:
    """The normal distribution of the coefficients given everything but the group effects.

    With ``gamma = origin + W delta`` the coefficients of the scaled columns, ``delta`` those that are not
    held, the precision of ``delta`` is ``W'S_XX W / s2 + P`` and its mean solves
    ``precision mean = W'(S_Xy - S_XX origin) / s2 + P m`` for ``S = [X y]'V^-1 [X y]``
    (Hoff 2009, section 9.2).

    Raises
    ------
    OptionError
        If a coefficient's prior is neither normal nor flat nor a point.
    """

    __slots__ = ("_W", "_origin", "_precision", "_pull", "_size")

    def __init__(self, moments: Moments, priors: BoundPriors) -> None:
        p, scaling = moments.p, moments.scaling
        means, precision, exact = priors.coefficient_normal()
        held = np.zeros(p)
        given = priors.coefficients if isinstance(priors.coefficients, tuple) else ()
        for i, prior in enumerate(given):
            if isinstance(prior, Fixed):
                held[i] = prior.value
            elif not exact[i]:
                raise OptionError(
                    f'method="gibbs" with the prior {prior.text()} of the coefficient `{priors.names[i]}`',
                    allowed="Normal, MVNormal, Flat or Fixed",
                    remedy='method="marginal"',
                )
        to_scaled = np.linalg.inv(scaling.fixed.back) / scaling.y_scale
        from_centred = 2.0 * np.eye(p) - priors.to_centred
        path = to_scaled @ from_centred
        free = np.flatnonzero(exact)
        size = 1.0 / np.maximum(np.abs(path[:, free]).max(axis=0, initial=0.0), 1e-300)
        self._origin = path @ held - to_scaled @ scaling.constant
        self._W = path[:, free] * size
        centred = from_centred.T @ precision @ from_centred
        self._precision = size[:, None] * centred[np.ix_(free, free)] * size
        self._pull = self._precision @ ((priors.to_centred @ means)[free] / size)
        self._size = p

    def precision(self, S: Floats, sigma: float) -> tuple[Floats, Floats]:
        """Return precision ``(s, s)`` and precision times mean ``(s,)`` of ``delta``.

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

    def draw(self, S: Floats, sigma: float, rng: np.random.Generator) -> Floats:
        """Return a draw of the ``(p,)`` coefficients of the scaled columns; arguments as in `precision`."""
        A, h = self.precision(S, sigma)
        L = np.linalg.cholesky(A)
        half = np.linalg.solve(L, h) + rng.standard_normal(h.size)
        return np.asarray(self._origin + self._W @ np.linalg.solve(L.T, half))

    def moments(self, S: Floats, sigma: float) -> tuple[Floats, Floats]:
        """Return mean ``(p,)`` and covariance ``(p, p)`` of what `draw` draws."""
        A, h = self.precision(S, sigma)
        mean = self._origin + self._W @ np.linalg.solve(A, h)
        return np.asarray(mean), np.asarray(self._W @ np.linalg.solve(A, self._W.T))
