"""A `Solution` from the dense oracle, so that everything below the engines can be tested without kernels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multilevel.design.design import Design
from multilevel.engines.solution import Certificate, Curvature, KenwardRoger, Method, Solution, Status
from tests.oracle import effects, information
from tests.oracle.criterion import criterion, gls
from tests.oracle.dense import Dense, Floats, basis, dense, marginal_covariance
from tests.oracle.optimum import factors_of, optimum, profiled


@dataclass(frozen=True, slots=True)
class DensePosterior:
    """The group effects of a dense problem at given variances; a `GroupPosterior`."""

    problem: Dense
    covariances_of_terms: tuple[Floats, ...]
    sigma: float
    method: str

    def modes(self, term: int) -> Floats:
        """Return ``(m, k)`` conditional means."""
        return effects.modes(self.problem, self.covariances_of_terms, self.sigma)[term]

    def covariances(self, term: int) -> Floats:
        """Return ``(m, k, k)`` conditional covariances."""
        return effects.conditional_covariances(self.problem, self.covariances_of_terms, self.sigma)[term]

    def prediction_variance(
        self, X: Floats, index: Sequence[NDArray[np.int32]], Z: Sequence[Floats]
    ) -> Floats:
        """Return ``(n,)`` variances of ``x'(beta_hat - beta) + z'(b_hat - b)``."""
        return effects.prediction_variance(self.problem, self.covariances_of_terms, self.sigma, X, index, Z)

    def curvature(self) -> Curvature:
        """Return the covariance of the variance parameters and the gradient of Var(beta)."""
        return information.curvature(self.problem, self.covariances_of_terms, self.sigma, self.method)

    def kenward_roger(self) -> KenwardRoger:
        """Return the ingredients of the Kenward-Roger adjustment."""
        return information.kenward_roger(self.problem, self.covariances_of_terms, self.sigma)


def solve(design: Design, method: Method = "reml") -> Solution:
    """Fit a small design by dense algebra."""
    return at_theta(design, optimum(dense(design), method), method)


def at_theta(design: Design, theta: Floats, method: Method) -> Solution:
    """Return the solution of a small design at given relative factors."""
    problem = dense(design)
    _, slope, sigma = profiled(problem, theta, method)
    covariances = tuple(sigma**2 * f @ f.T for f in factors_of(problem, theta))
    found = gls(problem, marginal_covariance(problem, covariances, sigma))
    boundary = tuple(
        "" if np.linalg.matrix_rank(T, tol=1e-10 * sigma**2) == T.shape[0] else _sentence(design, b)
        for b, T in enumerate(covariances)
    )
    status = Status.BOUNDARY if any(boundary) else Status.OPTIMAL
    free = sum(len(basis(k, s)) for (_, k), s in zip(problem.sizes, problem.structures, strict=True))
    return Solution(
        method=method,
        criterion=criterion(problem, covariances, sigma, method),
        beta=found.beta,
        vcov_beta=found.vcov,
        sigma=sigma,
        covariances=covariances,
        theta=theta,
        n_parameters=len(found.beta) + free + (design.residual_sd is None),
        status=status,
        sentence="The optimum is certified.",
        boundary=boundary,
        certificate=Certificate(True, float(slope @ slope), 0.0, 0.0, 1),
        groups=DensePosterior(problem, covariances, sigma, method),
    )


def _sentence(design: Design, term: int) -> str:
    """Return the sentence of a term at its boundary."""
    return f"A variance of `{design.factors[design.terms[term].factor].name}` is estimated as zero."
