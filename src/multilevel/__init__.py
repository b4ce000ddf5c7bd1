"""Multilevel (mixed-effects) models: the names that `import multilevel as ml` gives."""

from multilevel import plots
from multilevel.agreements import agreement
from multilevel.api import Progress, compare, fit, formula, load_fit
from multilevel.before_data import prior_predictive
from multilevel.data import datasets
from multilevel.engines.pace import SamplingProgress
from multilevel.errors import (
    AliasedWarning,
    ApproximationWarning,
    BoundaryWarning,
    CheckpointWarning,
    ComparisonError,
    ConvergenceWarning,
    DataError,
    DesignError,
    FormulaError,
    GroupingWarning,
    InformationWarning,
    MissingValuesWarning,
    MultilevelError,
    MultilevelWarning,
    OptionError,
    OverflowWarning,
    StorageError,
)
from multilevel.explanations import Explanation, explain
from multilevel.graphs import graph
from multilevel.model import Model, families
from multilevel.model.priors import (
    LKJ,
    Exponential,
    Fixed,
    FixedMatrix,
    Flat,
    Gamma,
    HalfCauchy,
    HalfNormal,
    HalfT,
    Hierarchical,
    InverseGamma,
    InverseWishart,
    LogNormal,
    MVNormal,
    Normal,
    ScaledInverseWishart,
    StudentT,
    Uniform,
    Wishart,
)
from multilevel.moment_doors import load_moments, merge_moments, moments
from multilevel.poolings import pooling
from multilevel.results import Fit
from multilevel.results.bootstrap import Bootstrap
from multilevel.results.moments import Moments
from multilevel.results.posterior import Posterior
from multilevel.results.posterior_questions import PriorPredictive
from multilevel.sampling import load_posterior, sample
from multilevel.simulations import Simulation, simulate
from multilevel.version import __version__

__all__ = [
    "fit",
    "formula",
    "graph",
    "compare",
    "load_fit",
    "moments",
    "load_moments",
    "merge_moments",
    "sample",
    "load_posterior",
    "prior_predictive",
    "pooling",
    "simulate",
    "agreement",
    "explain",
    "datasets",
    "families",
    "plots",
    "Fit",
    "Moments",
    "Posterior",
    "PriorPredictive",
    "Model",
    "Progress",
    "Simulation",
    "Bootstrap",
    "Explanation",
    "SamplingProgress",
    "LKJ",
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
    "ScaledInverseWishart",
    "StudentT",
    "Uniform",
    "Wishart",
    "AliasedWarning",
    "ApproximationWarning",
    "InformationWarning",
    "BoundaryWarning",
    "CheckpointWarning",
    "ComparisonError",
    "ConvergenceWarning",
    "DataError",
    "DesignError",
    "FormulaError",
    "GroupingWarning",
    "MissingValuesWarning",
    "MultilevelError",
    "MultilevelWarning",
    "OverflowWarning",
    "OptionError",
    "StorageError",
    "__version__",
]
