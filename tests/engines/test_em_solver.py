"""EM reaches the optimum of the likelihood engine, never goes down, and says how it ended."""

from __future__ import annotations

import numpy as np
import pytest

from multilevel.data import datasets, read_table
from multilevel.design import Design, bind, columns_needed
from multilevel.engines.em import solve_em
from multilevel.engines.likelihood import solve
from multilevel.engines.solution import Method, Solution
from multilevel.language import parse_formula
from multilevel.moments import summarise
from tests.engines.structures import STRUCTURES, Structure, by_name, design_of, names_of
from tests.oracle import designs
from tests.oracle.criterion import criterion
from tests.oracle.dense import dense

REGULAR = [s for s in STRUCTURES if s.name != "more effects than rows"]
EXACT: dict[Method, Method] = {"em": "ml", "em_reml": "reml"}

DATA = {
    "sleepstudy": "reaction ~ days + (days | subject)",
    "sleepstudy, uncorrelated": "reaction ~ days + (days || subject)",
    "dyestuff": "yield ~ 1 + (1 | batch)",
    "dyestuff2": "yield ~ 1 + (1 | batch)",
    "penicillin": "diameter ~ 1 + (1 | plate) + (1 | sample)",
    "pastes": "strength ~ 1 + (1 | batch/cask)",
    "cake": "angle ~ recipe * temperature + (1 | replicate/recipe)",
    "machines": "score ~ machine + (machine | worker)",
    "machines, nested": "score ~ machine + (1 | worker/machine)",
    "machines, symmetric": "score ~ machine + cs(0 + machine | worker)",
    "orthodont": "distance ~ age * sex + (age | subject)",
    "cafes": "wait ~ afternoon + (afternoon | cafe)",
    "mathachieve": "mathach ~ ses + (ses | school)",
    "insteval": "y ~ service + (1 | s) + (1 | d)",
}


def bundled(name: str) -> Design:
    """Return the design of a bundled data set; of insteval the rows of every twentieth student."""
    formula = parse_formula(DATA[name])
    frame = datasets.load(name.partition(",")[0])
    if name == "insteval":
        frame = frame[frame["s"].astype(int) % 20 == 0]
    return bind(formula, read_table(frame, columns_needed(formula)))


def unbalanced(seed: int) -> Design:
    """Return random slopes of groups of 1 to 12 rows."""
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(30), rng.integers(1, 13, 30))
    x = rng.normal(size=g.size)
    b = rng.multivariate_normal([0.0, 0.0], [[1.0, 0.3], [0.3, 0.5]], size=30)
    one = np.ones(g.size)
    return designs.bound(
        "y ~ x + (x | g)",
        1.0 + 2.0 * x + b[g, 0] + b[g, 1] * x + rng.normal(size=g.size),
        {"Intercept": one, "x": x},
        [designs.factor("g", [f"g{j:02d}" for j in g])],
        [(0, {"Intercept": one, "x": x}, by_name("k=2").terms[0][2])],
    )


def check_against_exact(design: Design, method: Method) -> Solution:
    """Check that EM ends where the likelihood engine does, climbing all the way."""
    moments = summarise(design)
    exact, found = solve(moments, method=EXACT[method]), solve_em(moments, method=method)
    assert found.criterion == pytest.approx(exact.criterion, abs=1e-6 if exact.certificate.holds else 0.5)
    assert found.status is exact.status
    assert found.certificate.holds == exact.certificate.holds
    assert found.trace is not None
    assert (np.diff(found.trace) >= 0.0).all()
    assert found.trace[-1] == pytest.approx(-found.criterion / 2.0, rel=1e-14)
    np.testing.assert_allclose(
        found.beta, exact.beta, rtol=1e-4, atol=1e-4 * np.abs(exact.beta).max(initial=1)
    )
    assert found.n_parameters == exact.n_parameters
    return found


@pytest.mark.parametrize("method", ["em", "em_reml"])
@pytest.mark.parametrize("name", DATA)
def test_data_sets_end_at_the_optimum_of_the_likelihood_engine(name: str, method: Method) -> None:
    found = check_against_exact(bundled(name), method)
    assert found.certificate.evaluations <= 40


@pytest.mark.parametrize("method", ["em", "em_reml"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_unbalanced_slopes_end_at_the_optimum(seed: int, method: Method) -> None:
    check_against_exact(unbalanced(seed), method)


@pytest.mark.parametrize("method", ["em", "em_reml"])
@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("structure", REGULAR, ids=names_of(REGULAR))
def test_every_structure_ends_at_the_optimum(structure: Structure, seed: int, method: Method) -> None:
    """And the criterion is that of dense algebra at the estimates."""
    design = design_of(structure, seed)
    found = check_against_exact(design, method)
    at = criterion(dense(design), found.covariances, found.sigma, EXACT[method])
    assert found.criterion == pytest.approx(at, abs=1e-8)
