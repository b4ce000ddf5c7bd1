"""Tests of what every prior of one number can do: shapes, support, equality, arguments."""

from __future__ import annotations

import numpy as np
import pytest

from multilevel.errors import OptionError
from multilevel.model.priors import Fixed, HalfNormal, InverseGamma, Normal, ScalarPrior, StudentT, Uniform


def test_the_shape_of_the_points_is_kept() -> None:
    for shape in [(), (3,), (2, 3), (0,)]:
        x = np.ones(shape)
        assert np.shape(Normal(0, 1).logpdf(x)) == shape
        assert np.shape(HalfNormal(1).dlogpdf(x)) == shape
    assert isinstance(Normal(0, 1).logpdf(0), float)


@pytest.mark.parametrize(
    ("prior", "outside"),
    [
        (Normal(0, 1), [-np.inf, np.inf]),
        (HalfNormal(1), [-1e-300, -np.inf, np.inf]),
        (InverseGamma(2, 3), [0.0, -1.0, np.inf]),
        (Uniform(-1, 2), [-1.0001, 2.0001]),
        (Fixed(3), [3.0000001]),
    ],
)
def test_outside_the_support_the_density_is_zero_and_flat(prior: ScalarPrior, outside: list[float]) -> None:
    assert np.isneginf(prior.logpdf(outside)).all()
    assert (prior.dlogpdf(outside) == 0.0).all()
    assert np.isnan(prior.logpdf([np.nan, 1.0])).tolist() == [True, False]
    assert np.isnan(prior.dlogpdf(np.nan))


@pytest.mark.parametrize(
    ("prior", "support", "bounds", "text"),
    [
        (Normal(0, 51.23456), "real", (-np.inf, np.inf), "Normal(0, 51.23)"),
        (StudentT(3, 288.7, 59.3), "real", (-np.inf, np.inf), "StudentT(3, 288.7, 59.3)"),
        (HalfNormal(1e6), "positive", (0.0, np.inf), "HalfNormal(1e+06)"),
        (Uniform(-1, 2), "interval", (-1.0, 2.0), "Uniform(-1, 2)"),
        (Fixed(0), "point", (0.0, 0.0), "Fixed(0)"),
    ],
)
def test_support_bounds_and_text(
    prior: ScalarPrior, support: str, bounds: tuple[float, float], text: str
) -> None:
    assert (prior.support, prior.bounds, prior.text()) == (support, bounds, text)


def test_equal_numbers_are_equal_priors() -> None:
    assert Normal(0, 1) == Normal(np.float32(0), np.array(1)) != Normal(0, 2)
    assert len({Normal(0, 1), Normal(0.0, 1.0), HalfNormal(1)}) == 2


@pytest.mark.parametrize("wrong", [True, "1", None, np.nan, np.inf, [1.0], 1j, np.array([1.0])])
def test_an_argument_is_one_finite_number(wrong: object) -> None:
    with pytest.raises(OptionError, match=r"Normal: mean is .*\n  allowed: a finite number"):
        Normal(wrong, 1)  # type: ignore[arg-type]


def test_a_scale_of_zero_points_to_fixed() -> None:
    with pytest.raises(
        OptionError, match="HalfNormal: sd is 0\n  allowed: a positive finite number\n  try: Fix"
    ):
        HalfNormal(0)
    with pytest.raises(OptionError, match="InverseGamma: scale is -1"):
        InverseGamma(1, -1)
