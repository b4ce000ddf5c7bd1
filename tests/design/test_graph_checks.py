"""What a graph asks of the data: parents are functions of children, predictors constant, no categories."""

from __future__ import annotations

import pytest

from multilevel.data import read_table
from multilevel.design import bind
from multilevel.errors import DesignError
from multilevel.language.graph import parse_graph

APP = [i // 3 for i in range(36)]
HOUSE = [app // 2 for app in APP]
ROWS = {
    "y": [float(i * i % 7) for i in range(36)],
    "app": [f"a{app}" for app in APP],
    "house": [f"h{house}" for house in HOUSE],
    "size": [float(house * house) for house in HOUSE],
    "x": [float(i % 5) for i in range(36)],
    "kind": ["uv"[house % 2] for house in HOUSE],
    "colour": ["rs"[i % 2] for i in range(36)],
    "flag": [i % 2 == 0 for i in range(36)],
}
NESTED = "H[house] ~ Normal(m + k * size, t)\nA[app] ~ Normal(H[house], u)\ny ~ Normal(A[app], 0.5)"


def _bind(text, **changes):
    rows = {**ROWS, **changes}
    return bind(parse_graph(text, rows), read_table(rows, list(rows)), residual_sd=0.5)


FINE = [
    NESTED,
    NESTED.replace("k * size", "k * kind"),
    "b[app] ~ MVNormal([m + k * size, n], S)\ny ~ Normal(b[app][0] + b[app][1] * x, 0.5)",
    "A[house, app] ~ Normal(H[house], t)\nH[house] ~ Normal(0, u)\ny ~ Normal(A[house, app], 0.5)",
]


@pytest.mark.parametrize("text", FINE)
def test_graphs_that_the_data_allow(text):
    assert _bind(text).model.dag is not None


FAULTS = [
    (
        NESTED.replace(" + k * size", ""),
        {"house": ["h0", "h1", *ROWS["house"][2:]]},
        r"`H\[house\]` is in the mean of `A\[app\]`, but app 'a0' has rows of the house 'h0' and 'h1'",
    ),
    (
        NESTED,
        {"size": [0.0, 1.5, *ROWS["size"][2:]]},
        r"`size` is in the mean of `H\[house\]`, but varies inside house 'h0': 0 and 1.5",
    ),
    (
        NESTED.replace("k * size", "k * colour"),
        {},
        r"`colour` is in the mean of `H\[house\]`, but varies inside",
    ),
    (
        "A[app] ~ Normal(m, t)\ny ~ Normal(A[app] * colour, 0.5)",
        {},
        r"the node `A` is multiplied by the category `colour`, several columns: colour\[r\], colour\[s\]",
    ),
    (
        "A[app] ~ Normal(m, t)\ny ~ Normal(A[app] * flag, 0.5)",
        {},
        "the node `A` is multiplied by the category `flag`",
    ),
    ("A[app] ~ Normal(m, t)\ny ~ Normal(A[app] * x * colour, 0.5)", {}, "the category `x:colour`"),
    (
        "A[app] ~ Normal(H[house] * kind, t)\nH[house] ~ Normal(0, u)\ny ~ Normal(A[app], 0.5)",
        {},
        "the node `H` is multiplied by the category `kind`",
    ),
    (
        "b[app] ~ MVNormal([m, n], S)\ny ~ Normal(b[app][0] + b[app][1] * colour, 0.5)",
        {},
        r"the node `b\[1\]` is multiplied by the category `colour`",
    ),
]


@pytest.mark.parametrize(("text", "changes", "words"), FAULTS)
def test_faults(text, changes, words):
    with pytest.raises(DesignError, match=words) as caught:
        _bind(text, **changes)
    assert caught.value.allowed
    assert caught.value.remedy
