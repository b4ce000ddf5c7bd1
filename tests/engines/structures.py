"""Small random designs of every grouping structure, and their dense twins in scaled columns."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multilevel.design.design import Design, EffectsTerm, FixedPart, GroupFactor
from multilevel.model import Covariance, Model
from multilevel.moments import Moments
from tests.oracle.dense import Dense, Rotated, basis, dense

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Factors = dict[str, Ints]

U, D, S = Covariance.UNSTRUCTURED, Covariance.DIAGONAL, Covariance.SCALAR
C = Covariance.COMPOUND_SYMMETRIC


@dataclass(frozen=True, slots=True)
class Structure:
    """Recipe of a random design.

    Parameters
    ----------
    name
        Shown as the test's id.
    factors
        Makes the group of each of ``n`` rows, by name.
    terms
        ``(factor, effects, covariance)``: a positive number of effects starts with an intercept, a negative
        one has no intercept.
    p
        Columns of the fixed part; the first is the intercept unless ``intercept`` is false.
    """

    name: str
    factors: Callable[[np.random.Generator, int], Factors]
    terms: tuple[tuple[str, int, Covariance], ...]
    n: int = 48
    p: int = 2
    intercept: bool = True
    precision: bool = False
    frequency: bool = False
    offset: bool = False
    residual_sd: float | None = None


def none(rng: np.random.Generator, n: int) -> Factors:
    """Return no factor at all."""
    return {}


def one(m: int) -> Callable[[np.random.Generator, int], Factors]:
    """One factor whose first two levels have one and two rows."""

    def make(rng: np.random.Generator, n: int) -> Factors:
        g = np.concatenate([[0, 1, 1], np.arange(2, m), rng.integers(2, m, n - m - 1)])
        return {"g": g}

    return make


def nested(*sizes: int) -> Callable[[np.random.Generator, int], Factors]:
    """Factors nested in each other: ``a`` outermost, then ``b``, ``c``; unbalanced at the innermost."""

    def make(rng: np.random.Generator, n: int) -> Factors:
        cells = int(np.prod(sizes))
        leaf = np.concatenate([np.arange(cells), rng.integers(0, cells, n - cells)])
        found, below = {}, cells
        for name, size in zip("abc", sizes, strict=False):
            below //= size
            found[name] = leaf // below
        return found

    return make


def crossed(**sizes: int) -> Callable[[np.random.Generator, int], Factors]:
    """Factors crossed at random; every level occurs."""

    def make(rng: np.random.Generator, n: int) -> Factors:
        return {
            name: rng.permutation(np.concatenate([np.arange(m), rng.integers(0, m, n - m)]))
            for name, m in sizes.items()
        }

    return make


def partly(rng: np.random.Generator, n: int) -> Factors:
    """``h`` nested in ``g`` but for a few rows that cross over."""
    h = np.concatenate([np.arange(12), rng.integers(0, 12, n - 12)])
    g = h // 3
    g[:4] = (g[:4] + 1) % 4
    return {"g": g, "h": h}


def mixed(rng: np.random.Generator, n: int) -> Factors:
    """``b`` nested in ``a``, both crossed with ``h``."""
    b = np.concatenate([np.arange(12), rng.integers(0, 12, n - 12)])
    return {"a": b // 3, "b": b, "h": rng.integers(0, 5, n)}


STRUCTURES: tuple[Structure, ...] = (
    Structure("no groups", none, ()),
    Structure("no groups, known sigma", none, (), residual_sd=0.9),
    Structure("k=1", one(9), (("g", 1, U),)),
    Structure("k=1, weights", one(9), (("g", 1, U),), precision=True, frequency=True, offset=True),
    Structure("k=1, no fixed part", one(9), (("g", 1, U),), p=0),
    Structure("k=1, known sigma", one(9), (("g", 1, U),), residual_sd=0.7),
    Structure("k=2", one(10), (("g", 2, U),)),
    Structure("k=2 diagonal", one(10), (("g", 2, D),)),
    Structure("k=2 scalar", one(10), (("g", 2, S),), precision=True),
    Structure("k=2 symmetric", one(10), (("g", 2, C),)),
    Structure("k=3 symmetric", one(10), (("g", 3, C),), n=60, precision=True, frequency=True),
    Structure("k=4 symmetric, known sigma", one(9), (("g", -4, C),), n=60, residual_sd=0.8),
    Structure("k=1 symmetric", one(9), (("g", 1, C),)),
    Structure("k=2 without intercepts", one(10), (("g", -2, U),), intercept=False),
    Structure("k=3", one(10), (("g", 3, U),), n=60, frequency=True),
    Structure("k=3 diagonal", one(10), (("g", 3, D),), residual_sd=0.8),
    Structure("k=4", one(9), (("g", 4, U),), n=60, p=3),
    Structure("k=5", one(8), (("g", 5, U),), n=70),
    Structure("two terms on one factor", one(10), (("g", 2, U), ("g", -1, U)), n=60),
    Structure("three kinds on one factor", one(10), (("g", -2, S), ("g", 2, U), ("g", -1, D)), n=60),
    Structure("symmetric and others on one factor", one(10), (("g", -3, C), ("g", 2, U), ("g", -1, D)), n=60),
    Structure("nested", nested(4, 3), (("a", 1, U), ("b", 1, U))),
    Structure("nested vectors", nested(4, 3), (("a", 2, U), ("b", 2, U)), n=60),
    Structure("nested vectors, weights", nested(4, 3), (("b", 2, D), ("a", 3, U)), n=60, precision=True),
    Structure("nested three deep", nested(3, 2, 2), (("a", 1, U), ("b", 2, U), ("c", 1, U)), n=60),
    Structure("nested three deep, p=0", nested(3, 2, 2), (("c", 2, U), ("a", 2, D), ("b", 1, U)), n=60, p=0),
    Structure("nested, middle left out", nested(3, 2, 2), (("a", 2, U), ("c", 1, U)), n=50),
    Structure("crossed", crossed(g=8, h=6), (("g", 1, U), ("h", 1, U))),
    Structure("crossed, known sigma", crossed(g=8, h=6), (("g", 1, U), ("h", 1, U)), residual_sd=0.8),
    Structure("crossed k=2, 1", crossed(g=8, h=6), (("g", 2, U), ("h", 1, U)), n=60, frequency=True),
    Structure("crossed k=2, 3", crossed(g=7, h=5), (("g", 2, U), ("h", 3, U)), n=70, precision=True),
    Structure("two on each", crossed(g=7, h=5), (("h", 1, U), ("g", 2, D), ("h", -1, U), ("g", -1, S)), n=60),
    Structure("crossed, symmetric", crossed(g=7, h=5), (("g", 3, C), ("h", 2, C)), n=70),
    Structure("partly crossed", partly, (("g", 2, U), ("h", 1, U)), n=60),
    Structure("crossed and nested", mixed, (("h", 1, U), ("a", 2, U), ("b", 1, U)), n=60),
    Structure("crossed and nested vectors", mixed, (("h", 2, D), ("a", 1, U), ("b", 2, U)), n=70, p=3),
    Structure("three crossed", crossed(f=7, g=6, h=5), (("f", 1, U), ("g", 1, U), ("h", 1, U)), offset=True),
    Structure("three k=2, 1, 2", crossed(f=6, g=5, h=4), (("f", 2, U), ("g", 1, U), ("h", 2, D)), n=70),
    Structure("more effects than rows", crossed(g=9, h=8), (("g", 3, U), ("h", 2, U)), n=20, p=1),
)  # fmt: skip


def design_of(structure: Structure, seed: int = 0) -> Design:
    """Return a random design; the response has variance of every kind that the structure allows."""
    rng = np.random.default_rng([seed, len(structure.name), structure.n])
    n = structure.n
    factors = structure.factors(rng, n)
    names = list(dict.fromkeys(g for g, _, _ in structure.terms))
    one_column = np.ones((n, 1))
    X = np.hstack([one_column, rng.normal(size=(n, structure.p))])[:, not structure.intercept :][
        :, : structure.p
    ]
    frequency = rng.integers(1, 4, n).astype(float) if structure.frequency else None
    precision = rng.uniform(0.5, 2, n) if structure.precision else None
    offset = rng.normal(size=n) if structure.offset else None
    y = X @ rng.normal(size=structure.p) + 0.8 * rng.normal(size=n)
    terms = []
    for name, effects, covariance in structure.terms:
        k = abs(effects)
        Z = rng.normal(size=(n, k))
        if effects > 0:
            Z[:, 0] = 1.0
        level = factors[name]
        b = rng.normal(size=(level.max() + 1, k)) @ (rng.normal(0, 0.4, (k, k)) + 0.5 * np.eye(k))
        y += np.einsum("nk,nk->n", Z, b[level])
        labels = (
            ["Intercept", *(f"x{i}" for i in range(1, k))] if effects > 0 else [f"x{i}" for i in range(k)]
        )
        terms.append(EffectsTerm(names.index(name), tuple(labels), np.asfortranarray(Z), covariance))
    constant = np.zeros(structure.p)
    constant[:1] = 1.0
    columns = ("Intercept", *(f"x{i}" for i in range(1, structure.p + 1)))[not structure.intercept :]
    return Design(
        model=Model(structure.name, "y", "", ()),
        y=y if offset is None else y + offset,
        offset=offset,
        fixed=FixedPart(
            columns[: structure.p],
            np.asfortranarray(X),
            (),
            constant if structure.intercept and structure.p > 0 else None,
        ),
        factors=tuple(group_factor(name, factors[name]) for name in names),
        terms=tuple(terms),
        precision_weights=precision,
        frequency_weights=frequency,
        residual_sd=structure.residual_sd,
        rows=np.arange(n, dtype=np.int64),
        n_input=n,
        missing={},
        library="pandas",
        row_labels=None,
        recipe=None,
    )


def group_factor(name: str, level: Ints) -> GroupFactor:
    """Return a factor whose levels are those that occur."""
    found, index = np.unique(level, return_inverse=True)
    return GroupFactor(name, (name,), index.astype(np.int32), tuple(f"{name}{x}" for x in found))


def reordered(design: Design, rows: Ints) -> Design:
    """Return a design of the given rows; every level must still occur."""

    def take(x: Floats | None) -> Floats | None:
        return None if x is None else x[rows]

    return dataclasses.replace(
        design,
        y=design.y[rows],
        offset=take(design.offset),
        fixed=dataclasses.replace(design.fixed, X=np.asfortranarray(design.fixed.X[rows])),
        factors=tuple(dataclasses.replace(f, index=f.index[rows]) for f in design.factors),
        terms=tuple(dataclasses.replace(t, Z=np.asfortranarray(t.Z[rows])) for t in design.terms),
        precision_weights=take(design.precision_weights),
        frequency_weights=take(design.frequency_weights),
        rows=np.arange(rows.size, dtype=np.int64),
        n_input=int(rows.size),
    )


def scaled_design(design: Design, moments: Moments) -> Design:
    """Return the design in the shifted and scaled columns of its moments."""
    scaling = moments.scaling
    X = scaling.fixed.apply(design.fixed.X)
    y = design.y if design.offset is None else design.y - design.offset
    return dataclasses.replace(
        design,
        y=(y - scaling.y_centre) / scaling.y_scale,
        offset=None,
        fixed=dataclasses.replace(design.fixed, X=X),
        terms=tuple(
            dataclasses.replace(t, Z=s.apply(t.Z)) for t, s in zip(design.terms, scaling.terms, strict=True)
        ),
        residual_sd=None if design.residual_sd is None else design.residual_sd / scaling.y_scale,
    )


def scaled_dense(design: Design, moments: Moments) -> Dense:
    """Return the dense twin of the problem that the kernels are given."""
    found = dense(scaled_design(design, moments))
    structures = tuple(Rotated.MEAN_FIRST if kind is C else kind for kind in found.structures)
    return dataclasses.replace(found, structures=structures)


def random_theta(problem: Dense, rng: np.random.Generator) -> Floats:
    """Return random coordinates of every term's factor, diagonals positive."""
    parts: list[Floats] = [np.empty(0)]
    for (_, k), structure in zip(problem.sizes, problem.structures, strict=True):
        if structure is U:
            L = np.tril(rng.normal(0, 0.5, (k, k)), -1) + np.diag(rng.uniform(0.3, 1.2, k))
            parts.append(L.T[np.triu_indices(k)])
        else:
            parts.append(rng.uniform(0.3, 1.2, len(basis(k, structure))))
    return np.concatenate(parts)


def singular_thetas(problem: Dense, rng: np.random.Generator) -> dict[str, Floats]:
    """Return points on and near the boundary of the covariance matrices."""
    theta = random_theta(problem, rng)
    if theta.size == 0:
        return {}
    found = {"zero": np.zeros_like(theta), "tiny": 1e-7 * theta}
    first, last, rank_one = theta.copy(), theta.copy(), theta.copy()
    start = 0
    for b, ((_, k), structure) in enumerate(zip(problem.sizes, problem.structures, strict=True)):
        size = len(basis(k, structure))
        if b == 0:
            first[start : start + size] = 0.0
        last[start + size - 1] = 0.0
        if structure is U:
            rank_one[start + k : start + size] = 0.0
        start += size
    near = last + 1e-7 * (last == 0.0)
    return {**found, "first term zero": first, "last columns zero": last, "rank one": rank_one, "near": near}


def by_name(name: str) -> Structure:
    """Return the structure of a name."""
    return next(s for s in STRUCTURES if s.name == name)


def names_of(structures: Sequence[Structure]) -> list[str]:
    """Return test ids."""
    return [s.name for s in structures]
