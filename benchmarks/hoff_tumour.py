"""Hoff's tumour counts along the intestines of 21 mice, by several kinds of Markov chains.

    python benchmarks/hoff_tumour.py FILE [--methods gibbs,nuts] [--draws 20000]

FILE has the columns mouse, location and count (Hoff 2009, "A First Course in Bayesian Statistical Methods",
section 11.4; the data come with the book and not with this library). Counts are Poisson, their log mean a
polynomial of degree four in location whose five coefficients vary between mice,
``beta_j ~ MVN(theta, D)``. Priors as in the book: from the least squares coefficients of
``log(count + 1/20)`` of each mouse,
``theta ~ MVN(mean, covariance)``, ``D ~ inverse-Wishart(7, covariance)``.
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

import multilevel as ml

TARGETS = {
    "Intercept": (-1.345, 0.580),
    "x": (6.390, 6.244),
    "x2": (-26.38, 21.0),
    "x3": (65.60, 27.7),
    "x4": (-44.61, 12.5),
}
"""Posterior mean and sd of theta by long Metropolis chains of another program under the same priors."""
POWERS = " + ".join(list(TARGETS)[1:])
FORMULA = f"count ~ {POWERS} + ({POWERS} | mouse)"


def counts(path: Path) -> pd.DataFrame:
    """Return mouse, count and four powers of the location."""
    table = pd.read_csv(path)
    powers = {name: table["location"] ** i for i, name in enumerate(TARGETS) if i}
    return pd.DataFrame({"mouse": table["mouse"].astype(str), "count": table["count"], **powers})


def least_squares_priors(table: pd.DataFrame) -> dict[str, object]:
    """Return the priors, from the least squares polynomials of the mice."""
    betas = []
    for _, rows in table.groupby("mouse"):
        X = np.column_stack([np.ones(len(rows)), rows[list(TARGETS)[1:]]])
        betas.append(np.linalg.lstsq(X, np.log(rows["count"] + 1 / 20), rcond=None)[0])
    mean, covariance = np.mean(betas, axis=0), np.cov(np.array(betas).T)
    return {"fixed": ml.MVNormal(mean, covariance), "mouse": ml.InverseWishart(7, covariance)}


def rows_of(method: str, table: pd.DataFrame, draws: int) -> list[str]:
    """Return the table's rows of one method."""
    start = time.perf_counter()
    post = ml.sample(
        FORMULA,
        table,
        least_squares_priors(table),
        family="poisson",
        method=method,  # type: ignore[arg-type]
        draws=draws,
        seed=1,
    )
    taken = time.perf_counter() - start
    ess = dict(zip(post.fixed_effects["term"], post.fixed_effects["ess_bulk"], strict=True))
    return [
        f"| {method} | theta, {name} | {post.draws[name].mean():.3f} ({post.draws[name].std():.3f}) "
        f"| {mean} ({sd}) | {(post.draws[name].mean() - mean) / sd:+.3f} | {ess[name]:.0f} | {taken:.1f} s |"
        for name, (mean, sd) in TARGETS.items()
    ]


def main(words: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Hoff's tumour counts by Markov chains.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--methods", type=lambda s: s.split(","), default=["gibbs", "nuts"])
    parser.add_argument("--draws", type=int, default=20_000)
    given = parser.parse_args(words)
    warnings.simplefilter("ignore", ml.MultilevelWarning)
    table = counts(given.file)
    print(
        f"multilevel {ml.__version__}, {given.draws:,} draws, load average {os.getloadavg()[0]:.1f}\n\n"
        "| method | parameter | mean (sd) | long chains | gap in sds | ess | time |\n|" + "---|" * 7
    )
    for method in given.methods:
        print("\n".join(rows_of(method, table, given.draws)), flush=True)


if __name__ == "__main__":
    main()
