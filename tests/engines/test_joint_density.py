"""The joint density against densities of SciPy and NumPy algebra, its gradient against differences."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from multilevel.design.priors import bind_priors
from multilevel.engines.joint.density import JointDensity
from tests.engines.joint_cases import CASES, design_of


def density(name: str) -> JointDensity:
    """Return the joint density of a case."""
    return JointDensity(design_of(name), bind_priors(design_of(name), CASES[name][3]))


@pytest.mark.parametrize("name", CASES)
def test_gradient(name: str) -> None:
    joint = density(name)
    q = 0.7 * np.random.default_rng(1).normal(size=joint.size)
    gradient = joint.value_and_gradient(q)[1]
    h = 1e-5
    for i in [*range(joint.centre.size), joint.centre.size, joint.size - 1]:
        step = np.zeros(joint.size)
        step[i] = h
        difference = (joint.value_and_gradient(q + step)[0] - joint.value_and_gradient(q - step)[0]) / (2 * h)
        assert gradient[i] == pytest.approx(difference, rel=2e-6, abs=2e-5)


@pytest.mark.parametrize(
    ("name", "log_row"),
    [
        ("one factor", lambda d, eta, a: stats.bernoulli.logpmf(d.y, 1 / (1 + np.exp(-eta)))),
        ("nested, offset", lambda d, eta, a: stats.poisson.logpmf(d.y, np.exp(eta))),
        (
            "crossed, a slope",
            lambda d, eta, a: stats.binom.logpmf(d.y, d.trials, 1 / (1 + np.exp(-eta))),
        ),
        (
            "two terms of a factor",
            lambda d, eta, a: stats.nbinom.logpmf(d.y, a[0], a[0] / (a[0] + np.exp(eta))),
        ),
        ("Student", lambda d, eta, a: stats.t.logpdf(d.y, a[1], eta, a[0])),
    ],
)
def test_density_of_effects_and_rows(name: str, log_row: object) -> None:
    """Differences between two points: p(y | b) p(b) with the volume of the map, by a numeric Jacobian."""
    joint, design = density(name), design_of(name)
    rng = np.random.default_rng(4)
    first, second = 0.5 * rng.normal(size=(2, joint.size))
    second[: joint.centre.size] = first[: joint.centre.size]

    def log_density(q: np.ndarray) -> float:
        point = joint.parameters.at(joint.centre + joint.factor @ q[: joint.centre.size])
        effects = joint.effects(q)
        eta = design.fixed.X @ point.beta + (0.0 if design.offset is None else design.offset)
        total = 0.0
        for term, b, at in zip(design.terms, effects, point.terms, strict=True):
            eta = eta + np.einsum("ij,ij->i", term.Z, b[design.factors[term.factor].index])
            D = at.root @ at.root.T
            total += stats.multivariate_normal(np.zeros(D.shape[0]), D).logpdf(b).sum()
        total += log_row(design, eta, np.exp(point.aux)).sum()  # type: ignore[operator]
        return float(total + _log_volume(joint, q))

    found = joint.value_and_gradient(second)[0] - joint.value_and_gradient(first)[0]
    assert found == pytest.approx(log_density(second) - log_density(first), rel=1e-6, abs=1e-6)


def _log_volume(joint: JointDensity, q: np.ndarray) -> float:
    """Return log |db / dz| by central differences."""
    h, size = joint.centre.size, joint.size
    columns = []
    for i in range(h, size):
        step = np.zeros(size)
        step[i] = 1e-4
        up, down = joint.effects(q + step), joint.effects(q - step)
        columns.append(np.concatenate([(a - b).ravel() / 2e-4 for a, b in zip(up, down, strict=True)]))
    return float(np.linalg.slogdet(np.array(columns))[1])


@pytest.mark.parametrize("name", ["one factor", "nested, offset", "zero inflation", "ordinal"])
def test_coordinates_have_spread_about_one_at_the_mode(name: str) -> None:
    """Minus the second derivatives by the effects' numbers at the mode are near one."""
    joint = density(name)
    q = np.zeros(joint.size)
    curvature = []
    for i in range(joint.centre.size, joint.size):
        step = np.zeros(joint.size)
        step[i] = 1e-3
        up, down = joint.value_and_gradient(q + step)[1][i], joint.value_and_gradient(q - step)[1][i]
        curvature.append(-(up - down) / 2e-3)
    assert min(curvature) > 0.5 and max(curvature) < 2.0
    assert np.abs(joint.value_and_gradient(q)[1][joint.centre.size :]).max() < 1e-3
