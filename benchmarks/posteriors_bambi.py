"""Bambi with nutpie on sleepstudy, in a process of its own; see posteriors.py."""

from __future__ import annotations

import sys
import time
from importlib.metadata import version
from importlib.util import find_spec

from measure import absent
from posteriors_problem import CHAINS, CORES, FORMULA, KEPT, WARMUP, hand_back, sleepstudy


def main() -> None:
    """Build, compile and sample; Bambi has no correlation between the effects."""
    for package in ("bambi", "nutpie"):
        if find_spec(package) is None:
            absent(f"the package {package} is not installed")
    import bambi
    import nutpie

    frame = sleepstudy()
    start = time.perf_counter()
    model = bambi.Model(FORMULA, frame)
    model.build()
    compiled = nutpie.compile_pymc_model(model.backend.model)
    compiling = time.perf_counter() - start
    found = nutpie.sample(
        compiled, draws=KEPT, tune=WARMUP, chains=CHAINS, cores=CORES, seed=1, progress_bar=False
    )
    whole = time.perf_counter() - start
    names = ("Intercept", "days", "sigma", "1|subject_sigma", "days|subject_sigma")
    draws = {name: found.posterior[name].to_numpy() for name in names}
    release = f"{version('bambi')} + nutpie {version('nutpie')}"
    note = "independent effects: no correlation"
    hand_back(sys.argv[1], draws, version=release, whole=whole, compiling=compiling, note=note)


if __name__ == "__main__":
    main()
