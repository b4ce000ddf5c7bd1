"""The native module: what it computes at a theta against dense algebra, and what its border refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from multilevel.engines.likelihood.problem import KIND, entries, native_problem
from multilevel.kernels import core
from multilevel.moments import Moments, replace_response, summarise
from tests.engines.structures import (
    STRUCTURES,
    Factors,
    Floats,
    Structure,
    U,
    by_name,
    design_of,
    names_of,
    random_theta,
    scaled_dense,
    singular_thetas,
)
from tests.engines.twin import Twin, twin_of
from tests.oracle.optimum import profiled

GROUPED = [s for s in STRUCTURES if s.terms]


def close(found: Floats, expected: Floats, message: str = "") -> None:
    """Compare up to rounding of the largest entry."""
    scale = max(1.0, float(np.abs(expected).max(initial=0.0)))
    np.testing.assert_allclose(found / scale, expected / scale, atol=1e-9, err_msg=message)


def points(structure: Structure) -> list[tuple[Moments, Floats, Twin]]:
    """Return moments, a theta and its dense twin, at inner and at boundary points."""
    design = design_of(structure)
    moments = summarise(design)
    scaled = scaled_dense(design, moments)
    rng = np.random.default_rng(1)
    thetas = [random_theta(scaled, rng), *singular_thetas(scaled, rng).values()]
    return [(moments, theta, twin_of(design, moments, theta)) for theta in thetas]


@pytest.mark.parametrize("structure", GROUPED, ids=names_of(GROUPED))
def test_posterior_and_products_are_those_of_dense_algebra(structure: Structure) -> None:
    rng = np.random.default_rng(2)
    for moments, theta, twin in points(structure):
        problem = native_problem(moments, "reml")
        found = problem.posterior(theta)
        for f, (B, H, covariance, E) in enumerate(found):
            close(B, twin.by_level(twin.T @ twin.H)[f], "B")
            close(H, twin.by_level(twin.H)[f], "H")
            close(covariance, twin.diagonal_blocks(twin.covariance)[f], "covariance")
            close(E, twin.diagonal_blocks(twin.E)[f], "E")
        level, thin, wide = _rows(twin, rng)
        variance = np.einsum("nq,qr,nr->n", wide, twin.covariance, wide)
        close(problem.row_variance(level, thin), variance, "row variance")
        w = rng.normal(size=(twin.T.shape[0], 3))
        close(problem.information_product(theta, w), w.T @ twin.E @ w, "information product")


@pytest.mark.parametrize("structure", GROUPED, ids=names_of(GROUPED))
def test_gradients_of_reductions_are_those_of_dense_algebra(structure: Structure) -> None:
    """``d log|M| = tr(E dT)`` and ``dS = -H' dT H`` for a level, summed over the levels of a factor."""
    for moments, theta, twin in points(structure):
        r = moments.p + 1
        weights = np.random.default_rng(3).normal(size=(1, r, r))
        found = native_problem(moments, "ml").reduction_gradients(theta[None], weights)
        form = twin.E - twin.H @ (0.5 * (weights[0] + weights[0].T)) @ twin.H.T
        for G, expected in zip(found, twin.diagonal_blocks(form), strict=True):
            close(G[0], expected.sum(axis=0), "G")


def test_gradients_at_several_thetas_are_those_of_each_and_nan_where_not_defined() -> None:
    problem = problem_of()
    thetas = np.array([[1.0, 0.2, 0.5, 0.8], [1e200, 1e200, 1e200, 1e200], [0.3, 0.1, 0.9, 0.4]])
    weights = np.random.default_rng(3).normal(size=(3, MOMENTS.p + 1, MOMENTS.p + 1))
    together = problem.reduction_gradients(thetas, weights)
    for i in (0, 2):
        alone = problem.reduction_gradients(thetas[i : i + 1], weights[i : i + 1])
        for G, one in zip(together, alone, strict=True):
            np.testing.assert_array_equal(G[i], one[0])
    assert all(np.isnan(G[1]).all() for G in together)


def _rows(twin: Twin, rng: np.random.Generator, n: int = 30) -> tuple[np.ndarray, Floats, Floats]:
    """Return levels (-1: left out) in any combination, effect columns, and the same in the long layout."""
    level = np.stack([rng.integers(-1, m, n) for m, _ in twin.sizes], axis=1).astype(np.int32)
    thin = rng.normal(size=(n, sum(k for _, k in twin.sizes)))
    wide, start, first = np.zeros((n, twin.T.shape[0])), 0, 0
    for f, (m, k) in enumerate(twin.sizes):
        for i in np.flatnonzero(level[:, f] >= 0):
            at = start + level[i, f] * k
            wide[i, at : at + k] = thin[i, first : first + k]
        start, first = start + m * k, first + k
    return level, thin, wide


@pytest.mark.parametrize("general", [False, True])
@pytest.mark.parametrize("structure", STRUCTURES, ids=names_of(STRUCTURES))
def test_a_new_response_in_an_old_problem_gives_the_problem_of_the_new_response(
    structure: Structure, general: bool
) -> None:
    design = design_of(structure)
    moments = summarise(design)
    fresh = replace_response(moments, design, 3.0 - 2.0 * design.y[::-1])
    theta = random_theta(scaled_dense(design, moments), np.random.default_rng(3))
    problem = native_problem(moments, "reml")
    problem.evaluate(theta, general)
    problem.replace_response([np.ascontiguousarray(C[:, :, -1]) for C in fresh.C], fresh.D[-1].copy())
    if moments.known_sigma is None:
        found = problem.evaluate(theta, general)
        expected = native_problem(fresh, "reml").evaluate(theta, general)
        for key in ("value", "gradient", "hessian", "beta", "r2"):
            close(np.asarray(found[key]), np.asarray(expected[key]), key)


def test_nested_factors_need_no_dense_core() -> None:
    for name in ("nested vectors", "nested three deep", "nested, middle left out"):
        problem = native_problem(summarise(design_of(by_name(name))), "ml")
        assert problem.structure()["core_size"] == 0, name
    crossed = native_problem(summarise(design_of(by_name("crossed"))), "ml").structure()
    assert crossed == {"core_size": 6, "list_size": crossed["list_size"], "nodes": 14}


def overlapping(rng: np.random.Generator, n: int) -> Factors:
    """Two factors that overlap only near the diagonal: 210 levels meet 205."""
    h = np.concatenate([np.arange(205), rng.integers(0, 205, n - 205)])
    return {"g": np.concatenate([np.arange(210), (h[210:] + rng.integers(0, 3, n - 210)) % 210]), "h": h}


def test_a_large_core_that_is_mostly_empty_is_eliminated_one_by_one() -> None:
    """410 effects would stand in the core; few are left, and the numbers are still those of dense algebra."""
    structure = Structure("overlapping", overlapping, (("g", 1, U), ("h", 2, U)), n=450)
    design = design_of(structure)
    moments = summarise(design)
    problem = native_problem(moments, "reml")
    assert problem.structure()["core_size"] < 60
    theta = np.array([0.8, 0.7, 0.2, 0.5])
    twin = twin_of(design, moments, theta)
    value, gradient, _ = profiled(twin.problem, theta, "reml")
    found = problem.evaluate(theta)
    assert found["value"] == pytest.approx(value, rel=1e-11)
    np.testing.assert_allclose(found["gradient"], gradient, rtol=1e-8)
    for f, (B, H, covariance, E) in enumerate(problem.posterior(theta)):
        close(B, twin.by_level(twin.T @ twin.H)[f], "B")
        close(H, twin.by_level(twin.H)[f], "H")
        close(covariance, twin.diagonal_blocks(twin.covariance)[f], "covariance")
        close(E, twin.diagonal_blocks(twin.E)[f], "E")
    level, thin, wide = _rows(twin, np.random.default_rng(4))
    close(problem.row_variance(level, thin), np.einsum("nq,qr,nr->n", wide, twin.covariance, wide))


MOMENTS = summarise(design_of(by_name("crossed k=2, 1")))
PAIR = MOMENTS.pairs[0]


def problem_of(**changes: Any) -> core.Problem:
    """Return the native problem of two crossed factors with some arguments changed."""
    arguments: dict[str, Any] = {
        "p": MOMENTS.p,
        "A": list(MOMENTS.A),
        "C": list(MOMENTS.C),
        "D": MOMENTS.D,
        "pairs": [(0, 1, PAIR.start, PAIR.index, PAIR.value)],
        "entries": list(entries(MOMENTS.blocks)),
        "blocks": [(b.factor, b.start, b.size, KIND[b.covariance]) for b in MOMENTS.blocks],
        "reml": True,
        "n": MOMENTS.n,
        "known_sigma": 0.0,
        "max_core": 100,
    }
    return core.Problem(**{**arguments, **changes})


def pair(**changes: Any) -> list[tuple[Any, ...]]:
    """Return the pair table with some parts changed."""
    parts = {"f": 0, "g": 1, "start": PAIR.start, "index": PAIR.index, "value": PAIR.value, **changes}
    return [tuple(parts.values())]


def jump() -> np.ndarray:
    """Return starts of which one is far beyond the end."""
    start = PAIR.start.copy()
    start[1] = 1 << 40
    return start


ENTRIES = list(entries(MOMENTS.blocks))
BLOCKS = [(0, 0, 2, 0), (1, 0, 1, 0)]
REFUSED_PROBLEMS: dict[str, Callable[[], dict[str, Any]]] = {
    "p too large": lambda: {"p": MOMENTS.p + 1},
    "p negative": lambda: {"p": -1},
    "a factor without C": lambda: {"C": list(MOMENTS.C)[:1]},
    "A of two dimensions": lambda: {"A": [MOMENTS.A[0][0], MOMENTS.A[1]]},
    "A not square": lambda: {"A": [np.ascontiguousarray(MOMENTS.A[0][:, :, :1]), MOMENTS.A[1]]},
    "C of other factors": lambda: {"C": list(MOMENTS.C)[::-1]},
    "D too small": lambda: {"D": MOMENTS.D[:2, :2].copy()},
    "pair out of order": lambda: {"pairs": pair(f=1, g=0)},
    "pair with itself": lambda: {"pairs": pair(g=0)},
    "pair of no factor": lambda: {"pairs": pair(g=2)},
    "pair of a negative factor": lambda: {"pairs": pair(f=-1)},
    "starts too short": lambda: {"pairs": pair(start=PAIR.start[:-1].copy())},
    "starts from one": lambda: {"pairs": pair(start=PAIR.start + 1)},
    "starts beyond the end": lambda: {"pairs": pair(start=jump())},
    "level too large": lambda: {"pairs": pair(index=PAIR.index + 1)},
    "level negative": lambda: {"pairs": pair(index=PAIR.index - 1)},
    "values too few": lambda: {"pairs": pair(value=PAIR.value[:-1].copy())},
    "theta negative": lambda: {"entries": [(-1, 0, 0, 0), *ENTRIES]},
    "theta that fills nothing": lambda: {"entries": [*ENTRIES, (9, 0, 0, 0)]},
    "entry of no factor": lambda: {"entries": [(0, 2, 0, 0), *ENTRIES[1:]]},
    "entry above the diagonal": lambda: {"entries": [(0, 0, 0, 1), *ENTRIES[1:]]},
    "entry below the last row": lambda: {"entries": [(0, 0, 2, 0), *ENTRIES[1:]]},
    "block of no factor": lambda: {"blocks": [(2, 0, 1, 0), *BLOCKS]},
    "block before its factor": lambda: {"blocks": [(0, -1, 2, 0), *BLOCKS]},
    "block beyond its factor": lambda: {"blocks": [(0, 1, 2, 0), *BLOCKS]},
    "block without rows": lambda: {"blocks": [(0, 0, 0, 0), *BLOCKS]},
    "block of unknown kind": lambda: {"blocks": [(0, 0, 2, 3), *BLOCKS]},
}


@pytest.mark.parametrize("name", REFUSED_PROBLEMS)
def test_a_problem_that_does_not_fit_together_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        problem_of(**REFUSED_PROBLEMS[name]())


THETA = np.ones(4)
LEVEL = np.zeros((2, 2), dtype=np.int32)
WEIGHTS = np.zeros((2, MOMENTS.p + 1, MOMENTS.p + 1))
REFUSED_CALLS: dict[str, Callable[[core.Problem], object]] = {
    "theta too short": lambda p: p.evaluate(np.ones(3)),
    "value of a theta too long": lambda p: p.value(np.ones(5)),
    "posterior of a theta too short": lambda p: p.posterior(np.ones(3)),
    "gradients of thetas too short": lambda p: p.reduction_gradients(np.ones((2, 3)), WEIGHTS),
    "gradients without a weight for each": lambda p: p.reduction_gradients(np.ones((3, 4)), WEIGHTS),
    "weights not square": lambda p: p.reduction_gradients(np.ones((2, 4)), WEIGHTS[:, :1].copy()),
    "weights of two dimensions": lambda p: p.reduction_gradients(np.ones((2, 4)), WEIGHTS[0].copy()),
    "theta not a number": lambda p: p.evaluate(np.full(4, np.nan)),
    "theta infinite": lambda p: p.evaluate(np.full(4, np.inf)),
    "start too short": lambda p: p.optimise(np.ones(3), 1e-9, 1e-6, 10, None),
    "level too large": lambda p: p.row_variance(LEVEL + 8, np.ones((2, 3))),
    "levels of three factors": lambda p: p.row_variance(np.zeros((2, 3), dtype=np.int32), np.ones((2, 3))),
    "effect columns too few": lambda p: p.row_variance(LEVEL, np.ones((2, 2))),
    "effect rows too few": lambda p: p.row_variance(LEVEL, np.ones((1, 3))),
    "products of too few effects": lambda p: p.information_product(THETA, np.ones((3, 2))),
    "products at a theta too short": lambda p: p.information_product(np.ones(2), np.ones((22, 2))),
    "response of one factor": lambda p: p.replace_response([np.ones((8, 2))], np.ones(3)),
    "response of other effects": lambda p: p.replace_response([np.ones((8, 1)), np.ones((6, 1))], np.ones(3)),
    "response without y": lambda p: p.replace_response([np.ones((8, 2)), np.ones((6, 1))], np.ones(2)),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED_CALLS)
def test_a_question_that_does_not_fit_is_refused(name: str) -> None:
    problem = problem_of()
    problem.posterior(THETA)
    with pytest.raises(ValueError, match=r"."):
        REFUSED_CALLS[name](problem)


WRONG_TYPES: dict[str, Callable[[core.Problem], object]] = {
    "nothing": lambda p: p.evaluate(None),  # type: ignore[arg-type]
    "a list": lambda p: p.evaluate([1.0] * 4),  # type: ignore[arg-type]
    "text": lambda p: p.evaluate(np.array(list("abcd"))),  # type: ignore[arg-type]
    "objects": lambda p: p.evaluate(THETA.astype(object)),
    "complex numbers": lambda p: p.evaluate(THETA.astype(complex)),  # type: ignore[arg-type]
    "a matrix": lambda p: p.evaluate(THETA[None]),
    "levels in a vector": lambda p: p.row_variance(LEVEL[0], np.ones((2, 3))),
    "no arguments": lambda p: core.Problem(),  # type: ignore[call-arg]
}


@pytest.mark.parametrize("name", WRONG_TYPES)
def test_arguments_of_another_type_are_refused(name: str) -> None:
    with pytest.raises(TypeError, match="incompatible"):
        WRONG_TYPES[name](problem_of())


def test_row_variance_needs_a_posterior() -> None:
    with pytest.raises(ValueError, match="posterior"):
        problem_of().row_variance(LEVEL, np.ones((2, 3)))


def test_a_core_that_is_too_large_is_refused_before_it_is_allocated() -> None:
    with pytest.raises(ValueError, match="core"):
        problem_of(max_core=5).evaluate(THETA)


def test_arrays_of_other_memory_orders_and_types_are_copied() -> None:
    problem = problem_of(D=np.asfortranarray(MOMENTS.D))
    expected = problem_of().value(THETA)
    for theta in (np.ones(8)[::2], np.ones(4, dtype=np.float32), np.ones(4, dtype=int)):
        assert problem.value(theta) == expected  # type: ignore[arg-type]


def test_errors_of_the_watcher_come_through() -> None:
    def broken(evaluations: int, value: float, decrement: float) -> bool:
        raise KeyError("watcher")

    with pytest.raises(KeyError, match="watcher"):
        problem_of().optimise(THETA, 1e-9, 1e-6, 10, broken)


ROWS = 20
INDEX = (np.arange(ROWS) % 4).astype(np.int32)
Z = np.asfortranarray(np.random.default_rng(0).normal(size=(ROWS, 2)))
X = np.asfortranarray(np.random.default_rng(1).normal(size=(ROWS, 3)))
Y = np.random.default_rng(2).normal(size=ROWS)


def pairs(group: Any = (), **changes: Any) -> object:
    """Tabulate the pairs of a factor with itself, some parts of the factor or arguments changed."""
    one = _factor(group)
    return core.pair_table(one, one, changes.get("root"))


def products(group: Any = (), **changes: Any) -> object:
    """Compute all cross-products, some parts of the factor or arguments changed."""
    return core.cross_products([_factor(group)], **{**_columns(), **changes}, threads=1)


def response(group: Any = (), **changes: Any) -> object:
    """Compute the products with the response, some parts of the factor or arguments changed."""
    return core.response_products([_factor(group)], **{**_columns(), **changes})


def _factor(group: Any) -> Any:
    return (*group, *(INDEX, 4, Z, np.zeros(2), np.ones(2))[len(group) :])


def _columns() -> dict[str, Any]:
    return {"X": X, "centre": np.zeros(3), "factor": np.ones(3), "y": Y, "root": None}


Pass = Callable[..., object]
WRONG_FACTORS: dict[str, tuple[Any, ...]] = {
    "level negative": (INDEX - 1,),
    "level too large": (INDEX, 3),
    "fewer than no levels": (INDEX, -4),
    "levels too few": (INDEX[:-1].copy(),),
    "effect centres too few": (INDEX, 4, Z, np.zeros(1)),
    "effect factors too many": (INDEX, 4, Z, np.zeros(2), np.ones(3)),
}


@pytest.mark.parametrize("scatter", [pairs, products, response])
@pytest.mark.parametrize("name", WRONG_FACTORS)
def test_a_factor_that_does_not_fit_its_rows_is_refused(name: str, scatter: Pass) -> None:
    scatter()
    with pytest.raises(ValueError, match=r"."):
        scatter(WRONG_FACTORS[name])


WRONG_COLUMNS: dict[str, dict[str, Any]] = {
    "response too short": {"y": Y[:-1].copy()},
    "centres too few": {"centre": np.zeros(2)},
    "factors too many": {"factor": np.ones(4)},
    "weights too few": {"root": np.ones(3)},
    "another number of rows": {"X": np.asfortranarray(X[:-1]), "y": Y[:-1].copy()},
}


@pytest.mark.parametrize("scatter", [products, response])
@pytest.mark.parametrize("name", WRONG_COLUMNS)
def test_columns_that_do_not_fit_each_other_are_refused(name: str, scatter: Pass) -> None:
    with pytest.raises(ValueError, match=r"."):
        scatter(**WRONG_COLUMNS[name])


def test_factors_of_different_rows_make_no_pairs() -> None:
    with pytest.raises(ValueError, match="rows"):
        core.pair_table(_factor(()), _factor((INDEX[:-1].copy(), 4, np.asfortranarray(Z[:-1]))), None)
    with pytest.raises(ValueError, match="rows"):
        pairs(root=np.ones(3))


def test_moments_of_no_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="rows"):
        core.column_moments(np.zeros((0, 2), order="F"))


@pytest.mark.parametrize("y", [None, list(Y), Y[:, None], Y.astype(complex), Y.astype(object)])
def test_a_response_that_is_no_vector_of_numbers_is_refused(y: object) -> None:
    with pytest.raises(TypeError, match="incompatible"):
        products(y=y)


def test_column_moments_keep_their_digits_far_from_zero() -> None:
    x = np.asfortranarray(np.column_stack([X[:, 0] + 1e9, np.full(ROWS, 7.0), X[:, 1] * 1e-9]))
    mean, deviation = core.column_moments(x)
    np.testing.assert_allclose(mean, x.mean(axis=0), rtol=1e-14)
    np.testing.assert_allclose(deviation, x.std(axis=0), rtol=1e-6, atol=1e-20)
    assert deviation[1] == 0.0
