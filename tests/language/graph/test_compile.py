"""Graphs become the same model as the formula that says the same."""

from __future__ import annotations

import pytest

from multilevel.errors import FormulaError, OptionError
from multilevel.language import parse_formula
from multilevel.language.graph import parse_graph
from multilevel.model import formula_text

NESTED = """
    P[publisher] ~ Normal(mu, sigma_P)            # publishers
    A[app]       ~ Normal(P[publisher], sigma_A)
    D[device]    ~ Normal(0, sigma_D)
    stars        ~ Normal(A[app] + D[device], sigma)
"""

SAME = [
    (NESTED, "stars ~ 1 + (1 | publisher) + (1 | app) + (1 | device)"),
    ("y ~ Normal(mu, s)", "y ~ 1"),
    ("y ~ Normal(a + b * x, s)", "y ~ 1 + x"),
    ("y ~ Normal(b * x + a, s)", "y ~ 1 + x"),
    ("y ~ Normal(b * x, s)", "y ~ 0 + x"),
    ("y ~ Normal(a + b * x * z, s)", "y ~ 1 + x:z"),
    ("y ~ Normal(a + b * log(x), s)", "y ~ 1 + log(x)"),
    ("y ~ Normal(a + b * (x + z), s)", "y ~ 1 + I(x + z)"),
    ("log(y) ~ Normal(a, s)", "log(y) ~ 1"),
    ("y ~ Normal(a[g], s); a[g] ~ Normal(mu + c * size, t)", "y ~ 1 + size + (1 | g)"),
    ("y ~ Normal(a[g] + c[g] * x, s); a[g] ~ Normal(m, t); c[g] ~ Normal(n, u)",
     "y ~ 1 + x + (1 | g) + (0 + x | g)"),
    ("y ~ Normal(b[g][0] + b[g][1] * x, s)\nb[g] ~ MVNormal([m, n], S)", "y ~ 1 + x + (1 + x | g)"),
    ("y ~ Normal(b[g] * x + a[g], s)\n[a, b][g] ~ MVNormal([m, n], S)", "y ~ 1 + x + (1 + x | g)"),
    ("y ~ Normal(a[g] + b[g] * x, s)\n[a, b][g] ~ MVNormal([m + k * z, n + l * z], S)",
     "y ~ 1 + z + x + z:x + (1 + x | g)"),
    ("y ~ Normal(b[g] * x, s)\nb[g] ~ Normal(c[h], t)\nc[h] ~ Normal(m, u)",
     "y ~ 0 + x + (0 + x | h) + (0 + x | g)"),
    ("y ~ Normal(a[g, h], s)\na[g, h] ~ Normal(b[g], t)\nb[g] ~ Normal(m, u)", "y ~ 1 + (1 | g) + (1 | g:h)"),
    ("y ~ Normal(a + data(x), s)", "y ~ 1 + offset(x)"),
    ("y ~ Normal(a + 2 * data(x), s)", "y ~ 1 + offset(I(2.0 * x))"),
    ("y ~ Normal(a[`my group`], s)\na[`my group`] ~ Normal(m, t)", "y ~ 1 + (1 | `my group`)"),
]  # fmt: skip


@pytest.mark.parametrize(("graph", "formula"), SAME)
def test_same_model_as_the_formula(graph, formula):
    found, wanted = parse_graph(graph), parse_formula(formula)
    assert found.fixed == wanted.fixed
    assert [(t.effects, t.factors, t.covariance) for t in found.groups] == [
        (t.effects, t.factors, t.covariance) for t in wanted.groups
    ]
    assert (found.response, found.offsets) == (wanted.response, wanted.offsets)
    assert set(found.variables) >= set(wanted.variables)
    assert found.text == formula_text(found)


FAMILIES = [
    ("y ~ Poisson(exp(a))", "poisson", "log"),
    ("y ~ Bernoulli(logistic(a))", "bernoulli", "logit"),
    ("y ~ Bernoulli(Phi(a))", "bernoulli", "probit"),
    ("y ~ Binomial(n, inv_cloglog(a))", "binomial", "cloglog"),
    ("y ~ Poisson(square(a))", "poisson", "sqrt"),
    ("y ~ Gamma(inverse(a), phi)", "gamma", "inverse"),
    ("y ~ NegativeBinomial(exp(a), theta)", "negative_binomial", "log"),
    ("y ~ NegativeBinomial(exp(a))", "negative_binomial", "log"),
    ("y ~ BetaBinomial(10, logistic(a), phi)", "beta_binomial", "logit"),
    ("y ~ StudentT(a, s, nu)", "student", "identity"),
    ("y ~ Normal(exp(a), s)", "gaussian", "log"),
    ("y ~ Ordinal(a * x)", "ordinal", "logit"),
    ("y ~ Ordinal(Phi(a * x))", "ordinal", "probit"),
]


@pytest.mark.parametrize(("graph", "family", "link"), FAMILIES)
def test_families_and_links(graph, family, link):
    found = parse_graph(graph).family
    assert (found.name, found.link) == (family, link)


def test_trials_may_be_a_column_or_a_number():
    assert parse_graph("y ~ Binomial(n, logistic(a))").trials == "n"
    assert parse_graph("y ~ Binomial(12, logistic(a))").trials == "12"


RESIDUALS = [
    ("y ~ Normal(a, se)", ("y", "se"), ("se", "se", ())),
    ("y ~ Normal(a, se)", ("y",), ("se", "", ())),
    ("y ~ Normal(a, data(se))", None, ("se", "se", ())),
    ("y ~ Normal(a, 2.5)", None, (2.5, "", ())),
    ("y ~ Normal(a, s[g])", None, ("s", "", ("g",))),
]


@pytest.mark.parametrize(("graph", "columns", "wanted"), RESIDUALS)
def test_residual_sd(graph, columns, wanted):
    found = parse_graph(graph, columns).dag
    assert (found.residual, found.residual_column, found.residual_groups) == wanted


def test_columns_decide_which_name_of_a_product_is_the_coefficient():
    found = parse_graph("y ~ Normal(a + x * b, s)", ("y", "x"))
    assert found.dag.coefficients == {"a": "1", "b": "x"}


def test_known_constants_add_up_to_the_offset():
    found = parse_graph("y ~ Normal(a[g] + 1, s); a[g] ~ Normal(2.5, t)")
    assert found.dag.offset == 3.5
    assert found.fixed == "0"


def test_priors_come_under_the_names_of_the_library():
    found = parse_graph("""
        b[g]  ~ MVNormal([m, n], S)
        c[h]  ~ Normal(0, t)
        y     ~ Normal(b[g][0] + b[g][1] * x + c[h], s)
        m ~ Normal(0, 10);  n ~ StudentT(3, 0, 1)
        S ~ InverseWishart(4, [[1, 0], [0, 2]])
        t ~ HalfCauchy(1);  s ~ HalfNormal(2)
    """).dag.priors
    texts = {
        name: prior["sd"].text() if isinstance(prior, dict) else prior.text() for name, prior in found.items()
    }
    assert texts == {
        "Intercept": "Normal(0, 10)",
        "x": "StudentT(3, 0, 1)",
        "g": texts["g"],
        "h": "HalfCauchy(1)",
        "sigma": "HalfNormal(2)",
    }
    assert found["g"].df == 4.0


def test_law_of_residual_sds():
    found = parse_graph("""
        y ~ Normal(m, s[g])
        s[g] ~ LogNormal(mu, tau)
        mu ~ Normal(0, 2); tau ~ HalfNormal(1)
    """).dag.priors
    assert [name for name, _ in found["sigma"].parameters] == ["mu", "sigma"]
    assert "sigma2" in parse_graph("y ~ Normal(m, s[g]); s[g] ~ InverseGamma(3, 4)").dag.priors


def test_two_nodes_of_one_factor_have_priors_by_their_place():
    found = parse_graph("""
        y ~ Normal(a[g] + b[g] * x, s)
        a[g] ~ Normal(0, t); b[g] ~ Normal(0, u)
        u ~ HalfNormal(1)
    """).dag.priors
    assert list(found) == ["g[2]"]


FAULTS = [
    ("", "the graph has no statement", 0),
    ("y ~ Normal(A, s)\nA[g] ~ Normal(0, t)", "stands without its index", 11),
    ("y ~ Normal(A[h], s)\nA[g] ~ Normal(0, t)", "is used with the index h", 11),
    ("y ~ Normal(A[g], s)", "has no statement of its own", 11),
    ("y ~ Normal(A[g], s)\nA[g] ~ Normal(B[h], t)\nB[h] ~ Normal(A[g], u)", "in a circle: A -> B -> A", None),
    ("y ~ Normal(m, s)\nA[g] ~ Normal(0, t)", "does not reach the response", 17),
    ("y ~ Normal(A[g] + B[h], s)\nA[g] ~ Normal(m, t)\nB[h] ~ Normal(n, u)", "only their sum can", None),
    ("y ~ Normal(A[g] + B[g], s)\nA[g] ~ Normal(m, t)\nB[g] ~ Normal(0, u)", "only their sum can", None),
    ("A[g] ~ Normal(m, t)\ny ~ Ordinal(A[g] + b * x)", "`m` and the thresholds", 14),
    ("y ~ Normal(A[g] + A[g] * x, s)\nA[g] ~ Normal(m, t)", "reaches the response on two ways", 18),
    ("y ~ Normal(A[g] + B[h], s)\nA[g] ~ Normal(m, t)\nB[h] ~ Normal(0, t)", "is the spread of", None),
    ("y ~ Normal(A[g] * B[h], s)\nA[g] ~ Normal(m, t)\nB[h] ~ Normal(0, u)", "product of two nodes", 11),
    ("y ~ Normal(2 * m, s)", "stands before the unknown `m`", 11),
    ("y ~ Normal(m + m, s)", "is added twice to the same rows", 11),
    ("y ~ Norml(m, s)", "is no distribution", 4),
    ("y ~ Normal(m)", "has 1 argument here", 4),
    ("y ~ Normal(m, s) + 1", "goes on after its distribution", 17),
    ("y ~ Poisson(logistic(m))", "has no link 'logit'", 12),
    ("y ~ MVNormal([m, n], S)", "the response is MVNormal", 4),
    ("y ~ Normal(b[g][2], s)\nb[g] ~ MVNormal([m, n], S)", "is a vector of 2 numbers", 11),
    ("y ~ Normal(b[g], s)\nb[g] ~ MVNormal([m, n], S)", "is a vector of 2 numbers", 11),
    ("y ~ Normal(a[g], s)\na[g] ~ Normal(exp(m), t)", "must stand", None),
    ("y ~ Normal(a[g], s)\na[g] ~ Gamma(m, t)", "the node `a` is Gamma", None),
    ("y ~ Normal(m, s)\nz ~ Normal(n, t)", "is a second response", 17),
    ("A ~ Normal(m, t)\ny ~ Normal(A[g], s)", "`A[g]` has no index in its own statement", 0),
    ("y ~ Normal(m, s)\nm ~ Normal(0, u)\nm ~ Normal(0, v)", "has two statements", None),
    ("y ~ Normal(m, s)\nm ~ Normal(0, u)", "a number of a prior", None),
    ("y ~ Normal(m, s)\nm ~ Normal(0)", "has 1 argument here", None),
    ("y ~ Normal(m, -1)", "the residual sd", None),
    ("y ~ Normal(__import__('os').system('x'), s)", "is not a function", 11),
    ("y ~ Normal(m.x, s)", "has a dot", 11),
    ("y ~ Normal((m, s)", "is not closed", None),
    ("y[g ~ Normal(m, s)", "is not closed", None),
    ("y ~ Normal(m, s", "is not closed", None),
    ("y", "the statement ends before its `~`", None),
    ("y ~", "where a distribution must stand", None),
    ("y ~ Normal(m / x, s)", "only numbers can divide", 15),
    ("y ~ Normal(m, s)\nt ~ Normal(m, s)\nt[g] ~ Normal(0, 1)", "a second response", None),
]  # fmt: skip


@pytest.mark.parametrize(("graph", "words", "position"), FAULTS)
def test_faults_are_pointed_at(graph, words, position):
    with pytest.raises(FormulaError, match=r"(?s).*") as caught:
        parse_graph(graph)
    assert words in str(caught.value)
    assert position is None or caught.value.position == position


WITH_COLUMNS = [
    ("y ~ Normal(x, s)", "is a column of the data and has no coefficient"),
    ("y ~ Normal(b * q, s)", "are no columns of the data"),
    ("y ~ Normal(A[h], s)\nA[h] ~ Normal(0, t)", "the index `h` is no column"),
    ("q ~ Normal(m, s)", "`q` is no column of the data"),
    ("y ~ Normal(m + data(q), s)", "`q` is no column of the data"),
    ("y ~ Normal(A[g], s)\nA[g] ~ Normal(0, x)", "is a column of the data and stands where the sd"),
    ("y ~ Binomial(q, logistic(m))", "the trials `q` are no column"),
    ("y ~ Normal(m, s[q])", "is no column of the data"),
]


@pytest.mark.parametrize(("graph", "words"), WITH_COLUMNS)
def test_names_that_the_data_do_not_have(graph, words):
    with pytest.raises(FormulaError) as caught:
        parse_graph(graph, ("y", "x", "g"))
    assert words in str(caught.value)


def test_only_text_is_read():
    with pytest.raises(OptionError, match="must be text"):
        parse_graph(3)  # type: ignore[arg-type]
