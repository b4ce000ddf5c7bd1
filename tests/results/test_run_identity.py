"""What makes a run what it is: every bit of data and priors, and nothing that does not matter."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from multilevel.data import datasets, read_table
from multilevel.design import bind
from multilevel.design.priors import bind_priors
from multilevel.language import parse_formula
from multilevel.model import priors as p
from multilevel.results.posterior_options import SampleOptions
from multilevel.results.run_identity import run_identity
from multilevel.version import __version__

FORMULA = "reaction ~ days + (days | subject)"


def identity(
    table: Any = None, formula: str = FORMULA, priors: Any = None, bound: Any = None, **options: Any
) -> dict[str, str]:
    """Return the identity of a run on the sleep study."""
    data = datasets.load("sleepstudy") if table is None else table
    design = bind(parse_formula(formula), read_table(data, ["reaction", "days", "subject"]), **(bound or {}))
    return run_identity(design, bind_priors(design, priors), SampleOptions(**options))


def differing(one: dict[str, str], other: dict[str, str]) -> set[str]:
    """Return the names of the parts that differ."""
    return {name for name in one if one[name] != other[name]}


def one_bit() -> Any:
    """Return the sleep study with the last bit of one response changed."""
    table = datasets.load("sleepstudy")
    values = table["reaction"].to_numpy(copy=True)
    values[17] = np.nextafter(values[17], np.inf)
    return table.assign(reaction=values)


def renamed() -> Any:
    """Return the sleep study with another name of one subject."""
    table = datasets.load("sleepstudy")
    return table.assign(subject=table["subject"].astype(str).replace("308", "3080"))


EXACT = {"days": p.Normal(0, 10.0)}


@pytest.mark.parametrize(
    ("keywords", "parts"),
    [
        ({}, set()),
        ({"table": datasets.load("sleepstudy", library="polars")}, set()),
        ({"level": 0.9}, set()),
        ({"seed": 2}, {"seed"}),
        ({"draws": 10, "chains": 2, "warmup": 3, "method": "gibbs"}, {"draws", "chains", "warmup", "method"}),
        ({"formula": "reaction ~ days + (days || subject)"}, {"model", "data", "priors"}),
        ({"bound": {"residual_sd": 25.0}}, {"data", "priors"}),
        ({"bound": {"offset": 1.0}}, {"data", "priors"}),
        ({"priors": "brms"}, {"priors"}),
    ],
)
def test_parts_that_differ(keywords: dict[str, Any], parts: set[str]) -> None:
    assert differing(identity(), identity(**keywords)) == parts


def test_the_last_bit_of_the_data_counts() -> None:
    assert "data" in differing(identity(), identity(one_bit()))
    assert "data" in differing(identity(), identity(renamed()))


def test_the_last_bit_of_a_prior_counts() -> None:
    """Texts of priors have four digits; the identity has all."""
    other = {"days": p.Normal(0, float(np.nextafter(10.0, 11.0)))}
    assert differing(identity(priors=EXACT), identity(priors=other)) == {"priors"}


@pytest.mark.parametrize(
    "priors",
    [
        {"fixed": p.MVNormal(np.zeros(2), np.eye(2))},
        {"subject": p.InverseWishart(4, [[500.0, 0.0], [0.0, 50.0]])},
        {"subject": {"variance": p.InverseGamma(2, 3), "correlation": p.LKJ(2)}},
        "rstanarm",
    ],
)
def test_every_kind_of_prior_has_an_identity(priors: Any) -> None:
    assert identity(priors=priors) == identity(priors=priors)


def test_the_version_is_a_part() -> None:
    assert identity()["library version"] == __version__
