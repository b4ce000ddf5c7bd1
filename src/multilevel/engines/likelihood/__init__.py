"""Profiled maximum likelihood and restricted maximum likelihood of Gaussian models."""

from multilevel.engines.likelihood.estimator import Progress, evaluate_at, solve

__all__ = ["Progress", "evaluate_at", "solve"]
