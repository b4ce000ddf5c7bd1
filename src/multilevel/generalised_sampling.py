"""Which engine samples a generalised model."""

from __future__ import annotations

from multilevel.design.bound_priors import BoundPriors
from multilevel.design.design import Design
from multilevel.design.response import check_information, uninformative
from multilevel.engines.checkpoint import Checkpoint
from multilevel.engines.draws import Draws
from multilevel.engines.gibbs_generalised import sample_gibbs_generalised
from multilevel.engines.joint import sample_joint, sample_laplace_marginal
from multilevel.engines.nuts import nutpie_is_installed
from multilevel.engines.pace import Pace
from multilevel.errors import InformationWarning, warn
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

    "auto" is NUTS if nutpie is installed and there is no checkpoint, else Gibbs.

    Raises
    ------
    DesignError
        The response has the same value everywhere and a prior is improper.
    OptionError
        The run had to end before there was a draw.
    """
    words = uninformative(design)
    if words and priors.proper:
        warn(f"{words}: how far its mean lies that way is the priors' word alone", InformationWarning)
    elif words:
        check_information(design)
    if options.method == "marginal":
        return sample_laplace_marginal(
            design,
            priors,
            draws=options.draws,
            chains=options.chains,
            seed=options.seed,
            threads=threads,
            pace=pace,
            checkpoint=checkpoint,
        )
    automatic = options.method == "auto" and checkpoint is None and nutpie_is_installed()
    if options.method == "nuts" or automatic:
        return sample_joint(
            design,
            priors,
            draws=options.draws,
            chains=options.chains,
            warmup=options.warmup,
            seed=options.seed,
            threads=threads,
            pace=pace,
        )
    return sample_gibbs_generalised(
        design,
        priors,
        draws=options.draws,
        chains=options.chains,
        warmup=options.warmup,
        seed=options.seed,
        threads=threads,
        pace=pace,
        checkpoint=checkpoint,
    )
