"""rstanarm and brms through Rscript; see posteriors.py."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from measure import absent
from posteriors_problem import CHAINS, CORES, KEPT, PROBLEMS, WARMUP, hand_back


def main() -> None:
    """Hand the data to R, read times and draws."""
    package, name, path = sys.argv[1:4]
    target = PROBLEMS[name]
    if shutil.which("Rscript") is None:
        absent("Rscript is not installed")
    if subprocess.run(["Rscript", "-e", f"library({package})"], capture_output=True, check=False).returncode:
        absent(f"the R package {package} is not installed")
    with tempfile.TemporaryDirectory() as folder:
        target.frame().to_csv(Path(folder) / "data.csv", index=False)
        script = Path(__file__).with_name("posteriors.R")
        numbers = [str(number) for number in (CHAINS, KEPT, WARMUP, CORES)]
        done = subprocess.run(
            ["Rscript", str(script), package, folder, target.formula, target.family, *numbers],
            capture_output=True,
            text=True,
            check=False,
        )
        lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
        if not lines:
            absent(" ".join((done.stderr.strip().splitlines() or ["R printed nothing"])[-1].split()))
        facts = json.loads(lines[-1])
        names = facts.pop("names")
        values = np.fromfile(Path(folder) / "draws.bin").reshape(len(names), CHAINS, KEPT)
    hand_back(path, dict(zip(names, values, strict=True)), **facts)


if __name__ == "__main__":
    main()
