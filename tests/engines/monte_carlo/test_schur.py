"""The native Schur complement against dense algebra: every operator, at inner and nearly singular points."""

from __future__ import annotations

import numpy as np
import pytest

from multilevel.data import read_table
from multilevel.design import bind, columns_needed
from multilevel.engines.likelihood.problem import relative_covariances
from multilevel.engines.monte_carlo.system import System, chain_to_eliminate, longest_chain, system_of
from multilevel.kernels import core
from multilevel.language import parse_formula
from multilevel.moments import Moments, summarise
from tests.engines.structures import (
    STRUCTURES,
    Floats,
    Structure,
    by_name,
    design_of,
    names_of,
    random_theta,
    scaled_dense,
)
from tests.engines.twin import Twin, twin_of

SEVERAL = [s for s in STRUCTURES if len({g for g, _, _ in s.terms}) > 1]


def at_random(structure: Structure) -> tuple[Moments, System, Twin, list[Floats]]:
    """Return the system at a random theta, its dense twin, and a root of the covariance of each factor."""
    design = design_of(structure)
    moments = summarise(design)
    theta = random_theta(scaled_dense(design, moments), np.random.default_rng(1))
    twin = twin_of(design, moments, theta)
    system = system_of(moments)
    roots = roots_of(moments, theta)
    system.native.set_lambda(roots)
    return moments, system, twin, roots


def roots_of(moments: Moments, theta: Floats) -> list[Floats]:
    """Return symmetric roots, which are no triangles."""
    roots = [np.zeros((k, k)) for k in moments.effects]
    for block, T in zip(moments.blocks, relative_covariances(moments, theta), strict=True):
        values, vectors = np.linalg.eigh(T)
        here = slice(block.start, block.start + block.size)
        roots[block.factor][here, here] = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    return roots


def wide(system: System, roots: list[Floats]) -> Floats:
    """Return the block diagonal matrix of the roots of every level."""
    found = np.zeros((system.native.total,) * 2)
    for f, (m, k) in enumerate(zip(system.levels, system.effects, strict=True)):
        here = slice(system.at[f], system.at[f] + m * k)
        found[here, here] = np.kron(np.eye(m), roots[f])
    return found


def rows(system: System, factors: tuple[int, ...]) -> Floats:
    """Return which rows of level space belong to some factors, in their order."""
    spans = [np.arange(system.at[f], system.at[f] + system.levels[f] * system.effects[f]) for f in factors]
    return np.concatenate([*spans, np.empty(0, dtype=int)])


@pytest.mark.parametrize("structure", SEVERAL, ids=names_of(SEVERAL))
def test_operators_are_those_of_dense_algebra(structure: Structure) -> None:
    _, system, twin, roots = at_random(structure)
    native, rng = system.native, np.random.default_rng(2)
    L = wide(system, roots)
    ZZ = twin.Z.T @ np.diag(1.0 / twin.problem.inverse_weights) @ twin.Z
    M = np.eye(native.total) + L.T @ ZZ @ L
    e, c = rows(system, system.chain), rows(system, tuple(system.core_at))
    Mee, S = (
        M[np.ix_(e, e)],
        M[np.ix_(c, c)] - M[np.ix_(c, e)] @ np.linalg.solve(M[np.ix_(e, e)], M[np.ix_(e, c)]),
    )
    assert native.log_det_chain == pytest.approx(np.linalg.slogdet(Mee)[1], abs=1e-9)
    for s in (1, 3, 7, 22):  # every width of the vector loops
        x, v = rng.normal(size=(native.core, s)), rng.normal(size=(native.total, s))
        close(native.cross(v), ZZ @ v)
        inner = np.linalg.solve(Mee, (L.T @ v)[e])
        close(native.reduce(v), (L.T @ v)[c] - M[np.ix_(c, e)] @ inner)
        close(native.chain_part(x), np.linalg.solve(Mee, M[np.ix_(e, c)] @ x))
        close(native.multiply(x), S @ x)
        found = native.solve(native.reduce(v), None, 1e-12, 500)
        close(native.back(v, found["x"]), np.linalg.solve(M, L.T @ v), 1e-8)
    inverse = np.linalg.inv(Mee)
    at = 0
    for a, f in enumerate(system.chain):
        m, k = system.levels[f], system.effects[f]
        blocks = np.array(
            [inverse[at + i * k : at + (i + 1) * k, at + i * k : at + (i + 1) * k] for i in range(m)]
        )
        close(native.chain_inverse()[a], blocks)
        close(native.chain_information()[a], m * np.eye(k) - blocks.sum(axis=0))
        at += m * k


@pytest.mark.parametrize("structure", SEVERAL, ids=names_of(SEVERAL))
def test_the_preconditioner_is_the_exact_diagonal(structure: Structure) -> None:
    _, system, _, _ = at_random(structure)
    native = system.native
    S = native.multiply(np.eye(native.core))
    log_det = 0.0
    root = np.zeros_like(S)
    for f, L in zip(system.core_at, native.block_roots(), strict=True):
        m, k = system.levels[f], system.effects[f]
        for i in range(m):
            here = slice(system.core_at[f] + i * k, system.core_at[f] + (i + 1) * k)
            close(L[i] @ L[i].T, S[here, here])
            root[here, here] = L[i]
            log_det += np.linalg.slogdet(S[here, here])[1]
    assert native.log_det_blocks == pytest.approx(log_det, abs=1e-9)
    close(native.root_of_blocks(np.eye(native.core)), root)


def test_columns_stop_by_themselves_and_can_start_warm() -> None:
    _, system, _, _ = at_random(by_name("three k=2, 1, 2"))
    native, rng = system.native, np.random.default_rng(3)
    b = rng.normal(size=(native.core, 9))
    b[:, 4] = 0.0
    exact = np.linalg.solve(native.multiply(np.eye(native.core)), b)
    found = native.solve(b, None, 1e-10, 500)
    close(found["x"], exact, 1e-8)
    close(found["residual"], b - native.multiply(found["x"]))
    assert found["iterations"][4] == 0
    assert (found["relative"] <= 1e-10).all()
    assert found["alpha"].size == 0
    start = exact.copy()
    start[:, 5] += 1.0
    again = native.solve(b, start, 1e-10, 500)
    assert (np.delete(again["iterations"], 5) == 0).all()
    assert again["iterations"][5] > 0
    close(again["x"], exact, 1e-8)
    stopped = native.solve(b, None, 1e-10, 2)
    assert stopped["iterations"].max() == 2
    close(stopped["residual"], b - native.multiply(stopped["x"]))


def test_coefficients_are_those_of_lanczos() -> None:
    _, system, _, _ = at_random(by_name("three crossed"))
    native = system.native
    z = np.random.default_rng(4).choice([-1.0, 1.0], (native.core, 3))
    found = native.solve(native.root_of_blocks(z), None, 1e-13, 200, coefficients=True)
    L = native.root_of_blocks(np.eye(native.core))
    scaled = np.linalg.solve(L, np.linalg.solve(L, native.multiply(np.eye(native.core))).T)
    values, vectors = np.linalg.eigh(scaled)
    for c in range(3):
        steps = found["iterations"][c]
        alpha, beta = found["alpha"][:steps, c], found["beta"][:steps, c]
        assert np.isnan(found["alpha"][steps:, c]).all()
        before = np.concatenate([[0.0], beta[:-1] / alpha[:-1]])
        T = np.diag(1.0 / alpha + before)
        off = np.sqrt(beta[:-1]) / alpha[:-1]
        T += np.diag(off, 1) + np.diag(off, -1)
        nodes, weights = np.linalg.eigh(T)
        quadrature = native.core * np.sum(weights[0] ** 2 * np.log(nodes))
        assert quadrature == pytest.approx(np.sum((vectors.T @ z[:, c]) ** 2 * np.log(values)), abs=1e-8)


def test_results_do_not_depend_on_threads() -> None:
    rng = np.random.default_rng(5)
    m, n, size = 900, 700, 60_000
    key = np.unique(rng.integers(0, m * n, size))
    start = np.concatenate([[0], np.cumsum(np.bincount(key // n, minlength=m))])
    value = rng.uniform(0.5, 2.0, (key.size, 1, 1))
    weight = value.ravel()
    A = [np.bincount(g, weight, s).reshape(-1, 1, 1) for g, s in ((key // n, m), (key % n, n))]
    pairs = [(0, 1, start.astype(np.int64), (key % n).astype(np.int32), value)]
    b = rng.normal(size=(n, 11))
    found = []
    for threads in (1, 3):
        native = core.SchurSystem(A, pairs, [0], threads)
        native.set_lambda([np.array([[0.7]]), np.array([[1.3]])])
        found.append(native.solve(b, None, 1e-8, 100)["x"])
    assert (found[0] == found[1]).all()


def test_the_border_refuses_what_does_not_fit() -> None:
    moments, system, _, roots = at_random(by_name("crossed and nested"))
    tables = [(pair.f, pair.g, pair.start, pair.index, pair.value) for pair in moments.pairs]
    assert system.chain == (0, 2) or system.chain == (0, 1)
    with pytest.raises(ValueError, match="not nested"):
        core.SchurSystem(list(moments.A), tables, [0, 1, 2], 1)
    with pytest.raises(ValueError, match="before the outer"):
        core.SchurSystem(list(moments.A), tables, list(reversed(system.chain)), 1)
    with pytest.raises(ValueError, match="at least one"):
        core.SchurSystem(list(moments.A), tables, [], 1)
    with pytest.raises(ValueError, match="each pair"):
        core.SchurSystem(list(moments.A), tables[:1], [0], 1)
    with pytest.raises(ValueError, match="row for each effect"):
        system.native.multiply(np.zeros((system.native.core + 1, 2)))
    with pytest.raises(ValueError, match="one root"):
        system.native.set_lambda(roots[:1])
    with pytest.raises(ValueError, match="positive definite"):
        system.native.set_lambda([np.full_like(root, np.nan) for root in roots])


def close(found: Floats, expected: Floats, tolerance: float = 1e-10) -> None:
    """Compare up to rounding of the largest entry."""
    scale = max(1.0, float(np.abs(expected).max(initial=0.0)))
    np.testing.assert_allclose(found / scale, expected / scale, atol=tolerance)


SCALAR = [s for s in SEVERAL if all(effects == 1 for _, effects, _ in s.terms)]


@pytest.mark.parametrize("structure", SCALAR, ids=names_of(SCALAR))
def test_squared_couplings_are_those_of_the_scaled_complement(structure: Structure) -> None:
    _, system, _, _ = at_random(structure)
    native = system.native
    if len(system.chain) > 1:
        assert native.squared_couplings(1e9) == -1.0
        return
    S = native.multiply(np.eye(native.core))
    size = np.sqrt(np.diagonal(S))
    expected = np.sum((S / np.outer(size, size) - np.eye(native.core)) ** 2)
    assert native.squared_couplings(1e9) == pytest.approx(expected, rel=1e-10)
    assert native.squared_couplings(1.0) == -1.0


def test_a_nested_chain_is_eliminated_before_a_factor_with_more_levels() -> None:
    rng = np.random.default_rng(5)
    app, device = rng.integers(0, 60, 900), rng.integers(0, 80, 900)
    rows = {"y": rng.normal(size=900), "app": app, "publisher": app // 6, "device": device}
    model = parse_formula("y ~ 1 + (1 | device) + (1 | app) + (1 | publisher)")
    moments = summarise(bind(model, read_table(rows, columns_needed(model))))
    assert moments.levels == (80, 60, 10)
    assert (longest_chain(moments), chain_to_eliminate(moments)) == ((0,), (1, 2))
