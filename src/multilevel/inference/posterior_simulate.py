"""New responses from the posterior predictive distribution, and the likelihood of the rows by draw."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from multilevel.errors import OptionError
from multilevel.inference.effects import in_caller_rows
from multilevel.inference.posterior_draws import covariances, kept_coefficients, kept_effects
from multilevel.inference.posterior_generalised import is_generalised, log_densities, new_responses
from multilevel.inference.posterior_predict import expected_at_draws, rows_of
from multilevel.inference.posterior_residual import Used, row_sds, simulated_sds
from multilevel.inference.simulate import generator
from multilevel.results.options import check_choice
from multilevel.results.posterior import Posterior
from multilevel.results.posterior_options import check_count

Floats = NDArray[np.float64]


def posterior_simulate(
    posterior: Posterior,
    n: int = 1,
    *,
    seed: int | np.random.Generator,
    groups: Literal["known", "new"] = "known",
) -> Floats:
    """Return new responses for the rows of the data, each at another draw while there are enough.

    Parameters
    ----------
    posterior
        A posterior.
    n
        How many responses, at least 1.
    seed
        A whole number, or a NumPy generator, which is advanced.
    groups
        "known": effects of the draw; "new": drawn afresh from the draw's distribution of groups.

    Returns
    -------
    ``(n, n_input)`` responses, NaN for rows of the caller's table that were left out. Residuals have
    variance ``sigma^2 / precision weight``, sigma being that of the row's group if groups have their own;
    with new groups it is drawn afresh too, if the residual groups are those of a grouped term. Generalised
    models: numbers of successes where there are trials (those of the rows), class numbers from 1, counts with
    their extra zeros.

    Raises
    ------
    OptionError
        If a keyword has a value that is not allowed, or there are frequency weights: such a row stands for
        several observations, which would differ.
    """
    check_choice("groups", groups, ("known", "new"))
    check_count("n", n, least=1)
    posterior.design.require_single_rows("simulated responses")
    posterior.design.require_rows("simulated responses")
    if posterior.design.frequency_weights is not None:
        raise OptionError(
            "simulate was asked of a posterior with frequency weights",
            allowed="one observation for each row",
            remedy="repeat the rows in the table and sample again without frequency_weights",
        )
    rng = generator(seed)
    if is_generalised(posterior):
        return in_caller_rows(posterior, new_responses(posterior, n, rng, groups=groups))
    if groups == "known":
        return in_caller_rows(posterior, _with_known_groups(posterior, n, rng))
    return in_caller_rows(posterior, _with_new_groups(posterior, n, rng))


def _chosen(draws: int, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return ``(n,)`` numbers of draws, each draw as often as any other to one."""
    rounds = [rng.permutation(draws) for _ in range(-(-n // draws))]
    return np.concatenate(rounds)[:n]


def _with_known_groups(posterior: Posterior, n: int, rng: np.random.Generator) -> Floats:
    """Return ``(n, rows)`` responses of the groups of the data."""
    design = posterior.design
    used = used_draws(posterior)
    chosen = _chosen(posterior.sampled.sigma[:, used].size, n, rng)
    found = rng.standard_normal((n, design.n_rows))
    found *= simulated_sds(posterior, chosen, rng, used=used, new=False) * _unit_sd(posterior)
    beta = posterior.sampled.coefficients.reshape(-1, design.fixed.X.shape[1])
    found += (kept_coefficients(posterior) if design.terms else beta)[chosen] @ design.fixed.X.T
    if design.offset is not None:
        found += design.offset
    for t, block in enumerate(design.terms):
        effects, index = kept_effects(posterior, t), design.factors[block.factor].index
        for row, draw in zip(found, chosen, strict=True):
            row += np.einsum("ij,ij->i", block.Z, effects[draw][index])
    return found


def _with_new_groups(posterior: Posterior, n: int, rng: np.random.Generator) -> Floats:
    """Return ``(n, rows)`` responses of groups that are not in the data."""
    design = posterior.design
    chosen = _chosen(posterior.n_draws, n, rng)
    found = rng.standard_normal((n, design.n_rows))
    found *= simulated_sds(posterior, chosen, rng, used=slice(None), new=True) * _unit_sd(posterior)
    found += posterior.sampled.coefficients.reshape(-1, design.fixed.X.shape[1])[chosen] @ design.fixed.X.T
    if design.offset is not None:
        found += design.offset
    for t, block in enumerate(design.terms):
        factor, k = design.factors[block.factor], len(block.names)
        values, vectors = np.linalg.eigh(covariances(posterior, t).reshape(-1, k, k)[chosen])
        roots = vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :]
        for row, root in zip(found, roots, strict=True):
            b = rng.standard_normal((len(factor.levels), k)) @ root.T
            row += np.einsum("ij,ij->i", block.Z, b[factor.index])
    return found


def used_draws(posterior: Posterior) -> Used:
    """Return which draws of each chain the rows need: those with group effects, if there are any."""
    return posterior.sampled.kept if posterior.design.terms else slice(None)


def _unit_sd(posterior: Posterior) -> Floats:
    """Return ``(n,)`` residual sds of the rows in units of that of a row of weight one."""
    weights = posterior.design.precision_weights
    return np.ones(posterior.design.n_rows) if weights is None else np.asarray(1 / np.sqrt(weights))


def log_likelihood(posterior: Posterior, some: slice = slice(None)) -> Floats:
    """Return ``(s, n)`` log densities of some used rows given the group effects, at the draws that were kept.

    A row with a frequency weight stands for so many observations: its log density counts as often.
    """
    found, frequency = observation_log_likelihood(posterior, some), posterior.design.frequency_weights
    return found if frequency is None else found * frequency[some]


def observation_log_likelihood(posterior: Posterior, some: slice = slice(None)) -> Floats:
    """Return what `log_likelihood` does, of one observation of each row whatever its frequency weight."""
    design = posterior.design
    if is_generalised(posterior):
        return log_densities(posterior, some)
    rows = rows_of(posterior).part(some)
    mean = expected_at_draws(posterior, rows, ["known"] * len(design.terms))
    sd = row_sds(posterior, rows.residual, used_draws(posterior)) * _unit_sd(posterior)[some]
    return np.asarray(-0.5 * ((design.y[some] - mean) / sd) ** 2 - np.log(sd) - 0.5 * np.log(2 * np.pi))
