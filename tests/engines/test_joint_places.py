"""Which numbers of a generalised model are sampled, and which are held."""

from __future__ import annotations

import pytest

from multilevel.design.priors import bind_priors
from multilevel.engines.joint.places import places_of
from multilevel.moments import layout_of
from tests.engines.joint_cases import CASES, design_of


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("one factor", ["coefficient Intercept", "coefficient x", "sd(g, Intercept)"]),
        (
            "zero inflation",
            [
                "coefficient Intercept",
                "coefficient x",
                "zero inflation Intercept",
                "zero inflation x",
                "sd(g, Intercept)",
            ],
        ),
        ("ordinal", ["coefficient x", "1|2", "log step to 2|3", "sd(g, Intercept)"]),
        ("Student", ["coefficient Intercept", "coefficient x", "log sigma", "sd(g, Intercept)"]),
        ("held", ["coefficient Intercept", "log sd(g, x)", "atanh correlation(g, x, Intercept)"]),
    ],
)
def test_names(name: str, names: list[str]) -> None:
    design = design_of(name)
    found = places_of(design, layout_of(design), bind_priors(design, CASES[name][3]))
    assert list(found.names) == names
