"""Statements are read as they are written; what is none is pointed at."""

from __future__ import annotations

import pytest

from multilevel.language.graph.reader import read_statements
from multilevel.language.graph.tree import Columns, Name, Product, Use
from tests.language.faults import fault


def _one(text):
    _, found = read_statements(text)
    assert len(found) == 1
    return found[0]


def _shown(product: Product) -> tuple[float, list[str]]:
    names = {Name: lambda a: a.value, Use: lambda a: f"{a.name}[{','.join(a.index)}]{a.component}"}
    return product.number, [names.get(type(atom), lambda a: "call")(atom) for atom in product.atoms]


def test_places_are_those_of_the_text():
    text = "  # a comment ~ with(brackets\n  [a, b][g, h] ~ MVNormal([0, m], S) # the end"
    one = _one(text)
    assert (one.names, one.listed, one.index, one.distribution) == (("a", "b"), True, ("g", "h"), "MVNormal")
    assert text[one.position : one.stop] == "[a, b][g, h]"
    assert text[one.call : one.end] == "MVNormal([0, m], S)"
    first, second = one.arguments
    assert text[first.position : first.stop] == "[0, m]"
    assert text[second.position : second.stop] == "S"


SUMS = [
    ("m", [(1.0, ["m"])]),
    ("a[g] + b * x - 2", [(1.0, ["a[g]None"]), (1.0, ["b", "x"]), (-2.0, [])]),
    ("b[g][1] * x * z", [(1.0, ["b[g]1", "x", "z"])]),
    ("b * (x + 2 * z)", [(1.0, ["b", "x"]), (2.0, ["b", "z"])]),
    ("-(m - n) / 4", [(-0.25, ["m"]), (0.25, ["n"])]),
    ("+ - - 3 * log(x)", [(3.0, ["call"])]),
    ("a[`my g`, h]", [(1.0, ["a[my g,h]None"])]),
    ("data(x) + data(log(z))", [(1.0, ["call"]), (1.0, ["call"])]),
]


@pytest.mark.parametrize(("text", "wanted"), SUMS)
def test_sums_are_multiplied_out(text, wanted):
    argument = _one(f"y ~ Normal({text}, s)").arguments[0]
    assert [_shown(product) for product in argument.sum] == wanted
    assert argument.function == ""


def test_a_function_round_a_whole_argument_is_the_inverse_of_a_link():
    assert _one("y ~ Poisson(exp(a + b * x))").arguments[0].function == "exp"
    argument = _one("y ~ Normal(exp(x) * b + a, s)").arguments[0]
    assert argument.function == ""
    assert isinstance(argument.sum[0].atoms[0], Columns)


def test_statements_end_with_their_line_or_a_semicolon_and_may_go_over_lines():
    _, found = read_statements("y ~ Normal(a[g],\n   s);a[g] ~ Normal(0, t)\n\n; c[h] ~ Normal(0, u);")
    assert [one.names for one in found] == [("y",), ("a",), ("c",)]


def test_a_hash_in_a_name_is_no_comment():
    assert _one("y ~ Normal(b * `x#1`, s)").arguments[0].sum[0].atoms[1] == Name("x#1", 15)


FAULTS = [
    ("", "the graph has no statement", ""),
    ("y = Normal(m, s)", "unexpected `=` before the `~`", "="),
    ("y ~ N(m, s)", "`N` is no distribution", "N"),
    ("y ~ x + (1 | g)", "found `x` where a distribution must stand", "x"),
    ("y ~ Normal(mean=m)", "the arguments of distributions stand in their order, without names", "="),
    ("y ~ Normal(m, True)", "`True` stands where a name must stand", "True"),
    ("y ~ Normal(a[None], s)", "`None` stands where a name must stand", "None"),
    ("y ~ Normal(m, s) z", "the statement goes on after its distribution", "z"),
    ("[a, a][g] ~ MVNormal([0, 0], S)", "a name stands in the list twice", "["),
    ("[a, b] ~ MVNormal([0, 0], S)", "a list of names without an index", "["),
    ("a[g, g] ~ Normal(0, s)", "a column stands in the index twice", "["),
    ("a[1] ~ Normal(0, s)", "a number stands where the column of an index must stand", "1"),
    ("y ~ Normal(a[g][x], s)", "found `x` where the number of a component, counted from 0 must stand", "x"),
    ("y ~ Normal(a[my g], s)", "found `g` where `]` must stand", "g"),
    ("y ~ Normal(m / 0, s)", "a division by zero", "/"),
    ("y ~ Normal(m / x, s)", "found `x` where a number (only numbers can divide) must stand", "x"),
    ("y ~ Normal(1e300 * 1e300, s)", "this arithmetic on numbers has no finite value", "1e300 * 1e300"),
    ("y ~ Normal(m ^ 2, s)", "unexpected `^`", "^"),
    ("poly(y, 2) ~ Normal(m, s)", "`poly()` gives several columns, so it must be a whole term", "poly(y, 2)"),
    ("logistic(y) ~ Normal(m, s)", "`logistic` is not a function that can stand here", "logistic"),
    ("y ~ Normal(data(), s)", "found `)` where a name must stand", ")"),
]


@pytest.mark.parametrize(("text", "asked", "underlined"), FAULTS)
def test_faults(text, asked, underlined):
    assert fault(text, read_statements) == (asked, underlined)


def test_the_length_is_bounded():
    assert fault("y ~ Normal(m, s)" + " " * 20_000, read_statements)[0] == "the graph has 20016 characters"


def test_a_root_is_a_function_round_an_sd_and_a_column_in_a_mean():
    mean, sd = _one("y ~ Normal(sqrt(x), sqrt(v))").arguments
    assert (mean.function, sd.function) == ("", "sqrt")
    assert sd.sum[0].atoms == (Name("v", 25),)


REMEDIES = [
    ("y <- Normal(m, s)", "write `~` between the two sides"),
    ("y ~ normal(m, s)", "write Normal(...)"),
    ("y ~ N(m, s)", "write Normal(...)"),
    ("s ~ Cauchy(0, 1)", "write HalfCauchy(...)"),
    ("y ~ x + (1 | g)", "a formula, `y ~ x + (1 | g)`, is read by multilevel.formula"),
    ("y ~ Normal(a[my g], s)", "if it is one name with blanks, put it in backticks: `my g`"),
]


@pytest.mark.parametrize(("text", "remedy"), REMEDIES)
def test_remedies(text, remedy):
    with pytest.raises(ValueError, match="~") as caught:
        read_statements(text)
    assert caught.value.remedy == remedy
