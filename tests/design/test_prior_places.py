"""Tests of which priors may stand for a coefficient, an sd and a variance."""

from __future__ import annotations

import pytest

from multilevel.design.prior_places import as_positive, as_scalar, as_variance
from multilevel.errors import OptionError
from multilevel.model.priors import (
    Fixed,
    Flat,
    HalfNormal,
    InverseGamma,
    Normal,
    RootOf,
    ScalarPrior,
    Uniform,
)


@pytest.mark.parametrize(
    "prior", [HalfNormal(1), Flat(), Uniform(0, 3), Fixed(0), RootOf(InverseGamma(1, 1))]
)
def test_priors_of_an_sd(prior: ScalarPrior) -> None:
    assert as_positive(prior, where="here") is prior


def test_a_variance_becomes_an_sd() -> None:
    assert as_variance(InverseGamma(1, 2), where="here") == RootOf(InverseGamma(1, 2))
    assert as_variance(Fixed(9), where="here") == Fixed(3)
    with pytest.raises(OptionError, match="here is Uniform\\(-1, 1\\), which allows negative numbers"):
        as_variance(Uniform(-1, 1), where="here")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (None, "here is None\n .*\n  try: a prior such as"),
        (True, "here is True\n"),
        (Normal, "here is <class .*Normal'>\n .*\n  try: .*classes need their arguments"),
        ("Normal(0, 1)" * 9, "\\.\\.\\.\n"),
        (2.5, "try: Fixed\\(2.5\\)"),
    ],
)
def test_what_is_no_prior(wrong: object, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        as_scalar(wrong, where="here")
