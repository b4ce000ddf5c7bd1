"""The options of a posterior: everything the caller chose besides model, data and priors."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from multilevel.engines.pace import Watch
from multilevel.errors import OptionError
from multilevel.results.options import Given, Missing, check_choice, check_level, check_not_flag

Sampling = Literal["auto", "marginal", "nuts", "gibbs"]
"""The engine asked for; "auto" chooses."""


@dataclass(frozen=True, slots=True, eq=False)
class SampleOptions:
    """What the caller chose; kept with the posterior so that it can be repeated and saved.

    Parameters
    ----------
    method
        "auto", "marginal", "nuts" or "gibbs".
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
    residual_groups
        The column, or several joined by colons, whose levels have residual sds of their own; or ``None``.
    family, link, zero_inflation
        Names of the family and its link; formula text of zero inflation.

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
    residual_groups: str | None = None
    family: str = "gaussian"
    link: str = "identity"
    zero_inflation: str | None = None

    @property
    def linear(self) -> bool:
        """Whether the model is linear with normal residuals."""
        return self.family == "gaussian" and self.link == "identity"

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
        self._check_family()

    def _check_family(self) -> None:
        """Raise `OptionError` if something is given that generalised models do not have."""
        for name in ("precision_weights", "residual_sd", "residual_groups"):
            if not self.linear and getattr(self, name) is not None:
                raise OptionError(
                    f"{name} was given to the {self.family} family, which has no residual of known variance",
                    allowed="frequency_weights; trials as prop(successes, trials); offset(log(exposure))",
                )


CHECKPOINTED = ("auto", "marginal", "gibbs")
"""Methods whose runs can be written to a checkpoint."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a run is watched, limited and stored; nothing here changes the draws of a run that ends by itself.

    Parameters
    ----------
    threads
        How many threads work at the same time; ``None`` for as many as help.
    progress
        ``True`` for a line on standard error, ``False`` for none, ``None`` for one if standard error is a
        terminal and the run takes more than two seconds; or a function that is called with a
        `SamplingProgress` several times a second and ends the run by returning ``False``.
    checkpoint
        Path of a file that keeps what was done, or ``None``.
    resume
        Whether to go on with the run in that file.
    max_time
        Seconds after which the run ends with the draws that there are, or ``None``.

    Raises
    ------
    OptionError
        If a value is not one of the allowed ones.
    """

    threads: int | None = None
    progress: bool | Watch | None = None
    checkpoint: str | Path | None = None
    resume: bool = False
    max_time: float | None = None

    def __post_init__(self) -> None:
        if self.threads is not None:
            check_count("threads", self.threads, least=1)
        if not (self.progress is None or isinstance(self.progress, bool) or callable(self.progress)):
            raise OptionError(
                f"progress={self.progress!r}",
                allowed="None, True, False, or a function of one argument, a SamplingProgress",
            )
        if self.checkpoint is not None and (
            not isinstance(self.checkpoint, str | Path) or not str(self.checkpoint)
        ):
            raise OptionError(f"checkpoint={self.checkpoint!r}", allowed="the path of a file, or None")
        if not isinstance(self.resume, bool):
            raise OptionError(f"resume={self.resume!r}", allowed="True or False")
        if self.resume and self.checkpoint is None:
            raise OptionError(
                "resume=True without a checkpoint",
                remedy="checkpoint=path, the file of the run to go on with",
            )
        _check_time(self.max_time)

    def check_method(self, method: str) -> None:
        """Raise `OptionError` if runs of a method cannot be written to a checkpoint but were asked to be."""
        if self.checkpoint is not None and method not in CHECKPOINTED:
            raise OptionError(
                f'checkpoint={str(self.checkpoint)!r} with method="{method}", which has no checkpoints',
                allowed=", ".join(f'method="{name}"' for name in CHECKPOINTED),
                remedy='method="gibbs" or method="marginal"',
            )


def _check_time(value: object) -> None:
    """Raise `OptionError` unless a value is ``None`` or a positive number of seconds."""
    if value is None:
        return
    number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    if not number or not 0.0 < float(value) < math.inf:  # type: ignore[arg-type]
        raise OptionError(f"max_time={value!r}", allowed="a positive number of seconds, or None")


def check_count(name: str, value: object, *, least: int) -> int:
    """Return a whole number, or raise `OptionError` unless it is one of at least ``least``."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise OptionError(
            f"{name}={value!r} is not a whole number from {least}",
            allowed=f"{least}, {least + 1}, ...",
            remedy=f"{name}={max(least, 1)}",
        )
    return int(value)
