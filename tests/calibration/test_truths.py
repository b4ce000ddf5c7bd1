"""The simulated models: laws of the parameters against SciPy's, data against their definition."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tests.calibration.truths import CASES, MEAN, lkj, simulate


@pytest.mark.parametrize(("eta", "k"), [(2.0, 2), (1.5, 3), (1.0, 3)])
def test_entries_of_lkj_matrices_are_beta(eta: float, k: int) -> None:
    """Each is ``2 Beta(b, b) - 1``, ``b = eta - 1 + k / 2`` (Lewandowski et al. 2009, section 3.2)."""
    rng = np.random.default_rng(1)
    R = np.array([lkj(rng, eta, k) for _ in range(4000)])
    assert np.linalg.eigvalsh(R).min() > 0.0
    b = eta - 1.0 + 0.5 * k
    for i, j in zip(*np.tril_indices(k, -1), strict=True):
        assert stats.kstest(0.5 * (R[:, i, j] + 1.0), stats.beta(b, b).cdf).pvalue > 0.001


def test_determinants_of_lkj_matrices_have_their_mean() -> None:
    """``det(R)`` is the product of ``1 - r^2`` over independent partial correlations ``r = 2 u - 1``."""
    rng, eta = np.random.default_rng(2), 1.5
    dets = np.linalg.det(np.array([lkj(rng, eta, 3) for _ in range(4000)]))
    first, second = (1.0 - 4.0 * stats.beta(b, b).var() for b in (eta + 0.5, eta))
    assert dets.mean() == pytest.approx(first**2 * second, abs=4 * dets.std() / np.sqrt(4000))


@pytest.mark.parametrize("name", CASES)
def test_data_have_the_shape_of_their_case(name: str) -> None:
    case = CASES[name]
    rng = np.random.default_rng(3)
    truth = case.draw(rng)
    data = simulate(case, truth, rng)
    table = data.table()
    rows = case.groups * case.size
    assert len(table["y"]) == rows
    assert sorted(set(table["g"])) == [f"g{j:02d}" for j in range(case.groups)]
    assert data.X.shape == (rows, case.effects)
    assert truth.sigma.shape == (case.groups,)
    assert (len(set(truth.sigma)) > 1) is case.varies


def test_coefficients_have_the_mean_of_their_law() -> None:
    rng = np.random.default_rng(4)
    beta = np.array([CASES["B1"].draw(rng).beta for _ in range(2000)])
    assert np.all(np.abs(beta.mean(axis=0) - MEAN) < 4 * beta.std(axis=0) / np.sqrt(2000))


def test_the_log_likelihood_is_that_of_scipy() -> None:
    case = CASES["B1"]
    rng = np.random.default_rng(5)
    truth = case.draw(rng)
    data = simulate(case, truth, rng)
    found = data.log_likelihood(truth.beta[None], data.effects[None], truth.sigma[None])
    mean = (data.X * (truth.beta + data.effects[data.group])).sum(axis=1)
    expected = stats.norm(mean, truth.sigma[0]).logpdf(data.y).sum() + 0.5 * data.y.size * np.log(2 * np.pi)
    assert found == pytest.approx(expected)
