"""Solutions made by the oracle keep the contract of the noun."""

from __future__ import annotations

import numpy as np
import pytest

from multilevel.engines.solution import Method, Status
from tests.oracle import designs
from tests.oracle.solution import at_theta, solve


@pytest.mark.parametrize("method", ["reml", "ml"])
@pytest.mark.parametrize("make", designs.ALL)
def test_shapes_and_counts(make: designs.Maker, method: Method) -> None:
    design = make()
    solution = solve(design, method)
    p = len(design.fixed.names)
    assert solution.beta.shape == (p,)
    assert solution.vcov_beta.shape == (p, p)
    for b, term in enumerate(design.terms):
        m, k = len(design.factors[term.factor].levels), len(term.names)
        assert solution.covariances[b].shape == (k, k)
        assert solution.groups.modes(b).shape == (m, k)
        assert solution.groups.covariances(b).shape == (m, k, k)
    assert (solution.status is Status.BOUNDARY) == (make is designs.zero_variance)
    again = at_theta(design, solution.theta, method)
    assert again.criterion == pytest.approx(solution.criterion, abs=1e-10)


def test_known_residual_sd_is_not_counted() -> None:
    solution = solve(designs.friends())
    assert solution.sigma == 0.5
    assert solution.n_parameters == 2


def test_partial_pooling_is_the_closed_form() -> None:
    """``w_j = s2 / (s2 + s2_j / n_j)`` and ``E[R_j | X] = w_j mean_j + (1 - w_j) R``."""
    design = designs.friends()
    solution = solve(design)
    index = design.factors[0].index
    counts = np.bincount(index)
    means = np.bincount(index, design.y) / counts
    s2 = float(solution.covariances[0][0, 0])
    w = s2 / (s2 + 0.25 / counts)
    expected = w * means + (1 - w) * solution.beta[0]
    np.testing.assert_allclose(solution.beta[0] + solution.groups.modes(0)[:, 0], expected, rtol=1e-10)
