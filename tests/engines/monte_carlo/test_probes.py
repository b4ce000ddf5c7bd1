"""Random signs: streams that go on, unit vectors for small factors."""

from __future__ import annotations

import numpy as np

from multilevel.engines.monte_carlo.probes import probes_of, signs
from multilevel.engines.monte_carlo.system import system_of
from multilevel.moments import summarise
from tests.engines.structures import by_name, design_of


def test_more_probes_begin_with_the_fewer() -> None:
    system = system_of(summarise(design_of(by_name("three k=2, 1, 2"))))
    few, many = (probes_of(system, number=number, seed=4) for number in (2, 3))
    for a, b in zip(few.sets, many.sets, strict=True):
        np.testing.assert_array_equal(few.W[:, a.columns], many.W[:, b.columns][:, : a.size])
    assert (probes_of(system, number=3, seed=5).W != many.W).any()


def test_each_set_lives_on_one_effect_and_small_factors_are_exact() -> None:
    system = system_of(summarise(design_of(by_name("three k=2, 1, 2"))))
    probes = probes_of(system, number=5, seed=0)
    for one in probes.sets:
        W = probes.W[:, one.columns]
        own = system.of_core(W, one.factor)
        assert one.exact == (system.levels[one.factor] <= 5)
        assert np.count_nonzero(own[:, one.effect]) == np.count_nonzero(W)
        if one.exact:
            np.testing.assert_array_equal(W @ W.T, np.diag(np.diagonal(W @ W.T)))
            assert np.diagonal(W @ W.T).sum() == system.levels[one.factor]


def test_signs_are_signs() -> None:
    drawn = signs(10_000, 1, 2, 3)
    assert set(drawn) == {-1.0, 1.0}
    assert abs(drawn.mean()) < 0.05  # five standard errors
    np.testing.assert_array_equal(drawn, signs(10_000, 1, 2, 3))
