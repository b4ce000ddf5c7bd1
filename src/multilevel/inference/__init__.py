"""From a fit to tables: coefficients, variances, group effects, predictions, simulations, comparisons."""

from multilevel.inference.coefficients import coefficients, vcov
from multilevel.inference.compare import compare
from multilevel.inference.effects import fitted, group_coefficients, group_effects, residuals
from multilevel.inference.predict import kinds_of_terms, predict
from multilevel.inference.simulate import simulate
from multilevel.inference.tables import table
from multilevel.inference.variance import correlations, variance_components

__all__ = [
    "coefficients",
    "compare",
    "correlations",
    "fitted",
    "group_coefficients",
    "group_effects",
    "kinds_of_terms",
    "predict",
    "residuals",
    "simulate",
    "table",
    "variance_components",
    "vcov",
]
