"""Diagnostics of chains agree with ArviZ; what cannot be judged is NaN, without a warning."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from multilevel.inference.convergence import ess_bulk, ess_mean, ess_tail, mcse_mean, rhat

Floats = np.ndarray


def autoregression(seed: int, phi: float, *, chains: int = 4, n: int = 250, shift: float = 0.0) -> Floats:
    """Return chains of an autoregression with uniform noise, each shifted against the one before."""
    noise = np.random.default_rng(seed).random((chains, n)) - 0.5
    x = np.empty_like(noise)
    x[:, 0] = noise[:, 0]
    for t in range(1, n):
        x[:, t] = phi * x[:, t - 1] + noise[:, t]
    return x + shift * np.arange(chains)[:, None]


CHAINS: dict[str, Callable[[], Floats]] = {
    "independent": lambda: autoregression(1, 0.0),
    "sticky": lambda: autoregression(2, 0.9),
    "antithetic": lambda: autoregression(3, -0.6),
    "apart": lambda: autoregression(4, 0.3, shift=0.3),
    "odd length": lambda: autoregression(5, 0.5, n=101),
    "heavy tails": lambda: np.tan(np.pi * autoregression(7, 0.0)),
    "coarse": lambda: np.round(4 * autoregression(8, 0.5)),
}
# az.rhat, az.ess(method="bulk"), az.ess(method="tail"), az.mcse(method="mean") of ArviZ 0.23.4
ARVIZ = {
    "independent": (1.00147332, 965.7318053, 985.9432194, 0.009366618269),
    "sticky": (1.023513799, 62.00182577, 148.7374212, 0.08161558565),
    "antithetic": (1.0000172, 3000, 901.9448213, 0.006610279725),
    "apart": (1.499143872, 7.57816413, 34.44530893, 0.1569498343),
    "odd length": (1.015951457, 147.6974496, 204.3624679, 0.02781774238),
    "heavy tails": (1.000936802, 1069.128324, 992.3498843, 0.4522645289),
    "coarse": (1.007785679, 399.514565, 573.6276442, 0.06797262522),
}


@pytest.mark.parametrize("name", CHAINS)
def test_agrees_with_arviz(name: str) -> None:
    x = CHAINS[name]()
    found = (rhat(x), ess_bulk(x), ess_tail(x), mcse_mean(x))
    np.testing.assert_allclose(found, ARVIZ[name], rtol=1e-8)  # printed to ten digits


def test_one_chain_is_judged_by_its_halves() -> None:
    x = autoregression(6, 0.5, chains=1, n=200)
    found = (ess_bulk(x), ess_tail(x), mcse_mean(x))
    np.testing.assert_allclose(found, (66.46701214, 150.8009293, 0.03827681728), rtol=1e-8)
    assert 1 < rhat(x) < 1.1
    assert rhat(x + np.arange(200.0)) > 1.5


def test_parameters_are_judged_one_by_one() -> None:
    x = np.stack([CHAINS["independent"](), CHAINS["sticky"]()], axis=-1)
    for measure in (rhat, ess_bulk, ess_tail, ess_mean, mcse_mean):
        both = measure(x.reshape(4, 250, 1, 2))
        assert both.shape == (1, 2)
        np.testing.assert_allclose(both[0], [measure(x[..., 0]), measure(x[..., 1])])


@pytest.mark.parametrize("measure", [rhat, ess_bulk, ess_tail, ess_mean, mcse_mean])
def test_what_cannot_be_judged_is_nan(measure: Callable[[Floats], Floats]) -> None:
    x = np.random.default_rng(0).random((4, 50, 4))
    x[:, :, 1] = 3.0
    x[2, 7, 2] = np.nan
    x[2, 7, 3] = np.inf
    with np.errstate(invalid="ignore"):
        found = measure(x)
    assert np.isfinite(found[0])
    assert np.isnan(found[1:3]).all()
    assert not np.isfinite(found[3])


def test_too_few_draws_and_no_parameters() -> None:
    assert np.isnan(rhat(np.arange(12.0).reshape(4, 3)))
    assert np.isfinite(rhat(np.random.default_rng(0).random((2, 4))))
    for measure in (rhat, ess_bulk, ess_tail, mcse_mean):
        assert measure(np.empty((4, 10, 0))).shape == (0,)


def test_chains_that_never_move_have_a_huge_rhat() -> None:
    x = np.repeat(np.arange(4.0)[:, None], 100, axis=1)
    assert rhat(x) > 1e6
    assert ess_bulk(x) < 10


def test_independent_draws_count_in_full() -> None:
    x = np.random.default_rng(3).standard_normal((4, 1000, 50))
    assert abs(np.mean(ess_bulk(x)) / 4000 - 1) < 0.05  # spread of one is about 3%
    assert np.all(rhat(x) < 1.01)
