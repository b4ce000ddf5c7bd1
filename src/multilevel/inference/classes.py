"""Probabilities of the classes of an ordinal response."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from multilevel.errors import OptionError
from multilevel.inference.averages import averaged
from multilevel.inference.effects import family_numbers
from multilevel.inference.on_link import WantedRows, group_variance, predictor
from multilevel.results import Fit

Floats = NDArray[np.float64]


def class_probabilities(
    fit: Fit, rows: WantedRows, level: float | None, *, observation: bool
) -> dict[str, Floats]:
    """Return columns ``p(class)``, the probability of each class in each row.

    Raises
    ------
    OptionError
        If an interval is asked for.
    """
    if observation:
        raise OptionError(
            "observation=True was asked of an ordinal response",
            allowed="the probability of each class, which says all about a single observation",
            remedy="observation=False",
        )
    if level is not None:
        raise OptionError(
            "an interval was asked of the probabilities of an ordinal response",
            allowed="predictions alone, or intervals with scale='link'",
            remedy="leave interval out",
        )
    eta = predictor(fit, rows)
    spread = group_variance(fit, rows, ("average",))
    link, thresholds = str(fit.design.family.link), family_numbers(fit).values
    ends = [
        np.zeros_like(eta),
        *(averaged(link, cut - eta, spread)[0] for cut in thresholds),
        np.ones_like(eta),
    ]
    p = np.diff(np.column_stack(ends), axis=1)
    return {f"p({name})": p[:, c] for c, name in enumerate(fit.design.classes)}
