"""Generalised linear mixed models by maximum likelihood, Laplace's method or adaptive quadrature."""

from multilevel.engines.laplace.estimator import evaluate_laplace, solve_laplace
from multilevel.engines.laplace.integrated import evaluate_quadrature, solve_quadrature

__all__ = ["evaluate_laplace", "evaluate_quadrature", "solve_laplace", "solve_quadrature"]
