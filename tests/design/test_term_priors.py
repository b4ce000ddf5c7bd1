"""Tests of the priors of one grouped term, beside those that go through `bind_priors`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from multilevel.design.default_priors import rstanarm_priors, scaled_priors
from multilevel.design.term_priors import bind_term
from multilevel.errors import OptionError
from multilevel.model.priors import LKJ, Decov, Fixed, HalfT, InverseGamma, InverseWishart, Normal, Uniform
from multilevel.model.priors.one_correlation import OneCorrelation
from tests.design.cases import base, bound

DESIGN = bound("y ~ x + (x | g)", base())
JOINT = rstanarm_priors(DESIGN).terms[0]


def test_beside_a_joint_prior_every_effect_needs_its_own() -> None:
    with pytest.raises(OptionError, match="here\\[\"sd\"\\] has no prior for 'Intercept'"):
        bind_term(DESIGN.terms[0], JOINT, {"sd": {"x": HalfT(3, 1)}}, where="here")


def test_a_correlation_alone_leaves_the_sds_as_they_were() -> None:
    bound_term = bind_term(DESIGN.terms[0], JOINT, {"correlation": LKJ(3)}, where="here")
    assert isinstance(bound_term.sds, Decov)
    assert bound_term.relative
    assert bound_term.correlation == LKJ(3)


def test_three_effects_have_no_single_correlation() -> None:
    data = base()
    data["z"] = data["x"] ** 2
    design = bound("y ~ x + (x + z | g)", data)
    with pytest.raises(OptionError, match="is Uniform\\(-1, 1\\)\n  allowed: LKJ\\(eta\\)\n  try: LKJ"):
        bind_term(design.terms[0], JOINT, {"correlation": Uniform(-1, 1)}, where="here")


ALIKE = bound("y ~ x + cs(x | g)", base())
OWN = scaled_priors(ALIKE).terms[0]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (LKJ(2), OneCorrelation(LKJ(2), 2)),
        (Uniform(-1, 1), OneCorrelation(Uniform(-1, 1), 2)),
        (Uniform(0, 0.5), OneCorrelation(Uniform(0, 0.5), 2)),
        (Fixed(-0.9), Fixed(-0.9)),
    ],
)
def test_the_one_correlation_of_all_effects(given: Any, expected: Any) -> None:
    term = bind_term(ALIKE.terms[0], OWN, {"sd": HalfT(3, 1), "correlation": given}, where="here")
    assert term.correlation == expected
    assert term.sds == (HalfT(3, 1),)
    assert dict(term.texts())["g: correlation"] == given.text()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"correlation": Normal(0, 1)},
            'here["correlation"] is Normal(0, 1)\n'
            "  allowed: LKJ(eta), Uniform(low, high), or Fixed(r) with r between -1 and 1\n"
            "  try: LKJ(1)",
        ),
        (
            {"correlation": Fixed(-1.0)},
            'here["correlation"] is Fixed(-1)\n'
            "  allowed: LKJ(eta), Uniform(low, high), or Fixed(r) with r between -1 and 1\n"
            "  try: LKJ(1)",
        ),
        (
            {"correlation": Uniform(-3, -2)},
            'here["correlation"]: Uniform(-3, -2) as the prior of the correlation of 2 effects\n'
            "  allowed: an interval that overlaps the one from -1 to 1, in which their correlation matrix is"
            " positive definite",
        ),
        (
            InverseWishart(5, np.eye(2)),
            "here is InverseWishart(5, [[1, 0], [0, 1]]) and the covariance matrix of the term is compound"
            ' symmetric\n  allowed: {"sd": ...} or {"variance": ...}, and "correlation"\n'
            '  try: {"variance": InverseGamma(shape, scale)}',
        ),
        (
            {"sd": {"x": HalfT(3, 1)}},
            'here["sd"] names effects and the term has one sd for all\n  allowed: one prior',
        ),
    ],
)
def test_priors_that_do_not_fit_one_correlation(given: Any, said: str) -> None:
    with pytest.raises(OptionError) as caught:
        bind_term(ALIKE.terms[0], OWN, given, where="here")
    assert str(caught.value) == said


def test_one_correlation_of_three_effects_has_a_lower_limit() -> None:
    data = base()
    data["z"] = data["x"] ** 2
    design = bound("y ~ x + cs(x + z | g)", data)
    own = scaled_priors(design).terms[0]
    for prior in (Fixed(-0.6), LKJ(0.5)):
        with pytest.raises(OptionError, match=r"between -0\.5 and 1|eta above 0\.5"):
            bind_term(design.terms[0], own, {"correlation": prior}, where="here")
    given = {"variance": InverseGamma(2, 1), "correlation": Uniform(-1, 1)}
    found = bind_term(design.terms[0], own, given, where="here")
    assert isinstance(found.correlation, OneCorrelation)
    assert found.correlation.bounds == (-0.5, 1.0)
