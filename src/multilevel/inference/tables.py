"""The tables of a fit by name, each made once."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from multilevel.inference.coefficients import coefficients
from multilevel.inference.effects import group_coefficients, group_effects
from multilevel.inference.family import family_parameters, zero_inflation
from multilevel.inference.variance import correlations, variance_components
from multilevel.results import Columns, Fit
from multilevel.results.questions import Question

TABLES: Mapping[Question, Callable[[Fit], Columns]] = {
    "fixed_effects": coefficients,
    "variance_components": variance_components,
    "correlations": correlations,
    "random_effects": group_effects,
    "group_coefficients": group_coefficients,
    "family_parameters": family_parameters,
    "zero_inflation": zero_inflation,
}


def table(fit: Fit, question: Question) -> Columns:
    """Return one of the tables of a fit as columns, kept on the fit."""
    return fit.once(question, lambda: TABLES[question](fit))
