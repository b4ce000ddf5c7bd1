"""What a source is asked for: facts that choose shifts and scales, then cross-products by group."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Keys = NDArray[np.int64] | NDArray[np.uint64] | NDArray[np.float64] | NDArray[np.object_]

RESPONSE = "response"
"""Name under which facts have the response less its offsets."""


@dataclass(frozen=True, slots=True, eq=False)
class Facts:
    """What the first pass over a source says of its rows.

    Parameters
    ----------
    n_input
        Rows of the source.
    missing
        Needed column to its number of nulls and NaNs; only columns with some.
    n_used
        Rows without a missing value in a needed column and with positive weights.
    infinite
        Needed numeric column to its number of infinite values; only columns with some.
    levels
        Categorical predictor to its labels among the used rows: texts ascending, "False" before "True",
        numbers ascending and written as `data.columns.label_of` writes them.
    mean, deviation, low, high
        Of the used rows, or of a sample of them: by `LazyColumn.numeric` of the outline's numeric columns,
        and under "response" the response less its offsets. The deviation is the root mean square about the
        mean. They choose shifts and scales and need not be exact. ``low`` and ``high`` have the weights
        too, "precision_weights" and "frequency_weights", over all rows without missing values.
    sampled
        Whether these four are of a sample.
    lost
        Rows left out because of missing values, those of weight zero not counted.
    """

    n_input: int
    missing: Mapping[str, int]
    n_used: int
    infinite: Mapping[str, int]
    levels: Mapping[str, tuple[str, ...]]
    mean: Mapping[str, float]
    deviation: Mapping[str, float]
    low: Mapping[str, float]
    high: Mapping[str, float]
    sampled: bool
    lost: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Products:
    """Cross-products by group as a source gives them: factors as in the blueprint, levels in any order.

    All columns are ``(column - centre) * factor`` of a `Scaling` without mixtures, the response is
    ``(y - offset - y_centre) / y_scale``, and every row is multiplied by the root of its weights (the
    product of its precision and its frequency weight).

    Parameters
    ----------
    n_rows
        Rows used.
    n_observations
        Rows used, each counted with its frequency weight.
    n_input, missing
        As in `Facts`.
    log_weights
        Sum of the logarithms of the precision weights, each counted with its frequency weight.
    keys
        For each factor one array for each of its columns, ``(m,)``: the label of each level there, as int64,
        uint64, float64 or text; booleans as the texts "False" and "True".
    A
        By factor ``(m, K, K)``: ``Z_j' W Z_j``, the effects of all its terms side by side in term order.
    C
        By factor ``(m, K, p + 1)``: ``Z_j' W [X y]``.
    D
        ``(p + 1, p + 1)``: ``[X y]' W [X y]``.
    pairs
        For factors ``f < g``: ``(n,)`` int32 level of ``f``, ``(n,)`` int32 level of ``g``, and
        ``(n, K_f, K_g)`` cross-products; each pair of levels that shares a row once, in any order.
    """

    n_rows: int
    n_observations: float
    n_input: int
    missing: Mapping[str, int]
    log_weights: float
    keys: tuple[tuple[Keys, ...], ...]
    A: tuple[Floats, ...]
    C: tuple[Floats, ...]
    D: Floats
    pairs: Mapping[tuple[int, int], tuple[NDArray[np.int32], NDArray[np.int32], Floats]]
