"""Exact posteriors by importance sampling on the marginal density of a few parameters."""

from multilevel.engines.marginal.sampler import sample_marginal

__all__ = ["sample_marginal"]
