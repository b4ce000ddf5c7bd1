"""Tests of laws whose own parameters are unknown."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from multilevel.errors import OptionError
from multilevel.model.priors import (
    Exponential,
    Fixed,
    Flat,
    Gamma,
    HalfNormal,
    Hierarchical,
    InverseGamma,
    LogNormal,
    Normal,
    RootOf,
    Uniform,
)


@pytest.mark.parametrize(
    ("prior", "parameters", "text"),
    [
        (
            Hierarchical(InverseGamma, scale=Exponential(0.1), shape=Gamma(2, 0.1)),
            (("shape", Gamma(2, 0.1)), ("scale", Exponential(0.1))),
            "Hierarchical(InverseGamma, shape=Gamma(2, 0.1), scale=Exponential(0.1))",
        ),
        (
            Hierarchical(InverseGamma, shape=np.int64(3), scale=Uniform(0, 9)),
            (("shape", Fixed(3)), ("scale", Uniform(0, 9))),
            "Hierarchical(InverseGamma, shape=3, scale=Uniform(0, 9))",
        ),
        (
            Hierarchical(LogNormal, mu=Flat(), sigma=HalfNormal(1)),
            (("mu", Flat()), ("sigma", HalfNormal(1))),
            "Hierarchical(LogNormal, mu=Flat(), sigma=HalfNormal(1))",
        ),
        (
            Hierarchical(LogNormal, mu=Normal(0, 2), variance=InverseGamma(3, 1)),
            (("mu", Normal(0, 2)), ("sigma", RootOf(InverseGamma(3, 1)))),
            "Hierarchical(LogNormal, mu=Normal(0, 2), sigma=sqrt(InverseGamma(3, 1)))",
        ),
        (
            Hierarchical(LogNormal, mu=-1, variance=4),
            (("mu", Fixed(-1)), ("sigma", Fixed(2))),
            "Hierarchical(LogNormal, mu=-1, sigma=2)",
        ),
    ],
)
def test_parameters_stand_in_the_order_of_the_law(prior: Hierarchical, parameters: Any, text: str) -> None:
    assert prior.parameters == parameters
    assert prior.text() == text


def test_equal_if_the_same() -> None:
    one = Hierarchical(LogNormal, mu=0, sigma=HalfNormal(1))
    assert one == Hierarchical(LogNormal, sigma=HalfNormal(1), mu=0.0)
    assert one != Hierarchical(LogNormal, sigma=HalfNormal(2), mu=0.0)
    assert hash(one) == hash(Hierarchical(LogNormal, sigma=HalfNormal(1), mu=0.0))


@pytest.mark.parametrize(
    ("law", "parameters", "message"),
    [
        (HalfNormal, {"sd": 1}, r"the law is .*HalfNormal.*\n  allowed: InverseGamma or LogNormal"),
        (InverseGamma(1, 1), {}, r"the law is InverseGamma\(.*\n.*without brackets"),
        ([], {}, r"the law is \[\]"),
        (InverseGamma, {"shape": 1}, r"`scale` of InverseGamma is not given"),
        (
            InverseGamma,
            {"shape": 1, "scale": 1, "rate": 1},
            r"has no parameter `rate`\n  allowed: shape, scale\n",
        ),
        (InverseGamma, {"shape": 1, "variance": 1}, r"has no parameter `variance`"),
        (InverseGamma, {"shape": Normal(0, 1), "scale": 1}, r"shape is Normal\(0, 1\)\n.*positive numbers"),
        (InverseGamma, {"shape": Flat(), "scale": 1}, r"shape is Flat\(\)\n  allowed: a proper prior"),
        (InverseGamma, {"shape": 0, "scale": 1}, r"shape is 0\n"),
        (InverseGamma, {"shape": "Gamma", "scale": 1}, r"shape is 'Gamma'\n  allowed: a prior of one number"),
        (InverseGamma, {"shape": True, "scale": 1}, r"shape is True\n"),
        (LogNormal, {"mu": 0, "sigma": -1}, r"sigma is -1\n"),
        (LogNormal, {"mu": 0, "variance": Uniform(-1, 1)}, r"variance is Uniform\(-1, 1\)\n"),
        (LogNormal, {"mu": 0, "sigma": 1, "variance": 1}, r'both "sigma" and "variance"'),
        (
            LogNormal,
            {"sigma": 1},
            r"`mu` of LogNormal is not given.*\n.*\n  try: Hierarchical\(LogNormal, mu=",
        ),
    ],
)
def test_what_is_not_a_law(law: Any, parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        Hierarchical(law, **parameters)
