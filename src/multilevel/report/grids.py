"""A grid of text cells, laid out as plain text, Markdown, LaTeX or HTML."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
}


@dataclass(frozen=True, slots=True)
class Grid:
    """Cells with a heading and an alignment for each column.

    Parameters
    ----------
    title
        One line above the cells.
    heads
        Column headings.
    rows
        Rows of as many cells as there are headings.
    words
        How many columns, from the left, hold words (aligned left); the others hold numbers.
    """

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: int

    def sides(self) -> str:
        """Return "l" or "r" for each column."""
        return "l" * self.words + "r" * (len(self.heads) - self.words)


def printable(text: str) -> str:
    """Return a text on one line, control characters shown as question marks."""
    return "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))


def plain(grid: Grid) -> list[str]:
    """Return the lines of a grid as plain text, without trailing spaces."""
    cells = [grid.heads, *(tuple(printable(cell) for cell in row) for row in grid.rows)]
    widths = [max(len(row[c]) for row in cells) for c in range(len(grid.heads))]
    lines = [grid.title]
    for row in cells:
        parts = [
            cell.ljust(width) if side == "l" else cell.rjust(width)
            for cell, width, side in zip(row, widths, grid.sides(), strict=True)
        ]
        lines.append(("  " + "  ".join(parts)).rstrip())
    return lines


def markdown(grid: Grid) -> list[str]:
    """Return the lines of a grid as a Markdown table."""
    rule = ["---" if side == "l" else "---:" for side in grid.sides()]
    rows = [grid.heads, tuple(rule), *(tuple(_markdown_cell(cell) for cell in row) for row in grid.rows)]
    return [f"**{_markdown_cell(grid.title)}**", "", *("| " + " | ".join(row) + " |" for row in rows)]


def latex(grid: Grid) -> list[str]:
    """Return the lines of a grid as a LaTeX table in the style of the booktabs package."""
    rows = [" & ".join(latex_text(cell) for cell in row) + r" \\" for row in grid.rows]
    return [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{latex_text(grid.title)}}}",
        rf"\begin{{tabular}}{{{grid.sides()}}}",
        r"\toprule",
        " & ".join(latex_text(head) for head in grid.heads) + r" \\",
        r"\midrule",
        *rows,
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]


def as_html(grid: Grid) -> list[str]:
    """Return the lines of a grid as an HTML table."""
    return [
        "<table>",
        f"<caption>{html_text(grid.title)}</caption>",
        f"<thead>{_html_row(grid.heads, grid.sides(), 'th')}</thead>",
        "<tbody>",
        *(_html_row(row, grid.sides(), "td") for row in grid.rows),
        "</tbody>",
        "</table>",
    ]


def _html_row(cells: Sequence[str], sides: str, tag: str) -> str:
    """Return one row of an HTML table; numbers stand on the right."""
    styles = ["text-align:left" if side == "l" else "text-align:right" for side in sides]
    parts = (
        f'<{tag} style="{style}">{html_text(cell)}</{tag}>' for cell, style in zip(cells, styles, strict=True)
    )
    return f"<tr>{''.join(parts)}</tr>"


def html_text(text: str) -> str:
    """Return a text that means itself in HTML."""
    return html.escape(printable(text))


def latex_text(text: str) -> str:
    """Return a text that means itself in LaTeX."""
    return "".join(LATEX.get(c, c) for c in printable(text))


def _markdown_cell(text: str) -> str:
    """Return a text that means itself in a Markdown table."""
    return "".join(f"\\{c}" if c in "\\|*_`[]<>" else c for c in printable(text))
