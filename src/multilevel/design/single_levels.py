"""Grouping factors of one level: what their proper priors allow, and a word on what the data cannot say."""

from __future__ import annotations

from multilevel.design.bound_priors import BoundPriors, improper
from multilevel.design.design import Design
from multilevel.design.identify import single_level
from multilevel.errors import DesignError, InformationWarning, warn
from multilevel.model.text import term_text


def check_single_levels(design: Design, priors: BoundPriors) -> None:
    """Warn of grouping factors of one level, whose sds the data say nothing of.

    Serial terms are left alone: one series is enough for them.

    Raises
    ------
    DesignError
        A prior of such an sd is improper, so that the posterior is too.

    Warns
    -----
    InformationWarning
        The priors are proper.
    """
    for block, grouped, prior in zip(design.terms, design.model.groups, priors.terms, strict=True):
        factor = design.factors[block.factor]
        if len(factor.levels) > 1 or block.covariance.serial:
            continue
        words = single_level(factor, f"`{term_text(grouped)}`")
        if isinstance(prior.sds, tuple) and any(improper(one) for one in prior.sds):
            raise DesignError(
                f"{words}; the variance between levels cannot be estimated, and its prior is improper",
                allowed="two levels or more, or a proper prior of each sd",
                remedy="a prior such as HalfNormal, or leave the term out of the formula",
            )
        warn(
            f"{words}: its sds, and how far the level is from others, are the priors' word alone."
            " Try: leave the term out of the formula",
            InformationWarning,
        )
