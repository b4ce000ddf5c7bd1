"""`C(x, contrast)`: a factor with the coding that the formula asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from formulaic.materializers.types import FactorValues
from formulaic.transforms import C
from formulaic.transforms.contrasts import (
    DiffContrasts,
    HelmertContrasts,
    PolyContrasts,
    SASContrasts,
    SumContrasts,
    TreatmentContrasts,
)

from multilevel.data.columns import EXACT, label_of
from multilevel.design.scope import Factor, Floats
from multilevel.errors import DataError

_CODINGS = {
    "treatment": TreatmentContrasts,
    "sas": SASContrasts,
    "sum": SumContrasts,
    "helmert": HelmertContrasts,
    "diff": DiffContrasts,
    "poly": PolyContrasts,
}


@dataclass(frozen=True, slots=True)
class Coding:
    """A contrast as a formula writes it: its kind and its options by keyword."""

    kind: str
    options: Mapping[str, Any]


def coded_factor(
    text: str, data: Floats | Factor, coding: Coding, levels: tuple[Any, ...] | None, state: dict[str, Any]
) -> FactorValues[Any]:
    """Return a factor that formulaic codes by the contrast asked for.

    Parameters
    ----------
    text
        The call as written, for error messages.
    data
        A factor, or numbers whose distinct values become the levels.
    coding
        The contrast.
    levels
        The levels in the order wanted, or ``None`` for their own order.
    state
        Filled with the levels of the fitted rows; read for new rows.

    Raises
    ------
    DataError
        A row has a level that is not among those allowed, or the contrast's base is not a level.
    """
    factor = data if isinstance(data, Factor) else _factor_of_numbers(data)
    allowed = state.get("levels")
    if allowed is None:
        allowed = factor.levels if levels is None else tuple(label_of(level) for level in levels)
        state["levels"] = allowed
    absent = [level for level in factor.levels if level not in allowed]
    if absent:
        raise DataError(
            f"`{text}` meets the level {absent[0]!r}",
            allowed=", ".join(repr(level) for level in allowed[:20]),
            remedy="leave those rows out, or list the level",
        )
    number = {level: position for position, level in enumerate(allowed)}
    codes = np.array([number[level] for level in factor.levels], dtype=np.int32)[factor.codes]
    series = pd.Categorical.from_codes(codes, categories=list(allowed))
    return C(series, _contrast(text, coding, allowed))


def _contrast(text: str, coding: Coding, levels: tuple[str, ...]) -> Any:
    """Return formulaic's contrast object; a base is given as the text of a level."""
    options = dict(coding.options)
    base = options.pop("base", options.pop("reference", None))
    if base is not None:
        options["base"] = label_of(base)
        if options["base"] not in levels:
            raise DataError(
                f"`{text}` asks for the base level {options['base']!r}, which is not a level",
                allowed=", ".join(repr(level) for level in levels[:20]),
            )
    scores = options.get("scores")
    if scores is not None and len(scores) != len(levels):
        raise DataError(f"`{text}` gives {len(scores)} scores for {len(levels)} levels")
    return _CODINGS[coding.kind](**options)


def _factor_of_numbers(values: Floats) -> Factor:
    """Return numbers as a factor of their distinct values in increasing order."""
    require_exact(values)
    distinct, codes = np.unique(values, return_inverse=True)
    return Factor(codes.astype(np.int32), tuple(label_of(value) for value in distinct))


def require_exact(values: Floats) -> None:
    """Raise `DataError` for numbers that cannot be levels, because float64 cannot tell them apart."""
    if float(np.abs(values).max(initial=0.0)) > EXACT:
        raise DataError(
            "`C(...)` of numbers beyond 2^53, which cannot be told apart as numbers",
            remedy="turn the column into text",
        )
