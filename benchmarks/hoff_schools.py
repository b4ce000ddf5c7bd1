"""Hoff's hierarchical regression of mathematics scores in 100 schools, by every sampler, beside his numbers.

    python benchmarks/hoff_schools.py FILE [--methods marginal,gibbs] [--draws 10000]

FILE has the columns sch_id, stu_ses and stu_mathscore of 1,993 students (Hoff 2009, "A First Course in
Bayesian Statistical Methods", section 11.1; the data come with the book and not with this library). SES is
centred within school. Unit-information priors as in section 11.3: from the least squares lines of the
schools, ``theta ~ MVN(mean, covariance)``, ``D ~ inverse-Wishart(4, covariance)``,
``s2 ~ inverse-gamma(1 / 2, mean residual variance / 2)``.
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

TARGETS = {"theta, intercept": (48.105, 0.525), "theta, ses": (2.384, 0.286), "s2": (77.84, 2.59)}
"""Posterior mean and sd."""


def schools(path: Path) -> pd.DataFrame:
    """Return school, score and SES centred within school."""
    table = pd.read_csv(path)
    ses = table["stu_ses"] - table.groupby("sch_id")["stu_ses"].transform("mean")
    return pd.DataFrame({"score": table["stu_mathscore"], "ses": ses, "school": table["sch_id"].astype(str)})


def unit_information(table: pd.DataFrame) -> dict[str, object]:
    """Return the priors, from the least squares lines of the schools."""
    lines, variances = [], []
    for _, rows in table.groupby("school"):
        X = np.column_stack([np.ones(len(rows)), rows["ses"]])
        beta, *_ = np.linalg.lstsq(X, rows["score"], rcond=None)
        residuals = rows["score"] - X @ beta
        lines.append(beta)
        variances.append(float(residuals @ residuals) / (len(rows) - 2))
    mean, covariance = np.mean(lines, axis=0), np.cov(np.array(lines).T)
    return {
        "fixed": ml.MVNormal(mean, covariance),
        "school": ml.InverseWishart(4, covariance),
        "sigma2": ml.InverseGamma(0.5, 0.5 * float(np.mean(variances))),
    }


def rows_of(method: str, table: pd.DataFrame, draws: int) -> list[str]:
    """Return the table's rows of one method."""
    start = time.perf_counter()
    post = ml.sample(
        "score ~ ses + (ses | school)",
        table,
        unit_information(table),
        method=method,  # type: ignore[arg-type]
        draws=draws,
        seed=1,
    )
    taken = time.perf_counter() - start
    ess = float(min(t["ess_bulk"].min() for t in (post.fixed_effects, post.variance_components)))
    found = {
        "theta, intercept": post.draws["Intercept"],
        "theta, ses": post.draws["ses"],
        "s2": post.draws["sigma"] ** 2,
    }
    return [
        f"| {method} | {name} | {values.mean():.3f} ({values.std():.3f}) | {mean} ({sd}) "
        f"| {(values.mean() - mean) / sd:+.3f} | {ess:.0f} | {taken:.2f} s |"
        for (name, values), (mean, sd) in zip(found.items(), TARGETS.values(), strict=True)
    ]


def main(words: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Hoff's schools by every sampler.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--methods", type=lambda s: s.split(","), default=["marginal", "gibbs"])
    parser.add_argument("--draws", type=int, default=10_000)
    given = parser.parse_args(words)
    warnings.simplefilter("ignore", ml.MultilevelWarning)
    table = schools(given.file)
    print(
        f"multilevel {ml.__version__}, {given.draws:,} draws, load average {os.getloadavg()[0]:.1f}\n\n"
        "| method | parameter | mean (sd) | Hoff | gap in sds | worst ess | time |\n|" + "---|" * 7
    )
    for method in given.methods:
        print("\n".join(rows_of(method, table, given.draws)), flush=True)


if __name__ == "__main__":
    main()
