"""Terms that EM takes to a boundary are named, with where they are; no others are."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

import numpy as np
import pytest

from multilevel.design.design import Design
from multilevel.engines.em import solve_em
from multilevel.engines.likelihood import solve
from multilevel.engines.solution import Status
from multilevel.model import Covariance
from multilevel.moments import summarise
from tests.engines.structures import C, D, S, U
from tests.oracle import designs


def grouped(
    effects: Sequence[str], covariance: Covariance, true: object, seed: int, shift: float = 0.0
) -> Design:
    """Return 40 groups of 6 rows whose effects have a true covariance matrix, singular or not."""
    rng, k = np.random.default_rng(seed), len(effects)
    g = np.repeat(np.arange(40), 6)
    columns = {e: np.ones(g.size) if e == "Intercept" else rng.normal(size=g.size) + shift for e in effects}
    b = rng.multivariate_normal(np.zeros(k), np.asarray(true, dtype=float), size=40, method="eigh")
    y = 1.0 + sum(b[g, i] * columns[e] for i, e in enumerate(effects)) + rng.normal(size=g.size)
    return designs.bound(
        "y ~ 1",
        y,
        {"Intercept": np.ones(g.size)},
        [designs.factor("g", [f"g{j:02d}" for j in g])],
        [(0, columns, covariance)],
    )


THREE = np.outer([1.0, 0.5, -1.0], [1.0, 0.5, -1.0]) + np.diag([0.0, 1.0, 0.0])
SHARED = np.ones((3, 3))
KINDS = {
    "an effect alone": (lambda seed: designs.zero_variance(seed)),
    "a slope": (lambda seed: grouped(["Intercept", "x"], U, [[1, 0], [0, 0]], seed)),
    "a slope, uncorrelated": (lambda seed: grouped(["Intercept", "x"], D, [[1, 0], [0, 0]], seed)),
    "an intercept far away": (lambda seed: grouped(["Intercept", "x"], U, [[0, 0], [0, 1]], seed, 3.0)),
    "a correlation": (lambda seed: grouped(["Intercept", "x"], U, [[1, -0.5], [-0.5, 0.25]], seed)),
    "a combination": (lambda seed: grouped(["Intercept", "x", "z"], U, THREE, seed)),
    "one sd": (lambda seed: grouped(["x", "z"], S, np.zeros((2, 2)), seed)),
    "one sd and correlation": (lambda seed: grouped(["x", "z", "w"], C, np.zeros((3, 3)), seed)),
    "one correlation at one": (lambda seed: grouped(["x", "z", "w"], C, SHARED, seed)),
    "one correlation at its lowest": (lambda seed: grouped(["x", "z", "w"], C, np.eye(3) - 1 / 3, seed)),
}


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("kind", KINDS)
def test_a_boundary_is_said_where_the_likelihood_engine_finds_one(kind: str, seed: int) -> None:
    moments = summarise(KINDS[kind](seed))
    exact, found = solve(moments, method="ml"), solve_em(moments)
    assert found.status is exact.status
    assert bool(found.boundary[0]) == bool(exact.boundary[0])
    assert found.certificate.holds


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("kind", KINDS)
def test_a_slow_climb_says_where_it_is_going_only_if_that_is_so(kind: str, seed: int) -> None:
    """Plain EM, cut short: a boundary it names is one of the optimum; and it never calls itself optimal."""
    moments = summarise(KINDS[kind](seed))
    exact = solve(moments, method="ml")
    found = solve_em(moments, acceleration="none", max_evaluations=150)
    if found.boundary[0]:
        assert exact.boundary[0]
        assert found.status is Status.EVALUATION_LIMIT
        assert "EM converges there slowly: after 150 evaluations it is" in found.boundary[0]
        assert found.boundary[0].endswith("method='ml' ends at the boundary exactly.")
    if exact.status is Status.BOUNDARY:
        assert found.status is not Status.OPTIMAL


@pytest.mark.parametrize(
    ("kind", "seed", "words"),
    [
        (
            "an effect alone",
            3,
            r"`\(1 \| g\)`: the sd of `Intercept` is going to zero; after \d+ .* is \d.*e-\d+\.",
        ),
        (
            "a correlation",
            7,
            r"`\(1 \+ x \| g\)`: the correlation of its effects is going to -1; after .* away .*",
        ),
        (
            "a combination",
            3,
            r"`\(1 \+ x \+ z \| g\)`: the sd of one combination of its 3 effects, each in .*",
        ),
        ("one sd", 5, r"`homdiag\(0 \+ x \+ z \| g\)`: the sd of `x` and `z` is going to zero; .*"),
        ("one sd and correlation", 1, r"`cs\(.*\)`: the correlation of its effects is going to 1; .*"),
        (
            "one correlation at its lowest",
            5,
            r"`cs\(.*\)`: the correlation of its effects is going to -0\.5; .*",
        ),
    ],
)
def test_what_is_going_where(kind: str, seed: int, words: str) -> None:
    (sentence,) = solve_em(summarise(KINDS[kind](seed))).boundary
    assert re.fullmatch(words, sentence)


def test_the_sd_that_is_told_is_in_the_unit_of_the_response() -> None:
    """Plain steps from the same start: a unit of a thousandth gives a thousand times the sd."""
    design = designs.zero_variance()
    one = solve_em(summarise(design), acceleration="none", max_evaluations=50)
    many = solve_em(
        summarise(dataclasses.replace(design, y=1000.0 * design.y)), acceleration="none", max_evaluations=50
    )
    small, large = (re.search(r"it is ([0-9.e+-]+);", s.boundary[0]) for s in (one, many))
    assert small is not None
    assert large is not None
    assert float(large[1]) == pytest.approx(1000.0 * float(small[1]), rel=6e-3)
    assert float(small[1]) == pytest.approx(np.sqrt(one.covariances[0][0, 0]), rel=6e-3)
