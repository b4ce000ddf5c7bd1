"""The door to the priors alone passes on every keyword."""

from __future__ import annotations

import numpy as np
import pytest

import multilevel as ml
from tests.generalised import table


def test_a_family_by_keyword_and_with_the_formula() -> None:
    priors = {"fixed": ml.Normal(0, 1)}
    keywords = {"family": "poisson", "zero_inflation": "~ x"}
    one = ml.prior_predictive("zeros ~ x + (1 | g)", table(), priors, draws=20, seed=1, **keywords)
    formula = ml.formula("zeros ~ x + (1 | g)", **keywords)
    two = ml.prior_predictive(formula, table(), priors, draws=20, seed=1)
    np.testing.assert_array_equal(one.responses, two.responses)
    assert "zero_inflation(x)" in one.draws


def test_offsets_are_added() -> None:
    priors = {"fixed": ml.Fixed(0), "g": {"sd": ml.Fixed(0)}}
    keywords = {"family": "poisson", "draws": 2000, "seed": 1}
    found = ml.prior_predictive(
        "count ~ 1 + (1 | g)", table().assign(o=np.log(5.0)), priors, offset="o", **keywords
    )
    assert found.responses.mean() == pytest.approx(5.0, abs=0.05)  # 288,000 Poisson numbers
