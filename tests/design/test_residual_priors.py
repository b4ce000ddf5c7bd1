"""Tests of the law of residual sds that differ between groups."""

from __future__ import annotations

from typing import Any

import pytest

from multilevel.design.priors import bind_priors
from multilevel.design.residual_priors import residual_law
from multilevel.errors import OptionError
from multilevel.model.priors import (
    Exponential,
    Fixed,
    Gamma,
    HalfNormal,
    Hierarchical,
    InverseGamma,
    LogNormal,
    Normal,
    RootOf,
)
from tests.design.cases import base, bound

DESIGN = bound("y ~ x + (1 | g)", base(), residual_groups="g")
PLAIN = bound("y ~ x + (1 | g)", base())


@pytest.mark.parametrize(
    ("key", "given", "law", "first", "second"),
    [
        ("sigma2", InverseGamma(3, 4), "inverse_gamma", Fixed(3), Fixed(4)),
        (
            "sigma2",
            Hierarchical(InverseGamma, shape=Gamma(2, 0.1), scale=Exponential(1)),
            "inverse_gamma",
            Gamma(2, 0.1),
            Exponential(1),
        ),
        ("sigma", LogNormal(0.5, 2), "log_normal", Fixed(0.5), Fixed(2)),
        (
            "sigma",
            Hierarchical(LogNormal, mu=Normal(0, 2), variance=InverseGamma(3, 1)),
            "log_normal",
            Normal(0, 2),
            RootOf(InverseGamma(3, 1)),
        ),
    ],
)
def test_laws(key: str, given: Any, law: str, first: Any, second: Any) -> None:
    found = residual_law(key, given)
    assert (found.law, found.first, found.second) == (law, first, second)
    bound_to = bind_priors(DESIGN, {key: given, "x": Normal(0, 1)})
    assert bound_to.residual == found
    assert bound_to.sigma == Fixed(1)
    assert bind_priors(PLAIN).residual is None


@pytest.mark.parametrize(
    ("key", "given", "message"),
    [
        (
            "sigma",
            HalfNormal(1),
            r'priors\["sigma"\] is HalfNormal\(1\), and residual_groups gives each group',
        ),
        ("sigma", HalfNormal(1), r"\n  try: leave residual_groups out for one residual sd"),
        ("sigma", InverseGamma(1, 1), r'try: "sigma2", the squares'),
        ("sigma", Hierarchical(InverseGamma, shape=1, scale=1), r'try: "sigma2", the squares'),
        ("sigma2", LogNormal(0, 1), r'try: "sigma" with half of both numbers'),
        ("sigma2", 3.0, r'priors\["sigma2"\] is 3.0.*\n  allowed: under "sigma": LogNormal'),
        ("sigma2", InverseGamma, "is <class"),
    ],
)
def test_what_is_no_law(key: str, given: Any, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        bind_priors(DESIGN, {key: given})


def test_both_keys_are_too_many() -> None:
    with pytest.raises(OptionError, match='both "sigma" and "sigma2"'):
        bind_priors(DESIGN, {"sigma": LogNormal(0, 1), "sigma2": InverseGamma(1, 1)})


@pytest.mark.parametrize("key", ["sigma", "sigma2", "x"])
def test_a_law_without_residual_groups(key: str) -> None:
    law = Hierarchical(LogNormal, mu=0, sigma=1)
    with pytest.raises(OptionError, match=r"is Hierarchical\(.*\n  allowed: .*\n  try: residual_groups="):
        bind_priors(PLAIN, {key: law})
