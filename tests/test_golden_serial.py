"""Agreement of serial structures with recorded numbers of glmmTMB and nlme (tests/golden/serial, by make.R).

Tolerances: the criterion at most 1e-6 above the peer's, and not more than 2e-4 below it (a peer's optimum
is less sharp; another criterion would be further away); sds and correlation 1e-4 relative, of the one record
whose criterion is 9e-5 above ours 2e-3; coefficients 1e-4 of their standard error. Standard errors 1e-4
relative, of nlme by REML: glmmTMB adds what the estimated variances contribute, gls by ML multiplies by a
factor of n / (n - p).
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import multilevel as ml

FOLDER = Path(__file__).parent / "golden" / "serial"
RECORDS = json.loads((FOLDER / "serial.json").read_text())["models"]
NAMES = [
    f"{r['peer']} {r['data']} {r['formula'].split('+')[-2].split('(')[0].strip()} {r['method']}"
    for r in RECORDS
]


def frame_of(name: str) -> pd.DataFrame:
    """Return a simulated or bundled set; visits of a mare are numbered."""
    simulated = FOLDER / f"{name}.csv"
    frame: pd.DataFrame = pd.read_csv(simulated) if simulated.exists() else ml.datasets.load(name)
    if name == "ovary":
        frame["order"] = frame.groupby("mare").cumcount() + 1
        frame["s"], frame["c"] = np.sin(2 * np.pi * frame["time"]), np.cos(2 * np.pi * frame["time"])
    return frame


@pytest.mark.parametrize("record", RECORDS, ids=NAMES)
def test_fits_agree(record: dict[str, Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ml.BoundaryWarning)
        fit = ml.fit(record["formula"], frame_of(record["data"]), method=record["method"])
    assert fit.certificate.holds
    assert -2e-4 < fit.deviance - record["criterion"] < 1e-6
    close = 1e-4 if fit.deviance - record["criterion"] > -1e-6 else 2e-3
    assert fit.variance_components["sd"].iloc[-2] == pytest.approx(record["sd"], rel=close)
    assert fit.sigma == pytest.approx(record["sigma"], rel=close)
    if "rho" in record:
        assert fit.correlations["correlation"].iloc[0] == pytest.approx(record["rho"], rel=close)
    table = fit.fixed_effects
    if record["peer"] == "nlme" and record["method"] == "reml":
        assert table["std_error"].to_numpy() == pytest.approx(record["std_error"], rel=1e-4)
    off = np.abs(table["estimate"].to_numpy() - record["fixed"]) / table["std_error"].to_numpy()
    assert off.max() < close
