"""EM reaches the optimum of the likelihood engine, never goes down, and says how it ended."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import numpy as np
import pytest

from multilevel.data import datasets, read_table
from multilevel.design import Design, bind, columns_needed
from multilevel.engines.em import evaluate_em, solve_em
from multilevel.engines.likelihood import Progress, solve
from multilevel.engines.likelihood.problem import native_problem
from multilevel.engines.solution import Method, Solution, Status
from multilevel.errors import DesignError, OptionError
from multilevel.language import parse_formula
from multilevel.moments import summarise
from tests.engines.structures import STRUCTURES, Structure, by_name, design_of, names_of, reordered
from tests.oracle import designs
from tests.oracle.criterion import criterion
from tests.oracle.dense import dense
from tests.oracle.optimum import optimum, profiled

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


@pytest.mark.parametrize("structure", REGULAR, ids=names_of(REGULAR))
def test_the_order_of_rows_changes_nothing(structure: Structure) -> None:
    """1e-8: rounding may change which of the last steps is tried, not where they lead."""
    design = design_of(structure)
    a = solve_em(summarise(design))
    b = solve_em(summarise(reordered(design, np.random.default_rng(1).permutation(design.n_rows))))
    assert a.criterion == pytest.approx(b.criterion, abs=1e-8)
    np.testing.assert_allclose(a.beta, b.beta, rtol=1e-4, atol=1e-4)
    assert a.status is b.status


def test_plain_steps_do_not_depend_on_the_order_of_rows() -> None:
    """1e-10: only the order of sums differs."""
    design = design_of(by_name("k=2"))
    shuffled = reordered(design, np.random.default_rng(2).permutation(design.n_rows))
    a, b = (solve_em(summarise(d), acceleration="none", max_evaluations=30) for d in (design, shuffled))
    np.testing.assert_allclose(trace_of(a), trace_of(b), rtol=0, atol=1e-10)


def trace_of(solution: Solution) -> np.ndarray:
    """Return the trace of a solution that has one."""
    assert solution.trace is not None
    return solution.trace


@pytest.mark.parametrize("name", ["k=2", "k=3 symmetric", "nested vectors", "crossed"])
def test_units_move_the_likelihood_by_a_constant(name: str) -> None:
    """A response in thousandths adds n log 1000 to -log likelihood at every step; estimates follow."""
    design = design_of(by_name(name))
    offset = None if design.offset is None else 1000.0 * design.offset
    other = dataclasses.replace(design, y=1000.0 * design.y, offset=offset)
    a, b = solve_em(summarise(design)), solve_em(summarise(other))
    n = summarise(design).n
    np.testing.assert_allclose(trace_of(a), trace_of(b) + n * np.log(1000.0), rtol=0, atol=1e-8)
    assert b.sigma == pytest.approx(1000.0 * a.sigma, rel=1e-6)
    for mine, scaled in zip(a.covariances, b.covariances, strict=True):
        np.testing.assert_allclose(scaled, 1e6 * mine, rtol=1e-5, atol=1e-3)


def test_of_two_optima_the_higher_one_is_taken() -> None:
    """21 rows of two crossed factors, slopes of nearly constant x, against the dense search."""
    columns = {
        "y": "6.793 .953 -1.055 -11.014 9.719 8.814 -5.813 9.883 .854 6.003 -13.185 -9.448 9.204 -5.582"
        " 10.998 6.72 11.651 -8.852 -6.285 -2.133 -8.537",
        "x": "1.267 1.281 1.277 1.265 1.272 1.263 1.277 1.265 1.269 1.265 1.274 1.284 1.264 1.274 1.257 1.284"
        " 1.278 1.256 1.265 1.258 1.263",
        "g": "1 2 3 1 6 5 5 5 7 7 0 4 3 4 4 4 4 5 3 0 4",
        "h": "4 3 3 2 4 7 2 4 3 6 1 0 7 2 4 7 4 0 5 3 0",
    }
    model = parse_formula("y ~ 1 + (x | g) + (1 | h)")
    data = {name: np.array(text.split(), dtype=float) for name, text in columns.items()}
    design = bind(model, read_table(data, columns_needed(model)))
    problem = dense(design)
    best = profiled(problem, optimum(problem, "reml", scales=(1.0, 0.3)), "reml")[0]
    assert solve_em(summarise(design), method="em_reml").criterion <= best + 1e-6


def test_an_interrupted_search_is_not_followed_by_another() -> None:
    moments, calls = summarise(design_of(by_name("crossed"))), list[Progress]()

    def stop(step: Progress) -> bool:
        calls.append(step)
        return False

    solution = solve_em(moments, progress=stop)
    assert solution.status is Status.INTERRUPTED
    assert not solution.certificate.holds
    assert [step.evaluations for step in calls] == [1]
    assert calls[0].criterion == pytest.approx(solution.criterion, rel=1e-14)


def test_progress_counts_the_evaluations_of_all_climbs() -> None:
    moments, seen = summarise(design_of(by_name("crossed"))), list[Progress]()
    solution = solve_em(moments, progress=lambda step: seen.append(step))
    counts = [step.evaluations for step in seen]
    assert counts == sorted(set(counts))
    assert counts[-1] == solution.certificate.evaluations


def test_a_limit_of_evaluations_is_said_and_no_optimum() -> None:
    solution = solve_em(summarise(design_of(by_name("k=3"))), max_evaluations=2)
    assert solution.status is Status.EVALUATION_LIMIT
    assert solution.sentence == (
        "The search reached its limit of evaluations before the optimum could be certified; raise"
        " max_evaluations."
    )
    assert not solution.certificate.holds
    assert solution.certificate.evaluations == 2


def test_a_boundary_is_said_plainly() -> None:
    solution = solve_em(summarise(bundled("dyestuff2")), method="em_reml")
    assert solution.status is Status.BOUNDARY
    assert solution.certificate.holds
    assert solution.sentence == (
        "The optimum is certified, and lies on the boundary of the covariance matrices, which EM comes close"
        " to and never reaches; method='reml' ends there exactly."
    )
    assert 0.0 < solution.covariances[0][0, 0] < 1e-10


def test_plain_em_goes_to_a_boundary_at_the_rate_of_one_over_the_steps() -> None:
    """Near zero the variance falls by its square times a constant at each step."""
    moments = summarise(bundled("dyestuff2"))
    sd = [
        np.sqrt(solve_em(moments, acceleration="none", max_evaluations=n).covariances[0][0, 0])
        for n in (500, 2000)
    ]
    assert sd[1] / sd[0] == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("structure", REGULAR, ids=names_of(REGULAR))
def test_evaluating_at_the_estimates_gives_the_solution_again(structure: Structure) -> None:
    moments = summarise(design_of(structure))
    expected = solve_em(moments)
    found = evaluate_em(
        moments,
        method="em",
        theta=expected.theta,
        status=expected.status,
        evaluations=expected.certificate.evaluations,
        trace=trace_of(expected),
    )
    assert found.criterion == expected.criterion
    assert (found.status, found.sentence, found.boundary) == (
        expected.status,
        expected.sentence,
        expected.boundary,
    )
    assert found.certificate == expected.certificate
    assert trace_of(found) is trace_of(expected)


@pytest.mark.parametrize("status", [Status.EVALUATION_LIMIT, Status.INTERRUPTED, Status.STALLED])
def test_an_unfinished_search_stays_one(status: Status) -> None:
    moments = summarise(design_of(by_name("k=1")))
    best = solve_em(moments)
    again = evaluate_em(
        moments, method="em", theta=best.theta, status=status, evaluations=9, trace=trace_of(best)
    )
    assert again.status is status
    assert not again.certificate.holds


def test_coordinates_away_from_the_optimum_are_not_certified() -> None:
    moments = summarise(design_of(by_name("k=1")))
    best = solve_em(moments)
    away = evaluate_em(
        moments,
        method="em",
        theta=1.5 * best.theta,
        status=Status.OPTIMAL,
        evaluations=9,
        trace=trace_of(best),
    )
    assert away.status is Status.STALLED
    assert not away.certificate.holds


@pytest.mark.parametrize("name", ["no groups", "nested", "k=1", "crossed"])
def test_a_response_without_any_residual_is_saturated(name: str) -> None:
    design = design_of(by_name(name))
    exact = dataclasses.replace(design, y=design.fixed.X @ np.array([1.0, 2.0]))
    solution = solve_em(summarise(exact))
    assert solution.status is Status.SATURATED
    assert not solution.certificate.holds
    np.testing.assert_allclose(solution.beta, [1.0, 2.0], rtol=1e-10)
    assert solution.boundary == ("",) * len(design.terms)


WRONG: tuple[tuple[dict[str, Any], str], ...] = (
    ({"method": "reml"}, "method='reml' was asked of EM"),
    ({"method": "laplace"}, "method='laplace' was asked of EM"),
    ({"acceleration": "squarem"}, "acceleration='squarem' was asked of EM"),
    ({"start": np.ones(2)}, "cannot be start values"),
    ({"start": np.zeros(1)}, "singular covariance matrix, which EM never leaves"),
    ({"max_evaluations": 0}, "max_evaluations=0 is not"),
    ({"progress": 3}, "progress=3 cannot be called"),
)


@pytest.mark.parametrize(("options", "message"), WRONG, ids=str)
def test_options_are_checked(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError) as caught:
        solve_em(summarise(designs.zero_variance()), **options)
    assert message in str(caught.value)


def test_a_start_at_which_nothing_is_defined_is_an_error() -> None:
    with pytest.raises(DesignError, match="start values"):
        solve_em(summarise(design_of(by_name("k=1"))), start=np.array([1e300]))


@pytest.mark.parametrize("factor", [1e-3, 0.1, 10.0, 1e3])
@pytest.mark.parametrize("name", ["k=1", "k=2", "k=2 diagonal", "crossed", "nested vectors"])
def test_any_start_inside_leads_to_the_same_optimum(name: str, factor: float) -> None:
    moments = summarise(design_of(by_name(name), seed=1))
    expected = solve(moments, method="ml")
    found = solve_em(moments, start=factor * native_problem(moments, "ml").start(), max_evaluations=400)
    assert found.criterion == pytest.approx(expected.criterion, abs=1e-6)
    assert all(a <= b for a, b in itertools.pairwise(trace_of(found)))
