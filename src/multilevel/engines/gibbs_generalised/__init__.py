"""Markov chains of generalised models: Metropolis steps for what has no exact draw."""

from multilevel.engines.gibbs_generalised.sampler import sample_gibbs_generalised

__all__ = ["sample_gibbs_generalised"]
