"""Tests of uniformity: right p-values under uniform ranks, small ones under the faults they must see."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tests.calibration.uniformity import chi_square, ecdf, ranks_of, worst


def test_ranks_count_the_draws_below_and_break_ties_at_random() -> None:
    rng = np.random.default_rng(1)
    draws = np.array([[1.0, 5.0], [2.0, 5.0], [3.0, 5.0]])
    found = np.array([ranks_of(np.array([2.5, 5.0]), draws, rng) for _ in range(400)])
    assert set(found[:, 0]) == {2}
    assert set(found[:, 1]) == {0, 1, 2, 3}


def test_p_values_of_uniform_ranks_are_uniform() -> None:
    rng = np.random.default_rng(2)
    ranks = rng.integers(0, 100, (300, 500))
    assert stats.kstest(ecdf(ranks, 99, rng), "uniform").pvalue > 0.001
    assert np.mean(chi_square(ranks, 99, 20) < 0.05) == pytest.approx(0.05, abs=0.03)


@pytest.mark.parametrize(
    ("fault", "a", "b"),
    [("too wide", 2.0, 2.0), ("too narrow", 0.6, 0.6), ("too low", 1.5, 1.0), ("too high", 1.0, 1.5)],
)
def test_faults_of_a_posterior_are_seen(fault: str, a: float, b: float) -> None:
    rng = np.random.default_rng(3)
    right = rng.integers(0, 100, (300, 7))
    wrong = (100 * rng.beta(a, b, 300)).astype(np.int64)[:, None]
    names = tuple("abcdefgh")
    found = worst(names, np.hstack([right, wrong]), 99, seed=1)
    assert (found.parameter, found.bounded < 1e-3) == ("h", True), fault
    assert worst(names[:7], right, 99, seed=1).bounded > 0.05


def test_bins_must_be_equally_likely() -> None:
    with pytest.raises(ValueError, match="100 ranks do not fill 7 equal bins"):
        chi_square(np.zeros((10, 1), dtype=np.int64), 99, 7)
