"""Priors that the user gives of family parameters, thresholds and zero inflation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from multilevel.design.priors import bind_priors
from multilevel.errors import OptionError
from multilevel.model.priors import Exponential, Fixed, HalfNormal, Normal
from tests.design.generalised_cases import counts, generalised

FORMULA = "y ~ x + (1 | g)"


def classes() -> dict[str, Any]:
    """Return a table whose response has three classes."""
    data = counts()
    return {**data, "y": np.minimum(data["y"], 2) + 1}


@pytest.mark.parametrize(
    ("family", "priors", "name", "text"),
    [
        ("negative_binomial", {"theta": Exponential(2)}, "theta", "Exponential(2)"),
        ("student", {"sigma": HalfNormal(2)}, "sigma", "HalfNormal(2)"),
        ("student", {"nu": Fixed(4)}, "nu", "Fixed(4)"),
        ("ordinal", {"thresholds": Normal(0, 3)}, "1|2", "Normal(0, 3)"),
        ("ordinal", {"thresholds": {"2|3": Normal(1, 3)}}, "2|3", "Normal(1, 3)"),
        ("negative_binomial", {"x": Normal(0, 1)}, "x", "Normal(0, 1)"),
    ],
)
def test_what_was_given(family: str, priors: Any, name: str, text: str) -> None:
    data = classes() if family == "ordinal" else counts()
    assert dict(bind_priors(generalised(FORMULA, data, family), priors).texts())[name] == text


def test_zero_inflation() -> None:
    design = generalised(FORMULA, counts(), "poisson", zero_inflation="~ x")
    every = dict(bind_priors(design, {"zero_inflation": Normal(0, 3)}).texts())
    assert every["zero inflation: x"] == every["zero inflation: Intercept"] == "Normal(0, 3)"
    one = dict(bind_priors(design, {"zero_inflation": {"x": Normal(0, 3)}}).texts())
    assert one["zero inflation: Intercept"] == "StudentT(3, 0, 2.5)"


@pytest.mark.parametrize(
    ("family", "priors", "message"),
    [
        ("poisson", {"sigma": HalfNormal(1)}, "'sigma' names nothing"),
        ("poisson", {"theta": HalfNormal(1)}, "'theta' names nothing"),
        ("poisson", {"zero_inflation": Normal(0, 1)}, "'zero_inflation' names nothing"),
        ("negative_binomial", {"theta": Normal(0, 1)}, "allows negative numbers"),
        ("negative_binomial", {"theta": Fixed(0)}, "holds theta at zero"),
        ("negative_binomial", {"theta": 1.0}, "a prior of one number"),
        ("ordinal", {"thresholds": {"1|3": Normal(0, 1)}}, "'1|3' names nothing"),
    ],
)
def test_refusals(family: str, priors: Any, message: str) -> None:
    data = classes() if family == "ordinal" else counts()
    with pytest.raises(OptionError) as caught:
        bind_priors(generalised(FORMULA, data, family), priors)
    assert message in str(caught.value)
