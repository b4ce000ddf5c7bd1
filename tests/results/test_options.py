"""Options are checked where they are given."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from multilevel.errors import OptionError
from multilevel.results import FitOptions
from multilevel.results.options import check_level

COUNTS: dict[str, Any] = {"family": "poisson", "link": "log", "method": "laplace", "ddf": "none"}


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
            "method='REML' is not known\n  allowed: 'reml', 'ml', 'em_reml', 'em', 'laplace', 'quadrature'\n"
            "  try: method='reml'",
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
        ({"family": "normal"}, "family='normal' is not known\n  allowed: 'gaussian', 'bernoulli'"),
        ({"family": "poisson", "link": "logit"}, "the poisson family has no link 'logit'"),
        (
            {**COUNTS, "method": "reml"},
            "method='reml' was asked of the poisson family with log link\n  allowed: 'laplace'",
        ),
        ({**COUNTS, "method": "ml"}, "method='ml' was asked of the poisson family with log link"),
        ({"method": "laplace"}, "method='laplace' was asked of the gaussian family with identity link"),
        ({**COUNTS, "ddf": "satterthwaite"}, "ddf='satterthwaite' was asked of the poisson family"),
        ({**COUNTS, "ddf": "kenward-roger"}, "ddf='kenward-roger' was asked of the poisson family"),
        ({**COUNTS, "precision_weights": "w"}, "precision_weights was given to the poisson family"),
        ({**COUNTS, "residual_sd": 1.0}, "residual_sd was given to the poisson family"),
    ],
)
def test_refusals(keywords: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError) as caught:
        FitOptions(**keywords)
    assert message in str(caught.value)


def test_options_of_a_generalised_fit() -> None:
    options = FitOptions(**COUNTS, zero_inflation="1 + x", frequency_weights="f", offset="o")
    assert (options.family, options.link, options.zero_inflation) == ("poisson", "log", "1 + x")


def test_a_coverage_may_be_any_number() -> None:
    assert check_level("interval", np.float32(0.5)) == 0.5
