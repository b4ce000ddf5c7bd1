"""Tests of the priors on the whole line, on an interval and at a point."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from multilevel.errors import OptionError
from multilevel.model.priors import Fixed, Flat, Normal, ScalarPrior, StudentT, Uniform
from tests.model.prior_checks import check_against_scipy, check_draws, check_mass, check_slope

CASES = [
    (Normal(2, 0.5), stats.norm(2, 0.5)),
    (Normal(-300, 1e4), stats.norm(-300, 1e4)),
    (StudentT(3, 288.7, 59.3), stats.t(3, 288.7, 59.3)),
    (StudentT(0.7, 0, 2), stats.t(0.7, 0, 2)),
    (Uniform(-1, 3), stats.uniform(-1, 4)),
]


@pytest.mark.parametrize(("prior", "peer"), CASES)
def test_density_slope_mean_and_draws(prior: ScalarPrior, peer: Any) -> None:
    if not (
        isinstance(prior, StudentT) and prior.df <= 1
    ):  # SciPy calls that mean infinite; it does not exist
        check_against_scipy(prior, peer)
    cuts = [] if isinstance(prior, Uniform) else list(peer.ppf([0.01, 0.5, 0.99]))
    check_mass(prior, cuts)
    check_slope(prior, peer.ppf(np.random.default_rng(3).uniform(0.001, 0.999, 50)))
    check_draws(prior, peer)


def test_a_heavy_tail_has_no_mean() -> None:
    assert StudentT(1, 0, 2).mean is None
    assert StudentT(1.5, 4, 2).mean == 4.0


def test_flat_adds_nothing_and_cannot_be_drawn() -> None:
    assert Flat().logpdf([-1e300, 0.0, 5.0]).tolist() == [0.0, 0.0, 0.0]
    assert Flat().dlogpdf(3.0) == 0.0
    assert Flat().mean is None
    assert Flat().text() == "Flat()"
    with pytest.raises(OptionError, match="not a probability distribution"):
        Flat().draw(np.random.default_rng(1), 3)


def test_fixed_is_its_value() -> None:
    prior = Fixed(2.5)
    assert prior.logpdf([2.5, 2.6]).tolist() == [0.0, -np.inf]
    assert prior.mean == 2.5
    assert prior.draw(np.random.default_rng(1), (2, 2)).tolist() == [[2.5, 2.5], [2.5, 2.5]]


def test_an_empty_interval_is_refused() -> None:
    with pytest.raises(OptionError, match="low is 1 and high is 1\n  allowed: low < high"):
        Uniform(1, 1)
