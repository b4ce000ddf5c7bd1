"""The statement of the response: family, link, trials, residual sd."""

from __future__ import annotations

import pytest

from multilevel.language.graph.reader import read_statements
from multilevel.language.graph.responses import response_of
from multilevel.language.graph.scope import scope_of
from tests.language.faults import fault

COLUMNS = ("y", "n", "se", "g", "x")


def _response(text, columns=COLUMNS):
    return response_of(scope_of(*read_statements(text), columns))


TRIALS = [
    ("y ~ Binomial(n, logistic(m))", "n", ("n",)),
    ("y ~ Binomial(12, logistic(m))", "12", ()),
    ("y ~ Binomial(1234567, logistic(m))", "1234567", ()),
    ("y ~ BetaBinomial(I(n + 1), logistic(m), phi)", "I(n + 1)", ("n",)),
]


@pytest.mark.parametrize(("text", "trials", "columns"), TRIALS)
def test_trials(text, trials, columns):
    found = _response(text)
    assert (found.trials, found.trial_columns) == (trials, columns)


RESIDUALS = [
    ("y ~ Normal(m, s)", ("s", "", ())),
    ("y ~ Normal(m, 0.5)", (0.5, "", ())),
    ("y ~ Normal(m, sqrt(v))", ("sqrt(v)", "", ())),
    ("y ~ Normal(m, sqrt(4))", (2.0, "", ())),
    ("y ~ Normal(m, se)", ("se", "se", ())),
    ("y ~ Normal(m, data(se))", ("se", "se", ())),
    ("y ~ Normal(m, s[g])", ("s", "", ("g",))),
    ("y ~ Normal(m, s[g, x])\ns[x, g] ~ LogNormal(0, 1)", ("s", "", ("g", "x"))),
]


@pytest.mark.parametrize(("text", "wanted"), RESIDUALS)
def test_residual_sds(text, wanted):
    found = _response(text)
    assert (found.residual, found.residual_column, found.residual_groups) == wanted


def test_parameters_of_families_have_the_names_of_the_text():
    assert _response("y ~ StudentT(m, s, df)").family_parameters == {"sigma": "s", "nu": "df"}
    assert _response("y ~ Normal(exp(m), s)").family_parameters == {"sigma": "s"}
    assert _response("y ~ NegativeBinomial(exp(m))").family_parameters == {}


def test_a_response_may_be_transformed():
    found = _response("log(y + x) ~ Normal(m, s)")
    assert (found.text, found.columns) == ("log(y + x)", ("y", "x"))


FAULTS = [
    ("y ~ HalfNormal(1)", "the response is HalfNormal", "HalfNormal(1)"),
    ("q ~ Normal(m, s)", "`q` is no column of the data, and no other statement uses it", "q"),
    ("y ~ Poisson(exp(m), 3)", "Poisson has 2 arguments here", "Poisson(exp(m), 3)"),
    ("y ~ Binomial(logistic(m))", "Binomial has 1 argument here", "Binomial(logistic(m))"),
    ("y ~ Binomial(logistic(m), n)", "this stands where the trials must stand", "logistic(m)"),
    ("y ~ Binomial(2.5, logistic(m))", "this stands where the trials must stand", "2.5"),
    ("y ~ Binomial(q, logistic(m))", "the trials `q` are no column of the data", "q"),
    ("y ~ Bernoulli(m)", "Bernoulli has no link 'identity'", "m"),
    ("y ~ Poisson([m])", "a list stands where the mean of the response must stand", "[m]"),
    ("y ~ Normal(m, 2 * se)", "this stands where the residual sd must stand", "2 * se"),
    ("y ~ Normal(m, sqrt(se))", "this stands where the residual sd must stand", "sqrt(se)"),
    ("y ~ Normal(m, sqrt(v[g]))", "this stands where the residual sd must stand", "sqrt(v[g])"),
    ("y ~ Normal(m, sqrt(0))", "this stands where the residual sd must stand", "sqrt(0)"),
    ("y ~ Normal(m, 0)", "this stands where the residual sd must stand", "0"),
    ("y ~ Normal(m, s[q])", "the index `q` is no column of the data", "s[q]"),
    ("y ~ Normal(m, s[g])\ns[x] ~ LogNormal(0, 1)", "`s` is used with the index g", "s[g]"),
    ("y ~ Normal(exp(m), 2)", "a known residual sd, or one for each group, beside the link 'log'", "2"),
    ("y ~ Normal(exp(m), se)", "a known residual sd, or one for each group, beside the link 'log'", "se"),
    ("y ~ Normal(exp(m), s[g])", "a known residual sd, or one for each group, beside the link 'log'", "s[g]"),
    ("y ~ NegativeBinomial(exp(m), 3)", "this stands where a parameter of the family must stand", "3"),
    ("y ~ StudentT(m, s, x)", "this stands where a parameter of the family must stand", "x"),
]


@pytest.mark.parametrize(("text", "asked", "underlined"), FAULTS)
def test_faults(text, asked, underlined):
    assert fault(text, _response) == (asked, underlined)
