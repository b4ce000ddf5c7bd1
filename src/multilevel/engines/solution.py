"""What an engine of point estimates gives out: values, a status with its sentence, a certificate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Method = Literal["reml", "ml", "em_reml", "em", "laplace", "quadrature"]
EM_METHODS = ("em", "em_reml")
"""Methods that climb the likelihood, or the restricted likelihood, by expectation and maximisation."""


def is_restricted(method: Method) -> bool:
    """Return whether a method maximises the restricted likelihood."""
    return method in ("reml", "em_reml")


class Status(Enum):
    """How a fit ended."""

    OPTIMAL = "optimal"
    BOUNDARY = "boundary"
    SATURATED = "saturated"
    EVALUATION_LIMIT = "evaluation_limit"
    STALLED = "stalled"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Certificate:
    """Evidence that the optimum was reached (Karush-Kuhn-Tucker on the cone of covariance matrices).

    Parameters
    ----------
    holds
        Whether all three conditions below hold within their tolerances.
    decrement
        Half the squared Newton step in the metric of the curvature: how much, at most, the criterion
        could still fall to second order (same unit as the criterion).
    dual
        Smallest eigenvalue of the scaled dual matrix, the least over terms; not below zero at an optimum.
    complementarity
        Largest entry of dual times primal; zero at an optimum.
    evaluations
        Evaluations of the criterion with its gradient.
    """

    holds: bool
    decrement: float
    dual: float
    complementarity: float
    evaluations: int


@dataclass(frozen=True, slots=True)
class Curvature:
    """Second-order facts at the optimum, for degrees of freedom.

    Parameters
    ----------
    covariance
        ``(h, h)`` asymptotic covariance of the variance parameters (those not at a boundary).
    gradient
        ``(h, p, p)`` derivative of ``Var(beta)`` with respect to each of them.
    """

    covariance: Floats
    gradient: Floats


@dataclass(frozen=True, slots=True)
class KenwardRoger:
    """What Kenward and Roger (1997) add, for ``V = sum_s eta_s G_s`` linear in the variance parameters.

    With ``Phi = Var(beta)``, ``P_s = -X'V^-1 G_s V^-1 X`` and ``Q_st = X'V^-1 G_s V^-1 G_t V^-1 X``. Only
    products with ``Phi`` on both sides are given: far from zero the predictors make ``P`` and ``Q``
    themselves so large that nothing would be left of their differences.

    Parameters
    ----------
    covariance
        ``(h, h)`` inverse ``W`` of the expected REML information of ``eta``.
    gradient
        ``(h, p, p)`` derivative of ``Phi`` with respect to each parameter: ``-Phi P_s Phi``.
    correction
        ``(p, p)``: ``Phi [sum_st W_st (Q_st - P_s Phi P_t)] Phi``, half of what is added to ``Phi``.
    """

    covariance: Floats
    gradient: Floats
    correction: Floats


class GroupPosterior(Protocol):
    """Conditional distribution of the group effects given the data, at the estimates; computed when asked."""

    def modes(self, term: int) -> Floats:
        """Return ``(m, k)`` conditional means of a term's effects."""

    def covariances(self, term: int) -> Floats:
        """Return ``(m, k, k)`` conditional covariances given the coefficients (as lme4's condVar)."""

    def prediction_variance(self, X: Floats, index: Sequence[Ints], Z: Sequence[Floats]) -> Floats:
        """Return ``(n,)`` variances of ``x'(beta_hat - beta) + sum_b z_b'(b_hat_b - b_b)``.

        ``index`` holds a level number for each term and row; -1 leaves that term out of the row.
        """

    def response_variance(self, gradient: Floats, index: Sequence[Ints], Z: Sequence[Floats]) -> Floats:
        """Return the same for ``(n, d)`` gradients by everything but the covariances.

        That is by the coefficients, those of zero inflation, and the family's parameters or thresholds.
        """

    def curvature(self) -> Curvature:
        """Return the asymptotic covariance of the variance parameters and how Var(beta) moves with them."""

    def kenward_roger(self) -> KenwardRoger:
        """Return the ingredients of the Kenward-Roger adjustment."""


@dataclass(frozen=True, slots=True, eq=False)
class FamilyNumbers:
    """What a family has besides the mean: its parameters (or thresholds), and zero inflation.

    Parameters
    ----------
    names, values, std_errors
        Parameters on their own scale, or thresholds named ``"low|middle"``.
    inflation_names, inflation, inflation_vcov
        Coefficients ``(q,)`` of the logit of the share of extra zeros, and their ``(q, q)`` covariance.
    n_distinct
        Rows that the likelihood was computed from if equal rows were merged, else ``None``.
    """

    names: tuple[str, ...]
    values: Floats
    std_errors: Floats
    inflation_names: tuple[str, ...]
    inflation: Floats
    inflation_vcov: Floats
    n_distinct: int | None = None


@dataclass(frozen=True, slots=True)
class Accuracy:
    """What adaptive quadrature says at the estimates of a fit by Laplace's method.

    Parameters
    ----------
    nodes
        In each dimension.
    loglik
        Log-likelihood by quadrature less that by Laplace's method.
    shift
        Largest movement of a parameter, in standard errors, by one Newton step towards the optimum of
        quadrature.
    parameter
        Which one that is.
    sentence
        The same in words if it is worth telling, else "".
    """

    nodes: int
    loglik: float
    shift: float
    parameter: str
    sentence: str


@dataclass(frozen=True, slots=True)
class MonteCarlo:
    """What chance has to do with a fit by random probes.

    Parameters
    ----------
    error
        Largest Monte Carlo sd of a variance parameter, in units of its standard error.
    asked
        What was asked for.
    loglik_error
        Standard error of the log-likelihood.
    probes
        Random vectors for each effect that was not eliminated.
    seed
        Of the probes: same seed, same estimates.
    iterations
        Most iterations of conjugate gradients in the last evaluation.
    """

    error: float
    asked: float
    loglik_error: float
    probes: int
    seed: int
    iterations: int


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """Estimates in the units of the data.

    Parameters
    ----------
    method
        "reml", "ml", "em_reml", "em", "laplace" or "quadrature".
    criterion
        -2 log-likelihood, or -2 log restricted likelihood of "reml" and "em_reml", with every constant.
    beta, vcov_beta
        ``(p,)`` coefficients and ``(p, p)`` covariance matrix given the variance parameters.
    sigma
        Residual sd.
    covariances
        For each grouped term its ``(k, k)`` covariance matrix, in squared units of ``y``.
    theta
        The optimiser's coordinates (relative Cholesky factors of the scaled problem).
    n_parameters
        Free parameters, counting coefficients, covariance parameters and an estimated residual sd.
    status, sentence
        How the fit ended, and the same in words.
    boundary
        For each grouped term, a sentence if it is at its boundary, else "".
    certificate
        Evidence of optimality.
    groups
        Conditional distribution of the group effects.
    family_numbers
        Of a generalised linear model, else ``None``.
    nodes
        Nodes of each dimension of quadrature, else ``None``.
    accuracy
        Of fits by Laplace's method whose likelihood quadrature can do, too; else ``None``.
    trace
        Of EM: ``(steps + 1,)`` log-likelihood (restricted of "em_reml") at the start and after each step,
        never falling; else ``None``.
    monte_carlo
        Of fits by Monte Carlo, else ``None``.
    """

    method: Method
    criterion: float
    beta: Floats
    vcov_beta: Floats
    sigma: float
    covariances: tuple[Floats, ...]
    theta: Floats
    n_parameters: int
    status: Status
    sentence: str
    boundary: tuple[str, ...]
    certificate: Certificate
    groups: GroupPosterior
    family_numbers: FamilyNumbers | None = None
    nodes: int | None = None
    accuracy: Accuracy | None = None
    trace: Floats | None = None
    monte_carlo: MonteCarlo | None = None
