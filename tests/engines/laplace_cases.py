"""Small generalised designs of every structure, and points at which their approximation is checked."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilevel.data import read_table
from multilevel.design import Design, bind, columns_needed
from multilevel.engines.laplace.problem import LaplaceProblem
from multilevel.language import parse_formula, with_family
from multilevel.model import Covariance
from multilevel.model.families import Family
from multilevel.moments import layout_of
from tests.oracle.families import COUNTS, POSITIVE, Rows
from tests.oracle.laplace import Dense, stacked

Floats = NDArray[np.float64]

STRUCTURES = {
    "one": "(1 | g)",
    "vectors": "(x | g)",
    "three effects": "(x + z | g)",
    "diagonal": "(x || g)",
    "symmetric": "cs(0 + f | g)",
    "one sd": "homdiag(0 + f | g)",
    "nested": "(1 | a/b)",
    "nested vectors": "(x | a) + (z | a:b)",
    "crossed": "(1 | g) + (1 | h)",
    "crossed vectors": "(x | g) + (z || h)",
    "three factors": "(1 | g) + (x | h) + (1 | a)",
    "two terms": "(1 | g) + (0 + x | g) + (1 | h)",
}


def columns(n: int, seed: int) -> dict[str, Any]:
    """Return predictors and groups."""
    rng = np.random.default_rng(seed)
    a = rng.integers(0, 3, n)
    return {
        "x": rng.normal(size=n),
        "z": rng.uniform(-1, 1, n),
        "f": np.array(list("pqr"))[rng.integers(0, 3, n)],
        "g": rng.permutation(np.concatenate([np.arange(6), rng.integers(0, 6, n - 6)])),
        "h": rng.permutation(np.concatenate([np.arange(4), rng.integers(0, 4, n - 4)])),
        "a": a,
        "b": rng.integers(0, 2, n),
        "o": rng.uniform(-0.1, 0.1, n),
        "w": rng.integers(1, 4, n).astype(np.float64),
        "n": rng.integers(1, 8, n).astype(np.float64),
    }


def narrow(family: Family) -> bool:
    """Return whether linear predictors near zero are not allowed."""
    positive = family.name in COUNTS or family.name in POSITIVE
    return family.link in ("inverse", "sqrt") or (family.link == "identity" and positive)


def data_of(family: Family, n: int = 40, seed: int = 0) -> dict[str, Any]:
    """Return columns with a response ``y`` of the family."""
    data = columns(n, seed)
    rng = np.random.default_rng(seed + 1)
    eta = 0.4 * data["x"] + 0.5 * rng.normal(size=6)[data["g"]] + 0.5 * rng.normal(size=4)[data["h"]]
    eta = 3.0 + 0.25 * np.tanh(eta) if narrow(family) else 0.7 * eta
    trials = data["n"] if family.trials else None
    if family.name == "ordinal":
        y = family.draw(rng, eta, np.array([-0.8, 0.2, 1.0]), None)
        y[:4] = [1, 2, 3, 4]
    else:
        parameters = {"sigma": 0.5, "nu": 5.0, "phi": 0.4, "theta": 2.0}
        given = np.array([parameters[p] for p in family.parameters])
        if family.name.startswith("beta"):
            given = np.array([6.0])
        y = family.draw(rng, family.mean(eta), given, trials)
    if family.name == "beta":
        y = np.clip(y, 1e-3, 1.0 - 1e-3)
    return data | {"y": y}


def design_of(
    family: Family,
    structure: str,
    *,
    n: int = 40,
    seed: int = 0,
    zero_inflation: str | None = None,
    offset: bool = False,
    frequency: bool = False,
) -> Design:
    """Return a bound design."""
    left = "prop(y, n)" if family.trials else "y"
    model = with_family(parse_formula(f"{left} ~ x + {STRUCTURES[structure]}"), family, zero_inflation)
    options = {"offset": "o" if offset else None, "frequency_weights": "w" if frequency else None}
    table = read_table(data_of(family, n, seed), columns_needed(model, **options))
    return bind(model, table, **options)


def problem_of(design: Design) -> LaplaceProblem:
    """Return the approximation as the engine has it."""
    return LaplaceProblem(design, layout_of(design))


def random_point(problem: LaplaceProblem, seed: int, *, sd: float = 1.0) -> Floats:
    """Return a point with random coefficients and covariances of sds near ``sd``."""
    rng = np.random.default_rng([seed, 77])
    family, here = problem.design.family, problem.places
    x = np.zeros(here.size)
    beta = rng.normal(0, 0.3, len(problem.design.fixed.names))
    if narrow(family):
        beta, sd = np.array([3.0, 0.05]), 0.1 * sd
    x[here.coefficients] = np.linalg.solve(problem.layout.scaling.fixed.back, beta) if beta.size else beta
    x[here.inflation] = rng.normal(-0.5, 0.5, x[here.inflation].size)
    x[here.auxiliary] = rng.normal(0.2, 0.3, x[here.auxiliary].size)
    if family.name == "student":
        x[here.auxiliary.stop - 1] = 1.5
    if family.name == "gaussian":
        x[here.auxiliary] -= 1.0
    if family.name == "ordinal":
        x[here.auxiliary] = [-1.0, -0.3, 0.1]
    return problem.with_relative(
        x, [sd**2 * covariance(b.size, b.covariance, rng) for b in problem.layout.blocks]
    )


def covariance(k: int, kind: Covariance, rng: np.random.Generator) -> Floats:
    """Return a covariance matrix of a structure."""
    d = rng.uniform(0.4, 1.2, k)
    if kind is Covariance.UNSTRUCTURED:
        A = rng.normal(size=(k, k))
        R = A @ A.T + 2 * np.eye(k)
        s = np.sqrt(np.diagonal(R))
        return np.asarray(R / np.outer(s, s) * np.outer(d, d))
    if kind is Covariance.DIAGONAL:
        return np.diag(d * d)
    return np.asarray(d[0] ** 2 * np.eye(k))


def dense_of(problem: LaplaceProblem, x: Floats) -> Dense:
    """Return the same problem, at a point, in dense form; rows are the design's, not merged."""
    design, here = problem.design, problem.places
    scaling = problem.layout.scaling
    eta = scaling.fixed.apply(design.fixed.X) @ x[here.coefficients]
    if design.offset is not None:
        eta = eta + design.offset
    inflation = None
    if design.inflation is not None:
        inflation = problem.layout.inflation.apply(design.inflation.X) @ x[here.inflation]
    roots = []
    for T in problem.relative(x):
        values, vectors = np.linalg.eigh(T)
        roots.append(vectors * np.sqrt(np.maximum(values, 0.0)))
    Z, Lambda = stacked(
        [s.apply(t.Z) for s, t in zip(scaling.terms, design.terms, strict=True)],
        [design.factors[t.factor].index for t in design.terms],
        roots,
    )
    rows = Rows(design.family, design.y, design.trials, eta, problem.natural(x), inflation)
    return Dense(rows, design.frequency_weights, Z, Lambda)


def central_gradient(problem: LaplaceProblem, x: Floats, h: float = 1e-4) -> Floats:
    """Return the gradient of the values by differences of fourth order."""
    found = np.zeros(x.size)
    for i in range(x.size):
        values = []
        for k in (2, 1, -1, -2):
            moved = x.copy()
            moved[i] += k * h
            values.append(problem.at(moved, gradient=False).value)
        found[i] = (8 * (values[1] - values[2]) - values[0] + values[3]) / (12 * h)
    return found


def shuffled(design: Design, seed: int) -> Design:
    """Return a design with its rows in another order."""
    order = np.random.default_rng(seed).permutation(design.n_rows)

    def take(values: Floats | None) -> Floats | None:
        return None if values is None else values[order]

    return dataclasses.replace(
        design,
        y=design.y[order],
        trials=take(design.trials),
        offset=take(design.offset),
        frequency_weights=take(design.frequency_weights),
        fixed=dataclasses.replace(design.fixed, X=np.asfortranarray(design.fixed.X[order])),
        factors=tuple(dataclasses.replace(f, index=f.index[order]) for f in design.factors),
        terms=tuple(dataclasses.replace(t, Z=np.asfortranarray(t.Z[order])) for t in design.terms),
    )
