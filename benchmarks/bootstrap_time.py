"""Time of a replicate of `fit.bootstrap` against the number of rows; and of simulating and refitting rows.

python -m benchmarks.bootstrap_time
"""

from __future__ import annotations

import os
import time
from typing import Any

import numpy as np

import multilevel as ml

FORMULA = "y ~ x + (x | g)"
REPLICATES, ROWWISE = 100, 3


def rows_of(n: int, m: int) -> dict[str, Any]:
    """Return rows of a model with random intercepts and slopes."""
    rng = np.random.default_rng(1)
    g, x, b = rng.integers(0, m, n), rng.normal(size=n), rng.normal(size=(m, 2))
    return {"y": 1 + x + b[g, 0] + 0.5 * b[g, 1] * x + rng.normal(size=n), "x": x, "g": g}


def main() -> None:
    """Print the table."""
    print(f"Load average {os.getloadavg()[0]:.1f} at the start.\n")
    print("| groups | rows | a replicate | simulated and refitted row by row |\n|---|---|---|---|")
    for m in (1000, 10_000):
        for n in (100_000, 1_000_000, 5_000_000):
            fit = ml.fit(FORMULA, rows_of(n, m))
            start = time.perf_counter()
            fit.bootstrap(REPLICATES, seed=1)
            own = (time.perf_counter() - start) / REPLICATES
            start = time.perf_counter()
            for y in fit.simulate(ROWWISE, seed=1):
                fit.refit(y)
            rowwise = (time.perf_counter() - start) / ROWWISE
            print(f"| {m:,} | {n:,} | {1e3 * own:.1f} ms | {1e3 * rowwise:.0f} ms |", flush=True)


if __name__ == "__main__":
    main()
