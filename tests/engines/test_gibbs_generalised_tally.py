"""Counts of proposals: before and after warm-up, without a density, stored and read."""

from __future__ import annotations

import math

import numpy as np
import pytest

from multilevel.engines.gibbs_generalised.tally import Tally


def test_only_what_follows_the_warm_up_is_counted() -> None:
    tally = Tally()
    tally.count(10, 9, 1)
    assert math.isnan(tally.rate) and tally.impossible == 0
    tally.freeze()
    tally.count(10, 4, 2)
    tally.count(10, 5, 0)
    assert (tally.rate, tally.impossible) == (0.45, 2)
    other = Tally()
    other.restore(tally.snapshot())
    other.count(10, 10, 0)
    assert (other.rate, other.impossible) == (19 / 30, 2)


@pytest.mark.parametrize(
    ("log_ratio", "rate"), [(3.0, 1.0), (math.log(0.3), 0.3), (-math.inf, 0.0), (math.nan, 0.0)]
)
def test_proposals_are_accepted_with_their_probability(log_ratio: float, rate: float) -> None:
    """Of 4,000; five standard errors."""
    tally, rng = Tally(), np.random.default_rng(2)
    tally.freeze()
    for _ in range(4000):
        tally.decide(log_ratio, rng)
    assert tally.rate == pytest.approx(rate, abs=5.0 * math.sqrt(rate * (1.0 - rate) / 4000))
    assert tally.impossible == (0 if rate else 4000)
