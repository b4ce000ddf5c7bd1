"""One program on one folder of columns, in its own process: time, peak memory and estimates as JSON.

python benchmarks/crossed_program.py PROGRAM FOLDER
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
from crossed_patterns import FORMULA, read_rows
from measure import absent, memory, reset_peak

Answer = dict[str, float | str]
Fit = Callable[[pd.DataFrame], Callable[[], Answer]]
"""Fits; what it returns reads the answer off the fit, which is not timed."""
HERE = Path(__file__).resolve().parent


def ours(frame: pd.DataFrame, solver: str) -> Callable[[], Answer]:
    """Fit with this library."""
    fit = importlib.import_module("multilevel").fit(FORMULA, frame, solver=solver)

    def answer() -> Answer:
        solution, facts = fit.solution, fit.solution.monte_carlo
        found: Answer = {
            "a": float(np.sqrt(solution.covariances[0][0, 0])),
            "b": float(np.sqrt(solution.covariances[1][0, 0])),
            "sigma": float(solution.sigma),
            "criterion": float(solution.criterion),
            "iterations": solution.certificate.evaluations,
            "note": "REML",
        }
        if facts is None:
            spread = np.sqrt(np.diagonal(solution.groups.curvature().covariance))
            return {**found, "se a": float(spread[0]), "se b": float(spread[1])}
        note = (
            f"REML, {facts.probes} probes, {facts.iterations} CG iterations, log-likelihood"
            f" +-{facts.loglik_error:.2g}"
        )
        return {**found, "mc_error": float(facts.error), "note": note}

    return answer


def gpboost(frame: pd.DataFrame, method: str) -> Callable[[], Answer]:
    """Fit with GPBoost: maximum likelihood, it has no REML."""
    model = importlib.import_module("gpboost").GPModel(
        group_data=frame[["a", "b"]].to_numpy(), likelihood="gaussian", matrix_inversion_method=method
    )
    model.fit(y=frame["y"].to_numpy(), X=np.column_stack([np.ones(len(frame)), frame["x"]]))

    def answer() -> Answer:
        variances = np.asarray(model.get_cov_pars(format_pandas=False), dtype=float).ravel()
        names = ("sigma", "a", "b")
        return {
            **dict(zip(names, np.sqrt(variances[:3]).tolist(), strict=True)),
            "criterion": 2 * float(model.get_current_neg_log_likelihood()),
            "note": "ML",
        }

    return answer


def glmm(frame: pd.DataFrame) -> Callable[[], Answer]:
    """Fit with the package glmm."""
    fit = importlib.import_module("glmm").fit(frame, FORMULA)
    return lambda: {"criterion": -2 * float(fit.loglik), "note": "REML"}


def mixedlm(frame: pd.DataFrame) -> Callable[[], Answer]:
    """Fit with the package mixedlm."""
    fit = importlib.import_module("mixedlm").lmer(FORMULA, frame)
    return lambda: {"criterion": float(fit.REMLcrit()), "note": "REML"}


PROGRAMS: Mapping[str, tuple[str, Fit]] = {
    "exact": ("multilevel", lambda frame: ours(frame, "exact")),
    "monte_carlo": ("multilevel", lambda frame: ours(frame, "monte_carlo")),
    "gpboost": ("gpboost", lambda frame: gpboost(frame, "iterative")),
    "gpboost-cholesky": ("gpboost", lambda frame: gpboost(frame, "cholesky")),
    "glmm": ("glmm", glmm),
    "mixedlm": ("mixedlm", mixedlm),
}


def main() -> None:
    """Measure the program named on the command line and print one line of JSON."""
    name, folder = sys.argv[1], Path(sys.argv[2])
    if name == "lme4":
        subprocess.run(["Rscript", str(HERE / "crossed.R"), str(folder), FORMULA], check=True)
        return
    package, fit = PROGRAMS[name]
    if find_spec(package) is None:
        absent(f"the package {package} is not installed")
    frame = pd.DataFrame(read_rows(folder))
    module = importlib.import_module(package)
    before = reset_peak()
    start = time.perf_counter()
    answer = fit(frame)
    seconds = time.perf_counter() - start
    release = getattr(module, "__version__", None) or version(package)
    facts = {"seconds": seconds, "memory": memory("VmHWM") - before, "version": release}
    print(json.dumps({**answer(), **facts}))


if __name__ == "__main__":
    main()
