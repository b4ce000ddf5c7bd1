"""Summands of means: what is unknown in them, their columns, and what cannot stand there."""

from __future__ import annotations

import pytest

from multilevel.language.graph.means import has_basis, pieces, product_text
from multilevel.language.graph.reader import read_statements
from multilevel.language.graph.scope import scope_of
from tests.language.faults import fault

COLUMNS = ("y", "x", "z", "g", "a b", "m2")
REST = "\nA[g] ~ Normal(0, t)\nB[g] ~ Normal(0, t)"


def _pieces(mean, columns=None):
    scope = scope_of(*read_statements(f"y ~ Normal({mean}, s){REST}"), columns)
    return pieces(scope, scope.response.arguments[0].sum)


CASES = [
    ("m", [("m", "", 1.0, "")]),
    ("A[g]", [("", "A", 1.0, "")]),
    ("A[g] * x", [("", "A", 1.0, "x")]),
    ("x * A[g] * z", [("", "A", 1.0, "x:z")]),
    ("b * x", [("b", "", 1.0, "x")]),
    ("b * x * x", [("b", "", 1.0, "I(x ** 2)")]),
    ("b * x * z * x", [("b", "", 1.0, "I(x ** 2):z")]),
    ("b * `a b` * `a b`", [("b", "", 1.0, "I(`a b` ** 2)")]),
    ("b * log(x) * log(x)", [("b", "", 1.0, "I(log(x) ** 2)")]),
    ("b * C(x)", [("b", "", 1.0, "C(x)")]),
    ("poly(x, 2) * b", [("b", "", 1.0, "poly(x, 2)")]),
    ("data(x)", [("", "", 1.0, "x")]),
    ("2 * log(x) - 3", [("", "", 2.0, "log(x)"), ("", "", -3.0, "")]),
    ("0 * b + 0", []),
]


@pytest.mark.parametrize(("mean", "wanted"), CASES)
@pytest.mark.parametrize("columns", [None, COLUMNS])
def test_summands(mean, wanted, columns):
    found = [piece.part for piece in _pieces(mean, columns)]
    assert [(part.parameter, part.node, part.number, part.columns) for part in found] == wanted


def test_only_the_data_know_that_the_first_name_of_a_product_is_a_column():
    assert _pieces("x * b", COLUMNS)[0].parameter == "b"
    assert _pieces("x * b")[0].parameter == "x"
    assert _pieces("g * b")[0].parameter == "b"  # an index is a column


FAULTS = [
    ("x", "`x` is a column of the data and has no coefficient", "x"),
    ("b * q", "`b` and `q` are no columns of the data, so that a product has two unknowns", "b * q"),
    ("A[g] * b", "`b` is no column of the data, so that a product has two unknowns", "A[g] * b"),
    ("A[g] * B[g]", "a product of two nodes", "A[g] * B[g]"),
    ("2 * m", "the known number 2 stands before the unknown `m`", "2 * m"),
    ("m - b * x", "a minus sign stands before the unknown `b`", "b * x"),
    ("A[g] / 4", "the known number 0.25 stands before the unknown `A`", "A[g]"),
    ("A", "the node `A` stands without its index", "A"),
    ("data(q)", "`q` is no column of the data", "data(q)"),
    ("b * log(x + q)", "`q` is no column of the data", "log(x + q)"),
    ("A[g] * C(x)", "`C()` gives a factor, so it must be a whole term", "C(x)"),
    ("poly(x, 2)", "`poly()` gives several columns, so it must be a whole term", "poly(x, 2)"),
    ("b * C(x) * C(x)", "`C()` gives a factor, so it must be a whole term", "C(x)"),
]


@pytest.mark.parametrize(("mean", "asked", "underlined"), FAULTS)
def test_faults(mean, asked, underlined):
    def read(text):
        scope = scope_of(*read_statements(text), COLUMNS)
        return pieces(scope, scope.response.arguments[0].sum)

    assert fault(f"y ~ Normal({mean}, s){REST}", read) == (asked, underlined)


def test_products_and_bases():
    assert product_text(()) == ""
    assert product_text(("x", "z")) == "x:z"
    assert product_text(("x", "x", "x")) == "I(x ** 3)"
    assert has_basis(("bs(x, df=5)",))
    assert not has_basis(("C", "`C(x)`", "log(x)"))
