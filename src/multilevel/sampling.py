"""The door to posteriors: model, data and priors bound; one engine chosen and run."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from multilevel.data import Table, read_table
from multilevel.data.sources import is_source
from multilevel.design import bind, columns_needed
from multilevel.design.bound_priors import BoundPriors
from multilevel.design.design import Design
from multilevel.design.priors import Priors, bind_priors
from multilevel.design.single_levels import check_single_levels
from multilevel.engines.checkpoint import Checkpoint, Record, identity_in, open_checkpoint
from multilevel.engines.draws import Draws
from multilevel.engines.gibbs import by_gradients, sample_gibbs
from multilevel.engines.marginal import sample_marginal
from multilevel.engines.marginal.sampler import GOOD_K
from multilevel.engines.marginal.varying_groups import one_grouping
from multilevel.engines.nuts import nutpie_is_installed, sample_nuts
from multilevel.engines.pace import Pace, Watch
from multilevel.engines.refusals import refuse_large_table
from multilevel.generalised_sampling import run_generalised
from multilevel.graphs import Known, known_of, with_columns
from multilevel.inference.posterior_checks import check_draws
from multilevel.language import given_model
from multilevel.merged_rows import merged_rows
from multilevel.model import Model
from multilevel.model.families import Family
from multilevel.moment_doors import Held, held_moments, summed
from multilevel.moments import Moments, summarise
from multilevel.moments.of_source.identified import check_moments
from multilevel.posterior_answers import POSTERIOR_ANSWERS, load_saved_posterior
from multilevel.report.sampling_progress import sampling_progress
from multilevel.results.moments import Moments as UserMoments
from multilevel.results.options import Given, Missing
from multilevel.results.posterior import Posterior
from multilevel.results.posterior_options import RunOptions, SampleOptions, Sampling
from multilevel.results.run_identity import run_identity

__all__ = ["load_posterior", "sample"]


def sample(
    model: str | Model | UserMoments,
    data: object = None,
    priors: Priors = None,
    *,
    family: str | Family | None = None,
    zero_inflation: str | None = None,
    method: Sampling = "auto",
    draws: int = 4000,
    chains: int = 4,
    warmup: int = 1000,
    seed: int | None = None,
    residual_sd: Given = None,
    residual_groups: str | None = None,
    precision_weights: Given = None,
    frequency_weights: Given = None,
    offset: Given = None,
    missing: Missing = "report",
    level: float = 0.95,
    lme4_compat: bool = False,
    threads: int | None = None,
    progress: bool | Watch | None = None,
    checkpoint: str | Path | None = None,
    resume: bool = False,
    max_time: float | None = None,
) -> Posterior:
    """Sample the posterior distribution of a multilevel model.

    Parameters
    ----------
    model, data, family, zero_inflation, residual_sd, precision_weights, frequency_weights, offset, missing
        As in `fit`.
    residual_groups
        A column, or several joined by colons (``"school:class"``), whose levels have residual sds of their
        own. The priors' ``"sigma"`` is then the law of these sds, `LogNormal` or `Hierarchical` of it;
        ``"sigma2"`` that of their squares, `InverseGamma` or `Hierarchical` of it.
    priors
        ``None`` or "default" (weakly informative, scaled to the data, printed in the summary), "brms",
        "rstanarm", or a dictionary; see `multilevel.design.priors.bind_priors` for its keys. What a
        dictionary does not name has the default prior.
    method
        "marginal": group effects and coefficients are integrated out exactly, the few remaining parameters
        are drawn by adaptive importance sampling, then coefficients and group effects from their exact
        conditional distributions; the draws are nearly independent. "nuts": the same, but the few
        parameters are drawn by Hamiltonian Monte Carlo, which needs nutpie
        (``pip install "multilevel[nuts]"``). "gibbs": Markov chains that draw coefficients and group effects
        together, then each covariance matrix, then the residual sd. "auto" is "marginal"; where its
        diagnostic (Pareto k) says that it cannot be trusted, "nuts" if nutpie is installed and there is no
        checkpoint, else "gibbs". With ``residual_groups``, "marginal" and "nuts" need these to be the levels
        of the only grouping factor. Generalised models (any family but the Gaussian with identity link) have
        "nuts", on the joint density of parameters and group effects, "gibbs", and "marginal", by Laplace's
        method corrected to the exact posterior; "auto" is "nuts" if nutpie is installed and there is no
        checkpoint, else "gibbs".
    draws
        Draws in all chains together.
    chains
        How many chains the draws are laid out in.
    warmup
        Draws of each Markov chain that are left out.
    seed
        The same seed gives the same draws; a fresh one is chosen and kept in ``options.seed`` if ``None``.
    level
        Coverage of the intervals in the tables.
    lme4_compat
        As in `fit`.
    threads
        How many threads work at the same time; ``None`` for as many as help. The draws do not depend on it.
    progress
        ``True`` for a line on standard error that says how much is done and how much time is left, ``False``
        for none, ``None`` for one if standard error is a terminal and the run takes more than two seconds.
        Or a function: it is called with a `SamplingProgress` several times a second, and ends the run as
        Ctrl-C does by returning ``False``.
    checkpoint
        Path of a file that is written as the run goes on, so that nothing but the last seconds is lost if
        the process dies. There must be no such file unless ``resume`` is true.
    resume
        Go on with the run in the file ``checkpoint``: the draws are the same, bit for bit, as if it had never
        stopped. Without such a file a new run begins, so that the same call can be repeated until it is
        done. If ``seed`` is ``None``, the file's is taken.
    max_time
        Seconds of sampling after which the run ends with the draws that there are.

    Returns
    -------
    Posterior
        With ``status`` "interrupted" and a warning if the run was ended by Ctrl-C, ``max_time`` or
        ``progress``: it has the draws made after warm-up until then, the same number of each chain.

    Raises
    ------
    MultilevelError
        One of its kinds, saying what was asked, what was found, and what to try.
    KeyboardInterrupt
        If Ctrl-C was pressed before there was a draw of every chain.

    Examples
    --------
    >>> import multilevel as ml
    >>> sleep = ml.datasets.load("sleepstudy")
    >>> post = ml.sample("reaction ~ days + (days | subject)", sleep, seed=1)
    >>> post.draws["days"].shape
    (4, 1000)
    """
    keywords: dict[str, Any] = {
        "family": family,
        "zero_inflation": zero_inflation,
        "residual_sd": residual_sd,
        "residual_groups": residual_groups,
        "precision_weights": precision_weights,
        "frequency_weights": frequency_weights,
        "offset": offset,
        "missing": missing,
        "lme4_compat": lme4_compat,
    }
    running = RunOptions(threads, progress, checkpoint, resume, max_time)
    chosen: dict[str, Any] = {"method": method, "draws": draws, "chains": chains, "warmup": warmup}
    chosen |= {"seed": _fresh_seed(running) if seed is None else seed, "level": level}
    held = held_moments(model, data, **keywords)
    if held is not None:
        return _sampled_moments(held, priors, SampleOptions(**chosen, **held.options), running)
    parsed, known, options = _model_and_options(model, data, priors, chosen, **keywords)
    return _sampled(parsed, data, known.priors, options, running)


def _model_and_options(
    model: object,
    data: object,
    priors: Priors,
    chosen: Mapping[str, Any],
    *,
    family: object,
    zero_inflation: str | None,
    residual_sd: Given,
    residual_groups: str | None,
    offset: Given,
    lme4_compat: bool,
    **others: Any,
) -> tuple[Model, Known, SampleOptions]:
    """Return the model that was asked for, what its graph says besides, and all that was chosen."""
    parsed, lme4_compat = given_model(
        with_columns(model, data), lme4_compat=lme4_compat, family=family, zero_inflation=zero_inflation
    )
    known = known_of(
        parsed, residual_sd=residual_sd, offset=offset, residual_groups=residual_groups, priors=priors
    )
    options = SampleOptions(
        **chosen,
        **others,
        lme4_compat=lme4_compat,
        offset=known.offset,
        residual_sd=known.residual_sd,
        residual_groups=known.residual_groups,
        family=parsed.family.name,
        link=str(parsed.family.link),
        zero_inflation=parsed.inflation or None,
    )
    return parsed, known, options


def _sampled_moments(held: Held, priors: Priors, options: SampleOptions, running: RunOptions) -> Posterior:
    """Sample the posterior of moments."""
    check_moments(held.design, held.products, fewest_levels=1)
    known = known_of(held.design.model, residual_sd=None, offset=None, priors=priors)
    return _drawn(held.design, held.products, held.table, known.priors, options, running)


def _sampled(
    model: Model, data: object, priors: Priors, options: SampleOptions, running: RunOptions
) -> Posterior:
    """Bind model and data, and sample."""
    known: dict[str, Any] = {
        "precision_weights": options.precision_weights,
        "frequency_weights": options.frequency_weights,
        "offset": options.offset,
        "residual_sd": options.residual_sd,
        "residual_groups": options.residual_groups,
    }
    needed = columns_needed(model, **known)
    if not is_source(data, needed):
        table = read_table(data, needed)
    elif options.linear:
        held = summed(model, data, options, fewest_levels=1)
        return _drawn(held.design, held.products, held.table, priors, options, running)
    else:
        table, options = merged_rows(model, data, options)
        known["frequency_weights"] = options.frequency_weights
    refuse_large_table(model, table, what="the run", draws=options.draws)
    design = bind(model, table, **known, missing=options.missing, fewest_levels=1)
    moments = summarise(design) if options.linear else None
    return _drawn(design, moments, table, priors, options, running)


def _drawn(
    design: Design,
    moments: Moments | None,
    table: Table,
    priors: Priors,
    options: SampleOptions,
    running: RunOptions,
) -> Posterior:
    """Bind the priors, run an engine, and warn where the draws need a word."""
    bound, threads = bind_priors(design, priors), running.threads
    check_single_levels(design, bound)
    with _going(design, moments, bound, options, running) as (pace, store):
        if moments is None:
            sampled = run_generalised(design, bound, options, threads=threads, pace=pace, checkpoint=store)
        else:
            sampled = run(moments, bound, options, threads=threads, pace=pace, checkpoint=store)
    posterior = Posterior(design, moments, sampled, bound, table, options, POSTERIOR_ANSWERS)
    check_draws(posterior)
    return posterior


def _fresh_seed(running: RunOptions) -> int:
    """Return the seed of the run that is gone on with, or a new one."""
    known = identity_in(running.checkpoint) if running.checkpoint is not None and running.resume else {}
    return int(known["seed"]) if "seed" in known else secrets.randbits(31)


@contextmanager
def _going(
    design: Design,
    moments: Moments | None,
    priors: BoundPriors,
    options: SampleOptions,
    running: RunOptions,
) -> Iterator[tuple[Pace, Checkpoint | None]]:
    """Give the pace of a run and its open checkpoint, and close both at the end."""
    running.check_method(options.method)
    store = (
        nullcontext()
        if running.checkpoint is None
        else open_checkpoint(
            running.checkpoint, run_identity(design, priors, options, moments), resume=running.resume
        )
    )
    with store as checkpoint, sampling_progress(running.progress, sys.stderr) as watch:
        yield Pace(max_time=running.max_time, watch=watch), checkpoint


def run(
    moments: Moments,
    priors: BoundPriors,
    options: SampleOptions,
    *,
    threads: int | None = None,
    pace: Pace | None = None,
    checkpoint: Checkpoint | None = None,
) -> Draws:
    """Run the engine that the options name.

    "auto" is the marginal engine, unless residual sds differ between other groups than it can integrate out,
    or crossed factors are so large that Gibbs draws their effects by conjugate gradients;
    where its diagnostic says no, NUTS on the same density, or Gibbs if nutpie is not installed or there is a
    checkpoint: that "auto" went over is written to the checkpoint, and a resumed run begins there.
    """
    pace = pace or Pace()
    if options.method == "nuts":
        return _nuts(moments, priors, options, threads, pace)
    why = _gone_over(checkpoint)
    elsewhere = priors.residual is not None and not one_grouping(moments)
    elsewhere = elsewhere or (options.method == "auto" and by_gradients(moments, priors))
    if options.method == "marginal" or (options.method == "auto" and not why and not elsewhere):
        sampled = sample_marginal(
            moments,
            priors,
            draws=options.draws,
            chains=options.chains,
            seed=options.seed,
            threads=threads,
            pace=pace,
            checkpoint=checkpoint,
        )
        shape = sampled.diagnostics["pareto_k"]
        if shape <= GOOD_K or options.method == "marginal" or pace.over():
            return sampled
        why = _reason(f"{shape:.2f}")
        if checkpoint is not None:
            checkpoint.append(Record({"kind": "engine", "method": "gibbs", "pareto_k": f"{shape:.2f}"}))
        elif nutpie_is_installed():
            taken = _nuts(moments, priors, options, threads, pace)
            return replace(taken, sentence=f"{why} NUTS took over. {taken.sentence}")
    drawn = sample_gibbs(
        moments,
        priors,
        draws=options.draws,
        chains=options.chains,
        warmup=options.warmup,
        seed=options.seed,
        threads=threads,
        pace=pace,
        checkpoint=checkpoint,
    )
    if not why:
        return drawn
    no_nuts = 'needs nutpie: pip install "multilevel[nuts]"' if checkpoint is None else "has no checkpoints"
    return replace(drawn, sentence=f"{why} Gibbs sampling took over (NUTS {no_nuts}). {drawn.sentence}")


def _nuts(
    moments: Moments, priors: BoundPriors, options: SampleOptions, threads: int | None, pace: Pace
) -> Draws:
    """Run the NUTS engine."""
    return sample_nuts(
        moments,
        priors,
        draws=options.draws,
        chains=options.chains,
        warmup=options.warmup,
        seed=options.seed,
        threads=threads,
        pace=pace,
    )


def _gone_over(checkpoint: Checkpoint | None) -> str:
    """Return why the run in a checkpoint went over to another engine; empty if it did not."""
    records = checkpoint.of_kind("engine") if checkpoint is not None else []
    return _reason(records[0].facts["pareto_k"]) if records else ""


def _reason(shape: str) -> str:
    """Return why importance sampling was given up."""
    return f"Importance sampling cannot be trusted here (Pareto k {shape}, above {GOOD_K}), so that"


def load_posterior(path: str | Path) -> Posterior:
    """Load a posterior that `Posterior.save` wrote; nothing in the file is executed.

    Raises
    ------
    StorageError
        If the file is absent, damaged, of another version, or not a saved posterior.

    Examples
    --------
    >>> import tempfile
    >>> import multilevel as ml
    >>> post = ml.sample("reaction ~ 1 + (1 | subject)", ml.datasets.load("sleepstudy"), seed=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     post.save(f"{folder}/sleep.draws")
    ...     ml.load_posterior(f"{folder}/sleep.draws").n_rows
    180
    """
    return load_saved_posterior(path)
