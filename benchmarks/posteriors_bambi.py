"""Bambi with nutpie in a process of its own; see posteriors.py."""

from __future__ import annotations

import sys
import time
from importlib.metadata import version
from importlib.util import find_spec

from measure import absent
from posteriors_problem import CHAINS, CORES, KEPT, PROBLEMS, WARMUP, hand_back


def main() -> None:
    """Build, compile and sample; Bambi has no correlation between the effects."""
    for package in ("bambi", "nutpie"):
        if find_spec(package) is None:
            absent(f"the package {package} is not installed")
    import bambi
    import nutpie

    problem, path = sys.argv[1:3]
    target = PROBLEMS[problem]
    frame = target.frame()
    start = time.perf_counter()
    model = bambi.Model(target.formula, frame, family=target.family)
    model.build()
    compiled = nutpie.compile_pymc_model(model.backend.model)
    compiling = time.perf_counter() - start
    found = nutpie.sample(
        compiled, draws=KEPT, tune=WARMUP, chains=CHAINS, cores=CORES, seed=1, progress_bar=False
    )
    whole = time.perf_counter() - start
    draws = {}
    for name in target.bambi:
        # A coefficient of a category has an axis of its own.
        columns = found.posterior[name].to_numpy().reshape(CHAINS, KEPT, -1)
        draws |= {f"{name} {i}": columns[..., i] for i in range(columns.shape[2])}
    release = f"{version('bambi')} + nutpie {version('nutpie')}"
    note = "independent effects: no correlation" if problem == "sleepstudy" else ""
    hand_back(path, draws, version=release, whole=whole, compiling=compiling, note=note)


if __name__ == "__main__":
    main()
