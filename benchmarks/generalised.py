"""Generalised models: this library and others on the same data, each in its own process, one BLAS thread.

    python benchmarks/generalised.py [--peers PYTHON] [--problems a,b] [--programs a,b] [--cap 300]

`--peers` is the interpreter in which the competing packages are installed. Each whole call from a data frame
is timed (best of several), but for R only the fit; "cpu" is the processor time of the best call.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).resolve()
BUNDLED = HERE.parent.parent / "src" / "multilevel" / "data" / "bundled"
PYTHON = ("multilevel", "glmm", "gpboost", "mixedlm")
R = ("lme4", "glmmTMB")
BUDGET, MOST = 5.0, 20
THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")


def million() -> pd.DataFrame:
    """Return a million yes or no in 10,000 groups."""
    rng = np.random.default_rng(20260103)
    n, m = 1_000_000, 10_000
    g, x, z = rng.integers(0, m, n), rng.standard_normal(n), rng.standard_normal(n)
    eta = -0.5 + 0.5 * x - 0.3 * z + 0.8 * rng.standard_normal(m)[g]
    return pd.DataFrame(
        {"y": (rng.random(n) < 1.0 / (1.0 + np.exp(-eta))).astype(int), "x": x, "z": z, "g": g}
    )


def verbagg() -> pd.DataFrame:
    """Return VerbAgg with a 0/1 response."""
    data = pd.read_csv(BUNDLED / "verbagg.csv.gz")
    return data.assign(y=(data["r2"] == "Y").astype(int))


def contraception() -> pd.DataFrame:
    """Return Contraception with a 0/1 response and squared age."""
    data = pd.read_csv(BUNDLED / "contraception.csv.gz")
    words = {"livch": data["livch"].astype(str), "district": data["district"].astype(str)}
    return data.assign(y=(data["use"] == "Y").astype(int), age2=data["age"] ** 2, **words)


@dataclass(frozen=True, slots=True)
class Problem:
    """A Bernoulli model with the logit link.

    Parameters
    ----------
    frame
        Makes the data.
    formula
        In the spelling of lme4.
    fixed, groups
        Its columns, for programs without formulas.
    slope
        Whether an effect beside the intercept varies between groups.
    """

    frame: Callable[[], pd.DataFrame]
    formula: str
    fixed: tuple[str, ...]
    groups: tuple[str, ...]
    slope: bool = False


PROBLEMS = {
    "verbagg": Problem(
        verbagg,
        "y ~ anger + gender + btype + situ + (1 | id) + (1 | item)",
        ("anger", "gender", "btype", "situ"),
        ("id", "item"),
    ),
    "contraception": Problem(
        contraception,
        "y ~ age + age2 + urban + livch + (urban | district)",
        ("age", "age2", "urban", "livch"),
        ("district",),
        slope=True,
    ),
    "million": Problem(million, "y ~ x + z + (1 | g)", ("x", "z"), ("g",)),
}


def prepared(program: str, problem: Problem, data: pd.DataFrame) -> Callable[[], float]:
    """Return the call to time; it returns -2 log-likelihood."""
    module = importlib.import_module(program)
    if program == "multilevel":
        return lambda: -2.0 * float(module.fit(problem.formula, data, family="bernoulli").loglik)
    if program == "glmm":
        return lambda: -2.0 * float(module.fit(data, problem.formula, family="binomial").loglik)
    if program == "mixedlm":
        return lambda: -2.0 * float(module.glmer(problem.formula, data, module.families.Binomial()).logLik())
    if problem.slope:
        raise ValueError("no correlated slopes")

    def gpboost() -> float:
        columns = [
            pd.get_dummies(data[[name]], drop_first=data[name].dtype.kind not in "if").to_numpy(float)
            for name in problem.fixed
        ]
        model = module.GPModel(
            group_data=data[list(problem.groups)].astype(str).to_numpy(),
            likelihood="bernoulli_logit",
            matrix_inversion_method="cholesky",
        )
        model.fit(y=data["y"].to_numpy(float), X=np.column_stack([np.ones(len(data)), *columns]))
        return 2.0 * float(model.get_current_neg_log_likelihood())

    return gpboost


def measure(program: str, problem: Problem) -> dict[str, float]:
    """Call a Python program until the budget is used."""
    fit = prepared(program, problem, problem.frame())
    wall: list[float] = []
    cpu: list[float] = []
    value = float("nan")
    while not wall or (sum(wall) < BUDGET and len(wall) < MOST):
        start, used = time.perf_counter(), time.process_time()
        value = fit()
        wall.append(time.perf_counter() - start)
        cpu.append(time.process_time() - used)
    return {"wall": min(wall), "cpu": min(cpu), "value": value}


def r_script(program: str, problem: Problem, path: Path) -> str:
    """Return R code that fits once and prints what `measure` returns."""
    call = {
        "lme4": f"lme4::glmer({problem.formula}, d, family = binomial, nAGQ = 1)",
        "glmmTMB": f"glmmTMB::glmmTMB({problem.formula}, d, family = binomial)",
    }[program]
    return (
        f"suppressPackageStartupMessages(library({program}));"
        f"d <- read.csv('{path}', stringsAsFactors = TRUE);"
        f"t <- system.time(m <- suppressWarnings({call}));"
        'cat(sprintf("{\\"wall\\": %.6f, \\"cpu\\": %.6f, \\"value\\": %.6f}\\n", '
        "t[[3]], t[[1]] + t[[2]], -2 * as.numeric(logLik(m))))"
    )


def run(program: str, name: str, python: str, cap: float) -> dict[str, float] | str:
    """Return a program's figures on a problem, or why there are none."""
    with tempfile.TemporaryDirectory() as folder:
        command = [python, str(HERE), "--one", program, name]
        if program in R:
            path = Path(folder) / "data.csv"
            PROBLEMS[name].frame().to_csv(path, index=False)
            command = ["Rscript", "-e", r_script(program, PROBLEMS[name], path)]
        environment = {**os.environ, **dict.fromkeys(THREADS, "1")}
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=cap, env=environment, check=False
            )
        except subprocess.TimeoutExpired:
            return f"over the cap of {cap:.0f} s"
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if not lines:
        return (done.stderr.strip().splitlines() or ["no output"])[-1][:90]
    found: dict[str, float] = json.loads(lines[-1])
    return found


def main() -> None:
    """Print a table of ratios, or with ``--one`` a program's figures."""
    parser = argparse.ArgumentParser(description="Compare generalised fits.")
    parser.add_argument("--peers", default=sys.executable)
    parser.add_argument("--problems", type=lambda s: s.split(","), default=list(PROBLEMS))
    parser.add_argument("--programs", type=lambda s: s.split(","), default=[*PYTHON, *R])
    parser.add_argument("--cap", type=float, default=300.0)
    parser.add_argument("--one", nargs=2)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measure(given.one[0], PROBLEMS[given.one[1]])))
        return
    print("| problem | program | time | cpu | ratio | cpu ratio | -2 log-likelihood |\n|" + "---|" * 7)
    for name in given.problems:
        ours: dict[str, float] | None = None
        for program in given.programs:
            python = sys.executable if program == "multilevel" else given.peers
            found = run(program, name, python, given.cap)
            if isinstance(found, str):
                print(f"| {name} | {program} | | | | | {found} |", flush=True)
                continue
            ours = found if ours is None else ours
            ratios = [f"{found[key] / ours[key]:.2f}" for key in ("wall", "cpu")]
            times = [f"{found[key] * 1e3:.4g} ms" for key in ("wall", "cpu")]
            print(f"| {name} | {program} | {' | '.join(times + ratios)} | {found['value']:.4f} |", flush=True)


if __name__ == "__main__":
    main()
