"""Multilevel (mixed-effects) models: the names that `import multilevel as ml` gives."""

from multilevel.api import Progress, compare, fit, formula, load_fit
from multilevel.data import datasets
from multilevel.errors import (
    AliasedWarning,
    BoundaryWarning,
    ComparisonError,
    ConvergenceWarning,
    DataError,
    DesignError,
    FormulaError,
    GroupingWarning,
    MissingValuesWarning,
    MultilevelError,
    MultilevelWarning,
    OptionError,
    StorageError,
)
from multilevel.model import Model
from multilevel.results import Fit
from multilevel.version import __version__

__all__ = [
    "fit",
    "formula",
    "compare",
    "load_fit",
    "datasets",
    "Fit",
    "Model",
    "Progress",
    "AliasedWarning",
    "BoundaryWarning",
    "ComparisonError",
    "ConvergenceWarning",
    "DataError",
    "DesignError",
    "FormulaError",
    "GroupingWarning",
    "MissingValuesWarning",
    "MultilevelError",
    "MultilevelWarning",
    "OptionError",
    "StorageError",
    "__version__",
]
