"""Fits by quadrature: optimum, standard errors, boundary, weights, refusals; exact values and lme4's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize

import multilevel as ml
from multilevel.engines.laplace import evaluate_quadrature, solve_laplace, solve_quadrature
from multilevel.engines.laplace.quadrature import QuadratureProblem
from multilevel.engines.solution import Status
from multilevel.moments import layout_of
from tests.engines.quadrature_cases import CASES, Case, dense_value

GOOD = (Status.OPTIMAL, Status.BOUNDARY)


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("grouped", ["(1 | g)", "(x | g)"])
def test_no_point_nearby_is_better(case: Case, grouped: str) -> None:
    design = case.design(grouped)
    found = solve_quadrature(design)
    assert found.status in GOOD
    problem = QuadratureProblem(design, layout_of(design), found.nodes or 0)
    rng = np.random.default_rng(0)
    for size in (1e-3, 1e-2, 1e-1):
        for _ in range(8):
            x = found.theta + size * rng.normal(size=found.theta.size)
            assert problem.at(x, gradient=False).value > found.criterion - 1e-6


@pytest.mark.parametrize("case", [CASES[i] for i in (2, 6, 10)], ids=str)
def test_the_optimum_is_that_of_a_sum_over_a_fine_grid(case: Case) -> None:
    design = case.design("(1 | g)")
    found = solve_quadrature(design, nodes=35)
    problem = QuadratureProblem(design, layout_of(design), 1)
    best = minimize(lambda x: dense_value(problem, x, step=0.1), found.theta + 0.02, method="BFGS")
    assert found.criterion == pytest.approx(best.fun, abs=2e-5)
    spread = np.sqrt(2.0 * np.diagonal(best.hess_inv))
    assert np.abs((found.theta - best.x) / spread).max() < 2e-3
    sd = np.sqrt(np.diagonal(found.vcov_beta))
    back = problem.layout.scaling.fixed.back
    p = sd.size
    np.testing.assert_allclose(
        sd, np.sqrt(np.diagonal(2.0 * back @ best.hess_inv[:p, :p] @ back.T)), rtol=0.1
    )


def pairs() -> dict[str, np.ndarray]:
    """Return 100 pairs of yes and no, for which conditional logistic regression is known (lme4 issue 47)."""
    first = np.repeat([0.0, 1.0], 50)
    second = np.repeat([0.0, 1.0, 0.0, 1.0], [42, 8, 18, 32])
    return {
        "event": np.stack([first, second], axis=1).ravel(),
        "group": np.tile([1.0, 0.0], 100),
        "id": np.repeat(np.arange(100), 2),
    }


def plots() -> pd.DataFrame:
    """Return the plots of the golden numbers, their grade in order."""
    table = pd.read_csv(Path(__file__).parents[1] / "golden" / "generalised" / "plots.csv")
    return table.assign(grade=pd.Categorical(table["grade"], ordered=True))


# By tests/golden/quadrature.R: lme4 1.1-31 and ordinal 2022.11-16 with as many nodes.
FROM_R = {
    "pairs": (
        *("event ~ group + (1 | id)", "bernoulli", 51, 247.938244),
        *([-0.810930, 0.810930], [0.425425, 0.424916], 2.684268),
    ),
    "cbpp": (
        *("prop(incidence, size) ~ period + (1 | herd)", "binomial", 25, 183.966738),
        *([-1.399230, -0.991404, -1.127819, -1.579471], [0.233512, 0.306768, 0.326768, 0.427594], 0.647518),
    ),
    "contraception": (
        *("use ~ age + I(age**2) + urban + livch + (1 | district)", "bernoulli", 25, 2372.458885),
        [-1.035419, 0.003533, -0.004563, 0.696707, 0.815147, 0.916522, 0.915361],
        [0.176102, 0.009287, 0.000730, 0.120957, 0.163352, 0.186507, 0.187490],
        0.478637,
    ),
    "grouseticks": (
        *("ticks ~ year + cheight + (1 | brood)", "poisson", 25, 1977.909371),
        *([0.509894, 1.134988, -1.000629, -0.023844], [0.187201, 0.243270, 0.270691, 0.003021], 0.954072),
    ),
    "grade logit": (
        *("grade ~ x + wet + (1 | team)", ml.families.Ordinal(), 25, 761.978322),
        [-0.893048, 0.309705, 1.674320, 0.494812, -0.649617],
        [0.219249, 0.213094, 0.240610, 0.113464, 0.218108],
        0.396143,
    ),
    "grade probit": (
        *("grade ~ x + wet + (1 | team)", ml.families.Ordinal(link="probit"), 25, 760.584005),
        [-0.533401, 0.202726, 1.003637, 0.298919, -0.382909],
        [0.135084, 0.133101, 0.143405, 0.066437, 0.129139],
        0.253818,
    ),
}


@pytest.mark.parametrize("name", FROM_R)
def test_r_finds_the_same(name: str) -> None:
    formula, family, nodes, deviance, estimates, errors, sd = FROM_R[name]
    table = pairs() if name == "pairs" else plots() if "grade" in name else ml.datasets.load(name)
    fit = ml.fit(formula, table, family=family, method="quadrature", nodes=nodes)  # type: ignore[arg-type]
    assert fit.status is Status.OPTIMAL
    assert fit.deviance == pytest.approx(deviance, abs=2e-6)
    numbers = fit.solution.family_numbers
    assert numbers is not None
    found = np.concatenate([numbers.values, fit.solution.beta])
    spread = np.concatenate([numbers.std_errors, np.sqrt(np.diagonal(fit.vcov))])
    assert (np.abs(found - estimates) < 2e-4 * np.array(errors) + 6e-7).all()
    np.testing.assert_allclose(spread, errors, rtol=2e-4, atol=6e-7)
    assert np.sqrt(fit.solution.covariances[0][0, 0]) == pytest.approx(sd, rel=1e-4)
    assert f"by ML (adaptive quadrature, {nodes} nodes)" in str(fit)


def test_pairs_are_those_of_conditional_logistic_regression() -> None:
    fit = ml.fit("event ~ group + (1 | id)", pairs(), family="bernoulli", method="quadrature", nodes=51)
    assert fit.solution.beta[1] == pytest.approx(np.log(18 / 8), abs=1e-5)
    assert np.sqrt(fit.vcov[1, 1]) == pytest.approx(np.sqrt(1 / 18 + 1 / 8), abs=1e-5)


def test_two_effects_of_contraception_against_a_sum_over_a_fine_grid() -> None:
    table = ml.datasets.load("contraception")
    formula = "use ~ age + I(age**2) + urban + livch + (urban | district)"
    fit = ml.fit(formula, table, family="bernoulli", method="quadrature")
    problem = QuadratureProblem(fit.design, layout_of(fit.design), 1)
    exact = dense_value(problem, fit.solution.theta, step=0.2)
    assert fit.deviance == pytest.approx(exact, abs=1e-5)
    assert fit.deviance == pytest.approx(2360.015483, abs=1e-5)


def test_nodes_count_in_each_dimension() -> None:
    design = CASES[2].design("(x | g)")
    values = [solve_quadrature(design, nodes=nodes).criterion for nodes in (1, 5, 15, 25)]
    assert values[0] == pytest.approx(solve_laplace(design).criterion, abs=1e-7)
    gaps = np.abs(np.array(values[:-1]) - values[-1])
    assert gaps[0] > 10 * gaps[1] > 100 * gaps[2]
    assert solve_quadrature(design).nodes == 15


@pytest.mark.parametrize("case", [CASES[i] for i in (0, 1, 3, 7, 8, 10, 11, 13)], ids=str)
@pytest.mark.parametrize("grouped", ["(1 | g)", "(x | g)"])
def test_standard_errors_need_fewer_nodes(case: Case, grouped: str, monkeypatch: pytest.MonkeyPatch) -> None:
    design = case.design(grouped)
    found = solve_quadrature(design)
    monkeypatch.setattr("multilevel.engines.laplace.quadrature.HESSIAN_NODES", {1: 101, 2: 101, 3: 101})
    full = solve_quadrature(design, start=found.theta)
    assert full.criterion == pytest.approx(found.criterion, abs=1e-7)
    ours, theirs = (np.sqrt(np.diagonal(each.vcov_beta)) for each in (found, full))
    np.testing.assert_allclose(ours, theirs, rtol=1e-2)


def test_no_variance_is_the_boundary() -> None:
    rng = np.random.default_rng(5)
    g = np.repeat(np.arange(20), 5)
    data = {"g": g, "y": np.tile([0, 1, 2, 1, 0], 20), "x": rng.normal(size=100)}
    with pytest.warns(ml.BoundaryWarning):
        fit = ml.fit("y ~ x + (1 | g)", data, family="poisson", method="quadrature")
    alone = ml.fit("y ~ x", data, family="poisson")
    assert fit.status is Status.BOUNDARY
    assert fit.deviance == pytest.approx(alone.deviance, abs=1e-8)


@pytest.mark.filterwarnings("ignore:theta is estimated at the end:multilevel.BoundaryWarning")
def test_frequency_weights_repeat_rows() -> None:
    rng = np.random.default_rng(6)
    g = np.repeat(np.arange(12), 6)
    x, times = rng.normal(size=72), rng.integers(1, 4, size=72)
    y = rng.poisson(np.exp(0.5 + 0.4 * x + 0.6 * rng.normal(size=12)[g]))
    data = {"g": g, "x": x, "y": y, "times": times}
    repeated = {name: np.repeat(column, times) for name, column in data.items()}
    options = {"family": "negative_binomial", "method": "quadrature"}
    weighted = ml.fit("y ~ x + (1 | g)", data, frequency_weights="times", **options)  # type: ignore[arg-type]
    plain = ml.fit("y ~ x + (1 | g)", repeated, **options)  # type: ignore[arg-type]
    assert weighted.deviance == pytest.approx(plain.deviance, abs=1e-7)
    np.testing.assert_allclose(weighted.solution.beta, plain.solution.beta, atol=1e-5)


def test_merged_have_the_likelihood_of_the_rows() -> None:
    rng = np.random.default_rng(7)
    g, x = np.repeat(np.arange(25), 12), np.tile([0.0, 1.0], 150)
    y = (rng.random(300) < 1.0 / (1.0 + np.exp(-x - rng.normal(size=25)[g]))).astype(float)
    data = {"g": g, "x": x, "y": y, "noise": rng.normal(size=300)}
    merged = ml.fit("y ~ x + (1 | g)", data, family="bernoulli", method="quadrature")
    whole = ml.fit("y ~ x + offset(0 * noise + 1e-12 * noise) + (1 | g)", data, family="bernoulli",
                   method="quadrature")  # fmt: skip
    assert merged.solution.family_numbers.n_distinct == 50  # type: ignore[union-attr]
    assert whole.solution.family_numbers.n_distinct is None  # type: ignore[union-attr]
    assert merged.deviance == pytest.approx(whole.deviance, abs=1e-7)


def test_effects_are_the_modes() -> None:
    design = CASES[2].design("(1 | g)")
    found, laplace = solve_quadrature(design), solve_laplace(design)
    problem = QuadratureProblem(design, layout_of(design), 25)
    problem.at(found.theta)
    modes = problem.effects()[0][0] @ problem.layout.scaling.terms[0].back.T
    np.testing.assert_allclose(found.groups.modes(0), modes, atol=1e-9)
    np.testing.assert_allclose(found.groups.modes(0), laplace.groups.modes(0), atol=0.05)


def test_a_known_vector_is_evaluated() -> None:
    design = CASES[8].design("(1 | g)")
    found = solve_quadrature(design)
    again = evaluate_quadrature(design, found.theta, nodes=None, status=found.status, evaluations=7)
    assert again.criterion == pytest.approx(found.criterion, abs=1e-9)
    np.testing.assert_allclose(again.vcov_beta, found.vcov_beta, rtol=1e-4)
    assert (again.status, again.certificate.evaluations, again.method) == (found.status, 7, "quadrature")


def test_saved_fits_come_back(tmp_path: object) -> None:
    data = ml.datasets.load("cbpp")
    formula = "prop(incidence, size) ~ period + (1 | herd)"
    for nodes in (None, 11):
        fit = ml.fit(formula, data, family="binomial", method="quadrature", nodes=nodes)
        fit.save(f"{tmp_path}/cbpp.fit")
        again = ml.load_fit(f"{tmp_path}/cbpp.fit")
        assert again.deviance == pytest.approx(fit.deviance, abs=1e-10)
        assert again.options.nodes == nodes
        assert str(again).split("\n")[0] == str(fit).split("\n")[0]


def test_a_search_can_start_anywhere_and_be_stopped() -> None:
    design = CASES[0].design("(1 | g)")
    found = solve_quadrature(design)
    near = solve_quadrature(design, start=found.theta + 0.3)
    assert near.criterion == pytest.approx(found.criterion, abs=1e-7)
    assert solve_quadrature(design, progress=lambda at: False).status is Status.INTERRUPTED
    assert solve_quadrature(CASES[2].design("(x | g)"), max_evaluations=2).status is Status.EVALUATION_LIMIT


@pytest.mark.parametrize(
    ("formula", "options", "said"),
    [
        ("count ~ x + (1 | g) + (1 | h)", {"method": "quadrature"}, "2 grouping factors"),
        ("count ~ x", {"method": "quadrature"}, "no grouping factor"),
        ("count ~ x + (x + z + w | g)", {"method": "quadrature"}, "4 effects in each group"),
        ("count ~ x + (1 | g)", {"nodes": 9}, "nodes=9 was given to method='laplace'"),
        ("count ~ x + (1 | g)", {"method": "quadrature", "nodes": 0}, "nodes=0 is not a number of nodes"),
        ("count ~ x + (1 | g)", {"method": "quadrature", "nodes": 2.5}, "nodes=2.5 is not a number of nodes"),
        ("count ~ x + (1 | g)", {"method": "quadrature", "nodes": True}, "nodes=True is not"),
        ("count ~ x + (1 | g)", {"method": "quadrature", "nodes": 102}, "nodes=102 is not"),
        ("count ~ x + (x + z | g)", {"method": "quadrature", "nodes": 41}, "68,921 points"),
        (
            "count ~ x + (1 | g)",
            {"method": "quadrature", "family": "gaussian"},
            "method='quadrature' was asked",
        ),
    ],
)
def test_refusals(formula: str, options: dict[str, object], said: str) -> None:
    rng = np.random.default_rng(1)
    g, h = np.repeat(np.arange(15), 4), np.tile(np.arange(4), 15)
    x, z, w = rng.normal(size=(3, 60))
    data = {"g": g, "h": h, "x": x, "z": z, "w": w, "count": rng.poisson(2.0, size=60)}
    with pytest.raises(ml.OptionError, match=said):
        ml.fit(formula, data, **{"family": "poisson", **options})  # type: ignore[arg-type]
