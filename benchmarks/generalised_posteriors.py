"""Time to 1,000 effective draws of a Poisson model of grouseticks with three factors, by each engine."""

from __future__ import annotations

import argparse
import time
import warnings

import numpy as np

import multilevel as ml
from multilevel.errors import ConvergenceWarning
from multilevel.inference.convergence import ess_bulk, ess_tail

FORMULA = "ticks ~ year + h + (1 | index) + (1 | brood) + (1 | location)"


def main() -> None:
    """Sample with the engines named and print one line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--methods", default="nuts,gibbs")
    parser.add_argument("--draws", type=int, default=4000)
    options = parser.parse_args()
    ticks = ml.datasets.load("grouseticks")
    ticks = ticks.assign(h=(ticks["height"] - ticks["height"].mean()) / ticks["height"].std())
    for method in options.methods.split(","):
        wall, processor = time.perf_counter(), time.process_time()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            post = ml.sample(
                FORMULA, ticks, family="poisson", method=method, draws=options.draws, seed=1, progress=False
            )
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
        draws = np.concatenate([post.sampled.coefficients, *post.sampled.sds], axis=2)
        worst = float(min(ess_bulk(draws).min(), ess_tail(draws).min()))
        print(
            f"{method}: {wall:.1f} s, {processor:.1f} s of processors, worst ess {worst:.0f},"
            f" {1000 * wall / worst:.1f} s ({1000 * processor / worst:.1f} s of processors) for 1,000"
        )


if __name__ == "__main__":
    main()
