"""Design -> the Laplace approximation as a function of one vector, in shifted and scaled columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilevel.design.design import Design
from multilevel.engines.laplace.merge import ResponseRows, response_rows
from multilevel.engines.laplace.saturation import is_within, spread_limit
from multilevel.engines.likelihood.problem import entries, max_core, n_theta, relative_covariances, theta_of
from multilevel.engines.solution import Method
from multilevel.kernels import core
from multilevel.moments import Layout

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Places:
    """Where numbers stand in the vector: coefficients, inflation, auxiliary numbers, theta.

    Parameters
    ----------
    coefficients, inflation, auxiliary, theta
        Slices.
    """

    coefficients: slice
    inflation: slice
    auxiliary: slice
    theta: slice

    @property
    def size(self) -> int:
        """Length of the vector."""
        return int(self.theta.stop)


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """The approximation at a vector.

    Parameters
    ----------
    value
        -2 log-likelihood with every constant; infinite where it is not defined.
    gradient
        ``(d,)``.
    found
        What the kernels say besides: ``G`` by factor, ``inner_steps``, ``inner_gradient``.
    """

    value: float
    gradient: Floats
    found: Mapping[str, Any]


class LaplaceProblem:
    """-2 log-likelihood by Laplace's method, with its exact gradient.

    The vector holds coefficients of the scaled columns, those of zero inflation, the logs of the family's
    parameters (of an ordinal response: the first threshold, then the logs of the steps to the next ones) and
    the entries of the relative Cholesky factors.
    """

    __slots__ = ("_constant", "_inflation_rows", "_native", "design", "layout", "limit", "places", "rows")

    def __init__(self, design: Design, layout: Layout) -> None:
        self.design, self.layout, self.limit = design, layout, spread_limit(design)
        self.rows: ResponseRows = response_rows(design)
        taken = slice(None) if self.rows.rows is None else self.rows.rows
        family = design.family
        p = len(design.fixed.names)
        q = 0 if design.inflation is None else len(design.inflation.names)
        a = self.n_auxiliary
        T = sum(n_theta(block) for block in layout.blocks)
        self.places = Places(
            slice(0, p), slice(p, p + q), slice(p + q, p + q + a), slice(p + q + a, p + q + a + T)
        )
        inflation = None if design.inflation is None else layout.inflation.apply(design.inflation.X)
        self._inflation_rows = inflation
        offset = None if design.offset is None else np.ascontiguousarray(design.offset[taken])
        self._native = core.Laplace(
            family=family.code,
            link=family.link_code,
            inflated=design.inflation is not None,
            n_global=a,
            y=np.ascontiguousarray(self.rows.y),
            trials=self.rows.trials,
            frequency=self.rows.frequency,
            offset=offset,
            X=np.asfortranarray(layout.scaling.fixed.apply(design.fixed.X)[taken]),
            factors=[
                (np.ascontiguousarray(index[taken]), m, np.ascontiguousarray(Z[taken]))
                for index, m, Z in layout.factor_rows(design)
            ],
            pairs=layout.pairs(design, taken),
            entries=list(entries(layout.blocks)),
            max_core=max_core(),
        )
        self._constant = self._merged_constant()

    @property
    def method(self) -> Method:
        """Name of the method."""
        return "laplace"

    @property
    def nodes(self) -> int | None:
        """Nodes of each dimension, of quadrature."""
        return None

    @property
    def noise(self) -> float:
        """Rounding of -2 log-likelihood, which is what is left of large sums."""
        design = self.design
        large = self._sum_of_constants(design.y, design.trials, design.frequency_weights)
        return 8.0 * float(np.finfo(np.float64).eps) * abs(large)

    @property
    def n_auxiliary(self) -> int:
        """Parameters of the family, or thresholds of an ordinal response."""
        if self.design.family.name == "ordinal":
            return int(self.design.y.max()) - 1
        return len(self.design.family.parameters)

    def _merged_constant(self) -> float:
        """Return what -2 log-likelihood of the design's rows has and that of the merged rows has not."""
        if self.rows.rows is None:
            return 0.0
        design = self.design
        ours = self._sum_of_constants(self.rows.y, self.rows.trials, self.rows.frequency)
        return -2.0 * (self._sum_of_constants(design.y, design.trials, design.frequency_weights) - ours)

    def _sum_of_constants(self, y: Floats, trials: Floats | None, frequency: Floats | None) -> float:
        return core.response_constant(
            self.design.family.code,
            self.design.family.link_code,
            False,
            self.n_auxiliary,
            np.ascontiguousarray(y),
            trials,
            frequency,
        )

    def natural(self, x: Floats) -> Floats:
        """Return the auxiliary numbers as the kernels have them: logs, or thresholds in order."""
        aux = x[self.places.auxiliary]
        if self.design.family.name != "ordinal" or aux.size == 0:
            return np.ascontiguousarray(aux)
        return np.ascontiguousarray(np.cumsum(np.concatenate([aux[:1], np.exp(aux[1:])])))

    @property
    def kernel(self) -> core.Laplace:
        """The native approximation."""
        return self._native

    @property
    def constant(self) -> float:
        """What is added to the kernel's values."""
        return self._constant

    def allows(self, x: Floats) -> bool:
        """Return whether a vector's auxiliary numbers are within the family's limits."""
        return is_within(self.design, self.limit, x[self.places.auxiliary])

    def kernel_input(self, x: Floats) -> tuple[Floats, Floats, Floats, Floats | None]:
        """Return a vector as the kernels take it: coefficients, theta, aux, and rows' zero inflation."""
        here = self.places
        zeros = None
        if self._inflation_rows is not None:
            zeros = np.ascontiguousarray(self._inflation_rows @ x[here.inflation])
        beta, theta = np.ascontiguousarray(x[here.coefficients]), np.ascontiguousarray(x[here.theta])
        return beta, theta, self.natural(x), zeros

    def at(self, x: Floats, *, gradient: bool = True) -> Point:
        """Evaluate the approximation."""
        here = self.places
        if not self.allows(x):
            return Point(np.inf, np.zeros(here.size), {})
        beta, theta, aux, inflation = self.kernel_input(x)
        found = self._evaluate(beta, theta, aux, inflation, gradient)
        value = float(found["value"]) + self._constant
        if not gradient or not np.isfinite(value):
            return Point(value, np.zeros(here.size), found)
        slopes = found["aux"]
        if self.design.family.name == "ordinal" and slopes.size:
            later = np.cumsum(slopes[::-1])[::-1]
            slopes = np.concatenate([later[:1], later[1:] * np.exp(x[here.auxiliary][1:])])
        parts = [found["beta"], np.zeros(0), slopes, found["theta"]]
        if self._inflation_rows is not None:
            parts[1] = self._inflation_rows.T @ found["rows_aux"]
        return Point(value, np.concatenate(parts), found)

    @property
    def rough(self) -> LaplaceProblem:
        """The problem whose gradients are differenced for a Hessian: this one, or one with fewer nodes."""
        return self

    def _evaluate(
        self, beta: Floats, theta: Floats, aux: Floats, inflation: Floats | None, gradient: bool
    ) -> Mapping[str, Any]:
        return self._native.evaluate(beta, theta, aux, inflation, gradient)

    def in_units(self, flat: Floats) -> list[Floats]:
        """Return flat effects as ``(m, k)`` for each term, in the units of the data."""
        by_factor, at = [], 0
        for number, K in zip(self.layout.order, self.layout.effects, strict=True):
            m = len(self.design.factors[number].levels)
            by_factor.append(flat[at : at + m * K].reshape(m, K))
            at += m * K
        return [
            by_factor[block.factor][:, block.start : block.start + block.size] @ term.back.T
            for block, term in zip(self.layout.blocks, self.layout.scaling.terms, strict=True)
        ]

    def information(self) -> Floats:
        """Return the information of the coefficients ``(p, p)`` at the last point."""
        return self._native.information()

    def effects(self) -> list[tuple[Floats, Floats]]:
        """Return by factor modes ``(m, K)`` and conditional covariances ``(m, K, K)`` of the last point."""
        return self._native.effects()

    def predictor(self) -> Floats:
        """Return the linear predictor of the kernels' rows at the last point."""
        return self._native.eta()

    def relative(self, x: Floats) -> tuple[Floats, ...]:
        """Return each term's covariance matrix in the scaled columns."""
        return relative_covariances(self.layout, x[self.places.theta])

    def with_relative(self, x: Floats, relative: Sequence[Floats]) -> Floats:
        """Return a vector with other covariance matrices."""
        changed = x.copy()
        changed[self.places.theta] = theta_of(self.layout, relative)
        return changed

    def weights(self) -> Floats:
        """Return minus the second derivatives of the kernels' rows by eta at the last point."""
        return self._native.weights()

    def forget(self) -> None:
        """Start the next search for the mode of the effects from zero."""
        self._native.forget()
