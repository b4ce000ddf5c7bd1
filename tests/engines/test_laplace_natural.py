"""The derivative of the reported numbers by the optimiser's vector, by differences."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import multilevel as ml
from multilevel.design import Design
from multilevel.engines.laplace.natural import natural_jacobian
from multilevel.engines.laplace.problem import LaplaceProblem
from multilevel.moments import layout_of
from tests.engines.test_laplace_effects import table

CASES = {
    "zero inflation": ("count ~ x + (1 | g)", {"family": "negative_binomial", "zero_inflation": "~ x"}),
    "thresholds": ("class ~ x + (1 | g)", {"family": "ordinal"}),
}


def reported(problem: LaplaceProblem, x: np.ndarray) -> np.ndarray:
    """Return coefficients, those of zero inflation, and the family's numbers at a vector."""
    here, scaling = problem.places, problem.layout.scaling.fixed
    beta = scaling.back @ x[here.coefficients]
    zeros = problem.layout.inflation.back @ x[here.inflation]
    if problem.design.family.name == "ordinal":
        aux = problem.natural(x) + float(scaling.centre @ beta)
    else:
        aux = np.exp(x[here.auxiliary])
    return np.concatenate([beta, zeros, aux])


def design_of(name: str) -> Design:
    """Return the design of a case; of "two numbers" the first one with another family."""
    text, keywords = CASES.get(name, CASES["zero inflation"])
    design = ml.fit(text, table(), **keywords).design
    if name in CASES:
        return design
    return dataclasses.replace(design, family=ml.families.Student(), inflation=None)


@pytest.mark.parametrize("name", [*CASES, "two numbers"])
def test_the_derivative_is_that_by_differences(name: str) -> None:
    design = design_of(name)
    problem = LaplaceProblem(design, layout_of(design))
    x = np.random.default_rng(1).normal(size=problem.places.size) / 2
    J = natural_jacobian(problem, x)
    for at in range(J.shape[0]):
        step = np.zeros(x.size)
        step[at] = 1e-6
        by_difference = (reported(problem, x + step) - reported(problem, x - step)) / 2e-6
        np.testing.assert_allclose(J[:, at], by_difference, atol=1e-8)
