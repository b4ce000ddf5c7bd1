"""What users ask of priors alone: parameters, group effects and responses before the data."""

from __future__ import annotations

import numpy as np

from multilevel.data import read_table
from multilevel.design import bind, columns_needed
from multilevel.design.priors import Priors, bind_priors
from multilevel.graphs import known_of, with_columns
from multilevel.inference.prior_predictive import prior_predictive as draw_before_data
from multilevel.language import given_model
from multilevel.model import Model
from multilevel.model.families import Family
from multilevel.results.options import Given, Missing
from multilevel.results.posterior_questions import PriorPredictive

__all__ = ["prior_predictive"]


def prior_predictive(
    model: str | Model,
    data: object,
    priors: Priors = None,
    *,
    draws: int = 1000,
    seed: int | np.random.Generator,
    family: str | Family | None = None,
    zero_inflation: str | None = None,
    residual_sd: Given = None,
    residual_groups: str | None = None,
    precision_weights: Given = None,
    offset: Given = None,
    missing: Missing = "report",
    lme4_compat: bool = False,
) -> PriorPredictive:
    """Draw parameters and group effects from their priors, and responses for the rows of the data.

    The response's values in the data are used by the default priors only, which follow their scale.

    Parameters
    ----------
    model, data, priors, family, zero_inflation
        As in `sample`.
    residual_sd, residual_groups, precision_weights, offset, missing, lme4_compat
        As in `sample`.
    draws
        How many, at least 1; they are independent.
    seed
        A whole number, or a NumPy generator, which is advanced.

    Returns
    -------
    PriorPredictive

    Raises
    ------
    MultilevelError
        One of its kinds; `OptionError` if a prior is flat, or so wide that a draw is not a finite number, or
        if a mean is drawn that the family does not allow.

    Examples
    --------
    >>> import multilevel as ml
    >>> priors = {"Intercept": ml.Normal(5, 2), "cafe": {"sd": ml.Exponential(1)}, "sigma": ml.Exponential(1)}
    >>> before = ml.prior_predictive("wait ~ 1 + (1 | cafe)", ml.datasets.load("cafes"), priors, seed=1)
    >>> round(float(before.draws["sd(cafe, Intercept)"].mean()), 1)
    1.0
    """
    parsed, lme4_compat = given_model(
        with_columns(model, data), lme4_compat=lme4_compat, family=family, zero_inflation=zero_inflation
    )
    known = known_of(
        parsed, residual_sd=residual_sd, offset=offset, residual_groups=residual_groups, priors=priors
    )
    table = read_table(
        data,
        columns_needed(
            parsed,
            precision_weights=precision_weights,
            offset=known.offset,
            residual_sd=known.residual_sd,
            residual_groups=known.residual_groups,
        ),
    )
    design = bind(
        parsed,
        table,
        precision_weights=precision_weights,
        offset=known.offset,
        residual_sd=known.residual_sd,
        residual_groups=known.residual_groups,
        missing=missing,
        fewest_levels=1,
    )
    return draw_before_data(design, bind_priors(design, known.priors), draws=draws, seed=seed)
