"""Coordinates of covariance matrices: directions, boundaries, steps."""

from __future__ import annotations

import numpy as np
import pytest

from multilevel.engines.monte_carlo.frames import FLOOR, frame_at, relative_of, roots_of
from multilevel.moments import summarise
from tests.engines.structures import by_name, design_of

NAMES = ("crossed k=2, 3", "two on each", "crossed, symmetric", "crossed and nested vectors")


def relative(moments, seed=0):  # type: ignore[no-untyped-def]
    """Return covariances of the right structure."""
    rng, found = np.random.default_rng(seed), []
    for block in moments.blocks:
        L = rng.normal(size=(block.size, block.size)) + np.eye(block.size)
        structured = block.covariance.name != "UNSTRUCTURED"
        found.append(0.7 * np.eye(block.size) if structured else L @ L.T)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_frame_reproduces_its_covariances_and_their_moves(name: str) -> None:
    moments = summarise(design_of(by_name(name)))
    given = relative(moments)
    frame = frame_at(moments, given)
    for term, T, kept in zip(frame, given, relative_of(frame), strict=True):
        np.testing.assert_allclose(term.root @ term.root.T, T, atol=1e-12)
        np.testing.assert_allclose(kept, T, atol=1e-12)
        np.testing.assert_allclose(term.root.T @ term.root, np.diag(term.variances), atol=1e-12)
        step = 1e-3 * np.arange(1.0, len(term.members) + 1.0)
        np.testing.assert_allclose(term.moved(step) - T, np.tensordot(step, term.directions, 1), atol=1e-12)
        np.testing.assert_allclose(term.components(term.moved(step) - T), step, atol=1e-12)
        G = np.random.default_rng(1).normal(size=T.shape)
        G = G + G.T
        move = np.tensordot(step, term.directions, 1)
        assert term.coordinates(G) @ step == pytest.approx(np.sum(G * move))
    roots = roots_of(moments, frame)
    assert [root.shape[0] for root in roots] == list(moments.effects)


def test_steps_stay_inside_the_cone_and_are_bounded() -> None:
    moments = summarise(design_of(by_name("crossed k=2, 3")))
    frame = frame_at(moments, relative(moments))
    for term in frame:
        for seed in range(20):
            step = 10.0 * np.random.default_rng(seed).normal(size=len(term.members))
            values = np.linalg.eigvalsh(term.moved(step))
            assert values[0] > 0.0
            assert values[-1] <= 20.0 * term.variances.max() * (1.0 + 1e-9)


def test_variances_at_zero_are_held_while_the_criterion_would_rise() -> None:
    moments = summarise(design_of(by_name("crossed k=2, 3")))
    frame = frame_at(moments, [np.diag([1.0, 0.0]), np.diag([1.0, 2.0, 0.0])])
    term = frame[1]
    assert term.at_floor.tolist() == [True, False, False]
    assert relative_of(frame)[1] == pytest.approx(np.diag([1.0, 2.0, 0.0]))
    assert FLOOR / 100 < term.floor[0] < 100 * FLOOR
    up = np.ones(len(term.members))
    empty = [s for s, one in enumerate(term.members) if one == ((0, 0),)]
    assert np.flatnonzero(term.held(up)).tolist() == empty
    assert not term.held(-up).any()
    # turning the empty direction by t towards a variance v costs gradient * t^2 / v
    bend = term.bend(up)
    turned = [s for s, ((a, b),) in enumerate(term.members) if (a == 0) != (b == 0)]
    assert np.flatnonzero(bend).tolist() == turned
    assert sorted(bend[turned]) == pytest.approx([2.0 / 2.0, 2.0 / 1.0])
    step = np.zeros(len(term.members))
    step[turned[0]] = 0.1
    values = np.linalg.eigvalsh(term.moved(step))
    assert 0.0 < values[0] < 10 * term.floor.max()
