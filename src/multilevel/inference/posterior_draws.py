"""Draws of a posterior by name, as a table, and at the draws whose group effects were kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from multilevel.design.design import Design
from multilevel.engines.draws import Draws, FamilyDraws
from multilevel.errors import OptionError
from multilevel.inference.posterior_residual import law_parameters
from multilevel.results.posterior import Posterior
from multilevel.results.posterior_questions import NamedDraws
from multilevel.results.questions import Columns

Floats = NDArray[np.float64]

RESIDUAL_SD = "sigma"


class Drawn(Protocol):
    """Draws beside the design that names them, such as a posterior."""

    @property
    def design(self) -> Design:
        """The model, bound to the data."""

    @property
    def sampled(self) -> Draws:
        """The draws."""


def named_draws(posterior: Posterior) -> NamedDraws:
    """Return the draws by name, with the labels of their axes.

    Returns
    -------
    NamedDraws
        Coefficients by their names; ``sd(group, term)``; ``correlation(group, term_1, term_2)``; ``sigma``,
        the residual sd (``residual sigma`` if a coefficient has that name); and group effects,
        ``effects(group, term)``, at the draws that were kept. Where residual sds differ between groups,
        ``sigma`` is the pooled one, ``sigma[group]`` are those of the groups, and the parameters of their law
        have the names of `RESIDUAL_NAMES`. Generalised models have no ``sigma`` but the parameters of their
        family by name (``family theta`` if a coefficient has that name), or thresholds, and
        ``zero_inflation(term)``. Chains and draws are numbered from zero.
    """
    return posterior.once("named draws", lambda: draws_by_name(posterior))


def draws_by_name(posterior: Drawn) -> NamedDraws:
    """Return the draws by name; see `named_draws`."""
    sampled, design = posterior.sampled, posterior.design
    arrays = parameters(posterior)
    chains, draws = sampled.sigma.shape
    axes: dict[str, Sequence[Any]] = {"chain": range(chains), "draw": range(draws)}
    coordinates: dict[str, Mapping[str, Sequence[Any]]] = dict.fromkeys(arrays, axes)
    for block, effects in zip(design.terms, sampled.effects, strict=True):
        factor = design.factors[block.factor]
        for i, term in enumerate(block.names):
            name = f"effects({factor.name}, {term})"
            arrays[name] = effects[:, :, :, i]
            coordinates[name] = {**axes, "draw": sampled.kept.tolist(), factor.name: factor.levels}
    if sampled.residual is not None and design.residual_groups is not None:
        groups = design.residual_groups
        name = _free(f"{RESIDUAL_SD}[{groups.name}]", arrays)
        arrays[name] = sampled.residual.sds
        coordinates[name] = {**axes, groups.name: groups.levels}
    return NamedDraws(arrays, coordinates)


def parameters(posterior: Drawn) -> dict[str, Floats]:
    """Return ``(chains, draws)`` of each parameter that is not a group effect, by name."""
    sampled, design = posterior.sampled, posterior.design
    arrays = {name: sampled.coefficients[:, :, i] for i, name in enumerate(design.fixed.names)}
    for block, sds in zip(design.terms, sampled.sds, strict=True):
        group = design.factors[block.factor].name
        arrays |= {f"sd({group}, {name})": sds[:, :, i] for i, name in enumerate(block.names)}
    for (group, first, second), values in correlation_draws(posterior).items():
        arrays[f"correlation({group}, {first}, {second})"] = values
    if sampled.family is not None:
        return arrays | family_draws(sampled.family, arrays)
    arrays[_free(RESIDUAL_SD, arrays)] = sampled.sigma
    return arrays | {_free(name, arrays): values for name, values in law_parameters(sampled).items()}


def family_draws(family: FamilyDraws, taken: Mapping[str, Floats]) -> dict[str, Floats]:
    """Return ``(chains, draws)`` of a family's parameters and of the coefficients of zero inflation."""
    found = {
        f"family {name}" if name in taken else name: family.values[:, :, i]
        for i, name in enumerate(family.names)
    }
    return found | {
        f"zero_inflation({name})": family.inflation[:, :, i] for i, name in enumerate(family.inflation_names)
    }


def _free(name: str, taken: Mapping[str, Floats]) -> str:
    """Return a name of something of the residuals that no coefficient has."""
    return f"residual {name}" if name in taken else name


def correlation_draws(posterior: Drawn) -> dict[tuple[str, str, str], Floats]:
    """Return ``(chains, draws)`` of each correlation, by group and the two terms."""
    found: dict[tuple[str, str, str], Floats] = {}
    for block, values in zip(posterior.design.terms, posterior.sampled.correlations, strict=True):
        if not block.covariance.correlated:
            continue
        group, k = posterior.design.factors[block.factor].name, len(block.names)
        for a in range(k):
            for b in range(a + 1, k):
                found[group, block.names[a], block.names[b]] = values[:, :, a, b]
    return found


def draws_columns(posterior: Drawn) -> Columns:
    """Return the draws as columns chain, draw, and one for each parameter that is not a group effect."""
    chains, draws = posterior.sampled.sigma.shape
    columns: dict[str, NDArray[Any]] = {
        "chain": np.repeat(np.arange(chains), draws),
        "draw": np.tile(np.arange(draws), chains),
    }
    for name, values in parameters(posterior).items():
        columns[name if name not in columns else f"coefficient {name}"] = values.ravel()
    return columns


def kept_coefficients(posterior: Posterior) -> Floats:
    """Return ``(s, p)`` coefficients at the draws whose group effects were kept."""
    sampled = posterior.sampled
    found = sampled.coefficients[:, sampled.kept]
    return found.reshape(found.shape[0] * found.shape[1], found.shape[2])


def kept_effects(posterior: Posterior, term: int) -> Floats:
    """Return ``(s, m, k)`` effects of a grouped term at the draws that were kept.

    Raises
    ------
    OptionError
        If no group effects were kept.
    """
    effects = posterior.sampled.effects[term]
    if effects.shape[1] == 0:
        block = posterior.design.terms[term]
        raise OptionError(
            f"no draws of the effects of `{posterior.design.factors[block.factor].name}` were kept",
            allowed="predictions for groups='new' or groups='typical', and tables of the parameters",
            remedy="sample again and keep group effects",
        )
    return effects.reshape(-1, *effects.shape[2:])


def covariances(posterior: Posterior, term: int) -> Floats:
    """Return ``(chains, draws, k, k)`` covariance matrices of a term's effects."""
    sds = posterior.sampled.sds[term]
    return np.asarray(sds[..., :, None] * posterior.sampled.correlations[term] * sds[..., None, :])


def covariance_root(sds: Floats, R: Floats) -> Floats:
    """Return matrices ``A`` with ``A A'`` the covariance matrix of sds ``(..., k)`` and correlations ``R``.

    ``(..., k, k)``; zero sds and correlations of one are allowed.
    """
    values, vectors = np.linalg.eigh(R)
    return np.asarray(sds[..., :, None] * vectors * np.sqrt(np.maximum(values, 0.0))[..., None, :])
