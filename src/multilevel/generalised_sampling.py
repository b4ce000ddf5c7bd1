"""Which engine samples a generalised model."""

from __future__ import annotations

from multilevel.design.bound_priors import BoundPriors
from multilevel.design.design import Design
from multilevel.engines.checkpoint import Checkpoint
from multilevel.engines.draws import Draws
from multilevel.engines.pace import Pace
from multilevel.errors import OptionError
from multilevel.results.posterior_options import SampleOptions


def run_generalised(
    design: Design,
    priors: BoundPriors,
    options: SampleOptions,
    *,
    threads: int | None = None,
    pace: Pace | None = None,
    checkpoint: Checkpoint | None = None,
) -> Draws:
    """Run the engine that the options name.

    Raises
    ------
    OptionError
        No engine samples this family.
    """
    raise OptionError(
        f"posteriors of the {design.family.name} family are not there in this version",
        allowed="the gaussian family with identity link",
        remedy="ml.fit for maximum likelihood",
    )
