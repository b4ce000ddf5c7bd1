"""Leave-one-out: exact where it is known, the smoothing of ArviZ, warnings about rows."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy import stats

from multilevel.errors import OptionError
from multilevel.inference.posterior_loo import leave_one_out, pareto_tail, smoothed, tail_length
from tests.oracle import designs
from tests.oracle.posteriors import made_up_draws, posterior_of, sleep_posterior, with_frequencies, with_rows


def test_least_squares_with_known_variance_is_exact() -> None:
    design, sigma = designs.least_squares(), 1.3
    draws = made_up_draws(design, sds=(), sigma=sigma, spread=0.0, draws=2500, efficiency=1.0)
    found = leave_one_out(posterior_of(design, draws))
    X, y = design.fixed.X, design.y
    expected = []
    for i in range(30):
        rest = np.delete(np.arange(30), i)
        C = np.linalg.inv(X[rest].T @ X[rest])
        mean = X[i] @ C @ X[rest].T @ y[rest]
        expected.append(stats.norm.logpdf(y[i], mean, sigma * np.sqrt(1 + X[i] @ C @ X[i])))
    np.testing.assert_allclose(found.pointwise, expected, atol=0.02)  # Monte Carlo error of 10,000 draws
    assert found.elpd == pytest.approx(found.pointwise.sum())
    assert found.std_error == pytest.approx(np.sqrt(30) * np.std(found.pointwise))
    assert abs(found.p_loo - X.shape[1]) < 1.5
    assert found.threshold == 0.7
    assert found.sentence == "The Pareto k of every row is below 0.70: the estimate can be trusted."
    assert str(found).splitlines()[0].startswith("elpd_loo -")


# shape of the tail and log of the largest weight by az.psislw(x, reff=1) of ArviZ 0.23.4
@pytest.mark.parametrize(
    ("seed", "scale", "shape", "largest"),
    [
        (1, 0.5, 0.3458414161750178, -4.456522213939764),
        (2, 1.0, 1.0425594204522544, -2.3854008872926773),
        (3, 2.0, 1.9556595827217924, -0.656004440053355),
        (4, 4.0, 3.8810171384983234, -0.01681246028),
    ],
)
def test_smoothing_agrees_with_arviz(seed: int, scale: float, shape: float, largest: float) -> None:
    x = -scale * np.log(np.random.default_rng(seed).random(1000))
    weights, k = smoothed(x, tail_length(1000, 1.0))
    assert k == pytest.approx(shape, rel=1e-9)
    assert weights.max() == pytest.approx(largest, rel=1e-4)
    assert np.exp(weights).sum() == pytest.approx(1)


def test_the_fitted_tail_recovers_its_shape() -> None:
    for shape in (-0.2, 0.3, 0.9):
        sample = np.sort(stats.genpareto.rvs(shape, scale=2, size=5000, random_state=1))
        k, scale = pareto_tail(sample)
        assert k == pytest.approx(shape, abs=0.06)
        assert scale == pytest.approx(2, rel=0.06)


def test_weights_that_are_equal_are_left_alone() -> None:
    weights, k = smoothed(np.zeros(200), 20)
    np.testing.assert_allclose(weights, -np.log(200))
    assert np.isinf(k)


def test_lengths_of_tails() -> None:
    assert [tail_length(*pair) for pair in ((4000, 1.0), (100, 1.0), (4000, 0.25))] == [190, 20, 380]


def test_rows_that_cannot_be_trusted_are_numbered() -> None:
    posterior = sleep_posterior()
    y = posterior.design.y.copy()
    y[[3, 77]] += 400
    design = dataclasses.replace(posterior.design, y=y)
    found = leave_one_out(dataclasses.replace(posterior, design=design, memory={}))
    assert {3, 77} <= set(np.flatnonzero(found.pareto_k > found.threshold))
    assert "of 180 rows is above 0.67 (rows 2, 3, 7, " in found.sentence
    assert "leave those rows out" in found.sentence


def test_a_frequency_weight_is_the_row_written_so_often() -> None:
    posterior = sleep_posterior()
    times = np.tile([1, 3, 2], 60)
    weighted = with_frequencies(posterior, times)
    found, rows = leave_one_out(weighted), leave_one_out(with_rows(posterior, np.repeat(range(180), times)))
    assert found.elpd == pytest.approx(rows.elpd, rel=1e-13)
    assert found.std_error == pytest.approx(rows.std_error, rel=1e-12)
    assert found.p_loo == pytest.approx(rows.p_loo, rel=1e-11)
    copies = np.split(rows.pointwise, np.cumsum(times)[:-1])
    np.testing.assert_allclose(found.pointwise, [one.sum() for one in copies], rtol=1e-13)
    np.testing.assert_array_equal(np.repeat(found.pareto_k, times), rows.pareto_k)


def test_too_few_draws() -> None:
    with pytest.raises(OptionError, match="loo was asked of 80 draws"):
        leave_one_out(sleep_posterior(draws=20))
