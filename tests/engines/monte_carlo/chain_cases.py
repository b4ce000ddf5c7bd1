"""Small crossed models, the factors that are eliminated, and relative roots that are nothing special."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from multilevel.data import read_table
from multilevel.design import bind
from multilevel.language import parse_formula
from multilevel.moments import Moments, summarise

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Case:
    """A formula, and the grouping columns that are eliminated, innermost first."""

    name: str
    formula: str
    eliminated: tuple[str, ...]


CASES = (
    Case("two crossed", "y ~ x + (1 | s) + (1 | h)", ("s",)),
    Case("vectors", "y ~ x + (1 + x | s) + (1 + x | h)", ("s",)),
    Case("three crossed", "y ~ 1 + (1 | s) + (1 + x | h) + (1 | k)", ("h",)),
    Case("a chain of two", "y ~ x + (1 + x | s) + (1 | d) + (1 | h)", ("s", "d")),
    Case("a chain of three", "y ~ x + (1 + x | s) + (x | d) + (1 | r) + (1 | h) + (x | k)", ("s", "d", "r")),
    Case("nothing eliminated", "y ~ x + (1 + x | h) + (1 | k)", ()),
    Case("everything eliminated", "y ~ x + (1 | s) + (1 + x | d)", ("s", "d")),
)  # fmt: skip


def problem_of(case: Case) -> tuple[Moments, list[Floats], tuple[int, ...]]:
    """Return the moments, the relative roots by factor and the numbers of the eliminated factors."""
    rng = np.random.default_rng(20261121)
    n = 300
    s = np.concatenate([np.arange(40), rng.integers(0, 40, n - 40)])
    columns = {"s": s, "d": s // 5, "r": s // 20, "h": rng.integers(0, 25, n), "k": rng.integers(0, 12, n)}
    frame = pd.DataFrame({"y": rng.standard_normal(n), "x": rng.standard_normal(n), **columns})
    moments = summarise(bind(parse_formula(case.formula), read_table(frame, tuple(frame.columns))))
    number = {block.group: block.factor for block in moments.blocks}
    roots = [0.6 * np.tril(rng.standard_normal((K, K))) for K in moments.effects]
    return moments, roots, tuple(number[name] for name in case.eliminated)
