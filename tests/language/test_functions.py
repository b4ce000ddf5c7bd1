"""Tests of the whitelist itself."""

from __future__ import annotations

import inspect

import pytest
from formulaic.transforms import TRANSFORMS

from multilevel.language.functions import ACCEPTS, CONTRASTS, FUNCTIONS, HINTS, STRUCTURES

FORMULAIC = [name for name, function in FUNCTIONS.items() if function.options]


@pytest.mark.parametrize("name", FORMULAIC)
def test_options_are_those_of_formulaic_in_its_order(name: str) -> None:
    target = TRANSFORMS[name]
    parameters = list(inspect.signature(inspect.unwrap(target)).parameters.values())[1:]
    accepted = [parameter.name for parameter in parameters]
    first = [p.name for p in parameters if p.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]
    ours = [option.name for option in FUNCTIONS[name].options]
    positional = [option.name for option in FUNCTIONS[name].options if not option.keyword_only]
    assert set(ours) <= set(accepted)
    assert positional == first[: len(positional)]


def test_names_agree_with_their_keys_and_do_not_collide() -> None:
    assert all(name == function.name for name, function in FUNCTIONS.items())
    assert all(name == contrast.name for name, contrast in CONTRASTS.items())
    assert not set(FUNCTIONS) & (set(CONTRASTS) | set(STRUCTURES) | set(HINTS))


def test_every_kind_of_option_is_described() -> None:
    nouns = (*FUNCTIONS.values(), *CONTRASTS.values())
    assert {option.accepts for noun in nouns for option in noun.options} <= set(ACCEPTS)


def test_only_functions_that_remember_numbers_are_stateful() -> None:
    stateful = {name for name, function in FUNCTIONS.items() if function.stateful}
    assert stateful == {"center", "scale", "poly", "bs", "cr", "cc"}
