"""The joint log density of parameters and group effects, in coordinates of spread about one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from multilevel.design.bound_priors import BoundPriors
from multilevel.design.design import Design
from multilevel.engines.joint.anchor import anchors, factor_roots
from multilevel.engines.joint.laplace_mode import find_laplace_mode
from multilevel.engines.joint.native import native_target
from multilevel.engines.joint.parameters import Parameters, Point
from multilevel.engines.joint.term_parameters import symmetric_slope
from multilevel.kernels import core
from multilevel.moments import layout_of

Floats = NDArray[np.float64]

NOWHERE = -1e300
"""The log density where there is none: minus infinity would end the sampler."""


class JointDensity:
    """Log density of a vector: first ``h`` numbers of the parameters, then one for each group effect.

    The parameters are ``centre + factor @ h``, with mode and curvature of their Laplace posterior. Effects
    follow from parameters and numbers by a map under which the numbers are about standard normal and
    independent, at every value of the parameters (see `Joint` in the kernels): neither centred nor
    non-centred, but between the two as far as the data of each group say.

    Parameters
    ----------
    design, priors
        Of one generalised model.

    Attributes
    ----------
    native
        The same density in one native call, ``None`` if a prior has no code there.
    """

    __slots__ = (
        "_native",
        "centre",
        "design",
        "evaluations",
        "factor",
        "layout",
        "native",
        "parameters",
        "size",
    )

    def __init__(self, design: Design, priors: BoundPriors) -> None:
        self.design, self.layout = design, layout_of(design)
        self.parameters = Parameters(design, self.layout, priors)
        mode = find_laplace_mode(design, self.layout, self.parameters)
        self.centre, self.factor = mode.x, mode.factor
        self.evaluations = mode.evaluations
        found = anchors(design, self.layout, self.parameters, mode)
        rows = mode.problem.rows
        taken = slice(None) if rows.rows is None else rows.rows
        zeros = np.zeros((design.n_rows, 0)) if design.inflation is None else design.inflation.X
        self._native = core.Joint(
            family=design.family.code,
            link=design.family.link_code,
            inflated=design.inflation is not None,
            n_global=mode.problem.n_auxiliary,
            y=np.ascontiguousarray(rows.y),
            trials=rows.trials,
            frequency=rows.frequency,
            offset=None if design.offset is None else np.ascontiguousarray(design.offset[taken]),
            X=np.asfortranarray(design.fixed.X[taken]),
            inflation=np.asfortranarray(zeros[taken]),
            beta_mode=self.parameters.at(mode.x).beta,
            factors=[one.as_tuple() for one in found],
        )
        self.size = self.centre.size + sum(one.mode.size for one in found)
        self.native = native_target(self._native, self.layout, self.parameters, self.centre, self.factor)

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters' numbers, for messages."""
        return self.parameters.names

    def numbers(self, q: Floats) -> Floats:
        """Return the parameters' numbers at vectors ``(..., size)``."""
        return np.asarray(self.centre + q[..., : self.centre.size] @ self.factor.T)

    def value_and_gradient(self, q: Floats) -> tuple[float, Floats]:
        """Return the log density at a vector ``(size,)``, but for a constant, and its gradient."""
        self.evaluations += 1
        h = self.centre.size
        x = self.centre + self.factor @ q[:h]
        point = self.parameters.at(x)
        nothing = NOWHERE, np.zeros(q.size)
        if not np.isfinite(point.log_prior):
            return nothing
        roots = factor_roots(self.layout, point)
        value, by_beta, by_zeros, by_aux, by_roots, by_z = self._native.evaluate(
            point.beta, point.inflation, point.aux, roots, q[h:]
        )
        if not np.isfinite(value):
            return nothing
        gradient = np.empty(q.size)
        by_x = self.parameters.pull(x, point, by_beta, by_zeros, by_aux, self._slopes(point, by_roots))
        gradient[:h] = self.factor.T @ by_x
        gradient[h:] = by_z
        if not np.isfinite(gradient).all():
            return nothing
        return float(value + point.log_prior), gradient

    def _slopes(self, point: Point, by_roots: list[Floats]) -> list[Floats]:
        """Return the derivatives by each term's covariance matrix."""
        found = []
        for block, term in zip(self.layout.blocks, point.terms, strict=True):
            here = slice(block.start, block.start + block.size)
            found.append(symmetric_slope(term.root, by_roots[block.factor][here, here]))
        return found

    def effects(self, q: Floats) -> list[Floats]:
        """Return for each grouped term ``(m, k)`` effects at a vector ``(size,)``."""
        h = self.centre.size
        point = self.parameters.at(self.centre + self.factor @ q[:h])
        roots, z = factor_roots(self.layout, point), np.ascontiguousarray(q[h:])
        return self._by_term(self._native.effects(point.beta, point.inflation, point.aux, roots, z))

    def effects_of(self, points: Floats) -> list[list[Floats]]:
        """Return the same for each of the vectors ``(n, size)``."""
        if self.native is None:
            return [self.effects(q) for q in points]
        found = self.native.effects(np.ascontiguousarray(points))
        return [self._by_term([of_factor[i] for of_factor in found]) for i in range(points.shape[0])]

    def _by_term(self, by_factor: list[Floats]) -> list[Floats]:
        """Return ``(m, k)`` effects of each term from ``(m, K)`` of each factor."""
        return [
            by_factor[block.factor][:, block.start : block.start + block.size] for block in self.layout.blocks
        ]
