"""The fit as LaTeX, as Markdown, and as a fragment of HTML for notebooks."""

from __future__ import annotations

from multilevel.report.grids import as_html, html_text, latex, latex_text, markdown, printable
from multilevel.report.sections import grids, headline, measures, remarks, sizes
from multilevel.results import Fit


def to_latex(fit: Fit) -> str:
    """Return the tables of a fit as LaTeX; needs the booktabs package."""
    lines: list[str] = []
    for grid in grids(fit):
        lines += [*latex(grid), ""]
    lines.append(rf"\noindent {latex_text(headline(fit))}: \texttt{{{latex_text(fit.formula)}}}.")
    lines += [latex_text(f"{sizes(fit)}. {measures(fit)}.")]
    lines += [latex_text(sentence) for sentence in remarks(fit)]
    return "\n".join(lines) + "\n"


def to_markdown(fit: Fit) -> str:
    """Return the fit as Markdown."""
    lines = [f"### {headline(fit)}", "", f"    {printable(fit.formula)}", ""]
    lines += [f"{sizes(fit)}. {measures(fit)}.", ""]
    for grid in grids(fit):
        lines += [*markdown(grid), ""]
    for sentence in remarks(fit):
        lines += [sentence, ""]
    return "\n".join(lines).rstrip() + "\n"


def to_html(fit: Fit) -> str:
    """Return the fit as a fragment of HTML, without scripts or links."""
    lines = ["<div>", f"<p><b>{html_text(headline(fit))}</b><br><code>{html_text(fit.formula)}</code></p>"]
    lines.append(f"<p>{html_text(sizes(fit))}<br>{html_text(measures(fit))}</p>")
    for grid in grids(fit):
        lines += as_html(grid)
    lines += [f"<p>{html_text(sentence)}</p>" for sentence in remarks(fit)]
    return "\n".join([*lines, "</div>"])
