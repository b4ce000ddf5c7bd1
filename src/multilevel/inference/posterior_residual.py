"""Residual sds that differ between groups: whose a row has, and what a new group's may be."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv, ndtri

from multilevel.design.bound_priors import LARGEST_SD, LEAST_SD, sds_of_groups
from multilevel.design.design import Design, GroupFactor
from multilevel.engines.draws import Draws, ResidualDraws
from multilevel.errors import OptionError
from multilevel.results.posterior import Posterior
from multilevel.results.questions import Groups

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Used = slice | NDArray[np.int64]
"""Which draws of each chain."""


def residual_draws(posterior: Posterior, question: str) -> tuple[GroupFactor, ResidualDraws]:
    """Return the residual groups and the draws of their sds.

    Raises
    ------
    OptionError
        There is one residual sd.
    """
    factor, residual = posterior.design.residual_groups, posterior.sampled.residual
    if factor is None or residual is None:
        raise OptionError(
            f"{question} was asked of a posterior with one residual sd",
            allowed="a posterior of multilevel.sample(..., residual_groups=...)",
            remedy='variance_components, or draws["sigma"]',
        )
    return factor, residual


def own_term(design: Design) -> int | None:
    """Return a grouped term whose groups are the residual groups, or ``None`` if there is none."""
    factor = design.residual_groups
    if factor is None:
        return None
    for t, block in enumerate(design.terms):
        if sorted(design.factors[block.factor].columns) == sorted(factor.columns):
            return t
    return None


def residual_index(design: Design, index: Ints | None, kinds: Sequence[Groups]) -> Ints | None:
    """Return the residual group of each row, -1 where it is not one of the data.

    Parameters
    ----------
    design
        The fitted rows.
    index
        ``(n,)`` as the rows say, or ``None`` without residual groups.
    kinds
        For each grouped term. If the residual groups are the groups of a term that is not "known", none of
        them is one of the data.
    """
    t = own_term(design)
    if index is None or t is None or kinds[t] == "known":
        return index
    return np.full_like(index, -1)


def row_sds(posterior: Posterior, index: Ints | None, used: Used) -> Floats:
    """Return the residual sds of rows of weight one, by draw.

    Parameters
    ----------
    posterior
        A posterior.
    index
        ``(n,)`` residual groups of the rows; -1 for a new one, whose sd is `new_group_sds`.
    used
        Which draws of each chain.

    Returns
    -------
    ``(s, n)``, or ``(s, 1)`` with one residual sd for all rows.
    """
    sampled = posterior.sampled
    if sampled.residual is None or index is None:
        return sampled.sigma[:, used].reshape(-1, 1)
    sds = sampled.residual.sds[:, used]
    found = sds.reshape(-1, sds.shape[2])[:, index]
    if index.size and index.min() < 0:
        found[:, index < 0] = new_group_sds(posterior)[:, used].reshape(-1, 1)
    return np.asarray(found)


def new_group_sds(posterior: Posterior) -> Floats:
    """Return ``(chains, draws)`` sds of a group that is not in the data, one from the law at each draw.

    They are quantiles of the law at evenly spread probabilities, shuffled by the posterior's own seed: the
    same for every question, and closer to the law than independent draws.
    """
    return posterior.once("new residual sds", lambda: _new_group_sds(posterior))


def _new_group_sds(posterior: Posterior) -> Floats:
    """Return the sds of `new_group_sds`."""
    _, residual = residual_draws(posterior, "a new group's residual sd")
    (_, first), (_, second) = residual.parameters
    rng = np.random.default_rng([posterior.options.seed, 1])
    p = ((rng.permutation(first.size) + 0.5) / first.size).reshape(first.shape)
    with np.errstate(divide="ignore", over="ignore"):
        if residual.law == "log_normal":
            sds = np.exp(first + second * ndtri(p))
        else:
            sds = np.sqrt(second / gammaincinv(first, p))
    return np.asarray(np.clip(sds, LEAST_SD, LARGEST_SD))


def simulated_sds(
    posterior: Posterior, chosen: NDArray[np.int64], rng: np.random.Generator, *, used: Used, new: bool
) -> Floats:
    """Return the residual sds of the rows of the data at some draws.

    Parameters
    ----------
    posterior
        A posterior.
    chosen
        ``(n,)`` numbers among the used draws.
    rng
        Advanced if sds are drawn.
    used
        Which draws of each chain.
    new
        Whether the groups are not those of the data: if the residual groups are those of a grouped term,
        their sds are then drawn afresh from the law, one for each group.

    Returns
    -------
    ``(n, rows)``, or ``(n, 1)``, for rows of weight one.
    """
    design, residual = posterior.design, posterior.sampled.residual
    if residual is None or design.residual_groups is None:
        return posterior.sampled.sigma[:, used].ravel()[chosen, None]
    index, m = design.residual_groups.index, residual.sds.shape[2]
    if new and own_term(design) is not None:
        first, second = (values[:, used].ravel()[chosen] for _, values in residual.parameters)
        return sds_of_groups(residual.law, first, second, m=m, rng=rng)[:, index]
    return np.asarray(residual.sds[:, used].reshape(-1, m)[chosen][:, index])


def law_parameters(sampled: Draws) -> dict[str, Floats]:
    """Return ``(chains, draws)`` of each parameter of the law of residual sds, by name; none without one."""
    return {} if sampled.residual is None else dict(sampled.residual.parameters)
