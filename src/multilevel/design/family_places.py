"""What the user wrote about the parameters of a family and about zero inflation, bound to their names."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from multilevel.data.names import nearest_names
from multilevel.design.bound_priors import BoundPriors
from multilevel.design.family_priors import FamilyPriors, NamedPrior
from multilevel.design.prior_places import as_positive, as_scalar
from multilevel.errors import OptionError

THRESHOLDS, INFLATION = "thresholds", "zero_inflation"


def family_words(family: FamilyPriors) -> tuple[str, ...]:
    """Return the keys of priors that belong to a family: its parameters or thresholds, zero inflation."""
    words = (THRESHOLDS,) if _ordinal(family) else family.names
    return (*words, *([INFLATION] if family.inflation else []))


def with_family(bound: BoundPriors, priors: Mapping[str, object]) -> BoundPriors:
    """Return bound priors in which the family's parameters have the priors that were given.

    Raises
    ------
    OptionError
        A prior is of the wrong kind for its place, or a dictionary names nothing that is there.
    """
    family = bound.family
    if family is None:
        return bound
    parameters, centre = family.parameters, family.centre
    if _ordinal(family):
        if THRESHOLDS in priors:
            parameters, centre = _each(parameters, priors[THRESHOLDS], THRESHOLDS), None
    else:
        parameters = tuple(
            (name, as_positive(priors[name], where=f'priors["{name}"]') if name in priors else prior)
            for name, prior in parameters
        )
        _refuse_zero(parameters)
    inflation = family.inflation
    if INFLATION in priors:
        inflation = _each(inflation, priors[INFLATION], INFLATION)
    return dataclasses.replace(bound, family=FamilyPriors(parameters, inflation, centre))


def _ordinal(family: FamilyPriors) -> bool:
    """Whether the parameters are thresholds."""
    return family.centre is not None or any("|" in name for name in family.names)


def _each(own: tuple[NamedPrior, ...], given: object, key: str) -> tuple[NamedPrior, ...]:
    """Return the given prior for each, or those that a dictionary names."""
    if not isinstance(given, Mapping):
        prior = as_scalar(given, where=f'priors["{key}"]')
        return tuple((name, prior) for name, _ in own)
    names = [name for name, _ in own]
    for name in given:
        if name not in names:
            near = nearest_names(str(name), names, 1)
            raise OptionError(
                f'priors["{key}"]: {name!r} names nothing',
                allowed=", ".join(repr(one) for one in names),
                remedy=f"{near[0]!r}" if near else "",
            )
    return tuple(
        (name, as_scalar(given[name], where=f'priors["{key}"]["{name}"]') if name in given else prior)
        for name, prior in own
    )


def _refuse_zero(parameters: tuple[NamedPrior, ...]) -> None:
    """Refuse a parameter that is held at zero."""
    for name, prior in parameters:
        if prior.bounds[1] <= 0.0:
            raise OptionError(f'priors["{name}"] holds {name} at zero', allowed="a positive value")
