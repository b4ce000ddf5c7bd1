"""How the time of `multilevel.sample` grows with rows and with groups; prints a Markdown table.

    python benchmarks/posteriors_growth.py [--rows 1000,10000] [--repeats 3]

4,000 draws of a model with a varying intercept and slope. The parts are measured inside the same call:
the pass over rows (reading, binding, moments), importance sampling on the density, the draws of group
effects, and the rest (coefficients, diagnostics).
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd

import multilevel as ml
from multilevel.engines.marginal import sampler
from multilevel.engines.marginal.density import MarginalDensity

FORMULA = "y ~ x + (x | g)"
FIXED_GROUPS = 50
ROWS_A_GROUP = 20
DRAWS = 4000
DOOR = sys.modules["multilevel.sampling"]
COLUMNS = (
    "rows",
    "groups",
    "whole call",
    "pass over rows",
    "sampling",
    "draws of effects",
    "rest",
    "worst ess",
)


def frame_of(rows: int, groups: int) -> pd.DataFrame:
    """Return seeded data of a varying intercept and slope."""
    rng = np.random.default_rng([20261121, rows, groups])
    g, x = rng.integers(0, groups, rows), rng.standard_normal(rows)
    effects = rng.multivariate_normal([0.0, 0.0], [[1.0, 0.2], [0.2, 0.25]], groups)
    y = 1.0 + 0.5 * x + effects[g, 0] + effects[g, 1] * x + rng.standard_normal(rows)
    return pd.DataFrame({"y": y, "x": x, "g": g})


@contextmanager
def clocked(place: Any, name: str, spent: dict[str, float], part: str) -> Iterator[None]:
    """Add the time of each call of a function, while the context lasts, to a part."""
    function: Callable[..., Any] = getattr(place, name)

    def timed(*given: Any, **named: Any) -> Any:
        start = time.perf_counter()
        try:
            return function(*given, **named)
        finally:
            spent[part] = spent.get(part, 0.0) + time.perf_counter() - start

    with patch.object(place, name, timed):
        yield


def measure(frame: pd.DataFrame) -> dict[str, float]:
    """Return the seconds of one call and of its parts, and the worst effective size."""
    spent: dict[str, float] = {}
    with ExitStack() as stack:
        for name in ("read_table", "bind", "summarise"):
            stack.enter_context(clocked(DOOR, name, spent, "pass"))
        for place, name, part in (
            (sampler, "density_and_start", "sampling"),
            (sampler, "find_mode", "sampling"),
            (sampler, "adapt", "sampling"),
            (sampler.Batches, "until_over", "sampling"),
            (MarginalDensity, "draw_effects", "effects"),
        ):
            stack.enter_context(clocked(place, name, spent, part))
        warnings.simplefilter("ignore", ml.MultilevelWarning)
        start = time.perf_counter()
        post = ml.sample(FORMULA, frame, method="marginal", draws=DRAWS, seed=1)
        spent["whole"] = time.perf_counter() - start
    spent["rest"] = spent["whole"] - spent["pass"] - spent["sampling"] - spent["effects"]
    return {**spent, "ess": float(post.variance_components["ess_bulk"].min())}


def row(rows: int, groups: int, repeats: int) -> str:
    """Return the table's row: the fastest of a few calls."""
    frame = frame_of(rows, groups)
    best = min((measure(frame) for _ in range(repeats)), key=lambda found: found["whole"])
    parts = [f"{best[part] * 1e3:.3g} ms" for part in ("whole", "pass", "sampling", "effects", "rest")]
    return f"| {rows:,} | {groups:,} | " + " | ".join(parts) + f" | {best['ess']:.0f} |"


def main(words: Sequence[str] | None = None) -> None:
    """Print the table, each row as soon as it is known."""
    parser = argparse.ArgumentParser(description="Time of multilevel.sample by rows and groups.")
    parser.add_argument(
        "--rows",
        type=lambda s: [int(float(word)) for word in s.split(",")],
        default=[1_000, 10_000, 100_000, 1_000_000],
    )
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args(words)
    print(
        f"Measured {datetime.now(UTC):%Y-%m-%d} with multilevel {ml.__version__}, Python "
        f"{platform.python_version()}, {os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f} "
        f"at the start. {DRAWS:,} draws, `{FORMULA}`, the fastest of {given.repeats} calls.\n"
    )
    print(f"| {' | '.join(COLUMNS)} |\n|" + "---|" * len(COLUMNS))
    measure(frame_of(1_000, 10))
    for rows in given.rows:
        for groups in dict.fromkeys((FIXED_GROUPS, rows // ROWS_A_GROUP)):
            print(row(rows, groups, given.repeats), flush=True)


if __name__ == "__main__":
    main()
