"""Options of a posterior are checked when they are made."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from multilevel.errors import OptionError
from multilevel.results.posterior_options import SampleOptions, check_count


def test_defaults() -> None:
    options = SampleOptions()
    assert (options.method, options.draws, options.chains, options.level) == ("auto", 4000, 4, 0.95)


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"method": "nuts"}, "method='nuts' is not known"),
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
