"""Where chains of a generalised model start about: its estimates, or the mode under its priors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multilevel.design.bound_priors import BoundPriors
from multilevel.design.design import Design
from multilevel.engines.joint.laplace_mode import find_laplace_mode
from multilevel.engines.joint.parameters import Parameters
from multilevel.engines.laplace.estimator import solve_laplace
from multilevel.errors import DesignError
from multilevel.moments import layout_of

Floats = NDArray[np.float64]

EVALUATIONS = 60
"""Limit of the search for the estimates, which need not be exact."""


@dataclass(frozen=True, slots=True, eq=False)
class Centre:
    """Values of everything in the units of the data, and how uncertain the coefficients are.

    Parameters
    ----------
    beta, spread
        ``(p,)`` coefficients, and ``(p, p)`` whose product with its transpose is their covariance matrix.
    values
        ``(a,)`` parameters of the family or thresholds.
    inflation, inflation_spread
        ``(q,)`` and ``(q, q)`` likewise for the coefficients of zero inflation.
    covariances
        For each grouped term ``(k, k)``.
    modes
        For each grouped term ``(m, k)`` effects.
    """

    beta: Floats
    spread: Floats
    values: Floats
    inflation: Floats
    inflation_spread: Floats
    covariances: tuple[Floats, ...]
    modes: tuple[Floats, ...]


def centre_of(design: Design, priors: BoundPriors) -> Centre:
    """Return the estimates by Laplace's method; where they are infinite, the mode under the priors.

    Raises
    ------
    DesignError
        If the likelihood is not defined at any start of the search.
    """
    try:
        return _estimates(design)
    except DesignError:  # separation, or a response that is the same everywhere
        return _posterior_mode(design, priors)


def _estimates(design: Design) -> Centre:
    """Return the maximum of the likelihood."""
    found = solve_laplace(design, max_evaluations=EVALUATIONS)
    numbers = found.family_numbers
    zeros = np.zeros(0)
    return Centre(
        found.beta,
        _root(found.vcov_beta),
        zeros if numbers is None else numbers.values,
        zeros if numbers is None else numbers.inflation,
        np.zeros((0, 0)) if numbers is None else _root(numbers.inflation_vcov),
        found.covariances,
        tuple(found.groups.modes(t) for t in range(len(design.terms))),
    )


def _posterior_mode(design: Design, priors: BoundPriors) -> Centre:
    """Return the mode of the posterior of the parameters, and the modes of the effects there."""
    layout = layout_of(design)
    parameters = Parameters(design, layout, priors)
    mode = find_laplace_mode(design, layout, parameters)
    point, here = parameters.at(mode.x), parameters.places
    spread = np.zeros((point.beta.size, mode.x.size))
    inflation_spread = np.zeros((point.inflation.size, mode.x.size))
    spread[here.free_beta] = mode.factor[here.coefficients]
    inflation_spread[here.free_inflation] = mode.factor[here.zeros]
    effects = mode.problem.effects()
    return Centre(
        point.beta,
        _root(spread @ spread.T),
        point.aux if here.ordinal else np.exp(point.aux),
        point.inflation,
        _root(inflation_spread @ inflation_spread.T),
        tuple(term.root @ term.root.T for term in point.terms),
        tuple(
            effects[block.factor][0][:, block.start : block.start + block.size] @ scaling.back.T
            for block, scaling in zip(layout.blocks, layout.scaling.terms, strict=True)
        ),
    )


def _root(covariance: Floats) -> Floats:
    """Return a matrix whose product with its transpose is a covariance matrix, singular or not."""
    sds = np.sqrt(np.maximum(np.diagonal(covariance), 1e-300))
    values, vectors = np.linalg.eigh(np.nan_to_num(covariance / np.outer(sds, sds)))
    return np.asarray(sds[:, None] * vectors * np.sqrt(np.clip(values, 0.0, None)))
