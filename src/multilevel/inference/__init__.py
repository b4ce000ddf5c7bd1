"""From a fit to tables: coefficients, variances, group effects, predictions, simulations, comparisons."""

from multilevel.inference.coefficients import coefficients, vcov
from multilevel.inference.compare import compare
from multilevel.inference.compare_posteriors import compare_posteriors
from multilevel.inference.effects import fitted, group_coefficients, group_effects, residuals
from multilevel.inference.family import family_boundaries, family_parameters, family_remarks, zero_inflation
from multilevel.inference.new_data import NewData, read_new_data
from multilevel.inference.predict import kinds_of_terms, predict
from multilevel.inference.prior_predictive import prior_predictive
from multilevel.inference.residual_kinds import residuals_of
from multilevel.inference.simulate import simulate
from multilevel.inference.tables import table
from multilevel.inference.variance import correlations, variance_components

__all__ = [
    "NewData",
    "coefficients",
    "compare",
    "compare_posteriors",
    "correlations",
    "family_boundaries",
    "family_parameters",
    "family_remarks",
    "fitted",
    "group_coefficients",
    "group_effects",
    "kinds_of_terms",
    "predict",
    "prior_predictive",
    "read_new_data",
    "residuals",
    "residuals_of",
    "simulate",
    "table",
    "variance_components",
    "vcov",
    "zero_inflation",
]
