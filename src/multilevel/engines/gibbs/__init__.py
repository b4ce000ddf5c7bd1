"""Markov chains over coefficients, group effects and covariances, each from its full conditional."""

from multilevel.engines.gibbs.sampler import sample_gibbs

__all__ = ["sample_gibbs"]
