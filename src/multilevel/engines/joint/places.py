"""Where the parameters of a generalised model stand in a vector, and which of them are held."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multilevel.design.bound_priors import BoundPriors
from multilevel.design.design import Design
from multilevel.design.family_priors import FamilyPriors
from multilevel.engines.marginal.coordinates import TermPlace, term_place
from multilevel.errors import OptionError
from multilevel.model.priors import Fixed, ScalarPrior
from multilevel.moments import Layout

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Slices of the vector, and values of what is held.

    Parameters
    ----------
    names
        ``(d,)`` for messages.
    coefficients, zeros, family
        Slices: coefficients, those of zero inflation, the family's numbers.
    free_beta, free_inflation, free_family
        Which coefficients and parameters these are.
    held_beta
        Numbers of the coefficients that are held.
    sampled_family
        Numbers of the family's parameters that are sampled.
    beta, inflation, family_logs
        All of them, those that are held at their values, else zero.
    terms
        Place of each grouped term.
    ordinal
        Whether the family's numbers are thresholds.
    """

    names: tuple[str, ...]
    coefficients: slice
    zeros: slice
    family: slice
    free_beta: Ints
    free_inflation: Ints
    free_family: Ints
    held_beta: frozenset[int]
    sampled_family: frozenset[int]
    beta: Floats
    inflation: Floats
    family_logs: Floats
    terms: tuple[TermPlace, ...]
    ordinal: bool


def places_of(design: Design, layout: Layout, priors: BoundPriors) -> Places:
    """Choose the numbers of a model under its priors.

    Raises
    ------
    OptionError
        A threshold is held by a `Fixed` prior, or an sd at zero.
    """
    family, ordinal = priors.family or FamilyPriors(), design.family.name == "ordinal"
    free_beta, beta = _free(priors.coefficients) if isinstance(priors.coefficients, tuple) else (
        np.arange(len(priors.names)), np.zeros(len(priors.names)))  # fmt: skip
    free_inflation, inflation = _free([prior for _, prior in family.inflation])
    free_family, held = _free([prior for _, prior in family.parameters])
    if ordinal and free_family.size < held.size:
        raise OptionError(
            "a threshold is held by a Fixed prior",
            allowed="priors of thresholds that leave them free",
            remedy="Normal(value, small sd)",
        )
    _refuse_zero_sds(priors)
    names = [f"coefficient {priors.names[i]}" for i in free_beta]
    names += [f"zero inflation {family.inflation[i][0]}" for i in free_inflation]
    ends = np.cumsum([free_beta.size, free_inflation.size, free_family.size]).tolist()
    for i in free_family:
        log = "" if ordinal and i == 0 else "log step to " if ordinal else "log "
        names.append(f"{log}{family.parameters[i][0]}")
    terms = tuple(
        term_place(block, prior, names) for block, prior in zip(layout.blocks, priors.terms, strict=True)
    )
    for place, prior in zip(terms, priors.terms, strict=True):
        if place.size == 1 and place.sds[0] >= 0 and prior.covariance is None:  # see `term_parameters.sd_of`
            names[place.sds[0]] = names[place.sds[0]].removeprefix("log ")
    with np.errstate(divide="ignore"):
        logs = (
            np.log(np.where(np.isin(np.arange(held.size), free_family), 1.0, held)) if not ordinal else held
        )
    return Places(
        tuple(names),
        slice(0, ends[0]),
        slice(ends[0], ends[1]),
        slice(ends[1], ends[2]),
        free_beta,
        free_inflation,
        free_family,
        frozenset(set(range(beta.size)) - set(free_beta.tolist())),
        frozenset(free_family.tolist()),
        beta,
        inflation,
        logs,
        terms,
        ordinal,
    )


def _refuse_zero_sds(priors: BoundPriors) -> None:
    """Refuse an effect whose sd is held at zero: it has no density."""
    for term in priors.terms:
        sds = term.sds if isinstance(term.sds, tuple) else ()
        if any(isinstance(prior, Fixed) and prior.value == 0.0 for prior in sds):
            raise OptionError(
                f"an sd of `{term.label}` is held at zero",
                allowed="positive sds",
                remedy="leave the effect out of the formula",
            )


def _free(priors: Sequence[ScalarPrior]) -> tuple[Ints, Floats]:
    """Return which numbers are not held, and the values of those that are."""
    free = np.array([i for i, prior in enumerate(priors) if not isinstance(prior, Fixed)], dtype=np.int64)
    return free, np.array([prior.value if isinstance(prior, Fixed) else 0.0 for prior in priors])
