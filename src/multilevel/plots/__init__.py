"""Pictures with Matplotlib, each of a table that `multilevel.plots.tables` gives under the same name."""

from multilevel.plots import tables
from multilevel.plots.chains import ranks, trace
from multilevel.plots.coefficients_side_by_side import coefficients
from multilevel.plots.curves import lkj, predictive, prior_posterior
from multilevel.plots.groups import caterpillar, pooling_weights, poolings
from multilevel.plots.plane import shrinkage
from multilevel.plots.residual_panels import residuals

__all__ = [
    "shrinkage",
    "poolings",
    "caterpillar",
    "pooling_weights",
    "coefficients",
    "residuals",
    "predictive",
    "prior_posterior",
    "lkj",
    "trace",
    "ranks",
    "tables",
]
