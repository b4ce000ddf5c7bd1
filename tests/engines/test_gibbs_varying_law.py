"""Where chains of residual sds start, and the names of their walks."""

from __future__ import annotations

import numpy as np
import pytest

from multilevel.engines.gibbs.varying_inverse_gamma import InverseGammaLaw
from multilevel.engines.gibbs.varying_log_normal import LogNormalLaw
from multilevel.errors import DesignError
from multilevel.model.priors import Exponential, Fixed, Flat, Gamma, Normal, Uniform
from tests.engines.gibbs_varying_cases import COUNTS, gamma_priors, normal_priors


def test_starts_are_dispersed_about_the_sd_and_inside_the_priors() -> None:
    law = InverseGammaLaw(gamma_priors(Uniform(50, 60), Exponential(0.1)), COUNTS)
    starts = [law.start(2.0, np.random.default_rng(seed)) for seed in range(50)]
    sds = np.array([start.sds for start in starts])
    assert np.exp(np.log(sds).mean()) == pytest.approx(2.0, rel=0.15)
    assert np.log(sds).std() == pytest.approx(0.5, rel=0.15)
    assert all(50 <= start.first <= 60 and start.second > 0 for start in starts)
    law = LogNormalLaw(normal_priors(Fixed(1.0), Uniform(0.1, 0.2)), COUNTS)
    start = law.start(2.0, np.random.default_rng(1))
    assert start.first == 1.0
    assert 0.1 <= start.second <= 0.2


def test_the_prior_density_is_of_the_parameters_that_are_not_known() -> None:
    law = InverseGammaLaw(gamma_priors(Fixed(2), Gamma(2, 3)), COUNTS)
    assert law.log_prior(2.0, 0.7) == pytest.approx(float(Gamma(2, 3).logpdf(0.7)))
    law = LogNormalLaw(normal_priors(Normal(0, 2), Flat()), COUNTS)
    assert law.log_prior(0.5, 0.7) == pytest.approx(float(Normal(0, 2).logpdf(0.5)))


def test_a_prior_without_density_at_its_own_draws_is_refused() -> None:
    law = LogNormalLaw(normal_priors(Normal(0, 1), Uniform(1.0, 1.0 + 1e-12)), COUNTS)
    object.__setattr__(law, "second", Never())
    with pytest.raises(DesignError, match="no value of sigma has a positive prior density"):
        law.start(1.0, np.random.default_rng(1))


class Never(Exponential):
    """A prior that has no density anywhere."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(1.0)

    def logpdf(self, x: object) -> np.ndarray:
        return np.asarray(-np.inf)
