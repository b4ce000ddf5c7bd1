"""The no-U-turn sampler on the marginal density of a few parameters."""

from multilevel.engines.nuts.chains import nutpie_is_installed
from multilevel.engines.nuts.sampler import DIVERGENT_AT, sample_nuts

__all__ = ["DIVERGENT_AT", "nutpie_is_installed", "sample_nuts"]
