"""The parts that every page of a fit shows: its headline, its two grids, its remarks."""

from __future__ import annotations

from collections.abc import Mapping

from multilevel.design.design import Design
from multilevel.engines.solution import is_restricted
from multilevel.inference import family_remarks, table
from multilevel.model import term_text
from multilevel.report.grids import Grid
from multilevel.report.numbers import (
    beside,
    column,
    correlation,
    degrees,
    fixed,
    percent,
    plural,
    probability,
    without_noise,
)
from multilevel.results import Columns, Fit
from multilevel.results.known_sds import known_sds
from multilevel.results.options import Given
from multilevel.results.posterior import Result

METHODS: Mapping[str, str] = {
    "reml": "REML",
    "ml": "ML",
    "em_reml": "REML (EM)",
    "em": "ML (EM)",
    "laplace": "ML (Laplace)",
    "quadrature": "ML (adaptive quadrature)",
}
TESTS: Mapping[str, str] = {
    "satterthwaite": "t tests with Satterthwaite's degrees of freedom",
    "kenward-roger": "t tests with Kenward and Roger's standard errors and degrees of freedom",
    "none": "normal tests",
}
MOST_CORRELATIONS = 4
"""Columns of correlations that fit beside the sds; wider terms are left to ``fit.correlations``."""


def headline(fit: Fit) -> str:
    """Return what was fitted and how: "Linear mixed model by REML"."""
    kind = "inear mixed model" if fit.design.terms else "inear model"
    if fit.design.family.is_linear:
        return f"L{kind} by {METHODS[fit.method]}"
    inflated = "zero-inflated " if fit.design.inflation is not None else ""
    method = METHODS[fit.method] if fit.design.terms else METHODS["ml"]  # nothing to integrate over
    if fit.method == "quadrature":
        method = f"ML (adaptive quadrature, {plural(fit.solution.nodes or 0, 'node')})"
    return f"Generalised l{kind}, {inflated}{fit.family}, by {method}"


def sizes(fit: Result) -> str:
    """Return rows and groups: "180 rows; subject 18 levels"."""
    parts = [plural(fit.n_rows, "row")]
    parts += [f"{name} {plural(count, 'level')}" for name, count in fit.n_groups.items()]
    return "; ".join(parts)


def measures(fit: Fit) -> str:
    """Return the criterion, AIC and BIC in one line."""
    name = "-2 restricted log-likelihood" if is_restricted(fit.method) else "-2 log-likelihood"
    values = (fixed(fit.deviance, 3), fixed(fit.aic, 3), fixed(fit.bic, 3))
    chance = fit.solution.monte_carlo
    error = ""
    if chance is not None and chance.loglik_error > 0.0:
        error = f" (standard error {2.0 * chance.loglik_error:.2g} by Monte Carlo)"
    return f"{name} {values[0]}{error}; AIC {values[1]}; BIC {values[2]}; {plural(fit.df, 'parameter')}"


def remarks(fit: Fit) -> list[str]:
    """Return sentences on how the fit ended, the family's numbers, rows left out and columns left out."""
    sentence = [fit.sentence] if fit.sentence else []
    data = remarks_on_data(fit.design, fit.options.residual_sd)
    return [*sentence, *family_remarks(fit), *data, *_remarks_on_sds(fit)]


def _remarks_on_sds(fit: Fit) -> list[str]:
    """Return a sentence on sds of grouped terms that were given."""
    options, terms = fit.options, fit.model.groups
    known = known_sds(fit.model, options.known, method=options.method, ddf=options.ddf)
    if known is None:
        return []
    names = [term_text(term) for term, sd in zip(terms, known, strict=True) if sd is not None]
    one = len(names) == 1
    return [
        f"The sd{'' if one else 's'} of {', '.join(names)} {'was' if one else 'were'} given, not estimated."
    ]


def remarks_on_data(design: Design, given: Given) -> list[str]:
    """Return sentences on rows and columns left out, and on residual sds that were given."""
    found = []
    left_out = design.n_given - design.n_used
    if left_out:
        by_column = ", ".join(f"{name} {count}" for name, count in design.missing.items())
        reason = f" (missing values: {by_column})" if by_column else ""
        found.append(f"{left_out:,} of {design.n_given:,} rows were left out{reason}.")
    if design.merged is not None:
        found.append(
            f"{design.merged.engine} merged the {design.n_used:,} rows to {design.n_rows:,} distinct ones."
        )
    for alias in design.fixed.aliased:
        source = f", a combination of {', '.join(alias.of)}" if alias.of else ""
        found.append(f"The column {alias.name} was left out of the fixed part{source}.")
    if isinstance(given, str):
        found.append(f"The residual sds of the rows were given by the column `{given}`, not estimated.")
    elif design.residual_sd is not None:
        found.append("The residual sd was given, not estimated.")
    return found


def variance_grid(fit: Fit) -> Grid:
    """Return sds, variances and correlations of the group effects and the residual."""
    columns = table(fit, "variance_components")
    correlations = _correlation_cells(fit)
    width = max((len(row) for row in correlations), default=0)
    rows = []
    sds = column(without_noise(columns["sd"]))
    variances = column(without_noise(columns["variance"], 1e-24))
    last = None
    for i, (group, term) in enumerate(zip(columns["group"], columns["term"], strict=True)):
        cells = correlations[i] + [""] * (width - len(correlations[i]))
        numbers = (sds[i], variances[i], percent(float(columns["share"][i])))
        rows.append(("" if group == last else group, term, *numbers, *cells))
        last = group
    heads = (
        "group",
        "term",
        "sd",
        "variance",
        "share",
        *(["correlation", *[""] * (width - 1)] if width else []),
    )
    return Grid("Variance components", heads, tuple(rows), words=2)


def _correlation_cells(fit: Fit) -> list[list[str]]:
    """Return for each variance component its correlations with the effects above it in the same term."""
    columns = table(fit, "correlations")
    keys = zip(columns["group"], columns["term_1"], columns["term_2"], strict=True)
    known = dict(zip(keys, columns["correlation"], strict=True))
    cells: list[list[str]] = []
    for block in fit.design.terms:
        group = fit.design.factors[block.factor].name
        if block.times is not None:
            own = [key for key in known if key[:2] == (group, block.times.column)]
            cells.append([correlation(known[key]) for key in own[:1]])
            continue
        for i, term in enumerate(block.names):
            above = [(group, other, term) for other in block.names[:i]]
            shown = any(key in known for key in above) and len(block.names) <= MOST_CORRELATIONS + 1
            cells.append([correlation(known[key]) if key in known else "" for key in above] if shown else [])
    return [*cells, []]


def grids(fit: Fit) -> list[Grid]:
    """Return the grids that have rows: coefficients, variances, family parameters, zero inflation."""
    every = [coefficient_grid(fit), variance_grid(fit), family_grid(fit), inflation_grid(fit)]
    return [grid for grid in every if grid.rows]


def coefficient_grid(fit: Fit) -> Grid:
    """Return the coefficients with their tests and intervals; degrees of freedom only if there are some."""
    columns = table(fit, "fixed_effects")
    by_t = any(df is not None for df in columns["df"])
    title = f"Fixed effects ({TESTS[fit.options.ddf if by_t else 'none']})"
    return _wald_grid(title, columns, fit.options.level)


def inflation_grid(fit: Fit) -> Grid:
    """Return the coefficients of zero inflation with their tests and intervals."""
    title = f"Zero inflation (logit of the share of extra zeros, {TESTS['none']})"
    return _wald_grid(title, table(fit, "zero_inflation"), fit.options.level)


def family_grid(fit: Fit) -> Grid:
    """Return the family's parameters, or thresholds, with their intervals."""
    columns, family = table(fit, "family_parameters"), fit.design.family
    names = ("term", "estimate", "std_error", "lower", "upper")
    rows = [
        (term, *(beside(value, error) for value in (estimate, error, lower, upper)))
        for term, estimate, error, lower, upper in zip(*(columns[name] for name in names), strict=True)
    ]
    level = f"{100 * fit.options.level:g}%"
    heads = ("term", "estimate", "std error", f"lower {level}", f"upper {level}")
    title = "Thresholds" if family.name == "ordinal" else f"Family parameters ({family.spread})"
    return Grid(title, heads, tuple(rows), words=1)


def _wald_grid(title: str, columns: Columns, level: float) -> Grid:
    """Return a table of Wald tests as a grid."""
    names = ("term", "estimate", "std_error", "lower", "upper", "statistic", "df", "p_value")
    by_t = any(df is not None for df in columns["df"])
    rows = []
    for term, estimate, error, lower, upper, statistic, df, p in zip(
        *(columns[name] for name in names), strict=True
    ):
        test = (fixed(statistic, 2), *((degrees(df),) if by_t else ()), probability(p))
        values = tuple(beside(value, error) for value in (estimate, error, lower, upper))
        rows.append((term, *values[:2], *test, *values[2:]))
    cover = f"{100 * level:g}%"
    tests = ("statistic", "df", "p") if by_t else ("statistic", "p")
    heads = ("term", "estimate", "std error", *tests, f"lower {cover}", f"upper {cover}")
    return Grid(title, heads, tuple(rows), words=1)
