"""From tables to text: summary, LaTeX, Markdown, HTML, and plain values for JSON."""

from multilevel.report.facts import facts
from multilevel.report.pages import to_html, to_latex, to_markdown
from multilevel.report.summary import summary

__all__ = ["facts", "summary", "to_html", "to_latex", "to_markdown"]
