"""The eliminated chain given the core, against dense algebra."""

from __future__ import annotations

import numpy as np
import pytest

from multilevel.engines.monte_carlo.chain import (
    chain_noise,
    chain_variance,
    eliminated_chain,
    level_covariances,
)
from tests.engines.monte_carlo.chain_cases import CASES, Case, problem_of
from tests.engines.monte_carlo.dense_core import DenseCore, rows_of

CHAINS = [case for case in CASES if case.eliminated]
NAMES = [case.name for case in CHAINS]


@pytest.mark.parametrize("case", CHAINS, ids=NAMES)
def test_covariances_of_levels_given_the_core(case: Case) -> None:
    moments, Lambdas, chain = problem_of(case)
    core = DenseCore(moments, Lambdas, chain)
    links, start = eliminated_chain(moments, Lambdas, chain), 0
    for number, f in enumerate(chain):
        m, k = moments.levels[f], moments.effects[f]
        expected = core.blocks(core.covariance_given_core, start, m, k)
        np.testing.assert_allclose(level_covariances(links, number), expected, rtol=1e-10, atol=1e-13)
        start += m * k


@pytest.mark.parametrize("case", CHAINS, ids=NAMES)
def test_rows_of_any_levels_given_the_core(case: Case) -> None:
    """Of the chain in combinations that the data have and have not."""
    moments, Lambdas, chain = problem_of(case)
    core, rng, n = DenseCore(moments, Lambdas, chain), np.random.default_rng(2), 60
    level = [rng.integers(-1, moments.levels[f], n) for f in chain]
    columns = [rng.standard_normal((n, moments.effects[f])) for f in chain]
    every = np.full((n, len(moments.A)), -1, dtype=np.int32)
    every[:, list(chain)] = np.column_stack(level)
    by_factor = [np.zeros((n, K)) for K in moments.effects]
    for f, z in zip(chain, columns, strict=True):
        by_factor[f] = z
    rows = rows_of(moments, every, by_factor)[:, core.out]
    expected = np.einsum("ri,ij,rj->r", rows, core.covariance_given_core, rows)
    found = chain_variance(eliminated_chain(moments, Lambdas, chain), level, columns, n)
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-13)


@pytest.mark.statistics
@pytest.mark.parametrize("case", CHAINS, ids=NAMES)
def test_noise_has_the_covariance_given_the_core(case: Case) -> None:
    """Variances of 4,000 draws of random combinations: four standard errors of a chi square."""
    moments, Lambdas, chain = problem_of(case)
    core, rng, draws = DenseCore(moments, Lambdas, chain), np.random.default_rng(3), 4000
    links = eliminated_chain(moments, Lambdas, chain)
    drawn = np.array([np.concatenate([b.ravel() for b in chain_noise(links, rng)]) for _ in range(draws)])
    ways = rng.standard_normal((core.out.size, 20))
    expected = np.einsum("iw,ij,jw->w", ways, core.covariance_given_core, ways)
    np.testing.assert_allclose((drawn @ ways).var(axis=0), expected, rtol=4 * np.sqrt(2 / draws))
