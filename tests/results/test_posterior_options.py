"""Options of a posterior are checked when they are made."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from multilevel.errors import OptionError
from multilevel.results.posterior_options import RunOptions, SampleOptions, check_count


def test_defaults() -> None:
    options = SampleOptions()
    assert (options.method, options.draws, options.chains, options.level) == ("auto", 4000, 4, 0.95)


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"method": "hmc"}, "method='hmc' is not known"),
        ({"missing": "keep"}, "missing='keep' is not known"),
        ({"level": 95}, "level=95 is not a coverage"),
        ({"chains": 0}, "chains=0 is not a whole number from 1"),
        ({"draws": 3}, "draws=3 is not a whole number from 4"),
        ({"draws": 1e3}, "draws=1000.0 is not a whole number"),
        ({"seed": -1}, "seed=-1 is not a whole number from 0"),
        ({"seed": True}, "seed=True is not a whole number"),
    ],
)
def test_refusals(keywords: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError) as caught:
        SampleOptions(**keywords)
    assert message in str(caught.value)


def test_counts_of_numpy() -> None:
    assert check_count("n", np.int32(3), least=1) == 3


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"threads": 0}, "threads=0 is not a whole number from 1"),
        ({"progress": "yes"}, "progress='yes'\n  allowed: None, True, False, or a function"),
        ({"checkpoint": 3}, "checkpoint=3\n  allowed: the path of a file, or None"),
        ({"checkpoint": ""}, "checkpoint=''\n  allowed: the path of a file, or None"),
        ({"checkpoint": "a", "resume": 1}, "resume=1\n  allowed: True or False"),
        ({"resume": True}, "resume=True without a checkpoint\n  try: checkpoint=path, the file of the run"),
        ({"max_time": 0}, "max_time=0\n  allowed: a positive number of seconds, or None"),
        ({"max_time": float("nan")}, "max_time=nan"),
        ({"max_time": "1 h"}, "max_time='1 h'"),
        ({"max_time": True}, "max_time=True"),
    ],
)
def test_refusals_of_what_runs(keywords: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError) as caught:
        RunOptions(**keywords)
    assert message in str(caught.value)


def test_a_method_without_checkpoints_is_refused_beside_one() -> None:
    RunOptions().check_method("nuts")
    RunOptions(checkpoint="a").check_method("gibbs")
    with pytest.raises(OptionError) as caught:
        RunOptions(checkpoint="run.ckpt").check_method("nuts")
    assert str(caught.value) == (
        "checkpoint='run.ckpt' with method=\"nuts\", which has no checkpoints\n"
        '  allowed: method="auto", method="marginal", method="gibbs"\n'
        '  try: method="gibbs" or method="marginal"'
    )
