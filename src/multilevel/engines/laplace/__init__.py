"""Generalised linear mixed models by maximum likelihood, Laplace's method."""

from multilevel.engines.laplace.estimator import evaluate_laplace, solve_laplace

__all__ = ["evaluate_laplace", "solve_laplace"]
