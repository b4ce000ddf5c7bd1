"""Second-order facts at an optimum with autoregressions, whose correlations are parameters too."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilevel.engines.likelihood.posterior import Posterior
from multilevel.engines.likelihood.problem import native_problem, relative_covariances
from multilevel.engines.likelihood.serial import Serial, autoregressions, slopes, whitened, whitened_slope
from multilevel.engines.solution import KenwardRoger, Method
from multilevel.errors import OptionError

Floats = NDArray[np.float64]

STEP = 1e-4
"""Of the correlations, relative to their distance from the ends of their range."""


class SerialPosterior(Posterior):
    """`Posterior` of a model with autoregressions: the last parameters are their correlations.

    A correlation at the end of its range, or of a term without variance, is held there.
    """

    __slots__ = ("_raw", "_rho")

    def __init__(self, serial: Serial, method: Method, sigma: float) -> None:
        relative = relative_covariances(serial.moments, serial.found["theta"])
        super().__init__(serial.moments, method, serial.problem, serial.found, relative, sigma)
        self._rho, self._raw = serial.rho, serial.raw

    def kenward_roger(self) -> KenwardRoger:
        """Raise: the covariance matrix is not linear in the correlation.

        Raises
        ------
        OptionError
            Always.
        """
        raise OptionError(
            "ddf='kenward-roger' was asked of a model with an ar1 term, whose covariance matrix is not linear"
            " in the correlation",
            allowed="models of unstructured, diagonal, homdiag, cs and rw1 terms",
            remedy="ddf='satterthwaite'",
        )

    def _moved(self, parameter: int) -> Floats:
        """Return ``sum_j H_j' (dT/dtheta) H_j``, of the correlations after the native coordinates."""
        native = self._found["theta"].size
        if parameter < native:
            return super()._moved(parameter)
        place = autoregressions(self._moments)[parameter - native]
        p = self._moments.p
        if not self._free(parameter - native):
            return np.zeros((p, p))
        block = self._moments.blocks[place.block]
        H = self._at_optimum()[block.factor][1][:, block.start : block.start + block.size, :-1]
        dT = self._found["theta"][place.theta] ** 2 * whitened_slope(
            place, float(self._rho[parameter - native])
        )
        return np.asarray(np.einsum("map,ab,mbq->pq", H, dT, H, optimize=True))

    def _free(self, number: int) -> bool:
        """Return whether a correlation is inside its range, and its term varies."""
        place, rho = autoregressions(self._moments)[number], float(self._rho[number])
        inside = abs(rho) < 1.0 and (place.regular or rho > 0.0)
        return inside and float(self._found["theta"][place.theta]) != 0.0

    def _slope_of_r2(self) -> Floats:
        """Return minus the derivatives of the residual sum of squares, of correlations by differences."""
        native = super()._slope_of_r2()
        known = [
            -(up["r2"] - down["r2"]) / width if self._free(i) else 0.0
            for i, (up, down, width) in enumerate(self._around())
        ]
        return np.concatenate([native, known])

    def _hessian(self) -> Floats:
        """Return the Hessian of the profiled criterion; rows of correlations by differences of gradients."""
        native = super()._hessian()
        T, count = native.shape[0], self._rho.size
        H = np.zeros((T + count, T + count))
        H[:T, :T] = native
        for i, (up, down, width) in enumerate(self._around()):
            if self._free(i):
                H[T + i] = (up["full"] - down["full"]) / width
                H[:T, T + i] = H[T + i, :T]
        for i in range(count):
            if not self._free(i):
                H[T + i] = H[:, T + i] = 0.0
        return (H + H.T) / 2.0

    def _around(self) -> list[tuple[dict[str, Any], dict[str, Any], float]]:
        """Return for each correlation `_evaluated` a step above and below it, and their distance."""
        found: list[tuple[dict[str, Any], dict[str, Any], float]] = []
        for i, (place, rho) in enumerate(zip(autoregressions(self._moments), self._rho, strict=True)):
            if not self._free(i):
                found.append(({}, {}, 0.0))
                continue
            room = 1.0 - abs(float(rho))
            step = STEP * (room if place.regular else min(room, float(rho)))
            move = step * (np.arange(self._rho.size) == i)
            found.append((self._evaluated(self._rho + move), self._evaluated(self._rho - move), 2.0 * step))
        return found

    def _evaluated(self, rho: Floats) -> dict[str, Any]:
        """Return the criterion at other correlations, its derivatives by all parameters under "full"."""
        moments, theta = whitened(self._raw, rho), self._found["theta"]
        problem = native_problem(moments, self._method)
        at = problem.evaluate(theta)
        by_rho = slopes(moments, self._method, problem, theta, at, rho)
        return {**at, "full": np.concatenate([at["gradient"], by_rho])}
