"""The words in which a fit is asked: names of its tables and pages, and what tables are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Frame = Any
"""A table in the caller's own library: pandas, polars or pyarrow."""
Columns = Mapping[str, Sequence[Any] | NDArray[Any]]
"""A table before it is given back: column name to values, all of one length, blanks as ``None``."""
Floats = NDArray[np.float64]
Groups = Literal["known", "new", "typical", "average"]
"""Groups that a prediction is for: those of the data, new ones, one with effects of zero, all on average."""
Scale = Literal["response", "link"]
"""Whether predictions are mean responses or linear predictors."""
ResidualKind = Literal["response", "pearson", "deviance", "quantile"]
"""How residuals are measured."""
SharedQuestion = Literal[
    "fixed_effects",
    "variance_components",
    "correlations",
    "random_effects",
    "group_coefficients",
]
"""The tables that fits and posteriors have."""
Question = Literal[SharedQuestion, "family_parameters", "zero_inflation"]
"""The tables of a fit; the last two have rows in generalised models only."""
PosteriorQuestion = Question | Literal["residual_sds", "residual_law"]
"""The tables of a posterior: those of a fit, and those of residual sds that differ between groups."""
Page = Literal["summary", "latex", "markdown", "html"]
