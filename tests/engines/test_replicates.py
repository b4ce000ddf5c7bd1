"""Estimates from the cross-products of another response, against whole fits of that response."""

from __future__ import annotations

import numpy as np
import pytest

from multilevel.engines.likelihood import solve
from multilevel.engines.likelihood.known_sds import solve_known
from multilevel.engines.likelihood.replicates import refits, with_products
from multilevel.engines.solution import Method
from multilevel.moments import Moments, summarise
from multilevel.moments.simulated import ResponseProducts, row_space, simulate_response
from tests.engines.structures import by_name, design_of


def another(moments: Moments) -> ResponseProducts:
    """Return the cross-products with a simulated response."""
    rng = np.random.default_rng(7)
    covariances = [np.eye(block.size) for block in moments.blocks]
    return simulate_response(row_space(moments), rng.normal(size=moments.p), covariances, 1.0, rng)


@pytest.mark.parametrize("method", ["reml", "ml"])
@pytest.mark.parametrize("name", ["no groups", "k=2", "k=3 symmetric", "nested", "crossed k=2, 1"])
def test_estimates_are_those_of_a_whole_fit(name: str, method: Method) -> None:
    moments = summarise(design_of(by_name(name)))
    refit = refits(moments, method, solve(moments, method=method).theta)
    response = another(moments)
    whole = solve(with_products(moments, response), method=method)
    found = refit(response)
    assert found is not None
    assert found.status is whole.status
    np.testing.assert_allclose(found.beta, whole.beta, rtol=1e-6, atol=1e-8)
    assert found.sigma == pytest.approx(whole.sigma, rel=1e-6)
    for T, other in zip(found.covariances, whole.covariances, strict=True):
        np.testing.assert_allclose(T, other, rtol=1e-4, atol=1e-6)


def test_the_first_response_is_put_back() -> None:
    """The response's own cross-products give the estimates of the fit."""
    moments = summarise(design_of(by_name("k=2")))
    whole = solve(moments)
    refit = refits(moments, "reml", whole.theta)
    refit(another(moments))
    own = ResponseProducts(tuple(C[:, :, -1] for C in moments.C), moments.D[-1])
    found = refit(own)
    assert found is not None
    np.testing.assert_allclose(found.beta, whole.beta, rtol=1e-9)
    assert found.sigma == pytest.approx(whole.sigma, rel=1e-9)


def test_known_sds_stay() -> None:
    moments = summarise(design_of(by_name("nested")))
    known = (1.5, None)
    refit = refits(moments, "ml", solve_known(moments, known, method="ml").theta, known)
    found = refit(another(moments))
    assert found is not None
    assert found.covariances[0][0, 0] == 1.5**2
