"""Priors, without data: of one number, of several coefficients, of covariance and correlation matrices."""

from multilevel.model.priors.correlations import LKJ, factor_from_partial, partial_from_factor
from multilevel.model.priors.covariances import (
    CovariancePrior,
    FixedMatrix,
    InverseWishart,
)
from multilevel.model.priors.decov import Decov
from multilevel.model.priors.hierarchical import Hierarchical
from multilevel.model.priors.positive import (
    Exponential,
    Gamma,
    HalfCauchy,
    HalfNormal,
    HalfT,
    InverseGamma,
    LogNormal,
)
from multilevel.model.priors.precisions import ScaledInverseWishart, Wishart
from multilevel.model.priors.real_line import Fixed, Flat, Normal, StudentT, Uniform
from multilevel.model.priors.scalar import ScalarPrior
from multilevel.model.priors.variances import RootOf, root_of
from multilevel.model.priors.vectors import MVNormal

__all__ = [
    "LKJ",
    "CovariancePrior",
    "Decov",
    "Exponential",
    "Fixed",
    "FixedMatrix",
    "Flat",
    "Gamma",
    "HalfCauchy",
    "HalfNormal",
    "HalfT",
    "Hierarchical",
    "InverseGamma",
    "InverseWishart",
    "LogNormal",
    "MVNormal",
    "Normal",
    "RootOf",
    "ScalarPrior",
    "ScaledInverseWishart",
    "StudentT",
    "Uniform",
    "Wishart",
    "factor_from_partial",
    "partial_from_factor",
    "root_of",
]
