"""The Laplace approximation against dense algebra, and its gradient against differences of its value."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy import stats

from multilevel.engines.laplace.start import start_vector
from multilevel.model.families import (
    Bernoulli,
    Binomial,
    Family,
    Gaussian,
    NegativeBinomial,
    Ordinal,
    Poisson,
)
from tests.design.generalised_cases import generalised
from tests.engines import laplace_cases
from tests.engines.laplace_cases import (
    STRUCTURES,
    central_gradient,
    dense_of,
    design_of,
    problem_of,
    random_point,
    shuffled,
)
from tests.oracle.families import every_family_and_link
from tests.oracle.laplace import Dense, laplace

FAMILIES = every_family_and_link()
every = pytest.mark.parametrize("family", FAMILIES, ids=[f"{f.name} {f.link}" for f in FAMILIES])
MIXED: list[tuple[Family, str, dict[str, object]]] = [
    *((family, structure, {}) for structure in STRUCTURES for family in (Bernoulli(), NegativeBinomial())),
    (Binomial(link="cloglog"), "crossed vectors", {"offset": True, "frequency": True}),
    (Poisson(), "nested vectors", {"offset": True, "frequency": True}),
    (Poisson(), "crossed", {"zero_inflation": "~ z"}),
    (NegativeBinomial(), "vectors", {"zero_inflation": "~ z", "offset": True}),
    (Ordinal(), "crossed vectors", {"frequency": True}),
    (Ordinal(link="probit"), "three factors", {}),
]
NAMES = [f"{f.name} {f.link} {s} {' '.join(map(str, o))}" for f, s, o in MIXED]


@every
def test_values_are_those_of_dense_algebra(family: Family) -> None:
    design = design_of(family, "vectors", n=24)
    problem = problem_of(design)
    x = random_point(problem, 1)
    assert abs(problem.at(x).value - laplace(dense_of(problem, x))) < 1e-6


@pytest.mark.parametrize(("family", "structure", "options"), MIXED, ids=NAMES)
def test_values_of_every_structure_are_those_of_dense_algebra(
    family: Family, structure: str, options: dict[str, object]
) -> None:
    problem = problem_of(design_of(family, structure, **options))
    for seed in range(2):
        x = random_point(problem, seed)
        assert abs(problem.at(x).value - laplace(dense_of(problem, x))) < 1e-6


@every
@pytest.mark.parametrize("structure", ["one", "vectors", "three effects", "crossed vectors"])
def test_gradients_are_those_of_differences(family: Family, structure: str) -> None:
    problem = problem_of(design_of(family, structure, offset=True))
    for sd in (1.0, 0.3, 1e-4, 0.0):
        x = random_point(problem, 3, sd=sd)
        found, expected = problem.at(x).gradient, central_gradient(problem, x)
        scale = np.maximum(1.0, np.abs(expected))
        np.testing.assert_allclose(found / scale, expected / scale, atol=2e-6, err_msg=f"sd {sd}")


@pytest.mark.parametrize(("family", "structure", "options"), MIXED, ids=NAMES)
def test_gradients_of_every_structure_are_those_of_differences(
    family: Family, structure: str, options: dict[str, object]
) -> None:
    problem = problem_of(design_of(family, structure, **options))
    for seed, sd in enumerate((1.0, 2.0, 1e-4, 0.0)):
        x = random_point(problem, seed, sd=sd)
        found, expected = problem.at(x).gradient, central_gradient(problem, x)
        scale = np.maximum(1.0, np.abs(expected))
        np.testing.assert_allclose(found / scale, expected / scale, atol=2e-6, err_msg=f"sd {sd}")


@pytest.mark.parametrize("structure", ["vectors", "crossed vectors"])
def test_gradients_hold_where_one_variance_or_a_correlation_ends(structure: str) -> None:
    problem = problem_of(design_of(Bernoulli(), structure))
    start = random_point(problem, 5)
    first, *others = problem.relative(start)
    flat, slim = np.diag([first[0, 0], 0.0]), np.outer([1.0, 0.5], [1.0, 0.5])
    for T in (flat, slim, slim + 1e-8 * np.eye(2), np.zeros((2, 2))):
        x = problem.with_relative(start, [T, *others])
        np.testing.assert_allclose(
            problem.at(x).gradient, central_gradient(problem, x), rtol=2e-6, atol=2e-6, err_msg=str(T)
        )


@pytest.mark.parametrize("family", [Bernoulli(), Poisson(), Ordinal()], ids=lambda f: f.name)
def test_the_order_of_rows_does_not_change_the_value(family: Family) -> None:
    design = design_of(family, "crossed vectors", frequency=True, offset=True)
    problem, other = problem_of(design), problem_of(shuffled(design, 8))
    x = random_point(problem, 2)
    there, here = other.at(x), problem.at(x)
    assert abs(there.value - here.value) < 1e-10
    np.testing.assert_allclose(there.gradient, here.gradient, atol=1e-8)


def test_the_value_does_not_depend_on_where_the_search_for_the_mode_starts() -> None:
    problem = problem_of(design_of(Bernoulli(), "crossed vectors"))
    x, far = random_point(problem, 1), random_point(problem, 2, sd=5.0)
    cold = problem.at(x).value
    problem.at(far + 1.0)
    assert abs(problem.at(x).value - cold) < 1e-9


@pytest.mark.parametrize(
    "family", [Gaussian(link="inverse"), NegativeBinomial(link="sqrt"), Poisson(link="sqrt")], ids=str
)
def test_no_path_leads_to_the_modes_behind_a_pole_of_the_link(family: Family) -> None:
    """Where the linear predictor is zero the density is none, and behind it is a second, lower mode."""
    problem = problem_of(design_of(family, "crossed vectors", n=60))
    x = random_point(problem, 1)
    cold = problem.at(x).value
    for share in (-1.0, 0.1, 0.5):
        problem.at(np.where(np.arange(x.size) < problem.places.coefficients.stop, share * x, x))
        assert (problem.predictor() > 0.0).all() == (share > 0.0)
        assert abs(problem.at(x).value - cold) < 1e-9
        assert (problem.predictor() > 0.0).all()


@pytest.mark.parametrize("size", [20.0, 12.0])
def test_the_mode_is_found_where_counts_are_huge(size: float) -> None:
    """Counts near e^20: the products with weights of 1e9 have rounding errors that the mode must not have."""
    data = laplace_cases.columns(60, 4)
    rng = np.random.default_rng(5)
    y = rng.poisson(np.exp(size + 0.3 * data["x"] + 0.2 * rng.normal(size=6)[data["g"]])).astype(float)
    design = laplace_cases.design_of(Poisson(), "one", n=60, seed=4)
    problem = problem_of(dataclasses.replace(design, y=y))
    x = start_vector(problem.design, problem.layout)
    found = problem.at(x)
    assert found.found["inner_gradient"] < 1e-14 * float(y.sum()) + 1e-9
    exact = dense_of(problem, x)
    assert abs(found.value - precise_laplace(exact)) < 1e-14 * float(y.sum()) * size + 1e-8


def test_the_mode_is_found_about_a_point_where_counts_are_huge() -> None:
    """200 counts near e^20: the last Newton steps are lost in roundings that the value cannot see either."""
    rng = np.random.default_rng(1)
    g, x = np.repeat(np.arange(20), 10), rng.normal(size=200)
    y = rng.poisson(np.exp(20 + 0.1 * x + 0.6 * rng.normal(size=20)[g])).astype(float)
    problem = problem_of(generalised("y ~ x + (1 | g)", {"y": y, "x": x, "g": g}, "poisson"))
    start = start_vector(problem.design, problem.layout)
    for size in 10.0 ** np.arange(-9, -1):
        for number in range(start.size):
            moved = start.copy()
            moved[number] += size
            problem.forget()
            assert problem.at(moved).found.get("inner_gradient", np.inf) < 1e-14 * float(y.sum())


def precise_laplace(problem: Dense) -> float:
    """Return -2 log-likelihood of Poisson counts, one effect per group, with long doubles group by group."""
    eta = problem.rows.eta.astype(np.longdouble)
    lam = np.longdouble(problem.Lambda[0, 0])
    total = np.longdouble(0)
    for j in range(problem.Z.shape[1]):
        rows = problem.Z[:, j] > 0
        y, u = problem.rows.y[rows].astype(np.longdouble), np.longdouble(0)
        for _ in range(60):
            mu = np.exp(eta[rows] + lam * u)
            u += (lam * (y - mu).sum() - u) / (1 + lam * lam * mu.sum())
        mu = np.exp(eta[rows] + lam * u)
        saturated = stats.poisson.logpmf(problem.rows.y[rows], problem.rows.y[rows])
        log_ratio = y * (eta[rows] + lam * u - np.log(y)) - (mu - y)
        total += -2 * (log_ratio.sum() + saturated.sum()) + u * u + np.log(1 + lam * lam * mu.sum())
    return float(total)
