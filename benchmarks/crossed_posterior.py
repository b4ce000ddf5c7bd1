"""The posterior of crossed factors at size: time of a run, effective draws, and the truth beside it.

python benchmarks/crossed_posterior.py [--pattern ml1m] [--rows 1e6] [--draws 400] [--warmup 100] [--chains 2]
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from crossed_patterns import FORMULA, PATTERNS, SLOPE, read_rows, write_rows

import multilevel as ml


def read_arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the command line's choices."""
    parser = argparse.ArgumentParser(description="The posterior of crossed factors at size.")
    parser.add_argument("--pattern", default="ml1m", choices=list(PATTERNS))
    parser.add_argument("--rows", type=lambda s: int(float(s)), default=10**6)
    for name, value in (("draws", 400), ("warmup", 100), ("chains", 2)):
        parser.add_argument(f"--{name}", type=int, default=value)
    return parser.parse_args(words)


def main() -> None:
    """Write the rows, sample, and print the table beside the truth."""
    given = read_arguments()
    pattern = PATTERNS[given.pattern]
    with tempfile.TemporaryDirectory() as folder:
        write_rows(Path(folder), pattern, given.rows)
        frame = pd.DataFrame(read_rows(Path(folder)))
    print(
        f"{given.pattern}, {given.rows:,} rows, {pattern.levels(given.rows)}; load {os.getloadavg()[0]:.1f}"
    )
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ml.ConvergenceWarning)
        posterior = ml.sample(
            FORMULA, frame, draws=given.draws, warmup=given.warmup, chains=given.chains, seed=1
        )
    seconds = time.perf_counter() - start
    sweeps = given.draws + given.warmup * given.chains
    print(f"{seconds:.1f} s, {sweeps} sweeps, {1e3 * seconds / sweeps:.0f} ms each with all else")
    print(f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB. {posterior.sentence}")
    print(f"truth: x {SLOPE}, sds of a and b {np.round(pattern.sds, 4).tolist()}, sigma 1")
    print(posterior)


if __name__ == "__main__":
    main()
