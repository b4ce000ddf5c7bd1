"""A Markov chain whose residual sds differ between groups: sweeps on moments that change with the sds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilevel.design.bound_priors import BoundPriors, ResidualPriors
from multilevel.engines.draws import Draws, ResidualDraws
from multilevel.engines.gibbs.chain import Chain, Plan, State
from multilevel.engines.gibbs.metropolis import AnyWalk
from multilevel.engines.gibbs.recording import Run
from multilevel.engines.gibbs.varying_inverse_gamma import InverseGammaLaw
from multilevel.engines.gibbs.varying_law import SdLaw, SdState
from multilevel.engines.gibbs.varying_log_normal import LogNormalLaw
from multilevel.engines.gibbs.varying_moments import GroupedProducts
from multilevel.engines.likelihood.problem import native_problem
from multilevel.engines.marginal.coordinates import coordinates_of
from multilevel.engines.marginal.sampler import start_point
from multilevel.errors import DesignError
from multilevel.model.priors import Flat
from multilevel.moments import Moments

Floats = NDArray[np.float64]

START_STREAMS = (1 << 63) + (1 << 62)


class VaryingPlan:
    """What all chains of a model with residual sds by group share.

    Parameters
    ----------
    moments, priors
        Of one design, with the rows and the law of the sds.

    Raises
    ------
    DesignError
        If the rows or the law are not there, or a flat prior makes the posterior improper.
    """

    __slots__ = ("at", "law", "priors", "products")

    def __init__(self, moments: Moments, priors: BoundPriors) -> None:
        if priors.residual is None:
            raise DesignError("residual sds by group need a law", remedy="bind the priors to the design")
        self.at, self.priors = coordinates_of(moments, priors), priors
        self.products = GroupedProducts(moments)
        self.law: SdLaw = sd_law(priors.residual, self.products.counts)


def sd_law(priors: ResidualPriors, counts: Floats) -> SdLaw:
    """Return the law of residual sds under its priors.

    Raises
    ------
    DesignError
        If a flat prior makes the posterior improper.
    """
    return InverseGammaLaw(priors, counts) if priors.law == "inverse_gamma" else LogNormalLaw(priors, counts)


def varying_start_point(moments: Moments, priors: BoundPriors) -> tuple[Floats, float]:
    """Return the sampled numbers at the estimates of a model with one residual sd, and that sd."""
    one = replace(priors, sigma=Flat(), residual=None)
    at = coordinates_of(moments, one)
    x = start_point(moments, one, at)
    return np.delete(x, at.sigma), math.exp(float(x[at.sigma]))


def dispersed_residual(plan: VaryingPlan, sigma: float, *, seed: int, number: int) -> SdState:
    """Return residual sds about ``sigma`` and parameters of their law, where the priors have density.

    Raises
    ------
    DesignError
        If no such parameters were found.
    """
    key = np.array([seed, START_STREAMS + number], dtype=np.uint64)
    return plan.law.start(sigma, np.random.Generator(np.random.Philox(key=key)))


class VaryingChain(Chain):
    """A chain that draws residual sds and their law after everything else, and weighs its rows anew.

    The state's own ``sigma`` stands for the sd of a row with weight one and stays at the unit of the scaled
    response.

    Parameters
    ----------
    plan
        Shared by all chains.
    start
        Covariances; coefficients and effects are drawn first.
    residual
        Residual sds and the parameters of their law.
    seed, number
        The random numbers depend on these two only.
    """

    __slots__ = ("_law_walks", "_moments", "_varying", "residual")

    def __init__(self, plan: VaryingPlan, start: State, residual: SdState, *, seed: int, number: int) -> None:
        self._varying, self._moments = plan, plan.products.blank()
        self._law_walks, self.residual = plan.law.walks(), residual
        plan.products.fill_moments(residual.sds, self._moments)
        start.sigma = self._moments.scaling.y_scale
        super().__init__(Plan(self._moments, plan.priors, plan.at), start, seed=seed, number=number)

    def sweep(self) -> None:
        """Draw everything once, each from its distribution given the rest."""
        super().sweep()
        self.draw_residual_sds()

    def draw_residual_sds(self) -> None:
        """Draw all residual sds and the parameters of their law given coefficients and effects."""
        plan, state = self._varying, self.state
        squares = plan.products.squares(state.gamma, state.effects)
        self.put_residual(plan.law.draw(self.residual, squares, self._rng, self._law_walks))

    def put_residual(self, residual: SdState) -> None:
        """Go to other residual sds.

        Raises
        ------
        LinAlgError
            If one of them is not a positive number.
        """
        if not ((residual.sds > 0.0) & np.isfinite(residual.sds)).all():
            raise np.linalg.LinAlgError("a residual sd is not a positive number")
        self.residual = residual
        self._varying.products.fill_moments(residual.sds, self._moments)
        self._problem = native_problem(self._moments, "ml")

    def values(self) -> dict[str, Floats | float]:
        """Return what is recorded of every draw, by name."""
        residual = self.residual
        law = np.array([residual.first, residual.second])
        return super().values() | {"residual sds": residual.sds, "residual law": law}

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Go back to where `snapshot` was taken: the next sweeps are the same, bit for bit."""
        super().restore(arrays)
        first, second = (float(value) for value in arrays["residual law"])
        self.put_residual(SdState(arrays["residual sds"], first, second))

    def walks(self) -> dict[str, AnyWalk]:
        """Return all walks by the name of what they draw."""
        return super().walks() | self._law_walks.named(self._varying.law.priors.names)


def with_residual_draws(drawn: Draws, plan: VaryingPlan, runs: Sequence[Run]) -> Draws:
    """Return draws with the residual sds that chains recorded, and the pooled one as ``sigma``."""
    sds = np.stack([run.values["residual sds"] for run in runs])
    law = np.stack([run.values["residual law"] for run in runs])
    counts, priors = plan.products.counts, plan.law.priors
    parameters = tuple((name, law[:, :, i]) for i, name in enumerate(priors.names))
    return replace(
        drawn,
        sigma=np.sqrt(np.square(sds) @ (counts / counts.sum())),
        residual=ResidualDraws(priors.law, sds, parameters),
    )
