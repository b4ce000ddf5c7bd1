"""The posteriors that every program draws from, and how a program hands its draws back."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from problems import SLEEP, bundled

CHAINS, KEPT, WARMUP, CORES = 4, 1000, 1000, 2
"""Chains, draws kept of each, draws of warm-up of each, chains that run at the same time."""


@dataclass(frozen=True, slots=True)
class Target:
    """One model of one data set; ``bambi`` names the parameters that Bambi's draws are judged by."""

    formula: str
    frame: Callable[[], pd.DataFrame]
    family: str
    bambi: tuple[str, ...]


def grouseticks() -> pd.DataFrame:
    """Return the ticks on grouse chicks with scaled height; the year is a label."""
    ticks = bundled("grouseticks", ("index", "brood", "location"))()
    height = (ticks["height"] - ticks["height"].mean()) / ticks["height"].std()
    return ticks.assign(h=height, year="y" + ticks["year"].astype(str))


PROBLEMS = {
    "sleepstudy": Target(
        SLEEP.formula,
        SLEEP.frame,
        "gaussian",
        ("Intercept", "days", "sigma", "1|subject_sigma", "days|subject_sigma"),
    ),
    "grouseticks": Target(
        "ticks ~ year + h + (1 | index) + (1 | brood) + (1 | location)",
        grouseticks,
        "poisson",
        ("Intercept", "year", "h", "1|index_sigma", "1|brood_sigma", "1|location_sigma"),
    ),
}


def hand_back(path: str, draws: Mapping[str, NDArray[np.float64]], **facts: Any) -> None:
    """Save draws ``(chains, draws)`` of each parameter, and print facts as a line of JSON."""
    np.savez(path, **{name: np.asarray(values, dtype=np.float64) for name, values in draws.items()})
    print(json.dumps(facts))
