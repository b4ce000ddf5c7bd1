"""Tests of the priors of one grouped term, beside those that go through `bind_priors`."""

from __future__ import annotations

import pytest

from multilevel.design.default_priors import rstanarm_priors
from multilevel.design.term_priors import bind_term
from multilevel.errors import OptionError
from multilevel.model.priors import LKJ, Decov, HalfT, Uniform
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
