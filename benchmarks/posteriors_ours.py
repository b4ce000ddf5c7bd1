"""This library's samplers in a process of their own; see posteriors.py."""

from __future__ import annotations

import statistics
import sys
import time
import warnings

import numpy as np
import pandas as pd
from measure import absent
from posteriors_problem import CHAINS, PROBLEMS, WARMUP, Target, hand_back

import multilevel as ml

CALLS = {"sleepstudy": 5, "grouseticks": 1}
DRAWS = {"marginal": 4000, "gibbs": 4000, "nuts": 4000}


def call(method: str, target: Target, frame: pd.DataFrame) -> tuple[float, ml.Posterior]:
    """Return the seconds of one whole call from a data frame, and the posterior."""
    start = time.perf_counter()
    post = ml.sample(
        target.formula,
        frame,
        family=target.family,
        method=method,  # type: ignore[arg-type]
        draws=DRAWS[method],
        chains=CHAINS,
        warmup=WARMUP,
        seed=1,
    )
    return time.perf_counter() - start, post


def main() -> None:
    """Time the method named on the command line: the first call, and the median of the next ones."""
    method, name, path = sys.argv[1:4]
    target = PROBLEMS[name]
    frame = target.frame()
    warnings.simplefilter("ignore", ml.MultilevelWarning)
    try:
        first, post = call(method, target, frame)
    except ml.MultilevelError as error:
        absent(" ".join(str(error).split()))
    later = statistics.median(call(method, target, frame)[0] for _ in range(CALLS[name]))
    draws = {name: np.asarray(values) for name, values in post.draws.items() if values.ndim == 2}
    # The first call's start-up (first use of libraries) stands where other programs compile.
    hand_back(
        path,
        draws,
        version=ml.__version__,
        whole=first,
        compiling=max(0.0, first - later),
        efficiency=post.sampled.efficiency or 1.0,
    )


if __name__ == "__main__":
    main()
