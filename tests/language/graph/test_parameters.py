"""Statements of parameters become priors under the names of `bind_priors`."""

from __future__ import annotations

import pytest

from multilevel.language.graph import parse_graph
from multilevel.model.priors import LKJ, Fixed, HalfCauchy, HalfNormal, InverseGamma, InverseWishart, Normal
from tests.language.faults import fault

VECTOR = "y ~ Normal(b[g][0] + b[g][1] * x, s)\nb[g] ~ MVNormal([m, n], [t, u], R)\n"
MATRIX = "y ~ Normal(b[g][0] + b[g][1] * x, s)\nb[g] ~ MVNormal([m, n], S)\n"
TWO = "y ~ Normal(A[g] + B[g] * x, s)\nA[g] ~ Normal(0, t)\nB[g] ~ Normal(0, u)\n"

CASES = [
    (
        "y ~ Normal(m + b * x, s); m ~ Normal(0, 1); b ~ Fixed(2); s ~ HalfNormal(1)",
        {"Intercept": Normal(0, 1), "x": Fixed(2), "sigma": HalfNormal(1)},
    ),
    ("y ~ Normal(b * x * x, s); b ~ Normal(0, 1)", {"I(x ** 2)": Normal(0, 1)}),
    ("y ~ NegativeBinomial(exp(m), size); size ~ HalfNormal(3)", {"theta": HalfNormal(3)}),
    ("y ~ Normal(A[g], s); A[g] ~ Normal(m, t); t ~ HalfCauchy(2)", {"g": {"sd": HalfCauchy(2)}}),
    (
        "y ~ Normal(A[g], sqrt(v)); A[g] ~ Normal(m, sqrt(w));v ~ InverseGamma(2, 1);w ~ InverseGamma(3, 4)",
        {"sigma2": InverseGamma(2, 1), "g": {"variance": InverseGamma(3, 4)}},
    ),
    ("y ~ Normal(A[g], s); A[g] ~ Normal(m, 0.5)", {"g": {"sd": Fixed(0.5)}}),
    (TWO + "u ~ HalfNormal(1)", {"g[2]": {"sd": HalfNormal(1)}}),
    (MATRIX + "S ~ LKJ(2)", {"g": {"correlation": LKJ(2)}}),
    (MATRIX + "S ~ InverseWishart(4, [[1, 0], [0, 2]])", {"g": InverseWishart(4, [[1, 0], [0, 2]])}),
    (VECTOR + "R ~ LKJ(2); u ~ HalfNormal(1)", {"g": {"correlation": LKJ(2), "sd": {"x": HalfNormal(1)}}}),
    (
        VECTOR + "u ~ HalfNormal(1); t ~ HalfCauchy(1)",
        {"g": {"sd": {"x": HalfNormal(1), "Intercept": HalfCauchy(1)}}},
    ),
    (
        VECTOR.replace("[t, u]", "[2, u]") + "R ~ LKJ(1)",
        {"g": {"correlation": LKJ(1), "sd": {"Intercept": Fixed(2)}}},
    ),
]


@pytest.mark.parametrize(("text", "wanted"), CASES)
def test_priors(text, wanted):
    assert dict(parse_graph(text).dag.priors) == wanted


FAULTS = [
    ("y ~ Normal(m, s); m ~ LKJ(2)", "LKJ stands where the prior of `m` must stand", "LKJ(2)"),
    ("y ~ Normal(m, s); s ~ Normal(0, 1)", "Normal stands where the prior of `s` must stand", "Normal(0, 1)"),
    ("y ~ Normal(m, s); s ~ HalfNormal(-1)", "HalfNormal: sd is -1", "HalfNormal(-1)"),
    ("y ~ Normal(m, s); s ~ HalfNormal(m)", "this stands where a number of a prior must stand", "m"),
    ("y ~ Normal(m, s); s ~ HalfNormal(1, 2)", "HalfNormal has 2 arguments here", "HalfNormal(1, 2)"),
    ("y ~ Normal(m, s); m ~ Poisson(exp(2))", "Poisson is no prior of a parameter", "Poisson(exp(2))"),
    (MATRIX + "S ~ HalfNormal(1)", "HalfNormal stands where the prior of `S` must stand", "HalfNormal(1)"),
    (
        MATRIX + "S ~ InverseWishart(4, [[1]])",
        "InverseWishart stands where the prior of `S` must stand",
        "InverseWishart(4, [[1]])",
    ),
    (
        VECTOR + "R ~ InverseWishart(4, [[1, 0], [0, 1]])",
        "InverseWishart stands where the prior of `R` must stand",
        "InverseWishart(4, [[1, 0], [0, 1]])",
    ),
    (VECTOR + "u ~ LKJ(2)", "LKJ stands where the prior of `u` must stand", "LKJ(2)"),
    (
        "y ~ Normal(m, s[g]); s[g] ~ HalfNormal(1)",
        "the residual sds `s` have the distribution HalfNormal",
        "HalfNormal(1)",
    ),
    (
        "y ~ Normal(m, s[g]); s[g] ~ LogNormal(a, 1)",
        "the parameter `a` of the residual sds has no prior",
        "a",
    ),
    (
        "y ~ Normal(m, s[g]); s[g] ~ LogNormal(a, sqrt(v)); a ~ Normal(0, 1); v ~ InverseGamma(2, 1)",
        "`sqrt(v)` stands in the law of the residual sds `s`",
        "sqrt(v)",
    ),
    (
        "y ~ Normal(m, s[g]); s[g] ~ InverseGamma(exp(a), 3); a ~ Normal(0, 1)",
        "`exp(a)` stands in the law of the residual sds `s`",
        "exp(a)",
    ),
    (
        "y ~ Normal(m, s[g]); s[g] ~ LogNormal(0, sqrt(2))",
        "`sqrt(2)` stands in the law of the residual sds `s`",
        "sqrt(2)",
    ),
    ("y ~ Normal(m, s[g]); s[g] ~ LogNormal(0, -1)", "LogNormal: sigma is -1", "LogNormal(0, -1)"),
]


@pytest.mark.parametrize(("text", "asked", "underlined"), FAULTS)
def test_faults(text, asked, underlined):
    assert fault(text, parse_graph) == (asked, underlined)


def test_the_law_of_residual_sds_has_its_parameters_priors():
    found = parse_graph("y ~ Normal(m, s[g]); s[g] ~ InverseGamma(3, b); b ~ Exponential(0.1)").dag.priors
    assert list(found) == ["sigma2"]
    assert [(name, prior.text()) for name, prior in found["sigma2"].parameters] == [
        ("shape", "Fixed(3)"),
        ("scale", "Exponential(0.1)"),
    ]
