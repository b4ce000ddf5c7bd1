"""Priors of coefficients as a proposal sees them: slopes and curvatures, what is held, what is excluded."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from multilevel.design.priors import bind_priors
from multilevel.engines.gibbs_generalised.coefficients import CoefficientPriors
from multilevel.model.priors import Fixed, Flat, MVNormal, Normal, StudentT, Uniform
from tests.design.generalised_cases import counts, generalised

PRIORS: dict[str, Any] = {
    "default": None,
    "normal": {"fixed": Normal(0.2, 0.7)},
    "joint": {"fixed": MVNormal([0.1, 0.2], [[0.5, 0.2], [0.2, 0.4]])},
    "Student and flat": {"Intercept": StudentT(4, 0.3, 0.5), "x": Flat()},
}


def priors_of(given: Any) -> tuple[CoefficientPriors, Any]:
    """Return what the chains know of priors, and the bound priors."""
    bound = bind_priors(generalised("y ~ x + (1 | g)", counts(), "poisson"), given)
    return CoefficientPriors(bound), bound


@pytest.mark.parametrize("name", PRIORS)
def test_slopes_and_curvatures_are_those_of_the_log_density(name: str) -> None:
    """The density against the bound priors', its derivatives against central differences."""
    priors, bound = priors_of(PRIORS[name])
    rng, h = np.random.default_rng(1), 1e-4
    first = None
    for _ in range(4):
        beta = rng.normal(size=2)
        gap = priors.log_normal(beta) + priors.log_others(beta) - float(bound.log_coefficients(beta))
        first = gap if first is None else first
        assert gap == pytest.approx(first, abs=1e-9)
        slope, curvature = priors.local(beta)
        np.testing.assert_allclose(slope, bound.dlog_coefficients(beta), atol=1e-6)
        numeric = np.stack(
            [
                (bound.dlog_coefficients(beta - h * e) - bound.dlog_coefficients(beta + h * e)) / (2.0 * h)
                for e in np.eye(2)
            ]
        )
        if np.linalg.eigvalsh(numeric).min() > -1e-9:
            np.testing.assert_allclose(curvature, numeric, atol=1e-5)
        assert np.linalg.eigvalsh(curvature).min() > -1e-9


def test_what_is_held_stays_and_what_is_excluded_is_drawn() -> None:
    priors, _ = priors_of({"Intercept": Fixed(0.5), "x": Uniform(2, 3)})
    beta = priors.replace_excluded(np.array([9.0, 9.0]), np.random.default_rng(2))
    assert beta[0] == pytest.approx(0.5, rel=1e-12) and 2.0 <= beta[1] <= 3.0
    assert priors.log_others(np.array([0.5, 4.0])) == -np.inf
    np.testing.assert_allclose(priors.allowed(np.array([9.0, 9.0])), [0.5, 9.0])
    assert (priors.free, priors.exact, priors.may_move(0), priors.may_move(1)) == (1, False, False, True)
    np.testing.assert_allclose(priors.F[:, 0], [0.0, 1.0])
