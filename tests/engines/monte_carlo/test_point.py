"""Derivatives at a point: with unit vectors for probes those of the exact engine, otherwise unbiased."""

from __future__ import annotations

import numpy as np
import pytest

from multilevel.engines.likelihood.problem import entries, native_problem, theta_of
from multilevel.engines.monte_carlo.frames import Frame, frame_at, relative_of
from multilevel.engines.monte_carlo.point import Point, Problem, point_at, problem_of
from multilevel.engines.monte_carlo.probes import probes_of
from multilevel.engines.monte_carlo.system import system_of
from multilevel.engines.solution import Method
from multilevel.model import Covariance
from multilevel.moments import Moments, summarise
from tests.engines.structures import STRUCTURES, Floats, Structure, by_name, design_of, names_of

SEVERAL = [s for s in STRUCTURES if len({g for g, _, _ in s.terms}) > 1]
EVERY_LEVEL = 10**6


def made(structure: Structure, method: Method) -> tuple[Problem, Frame]:
    """Return a problem and coordinates about covariances of the right structure."""
    moments = summarise(design_of(structure))
    rng, relative = np.random.default_rng(0), []
    for block in moments.blocks:
        L = 0.4 * rng.normal(size=(block.size, block.size)) + 0.6 * np.eye(block.size)
        T = L @ L.T if block.covariance is Covariance.UNSTRUCTURED else 0.7 * np.eye(block.size)
        relative.append(T)
    return problem_of(moments, system_of(moments), reml=method == "reml"), frame_at(moments, relative)


def to_theta(moments: Moments, frame: Frame) -> tuple[Floats, Floats]:
    """Return theta and the derivatives of the frame's coordinates by it."""
    theta = theta_of(moments, relative_of(frame))
    J = np.zeros((theta.size, sum(len(term.members) for term in frame)))
    L, moves = ([np.zeros((k, k)) for k in moments.effects] for _ in range(2))
    for number, f, row, column in entries(moments.blocks):
        L[f][row, column] = theta[number]
    for parameter in range(theta.size):
        for number, f, row, column in entries(moments.blocks):
            moves[f][row, column] = float(number == parameter)
        at = 0
        for term in frame:
            f, here = term.block.factor, slice(term.block.start, term.block.start + term.block.size)
            dT = moves[f] @ L[f].T + L[f] @ moves[f].T
            J[parameter, at : at + len(term.members)] = term.components(dT[here, here])
            at += len(term.members)
    return theta, J


@pytest.mark.parametrize("method", ["reml", "ml"])
@pytest.mark.parametrize("structure", SEVERAL, ids=names_of(SEVERAL))
def test_without_chance_it_is_the_exact_engine(structure: Structure, method: Method) -> None:
    problem, frame = made(structure, method)
    probes = probes_of(problem.system, number=EVERY_LEVEL, seed=0)
    point = point_at(problem, frame, probes, tolerance=1e-12)
    theta, J = to_theta(problem.moments, frame)
    exact = native_problem(problem.moments, method).evaluate(theta, general=True)
    close(J @ point.gradient, exact["gradient"])
    close(J @ point.q, exact["q"])
    close(point.fixed.beta, exact["beta"])
    close(point.fixed.R, exact["R"])
    assert point.fixed.r2 == pytest.approx(exact["r2"], rel=1e-10)
    assert not point.noise.any()


def test_the_average_information_is_that_of_the_exact_engine() -> None:
    # theta of scalar terms: d2/dtheta2 = 4 theta_i theta_j AI_ij + 2 G_i [i = j]
    for name in ("three crossed", "crossed, known sigma"):
        problem, frame = made(by_name(name), "reml")
        probes = probes_of(problem.system, number=EVERY_LEVEL, seed=0)
        point = point_at(problem, frame, probes, tolerance=1e-12)
        theta, J = to_theta(problem.moments, frame)
        exact = native_problem(problem.moments, "reml").evaluate(theta, general=True)
        close(J @ point.information @ J.T + 2.0 * np.diag(point.gradient), exact["hessian"])


def test_estimates_are_unbiased_and_their_variance_is_known() -> None:
    problem, frame = made(by_name("crossed k=2, 3"), "reml")
    sure = point_at(problem, frame, probes_of(problem.system, number=EVERY_LEVEL, seed=0), tolerance=1e-10)
    found = [
        point_at(problem, frame, probes_of(problem.system, number=4, seed=seed), tolerance=1e-10)
        for seed in range(200)
    ]
    gradients = np.array([point.gradient for point in found])
    spread = gradients.std(axis=0, ddof=1)
    # means within four of their errors; variances of 200 draws are good to a tenth, fourfold allowed
    assert (np.abs(gradients.mean(axis=0) - sure.gradient) <= 4.0 * spread / np.sqrt(200) + 1e-9).all()
    said = np.mean([np.diagonal(point.noise) for point in found], axis=0)
    np.testing.assert_allclose(said, spread**2, rtol=0.4)


def test_a_warm_start_saves_iterations_and_changes_nothing() -> None:
    problem, frame = made(by_name("three crossed"), "reml")
    probes = probes_of(problem.system, number=3, seed=0)
    cold = point_at(problem, frame, probes, tolerance=1e-9)
    warm = point_at(problem, frame, probes, tolerance=1e-9, start=cold)
    assert cold.iterations > 0
    assert warm.iterations == 0
    close(warm.gradient, cold.gradient, 1e-7)
    more = point_at(problem, frame, probes_of(problem.system, number=4, seed=0), tolerance=1e-9, start=cold)
    close(more.fixed.beta, cold.fixed.beta, 1e-8)


def test_loose_solves_err_in_the_second_order() -> None:
    problem, frame = made(by_name("three crossed"), "reml")
    probes = probes_of(problem.system, number=EVERY_LEVEL, seed=0)
    tight: Point = point_at(problem, frame, probes, tolerance=1e-12)
    loose = point_at(problem, frame, probes, tolerance=1e-3)
    assert abs(loose.fixed.r2 / tight.fixed.r2 - 1.0) < 1e-6


def close(found: Floats, expected: Floats, tolerance: float = 1e-9) -> None:
    """Compare up to rounding of the largest entry."""
    scale = max(1.0, float(np.abs(expected).max(initial=0.0)))
    np.testing.assert_allclose(found / scale, expected / scale, atol=tolerance)
