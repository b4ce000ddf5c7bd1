"""A posterior as a summary, LaTeX, Markdown, a fragment of HTML, and plain values for JSON."""

from __future__ import annotations

from typing import Any

from multilevel.inference.posterior_checks import complaints
from multilevel.inference.posterior_tables import posterior_table
from multilevel.report.facts import plain_value, records
from multilevel.report.grids import as_html, html_text, latex, latex_text, markdown, plain, printable
from multilevel.report.posterior_sections import (
    posterior_grids,
    posterior_headline,
    posterior_measures,
    posterior_remarks,
)
from multilevel.report.sections import sizes
from multilevel.report.summary import wrapped
from multilevel.results.posterior import Posterior


def posterior_summary(posterior: Posterior) -> str:
    """Return the summary of a posterior as plain text, with the priors that were used."""
    lines = [posterior_headline(posterior), *wrapped(posterior.formula), ""]
    lines += [*wrapped(sizes(posterior)), *wrapped(posterior_measures(posterior)), ""]
    for grid in posterior_grids(posterior):
        lines += [*plain(grid), ""]
    for sentence in posterior_remarks(posterior):
        lines += wrapped(sentence)
    return "\n".join(lines).rstrip()


def posterior_latex(posterior: Posterior) -> str:
    """Return the tables of a posterior as LaTeX; needs the booktabs package."""
    lines: list[str] = []
    for grid in posterior_grids(posterior):
        lines += [*latex(grid), ""]
    headline = latex_text(posterior_headline(posterior))
    lines.append(rf"\noindent {headline}: \texttt{{{latex_text(posterior.formula)}}}.")
    lines.append(latex_text(f"{sizes(posterior)}. {posterior_measures(posterior)}."))
    lines += [latex_text(sentence) for sentence in posterior_remarks(posterior)]
    return "\n".join(lines) + "\n"


def posterior_markdown(posterior: Posterior) -> str:
    """Return a posterior as Markdown."""
    lines = [f"### {posterior_headline(posterior)}", "", f"    {printable(posterior.formula)}", ""]
    lines += [f"{sizes(posterior)}. {posterior_measures(posterior)}.", ""]
    for grid in posterior_grids(posterior):
        lines += [*markdown(grid), ""]
    for sentence in posterior_remarks(posterior):
        lines += [sentence, ""]
    return "\n".join(lines).rstrip() + "\n"


def posterior_html(posterior: Posterior) -> str:
    """Return a posterior as a fragment of HTML, without scripts or links."""
    formula = html_text(posterior.formula)
    lines = ["<div>", f"<p><b>{html_text(posterior_headline(posterior))}</b><br><code>{formula}</code></p>"]
    lines.append(f"<p>{html_text(sizes(posterior))}<br>{html_text(posterior_measures(posterior))}</p>")
    for grid in posterior_grids(posterior):
        lines += as_html(grid)
    lines += [f"<p>{html_text(sentence)}</p>" for sentence in posterior_remarks(posterior)]
    return "\n".join([*lines, "</div>"])


def posterior_facts(posterior: Posterior) -> dict[str, Any]:
    """Return what a reader of the posterior needs as texts, numbers, lists and dictionaries.

    Tables are lists of rows; blanks and numbers that JSON does not know are ``None``. Draws and group
    effects are left out, because there can be millions.
    """
    sampled, design = posterior.sampled, posterior.design
    return {
        "formula": posterior.formula,
        "method": posterior.method,
        "level": posterior.options.level,
        "seed": int(posterior.options.seed),
        "rows": design.n_used,
        "rows_given": design.n_given,
        "missing": {name: int(count) for name, count in design.missing.items()},
        "groups": posterior.n_groups,
        "chains": posterior.n_chains,
        "draws": posterior.n_draws,
        "status": posterior.status,
        "sentence": posterior.sentence,
        "warnings": list(complaints(posterior)),
        "efficiency": plain_value(sampled.efficiency),
        "log_evidence": plain_value(sampled.log_evidence),
        "diagnostics": {name: plain_value(value) for name, value in sampled.diagnostics.items()},
        "priors": {str(name): str(text) for name, text in posterior.priors.texts()},
        "fixed_effects": records(posterior_table(posterior, "fixed_effects")),
        "variance_components": records(posterior_table(posterior, "variance_components")),
        "correlations": records(posterior_table(posterior, "correlations")),
        **_residual_facts(posterior),
        **_family_facts(posterior),
    }


def _family_facts(posterior: Posterior) -> dict[str, Any]:
    """Return the family, its parameters and zero inflation of a generalised model."""
    if posterior.sampled.family is None:
        return {}
    return {
        "family": posterior.design.family.name,
        "link": posterior.design.family.link,
        "family_parameters": records(posterior_table(posterior, "family_parameters")),
        "zero_inflation": records(posterior_table(posterior, "zero_inflation")),
    }


def _residual_facts(posterior: Posterior) -> dict[str, Any]:
    """Return the residual groups, the law of their sds, and the sds, if they differ between groups."""
    groups = posterior.design.residual_groups
    if groups is None:
        return {}
    return {
        "residual_groups": groups.name,
        "residual_law": records(posterior_table(posterior, "residual_law")),
        "residual_sds": records(posterior_table(posterior, "residual_sds")),
    }
