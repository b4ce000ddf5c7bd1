"""Models and tables on which engines are compared with dense sums over rows in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from multilevel.data import read_table
from multilevel.data.sources import Source
from multilevel.design import bind
from multilevel.design.blueprint import Blueprint
from multilevel.design.blueprint_columns import blueprint_of
from multilevel.design.blueprint_outline import outline_of
from multilevel.design.design import Design
from multilevel.design.variables import columns_needed
from multilevel.language import parse_formula
from multilevel.moments.in_engine.products import facts_in_engine, products_in_engine
from multilevel.moments.products import Facts, Products
from multilevel.moments.scaling import Scaling, scaling_of


@dataclass(frozen=True)
class Case:
    """A formula with the keywords of `bind`, and the offset of `x` and `y`."""

    formula: str
    options: Mapping[str, Any] = field(default_factory=dict)
    shift: float = 0.0
    holes: bool = False


CASES = {
    "intercepts": Case("y ~ x + (1 | g)"),
    "slopes": Case("y ~ x + z + (x | g)"),
    "no constant": Case("y ~ 0 + x + z + (0 + x + z | g)"),
    "unstructured twice": Case("y ~ x + (1 | g) + (0 + x | g)"),
    "crossed": Case("y ~ x + (x | g) + (1 | h)"),
    "three factors": Case("y ~ z + (1 | g) + (0 + z | h) + (1 | k)"),
    "nested": Case("y ~ x + (1 | k / g)"),
    "nested and crossed": Case("y ~ x + (x | k / g) + (1 | h)"),
    "both and each": Case("y ~ x + (1 | k) + (1 | h) + (1 | k:h)"),
    "categories": Case("y ~ f * x + b + f:b + (f | g)"),
    "contrasts": Case("y ~ C(f, contr.sum) + C(k, contr.poly) + (1 | g)"),
    "expressions": Case(
        "log(y + 200) ~ log(z) + sqrt(z):x + I(x ** 2 / 3) + exp(-z) + abs(x) + sin(x) + cos(z) + tan(z / 9)"
        " + log2(z + 3) + log10(z + 1) + I(+z - 1.5) + (1 | g)"
    ),
    "group level": Case("y ~ x * u + (x | g)"),
    "offsets": Case("y ~ x + offset(z) + offset(log(z) / 2) + (1 | g)", {"offset": "x"}),
    "precision weights": Case("y ~ x + f + (x | g) + (1 | h)", {"precision_weights": "w"}),
    "frequency weights": Case("y ~ x + (x | g)", {"frequency_weights": "n"}),
    "both weights": Case("y ~ x + (1 | g)", {"frequency_weights": "n", "precision_weights": "w"}),
    "known sds": Case("y ~ x + (1 | g)", {"residual_sd": "z"}),
    "offset of 1e8": Case("y ~ x + f + (x | g) + (1 | h)", shift=1e8),
    "boolean group": Case("y ~ x + (1 | b) + (1 | g)"),
    "boolean as number": Case("y ~ x + I(b * 2) + (1 | g)"),
    "missing": Case("y ~ x + f + (1 | g)", {"missing": "drop"}, holes=True),
    "missing and weights": Case(
        "y ~ x + (1 | g) + (1 | h)", {"missing": "drop", "frequency_weights": "n"}, holes=True
    ),
}


def rows(case: Case, n: int = 600) -> pd.DataFrame:
    """Return the rows of a case."""
    rng = np.random.default_rng(20)
    g = rng.integers(-3, 22, n)
    table = pd.DataFrame(
        {
            "y": rng.normal(size=n) * 3.0 + 10.0 + case.shift,
            "x": rng.normal(size=n) + case.shift,
            "z": rng.exponential(size=n) + 0.2,
            "f": rng.choice(["c", "a", "b b"], n),
            "b": rng.random(n) < 0.3,
            "g": g,
            "h": rng.choice(["w", "ä", "v'v", 'q"q'], n),
            "k": rng.choice([0.5, 2.0, 11.0], n),
            "u": np.sin(g),
            "w": rng.integers(0, 4, n) * 0.75,
            "n": rng.integers(0, 3, n),
        }
    )
    if case.holes:
        for name, here in {"x": [3, 5], "f": [5, 8], "g": [11], "h": [12, 3], "y": [590]}.items():
            if name == "g":
                table["g"] = table["g"].astype(float)
            table.loc[here, name] = None
    return table


def bound(case: Case, table: pd.DataFrame) -> Design:
    """Return the design of rows in memory."""
    model = parse_formula(case.formula)
    names = {name: value for name, value in case.options.items() if name != "missing"}
    return bind(model, read_table(table, columns_needed(model, **names)), **case.options)


def asked(source: Source, case: Case, design: Design) -> tuple[Facts, Products, Blueprint, Scaling]:
    """Return what an engine answers, in the scaling of the rows in memory."""
    outline = outline_of(parse_formula(case.formula), source.schema, **case.options)
    facts = facts_in_engine(source, outline)
    blueprint = blueprint_of(outline, source.schema, facts.levels).blueprint
    response = design.y if design.offset is None else design.y - design.offset
    scaling = scaling_of(design, response)
    return facts, products_in_engine(source, blueprint, scaling, facts=facts), blueprint, scaling


def compare(products: Products, facts: Facts, design: Design, scaling: Scaling, tolerance: float) -> None:
    """Assert that sums by group equal dense ones over the rows of a design, whatever the order of levels."""
    weights = np.ones(design.n_rows)
    for own in (design.precision_weights, design.frequency_weights):
        weights = weights if own is None else weights * own
    response = design.y if design.offset is None else design.y - design.offset
    y = (response - scaling.y_centre) / scaling.y_scale
    Xy = np.column_stack([scaling.fixed.apply(design.fixed.X), y]) * np.sqrt(weights)[:, None]
    assert products.n_rows == design.n_rows == facts.n_used
    assert products.n_observations == design.n_observations
    assert products.n_input == facts.n_input == design.n_input
    assert dict(products.missing) == dict(design.missing)
    near(products.D, Xy.T @ Xy, tolerance)
    logs = 0.0
    if design.precision_weights is not None:
        counts = 1.0 if design.frequency_weights is None else design.frequency_weights
        logs = float(np.sum(np.log(design.precision_weights) * counts))
    np.testing.assert_allclose(products.log_weights, logs, rtol=1e-10, atol=1e-10)
    levels, Z = [], []
    for f, factor in enumerate(design.factors):
        names = [":".join(map(_label, labels)) for labels in zip(*products.keys[f], strict=True)]
        assert sorted(names) == sorted(factor.levels)
        place = np.array([names.index(level) for level in factor.levels])
        levels.append(place[factor.index])
        terms = [t for t, term in enumerate(design.terms) if term.factor == f]
        scaled = [scaling.terms[t] for t in terms]
        columns = [(design.terms[t].Z - s.centre) * s.factor for t, s in zip(terms, scaled, strict=True)]
        Z.append(np.concatenate(columns, axis=1) * np.sqrt(weights)[:, None])
        near(products.A[f], _by_level(levels[f], len(names), Z[f], Z[f]), tolerance)
        near(products.C[f], _by_level(levels[f], len(names), Z[f], Xy), tolerance)
    assert set(products.pairs) == {(f, g) for f in range(len(Z)) for g in range(f + 1, len(Z))}
    for (f, g), (at_f, at_g, value) in products.pairs.items():
        m = products.A[g].shape[0]
        key = at_f.astype(np.int64) * m + at_g
        assert at_f.dtype == at_g.dtype == np.int32 and len(set(key)) == len(key)
        dense = _by_level(levels[f] * m + levels[g], products.A[f].shape[0] * m, Z[f], Z[g])
        near(value, dense[key], tolerance)
        assert set(levels[f] * m + levels[g]) == set(key)


def near(found: Any, wanted: Any, tolerance: float) -> None:
    """Assert that sums agree, relative to the largest of them."""
    assert found.shape == wanted.shape and found.dtype == np.float64
    np.testing.assert_allclose(found, wanted, rtol=0.0, atol=tolerance * max(1.0, np.abs(wanted).max()))


def _label(value: Any) -> str:
    """Return a label as rows in memory write it."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _by_level(level: Any, m: int, left: Any, right: Any) -> Any:
    """Return the sums of products by level, row after row."""
    out = np.zeros((m, left.shape[1], right.shape[1]))
    np.add.at(out, level, left[:, :, None] * right[:, None, :])
    return out
