"""Formulas written as graphs and read again are the same model."""

from __future__ import annotations

import pytest

import multilevel as ml
from multilevel.language.graph import parse_graph

ROUND = [
    ("y ~ x + (x | g)", None),
    ("y ~ 1 + (1 | state/district/school) + (1 | background)", None),
    ("prop(a, n) ~ period + (1 | herd)", "binomial"),
    ("y ~ x:z + log(w) + offset(lt) + (0 + x | g)", "poisson"),
    ("y ~ 1 + (1 | g) + (x | g:h)", None),
    ("log(y) ~ I(x ** 2) + (1 | `my g`)", None),
    ("y ~ 0 + x", None),
    ("y ~ x + (1 + x + z | g) + (1 | h)", "negative_binomial"),
    ("y ~ x + (1 | g)", ml.families.Bernoulli(link="cloglog")),
    ("y ~ x + (1 | g)", "ordinal"),
    ("y ~ x + (1 | g)", "student"),
]


@pytest.mark.parametrize(("formula", "family"), ROUND)
def test_round_trip(formula, family):
    model = ml.formula(formula, family=family)
    graph = model.graph()
    again = parse_graph(graph.dag.text, model.variables)
    assert again.formula() == model.formula() == graph.formula()
    assert again.family == model.family
    assert (again.dag.nodes, again.dag.mean) == (graph.dag.nodes, graph.dag.mean)
    assert dict(again.dag.coefficients) == dict(graph.dag.coefficients)
    assert graph.graph() is graph


def test_effects_without_correlation_become_nodes_of_their_own():
    graph = ml.formula("y ~ x + (x || g)").graph()
    assert graph.formula() == "y ~ 1 + x + (1 | g) + (0 + x | g)"
    sleep = ml.datasets.load("sleepstudy")
    model = ml.formula("reaction ~ days + (days || subject)")
    assert ml.fit(model.graph(), sleep).deviance == pytest.approx(ml.fit(model, sleep).deviance, abs=1e-8)


def test_nested_factors_are_centred_on_each_other():
    text = ml.formula("y ~ 1 + (1 | a/b)").graph().dag.text
    assert "a_a_b[a, b] ~ Normal(a_a[a], sigma_a_a_b)" in text


REFUSED = [
    ("y ~ x + homdiag(x | g)", {}, "scalar"),
    ("y ~ x + cs(x | g)", {}, "compound symmetric"),
    ("y ~ x + (1 | g)", {"family": "poisson", "zero_inflation": "~ 1"}, "zero inflation"),
]


@pytest.mark.parametrize(("formula", "keywords", "words"), REFUSED)
def test_refused(formula, keywords, words):
    with pytest.raises(ml.OptionError, match=words):
        ml.formula(formula, **keywords).graph()
