"""Models whose residual sds differ between groups, for the tests of the marginal engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilevel.data import read_table
from multilevel.design import bind, columns_needed
from multilevel.design.bound_priors import BoundPriors, ResidualPriors
from multilevel.design.design import Design
from multilevel.design.priors import bind_priors
from multilevel.language import parse_formula
from multilevel.model import priors as p
from multilevel.moments import Moments, summarise
from tests.oracle.varying import DenseGroup

Floats = NDArray[np.float64]

LOG_NORMAL = p.Hierarchical(p.LogNormal, mu=p.Normal(0, 2), sigma=p.HalfNormal(0.5))
INVERSE_GAMMA = p.Hierarchical(p.InverseGamma, shape=p.Gamma(2, 0.1), scale=p.Exponential(0.1))

CASES: dict[str, tuple[str, Mapping[str, Any], dict[str, Any]]] = {
    "defaults": ("y ~ x + (x | g)", {}, {}),
    "known inverse gamma, inverse-Wishart": (
        "y ~ x + (x | g)",
        {
            "fixed": p.MVNormal([20, 0], [[900, 30], [30, 100]]),
            "g": p.InverseWishart(5, [[5, 1], [1, 3]]),
            "sigma2": p.InverseGamma(2, 3),
        },
        {},
    ),
    "unknown inverse gamma, diagonal": (
        "y ~ x + (x || g)",
        {"x": p.StudentT(3, 1, 2), "g": {"sd": p.HalfCauchy(2)}, "sigma2": INVERSE_GAMMA},
        {"precision_weights": "w"},
    ),
    "log-normal, a coefficient and an sd held": (
        "y ~ x + z + (1 | g)",
        {
            "Intercept": p.Normal(20, 10),
            "x": p.Fixed(1.5),
            "z": p.Normal(0, 3),
            "g": {"sd": p.Fixed(1.2)},
            "sigma": LOG_NORMAL,
        },
        {"frequency_weights": "f"},
    ),
    "shape held, a variance's prior": (
        "y ~ x + (1 | g)",
        {
            "g": {"variance": p.InverseGamma(2, 1)},
            "sigma2": p.Hierarchical(p.InverseGamma, shape=2.5, scale=p.Gamma(2, 0.5)),
        },
        {"offset": "z"},
    ),
    "mean held, variance of logs": (
        "y ~ 0 + x + (x | g)",
        {
            "x": p.Flat(),
            "sigma": p.Hierarchical(p.LogNormal, mu=0.3, variance=p.InverseGamma(3, 1)),
            "g": {"sd": p.HalfT(3, 2), "correlation": p.LKJ(1.5)},
        },
        {},
    ),
    "two terms": (
        "y ~ x + (1 | g) + (0 + x + z | g)",
        {"sigma": p.LogNormal(0.2, 0.8)},
        {},
    ),
    "three effects": ("y ~ x + (x + z | g)", {"sigma2": INVERSE_GAMMA}, {}),
    "one sd and one correlation": ("y ~ x + cs(x + z | g)", {"sigma": LOG_NORMAL}, {}),
    "no group effects": ("y ~ x", {"sigma2": INVERSE_GAMMA}, {}),
}


def made_data(m: int = 9, *, seed: int = 3) -> dict[str, Any]:
    """Return rows of ``m`` groups of 1 to 9 rows, in no order, with residual sds of their own."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 10, m)
    g = rng.permutation(np.repeat(np.arange(m), sizes))
    n = g.size
    x, z = rng.standard_normal(n) * 2.0 + 1.0, rng.standard_normal(n)
    sds = np.exp(0.5 + 0.5 * rng.standard_normal(m))
    b = rng.standard_normal((m, 2)) * [1.2, 0.6]
    y = 20.0 + 1.5 * x + b[g, 0] + b[g, 1] * x + sds[g] * rng.standard_normal(n)
    labels = np.array([f"g{j:02d}" for j in range(m)])
    return {
        "y": y,
        "x": x,
        "z": z,
        "g": labels[g],
        "w": rng.uniform(0.5, 2.0, n),
        "f": np.where(sizes[g] > 4, rng.integers(1, 4, n), 1).astype(np.float64),
    }


@dataclass(frozen=True, slots=True, eq=False)
class BoundCase:
    """A model bound to made-up data."""

    design: Design
    moments: Moments
    priors: BoundPriors
    residual: ResidualPriors


def bound_case(
    formula: str,
    priors: Mapping[str, Any] | None,
    data: Mapping[str, Any],
    *,
    residual_groups: str = "g",
    **options: Any,
) -> BoundCase:
    """Bind a model whose residual sds differ between groups."""
    model = parse_formula(formula)
    known: dict[str, Any] = {"residual_groups": residual_groups, **options}
    design = bind(model, read_table(dict(data), columns_needed(model, **known)), **known)
    found = bind_priors(design, priors)
    assert found.residual is not None
    return BoundCase(design, summarise(design), found, found.residual)


def named_case(name: str) -> BoundCase:
    """Bind one of `CASES` to the made-up data."""
    formula, priors, options = CASES[name]
    return bound_case(formula, priors, made_data(), **options)


def dense_groups(design: Design) -> list[DenseGroup]:
    """Return the rows of each residual group in the user's columns, repeated by their frequencies."""
    groups = design.residual_groups
    assert groups is not None
    y = design.y if design.offset is None else design.y - design.offset
    Z = np.column_stack([np.zeros((y.size, 0)), *(term.Z for term in design.terms)])
    w = np.ones(y.size) if design.precision_weights is None else design.precision_weights
    f = np.ones(y.size) if design.frequency_weights is None else design.frequency_weights
    found = []
    for j in range(len(groups.levels)):
        rows = np.repeat(np.flatnonzero(groups.index == j), f[groups.index == j].astype(int))
        found.append(DenseGroup(Z[rows], design.fixed.X[rows], y[rows], w[rows]))
    return found
