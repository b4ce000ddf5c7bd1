"""The posterior that every program draws from, and how a program hands its draws back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from problems import SLEEP

FORMULA = SLEEP.formula
CHAINS, KEPT, WARMUP, CORES = 4, 1000, 1000, 2
"""Chains, draws kept of each, draws of warm-up of each, chains that run at the same time."""


def sleepstudy() -> pd.DataFrame:
    """Return the data frame."""
    return SLEEP.frame()


def hand_back(path: str, draws: Mapping[str, NDArray[np.float64]], **facts: Any) -> None:
    """Save draws ``(chains, draws)`` of each parameter, and print facts as a line of JSON."""
    np.savez(path, **{name: np.asarray(values, dtype=np.float64) for name, values in draws.items()})
    print(json.dumps(facts))
