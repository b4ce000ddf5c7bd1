"""The no-U-turn sampler on the joint density of parameters and group effects of generalised models."""

from multilevel.engines.joint.sampler import sample_joint

__all__ = ["sample_joint"]
