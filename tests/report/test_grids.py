"""Grids in each language, with text that means something in it."""

from __future__ import annotations

from multilevel.report.grids import Grid, as_html, latex, markdown, plain

GRID = Grid("Title & co", ("term", "value"), (("a_b|<c>", "1.5"), ("line\nbreak\x1b[31m", "-10")), words=1)


def test_plain_is_aligned_and_on_one_line_each() -> None:
    assert plain(GRID) == [
        "Title & co",
        "  term             value",
        "  a_b|<c>            1.5",
        "  line break?[31m    -10",
    ]


def test_markdown() -> None:
    assert markdown(GRID)[2:5] == ["| term | value |", "| --- | ---: |", r"| a\_b\|\<c\> | 1.5 |"]


def test_latex() -> None:
    lines = latex(GRID)
    assert r"\caption{Title \& co}" in lines
    assert r"\begin{tabular}{lr}" in lines
    assert r"a\_b\textbar{}\textless{}c\textgreater{} & 1.5 \\" in lines
    assert lines.index(r"\toprule") < lines.index(r"\midrule") < lines.index(r"\bottomrule")


def test_html() -> None:
    text = "\n".join(as_html(GRID))
    assert "<caption>Title &amp; co</caption>" in text
    assert '<td style="text-align:left">a_b|&lt;c&gt;</td><td style="text-align:right">1.5</td>' in text
