"""Names as LaTeX."""

from __future__ import annotations

import pytest

from multilevel.model.symbols import column, indexed, name, number, product, words

NAMES = [
    ("mu", r"\mu"),
    ("sigma_P", r"\sigma_{P}"),
    ("sigma_a_g", r"\sigma_{\text{a\_g}}"),
    ("tau_mu", r"\tau_{\mu}"),
    ("a", "a"),
    ("a0", "a_{0}"),
    ("a_2", "a_{2}"),
    ("mean", r"\text{mean}"),
    ("b[2]", "b_{2}"),
    ("Sigma", r"\Sigma"),
    ("_x", r"\text{\_x}"),
    ("größe", r"\text{größe}"),
]


@pytest.mark.parametrize(("text", "wanted"), NAMES)
def test_names(text, wanted):
    assert name(text) == wanted


INDEXED = [
    ("A", ("app",), (), r"A_{\text{app}}"),
    ("theta", ("school",), (), r"\theta_{\text{school}}"),
    ("b[0]", ("school",), (), r"b_{\text{school},\,0}"),
    ("a", ("g", "my group"), (), r"a_{g,\,\text{my group}}"),
    ("a_g", ("g",), (), "a_{g}"),
    ("a_g", ("g",), ("a_{g}",), "a_{g[g]}"),
    ("b_x_g_h", ("g", "h"), (), r"b_{x,\,g,\,h}"),
    ("a_school", ("district",), (), r"a_{\text{school}[\text{district}]}"),
]


@pytest.mark.parametrize(("text", "index", "taken", "wanted"), INDEXED)
def test_names_with_an_index(text, index, taken, wanted):
    assert indexed(text, index, taken) == wanted


def test_characters_that_latex_reads_as_its_own_are_escaped():
    assert words(r"50%_a & {b}#$^~\\") == (
        r"\text{50\%\_a \& \{b\}\#\$\textasciicircum{}\textasciitilde{}"
        r"\textbackslash{}\textbackslash{}}"
    )


COLUMNS = [
    ("x", "x"),
    ("size", r"\text{size}"),
    ("`wait time`", r"\text{wait time}"),
    ("log(x)", r"\log(x)"),
    ("sqrt(x)", r"\sqrt{x}"),
    ("I(x ** 2)", "x^{2}"),
    ("I(wait ** 3)", r"\text{wait}^{3}"),
    ("log(x ** 2)", r"\text{log(x ** 2)}"),
    ("I(x + z)", r"\text{I(x + z)}"),
]


@pytest.mark.parametrize(("text", "wanted"), COLUMNS)
def test_columns(text, wanted):
    assert column(text) == wanted


def test_products_and_numbers():
    assert product("x:log(size)") == r"x \, \log(\text{size})"
    assert [number(value) for value in (2.0, -0.5, 1e-7, 2.5e9)] == [
        "2",
        "-0.5",
        "10^{-7}",
        r"2.5 \cdot 10^{9}",
    ]
