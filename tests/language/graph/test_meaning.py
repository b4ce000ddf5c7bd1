"""What does not change a graph's model: the order of statements, white space, comments, names."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multilevel.language.graph import parse_graph

GRAPHS = [
    "P[pub] ~ Normal(mu + c * size, sp)\nA[app] ~ Normal(P[pub], sa)\n"
    "D[dev] ~ Normal(0, sd)\n"
    "y ~ Normal(A[app] + D[dev] + b * x, s)",
    "[a, b][g] ~ MVNormal([m + k * z, q], Sigma)\ny ~ Normal(a[g] + b[g] * x, s[h])\n"
    "s[h] ~ LogNormal(ms, ts)\n"
    "ms ~ Normal(0, 1)\nts ~ HalfNormal(1)\nm ~ Normal(0, 2)",
    "v[g] ~ MVNormal([m, 0], [sa, sb], Omega)\ny ~ Binomial(n, logistic(v[g][0] + v[g][1] * x + log(z)))\n"
    "Omega ~ LKJ(2)\nsb ~ HalfCauchy(1)",
]
COLUMNS = {"y", "x", "z", "n", "g", "h", "pub", "app", "dev", "size", "log", "exp", "logistic"}


def _meaning(text):
    """Return the model without names of parameters and places in the text."""
    model = parse_graph(text)
    graph = model.dag
    return (
        model.response,
        model.trials,
        sorted(model.fixed.split(" + ")),
        sorted((term.effects, term.factors) for term in model.groups),
        model.offsets,
        model.family,
        graph.offset,
        graph.residual_groups,
        sorted(graph.coefficients.values()),
        sorted((key, _shown(prior)) for key, prior in graph.priors.items()),
        sorted((node.columns, node.index, len(node.means)) for node in graph.nodes),
    )


def _shown(prior):
    """Return a prior as text, the parts of a dictionary in the order of their names."""
    return str(sorted((key, str(part)) for key, part in prior.items()) if isinstance(prior, dict) else prior)


def _renamed(text, suffix):
    """Return a graph with another name for everything that is no column, function or distribution."""
    return re.sub(r"[^\W\d]\w*(?!\w*\()", lambda m: m[0] if m[0] in COLUMNS else m[0] + suffix, text)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(GRAPHS),
    st.randoms(use_true_random=False),
    st.sampled_from([";", "\n", " ;\n\n", "  # y ~ Normal(m, s); [(\n"]),
    st.sampled_from(["", " ", "   ", "\t"]),
)
def test_order_white_space_and_comments(text, random, end, blank):
    statements = text.split("\n")
    random.shuffle(statements)
    spaced = [re.sub(r"([-+*~,\[\]()])", rf"{blank}\1{blank}", one) for one in statements]
    spaced = [re.sub(r"(\w)[ \t]+\(", r"\1(", one) for one in spaced]
    assert _meaning(end.join(spaced)) == _meaning(text)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(GRAPHS), st.text("abcxyz_0189éß", min_size=1, max_size=8))
def test_names(text, suffix):
    assert _meaning(_renamed(text, suffix)) == _meaning(text)


@pytest.mark.parametrize("text", GRAPHS)
def test_columns_of_the_data_change_nothing_that_is_clear(text):
    columns = sorted(COLUMNS - {"log", "exp", "logistic"})
    assert parse_graph(text, columns).text == parse_graph(text).text
    assert dict(parse_graph(text, columns).dag.coefficients) == dict(parse_graph(text).dag.coefficients)
