"""What every quantity of a model is."""

from __future__ import annotations

import pytest

import multilevel as ml
from multilevel.language import with_family
from multilevel.model.quantities import ROWS

C, P, L, Y = "constant", "parameter", "latent variable", "observed variable"
KINDS = [
    (
        "A[app] ~ Normal(P[pub], sA); P[pub] ~ Normal(mu + g * size, sP); y ~ Normal(A[app] + b * x, s)",
        {"mu": P, "g": P, "size": C, "sP": P, "P": L, "sA": P, "A": L, "b": P, "x": C, "s": P, "y": Y},
        {("mu", "P"), ("g", "P"), ("size", "P"), ("sP", "P"), ("P", "A"), ("sA", "A"), ("A", "y"), ("b", "y"),
         ("x", "y"), ("s", "y")},
    ),
    (
        "b[g] ~ MVNormal([m, 0], S); y ~ Normal(b[g][0] + b[g][1] * x, 2.5)",
        {"m": P, "S": P, "b": L, "x": C, "2.5": C, "y": Y},
        {("m", "b"), ("S", "b"), ("b", "y"), ("x", "y"), ("2.5", "y")},
    ),
    (
        "theta[school] ~ Normal(mu, 4); y ~ Normal(theta[school], data(sd))",
        {"mu": P, "4": C, "theta": L, "sd": C, "y": Y},
        {("mu", "theta"), ("4", "theta"), ("theta", "y"), ("sd", "y")},
    ),
    (
        "y ~ Normal(m, s[g]); s[g] ~ LogNormal(mu, 0.5); mu ~ Normal(0, 1)",
        {"m": P, "mu": P, "s": L, "y": Y},
        {("m", "y"), ("mu", "s"), ("s", "y")},
    ),
    ("y ~ Binomial(n, logistic(m))", {"n": C, "m": P, "y": Y}, {("n", "y"), ("m", "y")}),
    ("y ~ Binomial(12, logistic(m))", {"12": C, "m": P, "y": Y}, {("12", "y"), ("m", "y")}),
    ("y ~ NegativeBinomial(exp(m), k)", {"m": P, "k": P, "y": Y}, {("m", "y"), ("k", "y")}),
    ("y ~ NegativeBinomial(exp(m))", {"m": P, "theta": P, "y": Y}, {("m", "y"), ("theta", "y")}),
    ("y ~ Ordinal(b * x)", {"b": P, "x": C, "thresholds": P, "y": Y},
     {("b", "y"), ("x", "y"), ("thresholds", "y")}),
    ("y ~ Normal(exp(m), s)", {"m": P, "s": P, "y": Y}, {("m", "y"), ("s", "y")}),
]  # fmt: skip


@pytest.mark.parametrize(("graph", "roles", "arrows"), KINDS)
def test_roles_and_parents(graph, roles, arrows):
    rows = ml.graph(graph).quantities().rows
    assert {row.name: row.role for row in rows} == roles
    assert {(parent, row.name) for row in rows for parent in row.parents} == arrows


@pytest.mark.parametrize("graph", [kind[0] for kind in KINDS])
def test_parents_stand_before_children(graph):
    seen: set[str] = set()
    for row in ml.graph(graph).quantities().rows:
        assert seen.issuperset(row.parents)
        seen.add(row.name)


def test_indices_say_where_a_quantity_has_values():
    rows = ml.graph(KINDS[0][0]).quantities().rows
    assert {row.name: row.index for row in rows if row.index} == {
        "size": ("pub",), "P": ("pub",), "A": ("app",), "x": ROWS, "y": ROWS,
    }  # fmt: skip


LAWS = [
    ("A[g] ~ Normal(mu, t); y ~ Normal(A[g], s); mu ~ Normal(0, 10); t ~ HalfCauchy(5); s ~ HalfNormal(2)",
     {"mu": "Normal(0, 10)", "t": "HalfCauchy(5)", "s": "HalfNormal(2)", "A": "Normal(mu, t)",
      "y": "Normal(A[g], s)"}),
    ("a[g] ~ Normal(0, t); b[g] ~ Normal(0, u); y ~ Normal(a[g] + b[g] * x, s); u ~ HalfNormal(1)",
     {"t": "", "u": "HalfNormal(1)", "b": "Normal(0, u)"}),
    ("[a, b][g] ~ MVNormal([0, 0], S); y ~ Normal(a[g] + b[g] * x, s); S ~ LKJ(2)",
     {"S": "LKJ(2)", "a, b": "MVNormal([0, 0], S)"}),
    ("y ~ Normal(m, s[g]); s[g] ~ InverseGamma(3, q); q ~ Exponential(1)",
     {"s": "InverseGamma(3, q)", "q": "Exponential(1)", "y": "Normal(m, s[g])"}),
    ("[a, b][g] ~ MVNormal([0, m], [t, 2], R); y ~ Normal(a[g] + b[g] * x, s); R ~ LKJ(2); t ~ HalfNormal(1)",
     {"t": "HalfNormal(1)", "2": "", "R": "LKJ(2)", "a, b": "MVNormal([0, m], [t, 2], R)"}),
    ("a[g] ~ Normal(m, sqrt(v)); y ~ Normal(a[g], sqrt(w)); v ~ InverseGamma(2, 1); w ~ InverseGamma(3, 1)",
     {"v": "InverseGamma(2, 1)", "w": "InverseGamma(3, 1)", "a": "Normal(m, sqrt(v))",
      "y": "Normal(a[g], sqrt(w))"}),
    ("y ~ Normal(m, s[g])", {"s": ""}),
    ("y ~ BetaBinomial(10, logistic(m + b * x), k); k ~ Exponential(2); b ~ Normal(0, 1)",
     {"k": "Exponential(2)", "b": "Normal(0, 1)", "y": "BetaBinomial(10, logistic(m + b * x), k)"}),
]  # fmt: skip


@pytest.mark.parametrize(("graph", "wanted"), LAWS)
def test_distributions_are_those_of_the_text(graph, wanted):
    found = {row.name: row.distribution for row in ml.graph(graph).quantities().rows}
    assert {name: found[name] for name in wanted} == wanted


def test_zero_inflation_has_parameters_of_its_own():
    model = ml.graph("y ~ Poisson(exp(m))")
    rows = with_family(model, model.family, "~ x").quantities().rows
    assert [row.name for row in rows if row.role == P] == ["m", "zeros(Intercept)", "zeros(x)"]
    assert rows[-1].distribution == "Poisson(exp(m)) with extra zeros"


def test_another_family_has_no_residual_sd():
    model = with_family(ml.graph("y ~ Normal(m, s)"), "poisson", None)
    rows = model.quantities().rows
    assert [row.name for row in rows] == ["m", "y"]
    assert rows[-1].distribution == "Poisson(exp(m))"


def test_a_parameter_held_at_a_number_is_a_constant():
    first = ml.graph("y ~ Normal(m, s); m ~ Fixed(3)").quantities().rows[0]
    assert (first.name, first.role, first.distribution) == ("m", C, "Fixed(3)")


def test_a_column_with_the_name_of_a_parameter_is_marked():
    rows = ml.graph("y ~ Normal(m + data(m), s)").quantities().rows
    assert [(row.name, row.role) for row in rows[:2]] == [("m", P), ("data(m)", C)]


def test_formulas_are_taken_as_graphs():
    found = ml.formula("y ~ x + (x | g)").quantities().columns()
    assert found["quantity"] == ["a", "b_x", "Sigma_g", "a_g, b_x_g", "x", "sigma", "y"]
    assert list(found) == ["quantity", "role", "index", "distribution"]


def test_what_graphs_cannot_say_is_refused():
    with pytest.raises(ml.OptionError, match="has no graph in this version"):
        ml.formula("y ~ x + cs(x | g)").quantities()
