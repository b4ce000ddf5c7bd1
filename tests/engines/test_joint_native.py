"""The joint density in one native call against the same density put together in Python."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from multilevel.design.priors import bind_priors
from multilevel.engines.joint.density import NOWHERE, JointDensity
from multilevel.model import priors as p
from tests.design.generalised_cases import generalised
from tests.engines.joint_cases import CASES, design_of, table

WITHOUT = {
    "one correlation": "one correlation of all effects",
    "rstanarm": "one prior of all sds",
}


def density(name: str, priors: Any) -> JointDensity:
    """Return the joint density of a case."""
    return JointDensity(design_of(name), bind_priors(design_of(name), priors))


def compare(joint: JointDensity, q: np.ndarray) -> None:
    """Compare values and gradients at a vector."""
    assert joint.native is not None
    value, gradient = joint.value_and_gradient(q)
    found, slopes = joint.native.evaluate(q)
    assert found == pytest.approx(value, rel=1e-12, abs=1e-11)
    assert slopes == pytest.approx(gradient, rel=1e-9, abs=1e-11 * max(1.0, np.abs(gradient).max()))


@pytest.mark.parametrize("name", [name for name in CASES if name not in WITHOUT])
@pytest.mark.parametrize("spread", [0.3, 1.0, 3.0])
def test_value_and_gradient(name: str, spread: float) -> None:
    joint = density(name, CASES[name][3])
    compare(joint, spread * np.random.default_rng(2).normal(size=joint.size))


@pytest.mark.parametrize("name", WITHOUT)
def test_priors_without_a_code(name: str) -> None:
    assert density(name, CASES[name][3]).native is None


@pytest.mark.parametrize(
    "priors",
    [
        {"g": {"correlation": p.LKJ(5.5)}},
        {"g": {"sd": {"Intercept": p.Exponential(2), "x": p.HalfCauchy(0.5)}}},
        {"g": {"variance": {"Intercept": p.InverseGamma(2, 1), "x": p.Gamma(2, 3)}}},
        {"g": {"sd": {"Intercept": p.Fixed(0.5), "x": p.LogNormal(-1, 0.5)}}},
        {"g": {"sd": p.Gamma(2.5, 2), "correlation": p.Fixed(0.4)}},
        {"Intercept": p.StudentT(3, 0, 2), "x": p.Normal(1, 0.2)},
    ],
)
def test_priors(priors: Any) -> None:
    joint = density("crossed, a slope", priors)
    compare(joint, np.random.default_rng(3).normal(size=joint.size))


def test_three_effects() -> None:
    """More than one partial correlation in a row."""
    design = generalised("count ~ x + (x + exposure | g)", table(), "poisson")
    joint = JointDensity(design, bind_priors(design, None))
    compare(joint, 2.0 * np.random.default_rng(5).normal(size=joint.size))


def test_effects_that_share_one_sd() -> None:
    joint = density("one correlation", {"g": {"correlation": p.Fixed(0.4)}})
    compare(joint, np.random.default_rng(6).normal(size=joint.size))


@pytest.mark.parametrize(
    "prior",
    [p.InverseWishart(5, [[2, 0.3, 0.1], [0.3, 1, 0.2], [0.1, 0.2, 0.7]]), p.FixedMatrix(np.eye(3) + 0.2)],
)
def test_priors_of_matrices(prior: Any) -> None:
    design = generalised("count ~ x + (x + exposure | g)", table(), "poisson")
    given = {"g": prior, "fixed": p.MVNormal([0.4, 0.1], [[1, 0.3], [0.3, 0.5]])}
    joint = JointDensity(design, bind_priors(design, given))
    compare(joint, np.random.default_rng(8).normal(size=joint.size))


@pytest.mark.parametrize("name", ["crossed, a slope", "two terms of a factor", "one correlation"])
def test_effects_of_several_vectors(name: str) -> None:
    """With and without a native call."""
    joint = density(name, CASES[name][3])
    points = np.random.default_rng(7).normal(size=(3, joint.size))
    for found, q in zip(joint.effects_of(points), points, strict=True):
        for one, other in zip(found, joint.effects(q), strict=True):
            assert one == pytest.approx(other, rel=1e-12, abs=1e-13)


def test_outside_the_support() -> None:
    joint = density("one factor", {"g": {"sd": p.Uniform(0, 3)}})
    assert joint.native is not None
    q = np.zeros(joint.size)
    q[: joint.centre.size] = 40.0
    value, gradient = joint.native.evaluate(q)
    assert value == joint.value_and_gradient(q)[0] == NOWHERE
    assert not gradient.any()


def test_counts_and_checks() -> None:
    joint = density("one factor", None)
    assert joint.native is not None
    before = joint.native.evaluations
    joint.native.evaluate(np.zeros(joint.size))
    assert joint.native.evaluations == before + 1
    assert joint.native.drawn == 0
    with pytest.raises(ValueError, match="length"):
        joint.native.evaluate(np.zeros(joint.size + 1))
