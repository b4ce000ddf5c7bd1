"""Markov chains over coefficients, group effects and covariances, each from its full conditional."""

from multilevel.engines.gibbs.at_size import by_gradients
from multilevel.engines.gibbs.sampler import sample_gibbs

__all__ = ["by_gradients", "sample_gibbs"]
