"""Replicated responses beside the observed: shares by counting, densities by SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import gaussian_kde

import multilevel as ml
from multilevel.errors import OptionError
from multilevel.inference.predictive_checks import predictive_check
from tests.oracle.posteriors import sleep_posterior


def curves(table: dict[str, object]) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """Return value and density of each draw."""
    draw, value, density = (np.asarray(table[name]) for name in ("draw", "value", "density"))
    return {int(d): (value[draw == d], density[draw == d]) for d in np.unique(draw)}


def test_continuous_responses_have_kernel_densities() -> None:
    sleep = ml.datasets.load("sleepstudy")
    fit = ml.fit("reaction ~ days + (days | subject)", sleep)
    table = predictive_check(fit, n=4, seed=3)
    assert table["source"] == ["observed"] * 256 + ["replicated"] * 1024
    found, drawn = curves(dict(table)), fit.simulate(4, seed=3, groups="known")
    y = sleep["reaction"].to_numpy(dtype=float)
    h = 0.9 * min(y.std(), np.subtract(*np.quantile(y, [0.75, 0.25])) / 1.34) * y.size**-0.2
    for d, sample in enumerate([y, *drawn]):
        grid, density = found[d]
        expected = gaussian_kde(sample, bw_method=h / sample.std(ddof=1))(grid)
        np.testing.assert_allclose(density, expected, atol=1e-4 * expected.max())
        assert np.trapezoid(density, grid) == pytest.approx(1.0, abs=0.03)


def test_counts_have_shares_of_each_number() -> None:
    ticks = ml.datasets.load("grouseticks")
    fit = ml.fit("ticks ~ year + (1 | brood)", ticks, family="poisson")
    found = curves(dict(predictive_check(fit, n=3, seed=1, groups="new")))
    drawn = fit.simulate(3, seed=1, groups="new")
    for d, sample in enumerate([ticks["ticks"].to_numpy(), *drawn]):
        value, share = found[d]
        np.testing.assert_array_equal(value, np.arange(value.size))
        np.testing.assert_allclose(share, [np.mean(sample == v) for v in value])
        assert share.sum() == pytest.approx(1.0)


def test_wide_counts_share_bins() -> None:
    rng = np.random.default_rng(1)
    g = rng.integers(0, 10, 300)
    data = {"y": rng.poisson(1000 + 50 * g), "g": g}
    fit = ml.fit("y ~ 1 + (1 | g)", data, family="poisson")
    table = dict(predictive_check(fit, n=2, seed=1))
    value, share = curves(table)[0]
    width = value[1] - value[0]
    assert width == np.round(width) > 1
    assert share.sum() * width == pytest.approx(1.0)
    inside = np.abs(data["y"] - value[5]) < width / 2
    assert share[5] == pytest.approx(inside.mean() / width)


def test_positive_responses_have_no_density_below_zero() -> None:
    rng = np.random.default_rng(2)
    g = rng.integers(0, 8, 200)
    data = {"y": (1 + g) * rng.gamma(1.0, size=200), "g": g}
    fit = ml.fit("y ~ 1 + (1 | g)", data, family=ml.families.Gamma(link="log"))
    value, density = curves(dict(predictive_check(fit, n=1)))[0]
    assert value[0] == 0.0
    assert np.trapezoid(density, value) == pytest.approx(1.0, abs=0.03)


def test_posteriors_give_their_own_draws() -> None:
    post = sleep_posterior()
    found = curves(dict(predictive_check(post, n=2, seed=5)))
    mean = np.trapezoid(found[2][0] * found[2][1], found[2][0])
    assert mean == pytest.approx(post.simulate(2, seed=5)[1].mean(), rel=0.01)


def test_refusals() -> None:
    with pytest.raises(OptionError, match="n=0"):
        predictive_check(sleep_posterior(), n=0)
