"""The problems that every competitor solves: seeded data frames and models, written once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd
from numpy.typing import NDArray

BUNDLED = Path(__file__).resolve().parent.parent / "src" / "multilevel" / "data" / "bundled"


@dataclass(frozen=True, slots=True)
class Problem:
    """A linear mixed model and the data it is fitted to, by REML.

    Parameters
    ----------
    frame
        Makes the data frame; the same one on every call.
    formula
        In the lme4 spelling, which all formula front ends share.
    response, fixed
        Columns of the model, for packages without formulas. A categorical column stands for its indicators.
    groups
        Grouping column -> columns whose slopes vary beside the intercept.
    refit
        Whether to time fitting the same model to a new response instead of the whole call.
    """

    frame: Callable[[], pd.DataFrame]
    formula: str
    response: str
    fixed: tuple[str, ...]
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    refit: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column the model reads."""
        slopes = [name for names in self.groups.values() for name in names]
        return tuple(dict.fromkeys((self.response, *self.fixed, *self.groups, *slopes)))


def bundled(name: str, categories: tuple[str, ...]) -> Callable[[], pd.DataFrame]:
    """Return a function that reads a bundled data set with the named columns as categories."""

    def frame() -> pd.DataFrame:
        path = next(iter(sorted(BUNDLED.glob(f"{name}.csv*"))))
        table = pd.read_csv(path, dtype=dict.fromkeys(categories, str))
        return table.astype(dict.fromkeys(categories, "category"))

    return frame


def one_factor_slopes() -> pd.DataFrame:
    """Return 1,000,000 rows in 10,000 groups of unequal size, with two varying slopes."""
    rng = np.random.default_rng(20260101)
    n, m = 1_000_000, 10_000
    g = rng.integers(0, m, n)
    x = rng.standard_normal((n, 4))
    effects = rng.multivariate_normal(np.zeros(3), [[1.0, 0.2, 0.1], [0.2, 0.25, 0.0], [0.1, 0.0, 0.09]], m)
    y = 1.0 + x @ np.array([0.5, -0.3, 0.2, 0.0]) + rng.standard_normal(n)
    y += effects[g, 0] + effects[g, 1] * x[:, 0] + effects[g, 2] * x[:, 1]
    return pd.DataFrame({"y": y, "x1": x[:, 0], "x2": x[:, 1], "x3": x[:, 2], "x4": x[:, 3], "g": g})


def crossed() -> pd.DataFrame:
    """Return 100,000 rows with two crossed factors of 5,000 and 500 levels."""
    rng = np.random.default_rng(20260102)
    n = 100_000
    a, b = rng.integers(0, 5_000, n), rng.integers(0, 500, n)
    x = rng.standard_normal(n)
    y = 1.0 + 0.5 * x + rng.normal(0, 1.0, 5_000)[a] + rng.normal(0, 0.7, 500)[b] + rng.normal(0, 1.5, n)
    return pd.DataFrame({"y": y, "x": x, "a": a, "b": b})


SLEEP = Problem(
    bundled("sleepstudy", ("subject",)),
    "reaction ~ days + (days | subject)",
    "reaction",
    ("days",),
    {"subject": ("days",)},
)

PROBLEMS: Mapping[str, Problem] = {
    "sleepstudy": SLEEP,
    "sleepstudy-refit": Problem(
        SLEEP.frame, SLEEP.formula, SLEEP.response, SLEEP.fixed, SLEEP.groups, refit=True
    ),
    "penicillin": Problem(
        bundled("penicillin", ("plate", "sample")),
        "diameter ~ 1 + (1 | plate) + (1 | sample)",
        "diameter",
        (),
        {"plate": (), "sample": ()},
    ),
    "slopes-1e6": Problem(
        one_factor_slopes,
        "y ~ x1 + x2 + x3 + x4 + (1 + x1 + x2 | g)",
        "y",
        ("x1", "x2", "x3", "x4"),
        {"g": ("x1", "x2")},
    ),
    "insteval": Problem(
        bundled("insteval", ("s", "d", "dept", "service", "studage", "lectage")),
        "y ~ service + (1 | s) + (1 | d) + (1 | dept)",
        "y",
        ("service",),
        {"s": (), "d": (), "dept": ()},
    ),
    "crossed-1e5": Problem(crossed, "y ~ x + (1 | a) + (1 | b)", "y", ("x",), {"a": (), "b": ()}),
}


def new_response(problem: Problem, frame: pd.DataFrame) -> NDArray[np.float64]:
    """Return the response with seeded noise of a tenth of its sd, for refitting."""
    y: NDArray[np.float64] = frame[problem.response].to_numpy(float)
    return y + np.random.default_rng(20260103).normal(0, 0.1 * y.std(), len(y))


def model_bytes(problem: Problem, frame: pd.DataFrame) -> int:
    """Return the bytes of the columns that the model reads, as the data frame stores them."""
    values = [frame[name] for name in problem.columns]
    arrays = [
        v.cat.codes.to_numpy() if isinstance(v.dtype, pd.CategoricalDtype) else v.to_numpy() for v in values
    ]
    return sum(a.nbytes for a in arrays)
