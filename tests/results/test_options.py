"""Options are checked where they are given."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from multilevel.errors import OptionError
from multilevel.results import FitOptions
from multilevel.results.options import check_level


def test_defaults() -> None:
    options = FitOptions()
    assert (options.method, options.ddf, options.level, options.missing) == (
        "reml",
        "satterthwaite",
        0.95,
        "report",
    )


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        (
            {"method": "REML"},
            "method='REML' is not known\n  allowed: 'reml', 'ml', 'laplace'\n  try: method='reml'",
        ),
        ({"ddf": None}, "ddf=None is not known"),
        ({"missing": "keep"}, "missing='keep' is not known"),
        ({"level": 95}, "level=95 is not a coverage"),
        ({"level": float("nan")}, "level=nan is not a coverage"),
        ({"level": True}, "level=True is not a coverage"),
        ({"level": "0.9"}, "level='0.9' is not a coverage"),
        (
            {"ddf": "kenward-roger", "method": "ml"},
            "ddf='kenward-roger' was asked of a fit by method='ml'",
        ),
    ],
)
def test_refusals(keywords: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError) as caught:
        FitOptions(**keywords)
    assert message in str(caught.value)


def test_a_coverage_may_be_any_number() -> None:
    assert check_level("interval", np.float32(0.5)) == 0.5
