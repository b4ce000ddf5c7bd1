"""A posterior as ArviZ holds it: an InferenceData of ArviZ 0.x, or a DataTree of ArviZ 1.x."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Sequence
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from multilevel.errors import OptionError
from multilevel.inference.posterior_draws import correlation_draws, family_draws
from multilevel.inference.posterior_residual import law_parameters
from multilevel.inference.posterior_simulate import log_likelihood, posterior_simulate
from multilevel.results.options import check_choice
from multilevel.results.posterior import Posterior
from multilevel.results.posterior_questions import Included

Floats = NDArray[np.float64]


def to_arviz(
    posterior: Posterior, *, include: Sequence[Included], seed: int | np.random.Generator = 0
) -> Any:
    """Return the draws for ArviZ, with the names of terms, levels and rows as coordinates.

    Parameters
    ----------
    posterior
        A posterior.
    include
        Groups besides "posterior": "log_likelihood", "observed_data", "posterior_predictive".
    seed
        Of the posterior predictive, whose draws are then in random order.

    Returns
    -------
    ``arviz.InferenceData`` (ArviZ 0.x) or ``xarray.DataTree`` (1.x). The posterior has the variables
    ``coefficients`` (by term), ``sigma``, and for each grouping factor ``sd(g)``, ``correlation(g)`` (by
    pair) and ``effects(g)`` (by level and term); ``sigma[g]`` (by level) and the parameters of their law if
    residual sds differ between groups. Generalised models have the parameters of their family (or
    thresholds) by name and ``zero_inflation(term)`` in place of ``sigma``.

    Raises
    ------
    OptionError
        If ArviZ is not installed, or ``include`` names an unknown group.
    """
    for name in include:
        check_choice("include", name, get_args(Included))
        posterior.design.require_rows(f"{name.replace('_', ' ')} values in to_arviz")
    library = _library()
    groups: dict[str, dict[str, Floats]] = {"posterior": {}}
    dims: dict[str, list[str]] = {}
    coords: dict[str, Any] = {"row": posterior.design.rows}
    _add_parameters(posterior, groups["posterior"], dims, coords)
    _add_effects(posterior, groups["posterior"], dims, coords)
    response = posterior.model.response
    if response in groups["posterior"]:
        response = f"response {response}"
    dims[response] = ["row"]
    if "posterior_predictive" in include:
        groups["posterior_predictive"] = {response: _predictive(posterior, seed)}
    if "log_likelihood" in include:
        groups["log_likelihood"] = {response: _by_chain(posterior, log_likelihood(posterior))}
    if "observed_data" in include:
        groups["observed_data"] = {response: posterior.design.y}
    attributes = {"modeling_interface": "multilevel", "formula": posterior.formula}
    if library.__version__.startswith("0."):
        return library.from_dict(**groups, coords=coords, dims=dims, attrs=attributes)
    return library.from_dict(groups, coords=coords, dims=dims, attrs={"/": attributes})


def _library() -> Any:
    """Return ArviZ; its announcement of changes to come is kept from the reader."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return importlib.import_module("arviz")
    except ImportError as error:
        raise OptionError(
            f"to_arviz needs ArviZ, which cannot be imported ({error})", remedy="pip install arviz"
        ) from error


def _used(posterior: Posterior) -> NDArray[np.int64]:
    """Return the numbers of the draws that are given: those with group effects, if there are any."""
    if posterior.design.terms and posterior.sampled.kept.size:
        return posterior.sampled.kept
    return np.arange(posterior.sampled.sigma.shape[1])


def _by_chain(posterior: Posterior, values: Floats) -> Floats:
    """Return ``(s, n)`` values of the draws as ``(chains, draws, n)``."""
    return values.reshape(posterior.n_chains, -1, values.shape[1])


def _add_parameters(
    posterior: Posterior, found: dict[str, Floats], dims: dict[str, list[str]], coords: dict[str, Any]
) -> None:
    """Add coefficients, sds, correlations and the residual sd, with their axes."""
    sampled, design, used = posterior.sampled, posterior.design, _used(posterior)
    if design.fixed.names:
        found["coefficients"] = sampled.coefficients[:, used]
        dims["coefficients"], coords["term"] = ["term"], list(design.fixed.names)
    if sampled.family is None:
        found["sigma"] = sampled.sigma[:, used]
    else:
        found |= {name: values[:, used] for name, values in family_draws(sampled.family, found).items()}
    found |= {name: values[:, used] for name, values in law_parameters(sampled).items()}
    if sampled.residual is not None and design.residual_groups is not None:
        groups = design.residual_groups
        name = f"sigma[{groups.name}]"
        found[name] = sampled.residual.sds[:, used]
        dims[name], coords[f"{groups.name} level"] = [f"{groups.name} level"], list(groups.levels)
    correlations = correlation_draws(posterior)
    for name, t in zip(_labels(posterior), range(len(design.terms)), strict=True):
        block = design.terms[t]
        found[f"sd({name})"] = sampled.sds[t][:, used]
        dims[f"sd({name})"], coords[f"{name} term"] = [f"{name} term"], list(block.names)
        group = design.factors[block.factor].name
        pairs = {
            f"{a}, {b}": values[:, used]
            for (g, a, b), values in correlations.items()
            if g == group and a in block.names and b in block.names
        }
        if pairs:
            found[f"correlation({name})"] = np.stack(list(pairs.values()), axis=2)
            dims[f"correlation({name})"], coords[f"{name} pair"] = [f"{name} pair"], list(pairs)


def _add_effects(
    posterior: Posterior, found: dict[str, Floats], dims: dict[str, list[str]], coords: dict[str, Any]
) -> None:
    """Add the group effects that were kept, with their axes."""
    design = posterior.design
    for name, block, effects in zip(_labels(posterior), design.terms, posterior.sampled.effects, strict=True):
        if effects.shape[1]:
            factor = design.factors[block.factor]
            found[f"effects({name})"] = effects
            dims[f"effects({name})"] = [f"{factor.name} level", f"{name} term"]
            coords[f"{factor.name} level"] = list(factor.levels)


def _labels(posterior: Posterior) -> list[str]:
    """Return a label for each grouped term: its factor, numbered from the second term of the factor on."""
    found: list[str] = []
    groups = [posterior.design.factors[block.factor].name for block in posterior.design.terms]
    for i, group in enumerate(groups):
        before = groups[:i].count(group)
        found.append(f"{group} {before + 1}" if before else group)
    return found


def _predictive(posterior: Posterior, seed: int | np.random.Generator) -> Floats:
    """Return ``(chains, draws, n)`` responses of the posterior predictive for the used rows."""
    size = posterior.n_chains * _used(posterior).size
    drawn = posterior_simulate(posterior, size, seed=seed)[:, posterior.design.rows]
    return _by_chain(posterior, drawn)
