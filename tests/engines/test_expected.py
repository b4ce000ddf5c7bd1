"""Kenward and Roger's ingredients against dense algebra; what they give does not depend on coordinates."""

from __future__ import annotations

import numpy as np
import pytest

from multilevel.design.design import Design
from multilevel.engines.likelihood import expected, solve
from multilevel.engines.solution import KenwardRoger, Method
from multilevel.errors import OptionError
from multilevel.moments import summarise
from tests.engines.structures import STRUCTURES, Floats, Structure, U, by_name, design_of, names_of
from tests.oracle import designs, information
from tests.oracle.dense import dense

REGULAR = [s for s in STRUCTURES if s.p > 0 and s.name != "more effects than rows"]


def spread(found: KenwardRoger, L: Floats) -> Floats:
    """Return ``sum_st W_st (l'Phi P_s Phi l)(l'Phi P_t Phi l)``, on which the degrees of freedom rest."""
    g = np.einsum("cp,hpq,cq->ch", L, found.gradient, L)
    return np.asarray(np.einsum("ch,hk,ck->c", g, found.covariance, g))


def symmetric(matrix: Floats) -> Floats:
    return (matrix + matrix.T) / 2


@pytest.mark.parametrize("method", ["reml", "ml"])
@pytest.mark.parametrize("structure", REGULAR, ids=names_of(REGULAR))
def test_adjustment_and_spread_are_those_of_dense_algebra(structure: Structure, method: Method) -> None:
    design = design_of(structure)
    solution = solve(summarise(design), method=method)
    found = solution.groups.kenward_roger()
    twin = information.kenward_roger(dense(design), solution.covariances, solution.sigma)
    Phi = solution.vcov_beta
    L = np.random.default_rng(1).normal(size=(4, structure.p))
    np.testing.assert_allclose(spread(found, L), spread(twin, L), rtol=1e-7, atol=1e-14)
    scale = np.abs(Phi).max()
    np.testing.assert_allclose(
        symmetric(found.correction) / scale, symmetric(twin.correction) / scale, rtol=5e-7, atol=5e-10
    )


def test_one_variance_and_a_known_sigma_leave_one_parameter() -> None:
    found = solve(summarise(design_of(by_name("k=1, known sigma")))).groups.kenward_roger()
    assert found.gradient.shape == (1, 2, 2)
    assert found.covariance.shape == (1, 1)


def test_balanced_groups_have_the_degrees_of_freedom_of_their_number() -> None:
    """Intercept and slope of 10 groups with the same x have 9 each (Kenward and Roger 1997)."""
    design = balanced()
    solution = solve(summarise(design))
    Phi = solution.vcov_beta
    L = np.eye(2)
    df = 2 * np.diag(Phi) ** 2 / spread(solution.groups.kenward_roger(), L)
    np.testing.assert_allclose(df, 9.0, rtol=1e-6)


@pytest.mark.parametrize("shift", [1e3, 2e6, 1e9])
def test_a_shift_of_a_predictor_moves_no_adjustment_of_its_slope(shift: float) -> None:
    """Years or time stamps: ``P`` and ``Q`` grow with the square of the shift, the answer does not move."""
    rng = np.random.default_rng(5)
    g, x = rng.integers(0, 10, 80), rng.normal(size=80)
    y = rng.normal(size=10)[g] + x * rng.normal(1, 1, 10)[g] + rng.normal(size=80)
    found = []
    for value in (x, x + shift):
        columns = {"Intercept": np.ones(80), "x": value}
        effects = [designs.factor("g", [str(level) for level in g])], [(0, columns, U)]
        solution = solve(summarise(designs.bound("", y, columns, *effects)))
        added = solution.groups.kenward_roger()
        found.append((added.correction[1, 1], *spread(added, np.array([[0.0, 1.0]]))))
    np.testing.assert_allclose(found[1], found[0], rtol=1e-5)


def balanced() -> Design:
    """Return ``y ~ x + (x | g)`` with 10 groups of the same 6 values of x."""
    rng = np.random.default_rng(2)
    g, x = np.repeat(np.arange(10), 6), np.tile(np.arange(6.0), 10)
    y = 1 + x + rng.normal(0, 2, 10)[g] + rng.normal(0, 1, 10)[g] * x + rng.normal(size=60)
    columns = {"Intercept": np.ones(60), "x": x}
    return designs.bound("", y, columns, [designs.factor("g", [str(i) for i in g])], [(0, columns, U)])


def test_many_crossed_effects_are_refused_with_a_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expected, "MOST_EFFECTS", 13)
    solution = solve(summarise(design_of(by_name("crossed"))))
    with pytest.raises(OptionError) as caught:
        solution.groups.kenward_roger()
    assert str(caught.value) == (
        "ddf='kenward-roger' needs a matrix between all 14 group effects of several factors\n"
        "  allowed: at most 13 group effects, or any number of one factor\n"
        "  try: ddf='satterthwaite', which needs no such matrix"
    )
