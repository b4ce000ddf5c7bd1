"""Log densities and slopes at floats are those of the priors."""

from __future__ import annotations

import numpy as np
import pytest

from multilevel.engines.joint.scalar_slopes import at_float
from multilevel.model import priors as p

PRIORS = [
    p.Normal(1, 2), p.HalfNormal(3), p.StudentT(3, -1, 2), p.HalfT(4, 2), p.Exponential(0.5), p.Flat(),
    p.Gamma(2, 3), p.InverseGamma(0.4, 0.3), p.LogNormal(0, 1), p.HalfCauchy(2), p.Uniform(0, 2),
]  # fmt: skip


@pytest.mark.parametrize("prior", PRIORS, ids=lambda prior: prior.text())
@pytest.mark.parametrize("x", [-1.5, 0.3, 1.9, 40.0])
def test_log_density_and_slope(prior: p.ScalarPrior, x: float) -> None:
    log, slope = at_float(prior)(x)
    assert log == pytest.approx(float(prior.logpdf(x)), rel=1e-12)
    if np.isfinite(log):
        assert slope == pytest.approx(float(prior.dlogpdf(x)), rel=1e-12)
