"""The fit as plain values that JSON can hold."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from multilevel.inference import table
from multilevel.results import Columns, Fit


def facts(fit: Fit) -> dict[str, Any]:
    """Return what a reader of the fit needs as texts, numbers, lists and dictionaries.

    Tables are lists of rows; blanks and numbers that JSON does not know are ``None``. Group effects are
    left out, because there can be millions.
    """
    solution, design = fit.solution, fit.design
    certificate = solution.certificate
    return {
        "formula": fit.formula,
        "family": design.family.name,
        "link": design.family.link,
        "method": fit.method,
        "ddf": fit.options.ddf,
        "level": fit.options.level,
        "rows": design.n_used,
        "rows_given": design.n_given,
        "missing": {name: int(count) for name, count in design.missing.items()},
        "groups": fit.n_groups,
        "status": fit.status.value,
        "sentence": fit.sentence,
        "certificate": {
            "holds": bool(certificate.holds),
            "decrement": plain_value(certificate.decrement),
            "dual": plain_value(certificate.dual),
            "complementarity": plain_value(certificate.complementarity),
            "evaluations": int(certificate.evaluations),
        },
        "accuracy": _accuracy(fit),
        "loglik": plain_value(fit.loglik),
        "deviance": plain_value(fit.deviance),
        "aic": plain_value(fit.aic),
        "bic": plain_value(fit.bic),
        "df": int(fit.df),
        "sigma": plain_value(fit.sigma),
        "fixed_effects": records(table(fit, "fixed_effects")),
        "variance_components": records(table(fit, "variance_components")),
        "correlations": records(table(fit, "correlations")),
        "family_parameters": records(table(fit, "family_parameters")),
        "zero_inflation": records(table(fit, "zero_inflation")),
    }


def _accuracy(fit: Fit) -> dict[str, Any] | None:
    """Return what adaptive quadrature says of a fit by Laplace's method."""
    accuracy = fit.solution.accuracy
    if accuracy is None:
        return None
    return {
        "nodes": int(accuracy.nodes),
        "loglik": plain_value(accuracy.loglik),
        "shift": plain_value(accuracy.shift),
        "parameter": accuracy.parameter,
    }


def records(columns: Columns) -> list[dict[str, Any]]:
    """Return a table as a list of rows of plain values."""
    names = list(columns)
    rows = zip(*(columns[name] for name in names), strict=True)
    return [{name: plain_value(value) for name, value in zip(names, row, strict=True)} for row in rows]


def plain_value(value: object) -> object:
    """Return a value as JSON knows it."""
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    return value
