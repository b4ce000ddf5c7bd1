"""The door to posteriors: model, data and priors bound; one engine chosen and run."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

from multilevel.data import read_table
from multilevel.design import bind, columns_needed
from multilevel.design.bound_priors import BoundPriors
from multilevel.design.priors import Priors, bind_priors
from multilevel.engines.draws import Draws
from multilevel.engines.gibbs import sample_gibbs
from multilevel.engines.marginal import sample_marginal
from multilevel.engines.marginal.sampler import GOOD_K
from multilevel.inference.posterior_checks import check_draws
from multilevel.language import given_model
from multilevel.model import Model
from multilevel.moments import Moments, summarise
from multilevel.posterior_answers import POSTERIOR_ANSWERS, load_saved_posterior
from multilevel.results.options import Given, Missing
from multilevel.results.posterior import Posterior
from multilevel.results.posterior_options import SampleOptions, Sampling

__all__ = ["load_posterior", "sample"]


def sample(
    model: str | Model,
    data: object,
    priors: Priors = None,
    *,
    method: Sampling = "auto",
    draws: int = 4000,
    chains: int = 4,
    warmup: int = 1000,
    seed: int | None = None,
    residual_sd: Given = None,
    precision_weights: Given = None,
    frequency_weights: Given = None,
    offset: Given = None,
    missing: Missing = "report",
    level: float = 0.95,
    lme4_compat: bool = False,
) -> Posterior:
    """Sample the posterior distribution of a Gaussian multilevel model.

    Parameters
    ----------
    model, data, residual_sd, precision_weights, frequency_weights, offset, missing, lme4_compat
        As in `fit`.
    priors
        ``None`` or "default" (weakly informative, scaled to the data, printed in the summary), "brms",
        "rstanarm", or a dictionary; see `multilevel.design.priors.bind_priors` for its keys. What a
        dictionary does not name has the default prior.
    method
        "marginal": group effects and coefficients are integrated out exactly, the few remaining parameters
        are drawn by adaptive importance sampling, then coefficients and group effects from their exact
        conditional distributions; the draws are nearly independent. "gibbs": Markov chains that draw
        coefficients and group effects together, then each covariance matrix, then the residual sd. "auto"
        is "marginal", and "gibbs" where its diagnostic (Pareto k) says that it cannot be trusted.
    draws
        Draws in all chains together.
    chains
        How many chains the draws are laid out in.
    warmup
        Sweeps of each Markov chain that are left out.
    seed
        The same seed gives the same draws; a fresh one is chosen and kept in ``options.seed`` if ``None``.
    level
        Coverage of the intervals in the tables.

    Returns
    -------
    Posterior

    Raises
    ------
    MultilevelError
        One of its kinds, saying what was asked, what was found, and what to try.

    Examples
    --------
    >>> import multilevel as ml
    >>> sleep = ml.datasets.load("sleepstudy")
    >>> post = ml.sample("reaction ~ days + (days | subject)", sleep, seed=1)
    >>> post.draws["days"].shape
    (4, 1000)
    """
    parsed, lme4_compat = given_model(model, lme4_compat=lme4_compat)
    options = SampleOptions(
        method=method,
        draws=draws,
        chains=chains,
        warmup=warmup,
        seed=secrets.randbits(31) if seed is None else seed,
        level=level,
        missing=missing,
        lme4_compat=lme4_compat,
        precision_weights=precision_weights,
        frequency_weights=frequency_weights,
        offset=offset,
        residual_sd=residual_sd,
    )
    known: dict[str, Any] = {
        "precision_weights": precision_weights,
        "frequency_weights": frequency_weights,
        "offset": offset,
        "residual_sd": residual_sd,
    }
    table = read_table(data, columns_needed(parsed, **known))
    design = bind(parsed, table, **known, missing=missing)
    bound = bind_priors(design, priors)
    moments = summarise(design)
    sampled = run(moments, bound, options)
    posterior = Posterior(design, moments, sampled, bound, table, options, POSTERIOR_ANSWERS)
    check_draws(posterior)
    return posterior


def run(moments: Moments, priors: BoundPriors, options: SampleOptions) -> Draws:
    """Run the engine that the options name; "auto" is the marginal engine unless its diagnostic says no."""
    if options.method != "gibbs":
        sampled = sample_marginal(
            moments, priors, draws=options.draws, chains=options.chains, seed=options.seed
        )
        trusted = sampled.diagnostics["pareto_k"] <= GOOD_K
        if trusted or options.method == "marginal":
            return sampled
    return sample_gibbs(
        moments, priors, draws=options.draws, chains=options.chains, warmup=options.warmup, seed=options.seed
    )


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
