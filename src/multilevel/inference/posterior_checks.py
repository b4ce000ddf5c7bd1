"""What a posterior must be warned of: parameters that have not converged, and the remedy."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from multilevel.engines.nuts import DIVERGENT_AT
from multilevel.errors import ConvergenceWarning, warn
from multilevel.inference.convergence import ess_bulk, ess_tail, rhat
from multilevel.inference.posterior_draws import parameters
from multilevel.results.posterior import Posterior

Floats = NDArray[np.float64]

WORST_RHAT = 1.01
"""Vehtari et al. (2021), section 4.1."""
FEWEST_EFFECTIVE = 400
"""Effective draws that quantiles and R-hat need: a hundred for each of four chains, ibid. section 4.3."""
WORST_SHAPE = 0.7
"""Pareto k of importance weights, Vehtari, Simpson, Gelman, Yao and Gabry (2024)."""
LEAST_ENERGY_INFORMATION = 0.3
"""E-BFMI, Betancourt (2016), "Diagnosing suboptimal cotangent disintegrations", section 4."""
MOST_CUT = 0.01
"""Share of the paths of NUTS that may be cut at their greatest length."""
MOST_NAMED = 4


def check_draws(posterior: Posterior) -> None:
    """Warn with `ConvergenceWarning` of everything that `complaints` finds."""
    for sentence in complaints(posterior):
        warn(sentence, ConvergenceWarning)


def complaints(posterior: Posterior) -> tuple[str, ...]:
    """Return a sentence for each fault of the draws, naming the parameters and the remedy.

    A run that was interrupted; R-hat above 1.01 (Markov chains); fewer than 400 effective draws;
    importance weights whose Pareto k is above 0.7; divergent transitions, cut paths and a low E-BFMI of NUTS.
    """
    return posterior.once("complaints", lambda: _complaints(posterior))


def _complaints(posterior: Posterior) -> tuple[str, ...]:
    """Return the sentences of `complaints`."""
    found = []
    if not posterior.sampled.complete:
        found.append(
            f"The run was interrupted after {posterior.n_draws} of {posterior.options.draws} draws: they are"
            " valid, but fewer than asked for. Try: sample again, or resume from a checkpoint."
        )
    if posterior.sampled.efficiency is None:
        names, draws = _judged(posterior)
        reduction = rhat(draws)
        found += _unmixed(names, reduction)
        found += _few(posterior, names, np.fmin(ess_bulk(draws), ess_tail(draws)))
        found += _broken_paths(posterior.sampled.diagnostics, posterior.n_draws)
    else:
        found += _inefficient(posterior, posterior.sampled.efficiency)
    return tuple(found)


def _judged(posterior: Posterior) -> tuple[list[str], Floats]:
    """Return names and ``(chains, draws, parameters)`` of what is judged: all but the group effects."""
    arrays = parameters(posterior)
    names, draws = list(arrays), np.stack(list(arrays.values()), axis=2)
    groups, residual = posterior.design.residual_groups, posterior.sampled.residual
    if groups is None or residual is None:
        return names, draws
    names += [f"sigma[{groups.name} {level}]" for level in groups.levels]
    return names, np.concatenate([draws, residual.sds], axis=2)


def _unmixed(names: Sequence[str], reduction: Floats) -> list[str]:
    """Return the sentence on parameters whose chains disagree."""
    bad = np.flatnonzero(reduction > WORST_RHAT)
    if bad.size == 0:
        return []
    order = bad[np.argsort(-reduction[bad], kind="stable")]
    listed = _listed([f"{names[i]} (R-hat {reduction[i]:.3f})" for i in order])
    return [
        f"The chains disagree on {listed}; R-hat should be at most {WORST_RHAT}. Try: more draws, or"
        " narrower priors on the parameters named."
    ]


def _broken_paths(diagnostics: Mapping[str, float], draws: int) -> list[str]:
    """Return sentences on divergent transitions, cut paths, and energies that hardly move."""
    found, count = [], int(diagnostics.get("divergences", 0.0))
    places = {key.removeprefix(DIVERGENT_AT): at for key, at in diagnostics.items() if DIVERGENT_AT in key}
    if count > 0:
        order = sorted(places, key=lambda name: -abs(places[name]))
        where = _listed([f"{name} ({places[name]:+.1f} sds from its mean)" for name in order])
        found.append(
            f"{count:,} transition{'s' if count > 1 else ''} diverged, about {where}: the chains may not"
            " reach that part of the posterior. Try: more informative priors for the parameters named, or"
            " method='gibbs'."
        )
    cut = diagnostics.get("longest_paths", 0.0) / draws
    if cut > MOST_CUT:
        found.append(
            f"{100 * cut:.0f}% of the paths were cut at their greatest length: the run is slow and its draws"
            " depend on each other. Try: more informative priors for the sds and correlations, more warm-up,"
            " or method='gibbs'."
        )
    information = diagnostics.get("energy_information", 1.0)
    if not information >= LEAST_ENERGY_INFORMATION:
        found.append(
            f"E-BFMI is {information:.2f}; it should be at least {LEAST_ENERGY_INFORMATION}, or the tails of"
            " the sds are explored slowly. Try: more draws, or more informative priors for the sds."
        )
    return found


def _few(posterior: Posterior, names: Sequence[str], size: Floats) -> list[str]:
    """Return the sentence on parameters with few effective draws."""
    bad = np.flatnonzero(size < FEWEST_EFFECTIVE)
    if bad.size == 0:
        return []
    order = bad[np.argsort(size[bad], kind="stable")]
    listed = _listed([f"{names[i]} ({size[i]:.0f} effective draws)" for i in order])
    return [
        f"Too few effective draws of {listed}; {FEWEST_EFFECTIVE} are needed for the interval. Try:"
        f" draws={_wanted(posterior, float(size[order[0]]))}."
    ]


def _inefficient(posterior: Posterior, efficiency: float) -> list[str]:
    """Return sentences on importance sampling whose weights have a heavy tail, or that left few draws."""
    size, shape = efficiency * posterior.n_draws, posterior.sampled.diagnostics.get("pareto_k", 0.0)
    found = []
    if not shape <= WORST_SHAPE:
        found.append(
            f"The weights of the importance sampling have Pareto k {shape:.2f}; it should be at most"
            f" {WORST_SHAPE}, or tail probabilities of every parameter cannot be trusted. Try: more"
            " informative priors for the sds, or method='gibbs'."
        )
    if size >= FEWEST_EFFECTIVE:
        return found
    return [
        *found,
        f"Importance sampling left {size:.0f} effective draws of every parameter; {FEWEST_EFFECTIVE} are"
        f" needed for the intervals. Try: draws={_wanted(posterior, size)}, or method='gibbs'.",
    ]


def _wanted(posterior: Posterior, size: float) -> int:
    """Return the number of draws, to two digits above, that would give enough effective draws."""
    exact = 1.2 * posterior.n_draws * FEWEST_EFFECTIVE / max(size, 1.0)
    unit = 10 ** max(0, math.floor(math.log10(exact)) - 1)
    return int(math.ceil(exact / unit) * unit)


def _listed(items: Sequence[str]) -> str:
    """Return the first items, and how many more there are."""
    more = f" and {len(items) - MOST_NAMED} more" if len(items) > MOST_NAMED else ""
    return ", ".join(items[:MOST_NAMED]) + more
