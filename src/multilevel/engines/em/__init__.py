"""Expectation and maximisation (EM) of Gaussian models, accelerated and never going down."""

from multilevel.engines.em.solver import evaluate_em, solve_em

__all__ = ["evaluate_em", "solve_em"]
