"""No name of a graph is two parameters."""

from __future__ import annotations

import pytest

from multilevel.language.graph import parse_graph
from tests.language.faults import fault

A = "\nA[g] ~ Normal(m, t)"
FAULTS = [
    ("y ~ Normal(A[g], t)" + A, "`t` is the spread of `A` and the residual sd", "t"),
    ("y ~ Normal(A[g], m)" + A, "`m` is a coefficient and the residual sd", "m"),
    ("y ~ Normal(A[g], t[h])" + A, "`t` is the spread of `A` and the residual sd", "t[h]"),
    ("y ~ Normal(A[g] + t * x, s)" + A, "`t` is a coefficient and the spread of `A`", "t"),
    (
        "y ~ Normal(A[g] + B[h], s)\nB[h] ~ Normal(0, t)" + A,
        "`t` is the spread of `B` and the spread of `A`",
        "t",
    ),
    ("y ~ StudentT(A[g], s, s)" + A, "`s` is a parameter of the family and a parameter of the family", "s"),
    (
        "y ~ Binomial(n, logistic(A[g]))\nn ~ Normal(0, 1)" + A,
        "`n` is no parameter that can have a prior",
        "n",
    ),
    (
        "y ~ Normal(A[g], s[h])\ns[h] ~ LogNormal(m, u)\nm ~ Normal(0, 1)\nu ~ HalfNormal(1)" + A,
        "`m` is a coefficient and in the law of `s`",
        "m",
    ),
    (
        "y ~ Normal(b[g][0] + b[g][1] * x, s)\nb[g] ~ MVNormal([0, 0], [u, u], R)",
        "`u` is the spread of `b` and the spread of `b`",
        "u",
    ),
    (
        "y ~ Normal(b[g][0] + b[g][1] * x, s)\nb[g] ~ MVNormal([0, 0], [u, v], s)",
        "`s` is the spread of `b` and the residual sd",
        "s",
    ),
]


@pytest.mark.parametrize(("text", "asked", "underlined"), FAULTS)
def test_faults(text, asked, underlined):
    assert fault(text, parse_graph) == (asked, underlined)


def test_trials_and_columns_are_no_parameters():
    assert parse_graph("n ~ Binomial(m, logistic(b * x))\n").trials == "m"
    assert parse_graph("y ~ Normal(A[g], se)" + A, ("y", "g", "se")).dag.residual_column == "se"
