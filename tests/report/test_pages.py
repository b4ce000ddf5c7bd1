"""LaTeX, Markdown and HTML pages."""

from __future__ import annotations

import dataclasses

from multilevel.report import to_html, to_latex, to_markdown
from tests.oracle import designs
from tests.oracle.fits import fit_design


def test_latex_has_both_tables_and_balanced_braces() -> None:
    text = to_latex(fit_design(designs.slopes()))
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 2
    assert text.count("{") == text.count("}")
    assert r"Intercept & 1.1208 & 0.2352 & 4.76 & 11.2 & \textless{}0.001 & 0.6041 & 1.6374 \\" in text
    assert text.endswith("The optimum is certified.\n")


def test_markdown_has_the_formula_and_both_tables() -> None:
    text = to_markdown(fit_design(designs.slopes()))
    assert text.startswith("### Linear mixed model by REML\n\n    y ~ x + (x | g)\n")
    assert "| g | Intercept | 0.7553 | 0.5705 | 30.5% |  |" in text
    assert text.endswith("The optimum is certified.\n")


def test_html_shows_names_as_text() -> None:
    design = designs.slopes()
    f = dataclasses.replace(design.factors[0], name="<script>alert(1)</script>")
    text = to_html(fit_design(dataclasses.replace(design, factors=(f,))))
    assert "<script>" not in text
    assert "&lt;script&gt;" in text
    assert text.count("<table>") == 2
