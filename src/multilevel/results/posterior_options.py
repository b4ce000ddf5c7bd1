"""The options of a posterior: everything the caller chose besides model, data and priors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from multilevel.errors import OptionError
from multilevel.results.options import Given, Missing, check_choice, check_level, check_not_flag

Sampling = Literal["auto", "marginal", "gibbs"]
"""The engine asked for; "auto" chooses."""


@dataclass(frozen=True, slots=True, eq=False)
class SampleOptions:
    """What the caller chose; kept with the posterior so that it can be repeated and saved.

    Parameters
    ----------
    method
        "auto", "marginal" or "gibbs".
    draws
        Draws in all chains together.
    chains
        How many chains.
    warmup
        Sweeps of each Markov chain that are left out.
    seed
        Seed of the random numbers.
    level
        Coverage of the intervals in the tables, between 0 and 1.
    missing
        What happens to rows with missing values: "report", "drop" or "error".
    lme4_compat
        Whether ``||`` was split term by term as lme4 does.
    precision_weights, frequency_weights, offset, residual_sd
        As given: a column name, a number (offset and residual_sd), or an array of the table's length.

    Raises
    ------
    OptionError
        If a value is not one of the allowed ones.
    """

    method: Sampling = "auto"
    draws: int = 4000
    chains: int = 4
    warmup: int = 1000
    seed: int = 0
    level: float = 0.95
    missing: Missing = "report"
    lme4_compat: bool = False
    precision_weights: Given = None
    frequency_weights: Given = None
    offset: Given = None
    residual_sd: Given = None

    def __post_init__(self) -> None:
        check_choice("method", self.method, get_args(Sampling))
        check_choice("missing", self.missing, get_args(Missing))
        check_level("level", self.level)
        for name in ("precision_weights", "frequency_weights", "offset", "residual_sd"):
            check_not_flag(name, getattr(self, name))
        check_count("chains", self.chains, least=1)
        check_count("warmup", self.warmup, least=0)
        check_count("draws", self.draws, least=self.chains)
        check_count("seed", self.seed, least=0)


def check_count(name: str, value: object, *, least: int) -> int:
    """Return a whole number, or raise `OptionError` unless it is one of at least ``least``."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise OptionError(
            f"{name}={value!r} is not a whole number from {least}",
            allowed=f"{least}, {least + 1}, ...",
            remedy=f"{name}={max(least, 1)}",
        )
    return int(value)
