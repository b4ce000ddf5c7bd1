"""lme4 through Rscript: columns are handed over as binary files, and only `lmer` (or `refit`) is timed."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from measure import BUDGET, MOST, absent
from problems import PROBLEMS, new_response


def hand_over(frame: pd.DataFrame, folder: Path) -> None:
    """Write one binary file a column, and a list of their names and kinds."""
    kinds = []
    for name in frame.columns:
        column = frame[name]
        if isinstance(column.dtype, pd.CategoricalDtype):
            kind, values = "factor", column.cat.codes.to_numpy().astype(np.int32)
        elif np.issubdtype(column.dtype, np.integer):
            kind, values = "integer", column.to_numpy().astype(np.int32)
        else:
            kind, values = "double", column.to_numpy().astype(np.float64)
        values.tofile(folder / f"{name}.bin")
        kinds.append(f"{name} {kind}")
    (folder / "columns.txt").write_text("\n".join(kinds) + "\n")


def main() -> None:
    """Hand the problem named on the command line to R; R prints the line of JSON."""
    if shutil.which("Rscript") is None:
        absent("Rscript is not installed")
    if subprocess.run(["Rscript", "-e", "library(lme4)"], capture_output=True, check=False).returncode:
        absent("the R package lme4 is not installed")
    problem = PROBLEMS[sys.argv[1]]
    frame = problem.frame()[list(problem.columns)]
    if problem.refit:
        frame = frame.assign(new_response=new_response(problem, frame))
    with tempfile.TemporaryDirectory() as folder:
        hand_over(frame, Path(folder))
        script = Path(__file__).with_name("lme4.R")
        options = [problem.formula, "refit" if problem.refit else "whole", str(BUDGET), str(MOST)]
        subprocess.run(["Rscript", str(script), folder, str(len(frame)), *options], check=True)


if __name__ == "__main__":
    main()
