"""Distributions of replicated responses beside the observed one."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from multilevel.inference.densities import CELLS, GRID, kernel_density
from multilevel.inference.posterior_simulate import posterior_simulate
from multilevel.inference.simulate import simulate
from multilevel.results import Columns, Fit
from multilevel.results.posterior import Result

Floats = NDArray[np.float64]

MOST_BINS, MOST = 40, 90
"""So many bins at most for so many percent of the responses in whole numbers; fewer values have their own."""


def predictive_check(
    result: Result,
    *,
    n: int = 50,
    seed: int | np.random.Generator = 0,
    groups: Literal["known", "new"] = "known",
) -> Columns:
    """Return the distribution of the response, and of responses that the model would have given.

    Parameters
    ----------
    result
        A fit or a posterior.
    n
        How many responses are replicated.
    seed
        A whole number or a NumPy generator.
    groups
        "known": with the effects of the groups as they are; "new": drawn afresh.

    Returns
    -------
    Columns source ("observed", "replicated"), draw (0 the observed, then 1 to n), value, density. Continuous
    responses: kernel densities, all with the bandwidth of the observed. Responses in whole numbers (successes
    where there are trials, class numbers): shares in bins of whole numbers, by their centres, per unit.

    Raises
    ------
    OptionError
        If a keyword has a value that is not allowed, or the rows have frequency weights.
    """
    if isinstance(result, Fit):
        drawn = simulate(result, n, seed=seed, groups=groups)
    else:
        drawn = posterior_simulate(result, n, seed=seed, groups=groups)
    design = result.design
    samples = [design.y, *drawn[:, design.rows]]
    value, curves = _shares(samples) if design.family.discrete else _curves(samples)
    size = len(value)
    return {
        "source": ["observed"] * size + ["replicated"] * (size * n),
        "draw": np.repeat(np.arange(n + 1), size),
        "value": np.tile(value, n + 1),
        "density": np.concatenate(curves),
    }


def _curves(samples: list[Floats]) -> tuple[Floats, list[Floats]]:
    """Return a grid and the kernel density of each sample on it, zero below zero where none is negative."""
    low, high = min(float(s.min()) for s in samples), max(float(s.max()) for s in samples)
    bounds = (0.0 if low >= 0.0 and low < 0.05 * high else -np.inf, np.inf)
    pad = 0.05 * (high - low)
    grid = np.linspace(max(low - pad, bounds[0]), high + pad, GRID)
    y = samples[0]
    iqr = float(np.subtract(*np.quantile(y, [0.75, 0.25]))) / 1.34
    h = 0.9 * (min(float(y.std()), iqr) or float(y.std())) * float(y.size) ** -0.2
    return grid, [kernel_density(sample, grid, bounds=bounds, bandwidth=h) for sample in samples]


def _shares(samples: list[Floats]) -> tuple[Floats, list[Floats]]:
    """Return centres of bins of whole numbers and the share of each sample in them, per unit."""
    low, high = min(int(s.min()) for s in samples), max(int(s.max()) for s in samples)
    width = -(-(int(np.percentile(samples[0], MOST)) - low + 1) // MOST_BINS)
    width = max(1, width, (high - low) // CELLS)
    bins = (high - low) // width + 1
    centres = low + width * np.arange(bins) + (width - 1) / 2.0
    shares = []
    for sample in samples:
        at = ((sample - low) // width).astype(np.int64)
        shares.append(np.bincount(at, minlength=bins) / (sample.size * width))
    return np.asarray(centres, dtype=np.float64), shares
