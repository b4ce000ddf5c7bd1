"""Variances of group effects by Rao-Blackwellised Monte Carlo, against dense algebra."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from multilevel.engines.monte_carlo import covariances
from multilevel.engines.monte_carlo.chain import eliminated_chain
from multilevel.engines.monte_carlo.covariances import EffectCovariances, effect_noise
from multilevel.engines.monte_carlo.native_core import NativeCore
from multilevel.engines.monte_carlo.system import system_of
from tests.engines.monte_carlo.chain_cases import CASES, Case, problem_of
from tests.engines.monte_carlo.dense_core import DenseCore, rows_of

Floats = NDArray[np.float64]
NAMES = [case.name for case in CASES]


def both(case: Case) -> tuple[DenseCore, EffectCovariances]:
    """Return dense algebra and the engine's covariances of one model."""
    moments, Lambdas, chain = problem_of(case)
    core = DenseCore(moments, Lambdas, chain)
    return core, EffectCovariances(moments, core, eliminated_chain(moments, Lambdas, chain), seed=1)


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_sds_are_off_by_no_more_than_their_reported_error(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Errors of effects of one model go together: three times the root mean square that is reported."""
    monkeypatch.setattr(covariances, "SOLVED_EFFECTS", 0)
    core, engine = both(case)
    found = engine.by_factor()
    sds = [np.sqrt(np.einsum("maa->ma", blocks)).ravel() for blocks in found]
    dense = [np.sqrt(np.einsum("maa->ma", blocks)).ravel() for blocks in core.factor_blocks()]
    relative = np.concatenate(sds) / np.concatenate(dense) - 1.0
    assert np.sqrt(np.mean(relative**2)) <= 3.0 * engine.error + 1e-10
    assert engine.error <= covariances.TARGET or engine.draws == covariances.MOST_DRAWS
    for blocks, expected in zip(found, core.factor_blocks(), strict=True):
        np.testing.assert_allclose(blocks, expected, atol=0.15 * np.abs(expected).max())


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_variances_of_rows(case: Case) -> None:
    """Levels in any combination; 128 draws leave 12% of the part that they alone say, here 8% of it all."""
    core, engine = both(case)
    rng, n = np.random.default_rng(4), 120
    moments = core.moments
    level = np.column_stack([rng.integers(-1, m, n) for m in moments.levels]).astype(np.int32)
    columns = [rng.standard_normal((n, K)) for K in moments.effects]
    rows = rows_of(moments, level, columns)
    expected = np.einsum("ri,ij,rj->r", rows, core.covariance, rows)
    found = engine.row_variance(level, columns)
    some = expected > 0.0
    assert (found[~some] == 0.0).all()
    few = slice(0, 30)
    exactly = engine.row_variance(level[few], [z[few] for z in columns])
    several = (level[few] >= 0).sum(axis=1) > 1
    several &= (level[few][:, list(core.factors)] >= 0).any(axis=1)
    np.testing.assert_allclose(exactly[several], expected[few][several], rtol=1e-8)
    assert np.sqrt(np.mean((found[some] / expected[some] - 1.0) ** 2)) < 0.08


def test_rows_taken_in_parts_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    core, engine = both(CASES[3])
    n = 2 * covariances.SOLVED_ROWS
    level = np.column_stack([np.arange(n) % m for m in core.moments.levels]).astype(np.int32)
    columns = [np.ones((n, K)) for K in core.moments.effects]
    together = engine.row_variance(level, columns)
    monkeypatch.setattr(covariances, "ROWS_TOGETHER", 50)
    np.testing.assert_allclose(engine.row_variance(level, columns), together, rtol=1e-12)


def test_rows_of_one_core_level_have_the_variance_of_that_level() -> None:
    core, engine = both(CASES[1])
    f = core.factors[0]
    level = np.full((5, len(core.where)), -1, dtype=np.int32)
    level[:, f] = np.arange(5)
    columns = [np.tile([1.0, -0.5], (5, 1)) for _ in core.where]
    expected = np.einsum("a,mab,b->m", [1.0, -0.5], engine.by_factor()[f][:5], [1.0, -0.5])
    np.testing.assert_allclose(engine.row_variance(level, columns), expected, rtol=1e-10)


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_factors_of_few_effects_are_solved_for(case: Case) -> None:
    core, engine = both(case)
    for blocks, expected in zip(engine.by_factor(), core.factor_blocks(), strict=True):
        if expected.shape[0] * expected.shape[1] <= covariances.SOLVED_EFFECTS:
            np.testing.assert_allclose(blocks, expected, rtol=1e-8, atol=1e-12)


def test_variances_at_zero_and_of_rank_one_have_no_error_of_their_own() -> None:
    """Roots at the boundary, on the native core: finite, and off by their reported error."""
    moments, Lambdas, chain = problem_of(CASES[4])
    Lambdas[chain[0]][:, 1] = 0.0
    Lambdas[chain[1]][:] = 0.0
    Lambdas[next(f for f in range(len(Lambdas)) if f not in chain)][:] = 0.0
    dense, native = DenseCore(moments, Lambdas, chain), NativeCore(moments, system_of(moments), Lambdas)
    engine = EffectCovariances(moments, native, eliminated_chain(moments, Lambdas, chain), seed=1)
    for blocks, expected in zip(engine.by_factor(), dense.factor_blocks(), strict=True):
        np.testing.assert_allclose(blocks, expected, rtol=0, atol=0.1 * np.abs(expected).max() + 1e-14)
    assert 0.0 < engine.error <= 2.0 * covariances.TARGET


def test_the_same_seed_gives_the_same_figures() -> None:
    first, second = both(CASES[2])[1].by_factor(), both(CASES[2])[1].by_factor()
    for a, b in zip(first, second, strict=True):
        assert (a == b).all()


@pytest.mark.statistics
@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_noise_has_the_covariance_of_all_effects(case: Case) -> None:
    """Variances of 3,000 draws of random combinations: four standard errors of a chi square."""
    moments, Lambdas, chain = problem_of(case)
    core, rng, draws = DenseCore(moments, Lambdas, chain), np.random.default_rng(5), 3000
    links = eliminated_chain(moments, Lambdas, chain)
    size = core.inside.size
    drawn = np.array(
        [np.concatenate([b.ravel() for b in effect_noise(core, links, size, rng)]) for _ in range(draws)]
    )
    ways = rng.standard_normal((core.covariance.shape[0], 20))
    expected = np.einsum("iw,ij,jw->w", ways, core.covariance, ways)
    np.testing.assert_allclose((drawn @ ways).var(axis=0), expected, rtol=4 * np.sqrt(2 / draws))
