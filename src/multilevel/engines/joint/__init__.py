"""Posteriors of generalised models: NUTS on the joint density, importance sampling on a marginal one."""

from multilevel.engines.joint.importance import sample_laplace_marginal
from multilevel.engines.joint.sampler import sample_joint

__all__ = ["sample_joint", "sample_laplace_marginal"]
