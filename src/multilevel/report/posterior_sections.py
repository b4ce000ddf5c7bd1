"""The parts that every page of a posterior shows: its headline, its grids, its priors, its remarks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from multilevel.inference.posterior_checks import complaints
from multilevel.inference.posterior_tables import posterior_table
from multilevel.report.grids import Grid
from multilevel.report.numbers import BLANK, beside, correlation, fixed, plural
from multilevel.report.sections import remarks_on_data
from multilevel.results.posterior import Posterior
from multilevel.results.questions import Columns

SAMPLERS: Mapping[str, str] = {
    "marginal": "marginal importance sampling",
    "nuts": "NUTS on the marginal density",
    "gibbs": "Gibbs sampling",
}
JOINT_SAMPLERS: Mapping[str, str] = {
    "marginal": "corrected importance sampling",
    "nuts": "NUTS on the joint density",
    "gibbs": "Gibbs sampling",
}
"""In generalised models, whose group effects cannot be integrated out exactly."""


def posterior_headline(posterior: Posterior) -> str:
    """Return what was sampled and how: "Linear mixed model: posterior by Gibbs sampling"."""
    kind = "linear mixed model" if posterior.design.terms else "linear model"
    if posterior.sampled.family is None:
        return f"{kind.capitalize()}: posterior by {SAMPLERS.get(posterior.method, posterior.method)}"
    inflated = "zero-inflated " if posterior.design.inflation is not None else ""
    how = JOINT_SAMPLERS.get(posterior.method, posterior.method)
    return f"Generalised {kind}, {inflated}{posterior.design.family.text()}: posterior by {how}"


def posterior_measures(posterior: Posterior) -> str:
    """Return the number of draws, and the evidence if there is one."""
    chains = plural(posterior.n_chains, "chain")
    each = plural(posterior.n_draws // posterior.n_chains, "draw")
    evidence = posterior.log_evidence
    return f"{chains} of {each}" + ("" if evidence is None else f"; log evidence {fixed(evidence, 3)}")


def posterior_remarks(posterior: Posterior) -> list[str]:
    """Return sentences on how the sampling went, what must be warned of, and rows and columns left out."""
    said = [posterior.sentence] if posterior.sentence else []
    warned = [f"Warning: {sentence}" for sentence in complaints(posterior)]
    groups = posterior.design.residual_groups
    if groups is not None:
        said.append(
            f"Residual sds differ between the {plural(len(groups.levels), 'level')} of {groups.name}; the row"
            " Residual is their root mean square over the rows. The table residual_sds has each of them."
        )
    given = posterior.options.residual_sd
    unit = ["The row Residual is in units of that column."] if isinstance(given, str) else []
    return [*said, *warned, *remarks_on_data(posterior.design, given), *unit]


def posterior_grids(posterior: Posterior) -> list[Grid]:
    """Return the grids of a posterior: sds, correlations, coefficients, priors; none that is empty."""
    level = f"{100 * posterior.options.level:g}%"
    sds = posterior_table(posterior, "variance_components")
    pairs = posterior_table(posterior, "correlations")
    coefficients = posterior_table(posterior, "fixed_effects")
    grids = [
        _grid("Standard deviations", sds, ("group", "term"), level),
        *_laws(posterior, level),
        _grid("Correlations", pairs, ("group", "term_1", "term_2"), level, correlations=True),
        _grid("Fixed effects", coefficients, ("term",), level),
        *_families(posterior, level),
        Grid("Priors", ("parameter", "prior"), tuple(_pairs(posterior)), words=2),
    ]
    return [grid for grid in grids if grid.rows]


def _laws(posterior: Posterior, level: str) -> list[Grid]:
    """Return the grid of the law of the residual sds: of its parameters that are not known."""
    if posterior.sampled.residual is None:
        return []
    law = posterior_table(posterior, "residual_law")
    unknown = [i for i, sd in enumerate(law["sd"]) if sd > 0.0]
    shown = {name: [values[i] for i in unknown] for name, values in law.items()}
    return [_grid("Law of the residual sds", shown, ("parameter",), level)]


def _families(posterior: Posterior, level: str) -> list[Grid]:
    """Return the grids of the family's parameters, or thresholds, and of zero inflation."""
    family = posterior.design.family
    title = "Thresholds" if family.name == "ordinal" else f"Family parameters ({family.spread})"
    inflation = "Zero inflation (logit of the share of extra zeros)"
    return [
        _grid(title, posterior_table(posterior, "family_parameters"), ("term",), level),
        _grid(inflation, posterior_table(posterior, "zero_inflation"), ("term",), level),
    ]


def _pairs(posterior: Posterior) -> Sequence[tuple[str, str]]:
    """Return the priors as rows of a grid."""
    return [(str(name), str(text)) for name, text in posterior.priors.texts()]


def _grid(
    title: str, columns: Columns, words: Sequence[str], level: str, *, correlations: bool = False
) -> Grid:
    """Return a table of parameters with their diagnostics as a grid; a group is named once."""
    numbers = ("mean", "sd", "lower", "upper")
    rows: list[tuple[str, ...]] = []
    last = None
    for i in range(len(columns["mean"])):
        mean, sd, lower, upper = (float(columns[name][i]) for name in numbers)
        texts = [str(columns[name][i]) for name in words]
        if len(words) > 1:
            last, texts[0] = texts[0], "" if texts[0] == last else texts[0]
        if correlations:
            cells = tuple(correlation(value) for value in (mean, sd, lower, upper))
        else:
            cells = tuple(beside(value, sd) for value in (mean, sd, lower, upper))
        counts = (_count(columns["ess_bulk"][i]), _count(columns["ess_tail"][i]))
        rows.append((*texts, *cells, *counts, _ratio(columns["rhat"][i])))
    heads = [word.replace("_", " ") for word in words]
    shown = ("mean", "sd", f"lower {level}", f"upper {level}", "bulk ess", "tail ess", "R-hat")
    return Grid(title, (*heads, *shown), tuple(rows), words=len(words))


def _count(size: float | None) -> str:
    """Return an effective number of draws as a whole number."""
    return BLANK if size is None else f"{size:.0f}"


def _ratio(value: float | None) -> str:
    """Return R-hat with three decimal places."""
    return BLANK if value is None else fixed(value, 3)
