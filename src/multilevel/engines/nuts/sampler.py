"""The NUTS engine: chains on the marginal density, exact draws of coefficients and group effects."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from multilevel.design.bound_priors import BoundPriors
from multilevel.engines.draws import Draws
from multilevel.engines.marginal.completion import Density, HowSampled, draws_at
from multilevel.engines.marginal.density import MarginalDensity
from multilevel.engines.marginal.sampler import density_and_start, kept_draws
from multilevel.engines.nuts.chains import LONGEST, Chains, run_chains
from multilevel.engines.pace import Pace
from multilevel.errors import OptionError
from multilevel.moments import Moments

Floats = NDArray[np.float64]

FEW_EFFECTS = 5000
"""Group effects up to which several points together take hardly longer than one."""
DIVERGENT_AT = "divergent at "
"""Key of a diagnostic: where divergent draws lie in a parameter, in its posterior sds from its mean."""
FAR = 0.5
"""Posterior sds from the mean at which a parameter is named beside divergences."""


def sample_nuts(
    moments: Moments,
    priors: BoundPriors,
    *,
    draws: int = 4000,
    chains: int = 4,
    warmup: int = 1000,
    seed: int,
    threads: int | None = None,
    pace: Pace | None = None,
) -> Draws:
    """Draw from the posterior of a Gaussian multilevel model by Hamiltonian Monte Carlo.

    Chains move on the marginal density of sds, correlations, sigma and the coefficients that cannot be
    integrated out, with its exact gradient, in coordinates scaled by the curvature at the mode. The other
    coefficients and the group effects are then drawn given each point, as by `sample_marginal`.

    Parameters
    ----------
    moments
        Sufficient statistics.
    priors
        Bound to the same design.
    draws, chains
        ``draws`` in all, over ``chains`` chains.
    warmup
        Draws of each chain that are left out.
    seed
        Same seed, same draws, with one version of nutpie.
    threads
        Chains that run at the same time, ``None`` for all, and how many threads share out an evaluation of
        the density. Chains wait for each other at the density, which evaluates their points together. The
        draws do not depend on it.
    pace
        Told how far the run is; says when it must end early.

    Returns
    -------
    Draws
        Fewer than asked for, and not ``complete``, if the run ended early.

    Raises
    ------
    OptionError
        If nutpie is not installed, there are no draws or chains, or the run was ended in warm-up.
    DesignError
        If no point near the mode has a positive density, or residual sds differ between groups which are
        not those of the only grouping factor.
    KeyboardInterrupt
        If Ctrl-C was pressed before every chain had a draw.
    """
    check_run(draws, chains, warmup, seed)
    density, start = density_and_start(moments, priors, threads=threads)
    pace = pace or Pace()
    run = run_chains(
        density,
        start,
        draws=draws // chains,
        chains=chains,
        warmup=warmup,
        seed=seed,
        together=chains if _is_short(density) else 1,
        threads=threads,
        pace=pace,
    )
    per_chain, d = run.points.shape[1:]
    kept = kept_draws(per_chain, chains, density.total_effects)
    said = account_of(run, density.names, pace)
    drawn = draws_at(density, run.points.reshape(chains * per_chain, d), kept, said, chains=chains, seed=seed)
    return drawn if run.complete else replace(drawn, complete=False)


def _is_short(density: Density) -> bool:
    """Return whether several points together take hardly longer than one."""
    return isinstance(density, MarginalDensity) and density.total_effects <= FEW_EFFECTS


def check_run(draws: int, chains: int, warmup: int, seed: int) -> None:
    """Refuse numbers that make no run."""
    least = {"chains": (chains, 1), "draws": (draws, chains), "warmup": (warmup, 0)}
    for name, (value, lowest) in least.items():
        if value < lowest:
            raise OptionError(f"{name}={value}", allowed=f"a whole number, {lowest} or more")
    if not 0 <= seed < 1 << 64:
        raise OptionError(f"seed={seed}", allowed="a whole number from 0 to 2^64 - 1")


def account_of(run: Chains, names: tuple[str, ...], pace: Pace) -> HowSampled:
    """Return how chains went.

    Parameters
    ----------
    run
        The chains.
    names
        ``(d,)`` of the numbers that were sampled.
    pace
        Of the run, which knows why it ended early.
    """
    return HowSampled(
        method="nuts",
        efficiency=None,
        log_evidence=None,
        diagnostics={
            "evaluations": float(run.evaluations),
            "warmup": float(run.warmup),
            "divergences": float(run.divergent.sum()),
            "longest_paths": float(run.too_long.sum()),
            "energy_information": run.least_information,
            **_places(run, names),
        },
        sentence=_sentence(run, pace),
    )


def _places(run: Chains, names: tuple[str, ...]) -> dict[str, float]:
    """Return where divergent draws lie in the parameters in which they are not in the middle."""
    if not run.divergent.any():
        return {}
    x = run.points.reshape(-1, len(names))
    spread = x.std(axis=0)
    away = x[run.divergent.reshape(-1)].mean(axis=0) - x.mean(axis=0)
    far = np.divide(away, spread, out=np.zeros(len(names)), where=spread > 0.0)
    named = np.abs(far) >= min(FAR, float(np.abs(far).max(initial=0.0)))
    return {
        f"{DIVERGENT_AT}{name}": float(at) for name, at, here in zip(names, far, named, strict=True) if here
    }


def _sentence(run: Chains, pace: Pace) -> str:
    """Return how the run went, in words."""
    chains, draws = run.divergent.shape
    count = int(run.divergent.sum())
    words = (
        f"NUTS on the marginal posterior: {chains} chains of {draws:,} draws after {run.warmup:,} of warm-up,"
        f" {'no' if count == 0 else f'{count:,}'} divergent transition{'' if count == 1 else 's'}."
    )
    cut = int(run.too_long.sum())
    if cut > 0:
        words += f" Paths cut at {LONGEST:,} steps: {cut:,}."
    return words if run.complete else f"{words} The run was {pace.ending()}."
