"""Distributions of graphs: their names, their signatures, and that every family has one that is read."""

from __future__ import annotations

import dataclasses

import pytest

import multilevel as ml
from multilevel.errors import FormulaError
from multilevel.language.graph import parse_graph
from multilevel.language.graph.distributions import DISTRIBUTIONS, PRIORS, arguments_here, signature
from multilevel.model.distributions import RESPONSES

SIGNATURES = [
    ("Normal", "Normal(mean, sd)"),
    ("MVNormal", "MVNormal([mean, mean], Sigma)"),
    ("Bernoulli", "Bernoulli(logistic(mean))"),
    ("Beta", "Beta(logistic(mean), phi)"),
    ("StudentT", "StudentT(mean, sigma, nu)"),
    ("Ordinal", "Ordinal(mean)"),
]


@pytest.mark.parametrize(("name", "wanted"), SIGNATURES)
def test_signatures(name, wanted):
    assert signature(name) == wanted


@pytest.mark.parametrize("name", RESPONSES)
def test_every_signature_can_be_read(name):
    written = signature(name).replace("trials", "n").replace("mean", "A[g]")
    found = parse_graph(f"y ~ {written}\nA[g] ~ Normal({'0' if name == 'Ordinal' else 'm'}, t)")
    assert found.family.name == RESPONSES[name].name


@pytest.mark.parametrize("name", PRIORS)
def test_every_prior_is_public_and_has_as_many_arguments_as_fields(name):
    assert getattr(ml, name) is PRIORS[name]
    assert len([field for field in dataclasses.fields(PRIORS[name]) if field.init]) < 4


def test_words():
    assert len(set(DISTRIBUTIONS)) == len(DISTRIBUTIONS)
    assert arguments_here("Poisson", 2) == "Poisson has 2 arguments here"


@pytest.mark.parametrize(
    ("link", "wanted"), [("logit", "logistic"), ("log", "exp"), ("probit", "Phi"), ("sqrt", "square")]
)
def test_a_link_in_place_of_what_undoes_it(link, wanted):
    text = f"A[g] ~ Normal(m, t)\ny ~ Bernoulli({link}(A[g] + b * x))"
    with pytest.raises(FormulaError, match="undoes the link") as caught:
        parse_graph(text)
    assert caught.value.remedy == f"write {wanted}(...)"
    assert text[caught.value.position : caught.value.position + caught.value.length] == link
    assert parse_graph("A[g] ~ Normal(m, t)\ny ~ Poisson(exp(log(n) + A[g]))").offsets == ("log(n)",)
