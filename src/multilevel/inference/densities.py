"""Densities: of draws on a grid, of a parameter before and after the data, of correlations under LKJ."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaln

from multilevel.design.bound_priors import BoundPriors
from multilevel.errors import OptionError
from multilevel.inference.posterior_draws import named_draws
from multilevel.inference.prior_predictive import prior_predictive
from multilevel.model.families import Ordinal
from multilevel.results import Columns
from multilevel.results.posterior import Posterior
from multilevel.results.posterior_options import check_count

Floats = NDArray[np.float64]

GRID = 256
"""Points of a curve."""
CELLS = 4096
"""Cells into which draws are counted before they are smoothed."""
UNBOUNDED = (-np.inf, np.inf)


def kernel_density(
    values: Floats, grid: Floats, *, bounds: tuple[float, float] = UNBOUNDED, bandwidth: float | None = None
) -> Floats:
    """Return a Gaussian kernel density, reflected at the bounds of the parameter.

    Parameters
    ----------
    values
        ``(n,)`` finite draws within the bounds.
    grid
        Where it is wanted, increasing.
    bounds
        Least and largest possible value.
    bandwidth
        Sd of the kernel; by default Silverman's (1986, equation 3.31), ``0.9 min(sd, iqr / 1.34) n^-0.2``.

    Returns
    -------
    Density at the grid. Draws are counted in 4,096 cells first, so that time does not depend on their number.

    Examples
    --------
    >>> import numpy as np
    >>> kernel_density(np.array([0.0]), np.array([0.0]), bandwidth=1.0).round(4).tolist()
    [0.3989]
    """
    h = _silverman(values) if bandwidth is None else bandwidth
    low, high = max(grid[0] - 6.0 * h, bounds[0]), min(grid[-1] + 6.0 * h, bounds[1])
    width = (high - low) / CELLS
    inside = values[(values >= low) & (values <= high)]
    cell = np.minimum(((inside - low) / width).astype(np.int64), CELLS - 1)
    counts = np.bincount(cell, minlength=CELLS)
    used = np.flatnonzero(counts)
    # The mean of the draws in a cell stands for them: no rounding to first order.
    centres = np.bincount(cell, inside, minlength=CELLS)[used] / counts[used]
    weights = counts[used] / (values.size * h * np.sqrt(2.0 * np.pi))
    mirrored = [2.0 * bound - centres for bound in bounds if np.isfinite(bound)]
    total = np.zeros(grid.shape)
    for places in (centres, *mirrored):
        total += np.exp(-0.5 * ((grid[:, None] - places) / h) ** 2) @ weights
    return np.where((grid >= bounds[0]) & (grid <= bounds[1]), total, 0.0)


def _silverman(values: Floats) -> float:
    """Return Silverman's bandwidth, from whatever measure of spread is not zero."""
    quarter, three = np.quantile(values, [0.25, 0.75])
    spreads = [s for s in (float(values.std()), float(three - quarter) / 1.34) if s > 0.0]
    return float(0.9 * min(spreads, default=1.0) * values.size**-0.2)


def prior_and_posterior(posterior: Posterior, name: str, *, draws: int = 20_000, seed: int = 0) -> Columns:
    """Return the density of a parameter before and after the data.

    Parameters
    ----------
    posterior
        A posterior whose priors are all proper.
    name
        As in ``posterior.draws``: "days", "sigma", "sd(subject, days)", "correlation(...)".
    draws, seed
        Draws from the prior, and their seed.

    Returns
    -------
    Columns source ("prior", "posterior"), value, density. The grid is the whole interval of a correlation;
    otherwise the posterior's range and its width more on each side, within the bounds of the parameter.

    Raises
    ------
    OptionError
        If there is no such parameter, it is fixed at one value, a prior is flat, or the posterior was loaded
        from a file, which does not hold its priors.
    """
    check_count("draws", draws, least=1)
    after = named_draws(posterior)[name]
    if after.ndim != 2 or np.ptp(after) == 0.0:
        what = "is fixed at one value" if after.ndim == 2 else "has a value for each level"
        raise OptionError(
            f"the density of `{name}` was asked, which {what}",
            allowed="one parameter that varies: a coefficient, an sd, a correlation, ...",
        )
    if not isinstance(posterior.priors, BoundPriors):
        raise OptionError(
            "densities of priors were asked of a posterior that was loaded from a file, which holds only the"
            " texts of its priors",
            allowed="a posterior that was sampled here",
        )
    before = prior_predictive(posterior.design, posterior.priors, draws=draws, seed=seed).draws[name]
    bounds = _bounds(posterior, name)
    grid = _grid_of(after.ravel(), bounds)
    columns = [kernel_density(values.ravel(), grid, bounds=bounds) for values in (before, after)]
    return {
        "source": ["prior"] * GRID + ["posterior"] * GRID,
        "value": np.tile(grid, 2),
        "density": np.concatenate(columns),
    }


def _bounds(posterior: Posterior, name: str) -> tuple[float, float]:
    """Return the least and largest value that a parameter can have."""
    if name in posterior.design.fixed.names:
        return UNBOUNDED
    if name.startswith("correlation("):
        return (-1.0, 1.0)
    family = posterior.sampled.family
    positive = family is not None and name.removeprefix("family ") in family.names
    if positive and isinstance(posterior.design.family, Ordinal):
        return UNBOUNDED
    if positive or name.startswith("sd(") or name.removeprefix("residual ") == "sigma":
        return (0.0, np.inf)
    return UNBOUNDED


def _grid_of(values: Floats, bounds: tuple[float, float]) -> Floats:
    """Return the grid of a parameter's densities."""
    if np.isfinite(bounds).all():
        return np.linspace(*bounds, GRID)
    low, high = np.quantile(values, [0.001, 0.999])
    return np.linspace(max(low - (high - low), bounds[0]), min(high + (high - low), bounds[1]), GRID)


def _positive(values: Floats) -> bool:
    return bool(np.all(np.isfinite(values) & (values > 0.0)))


def lkj_densities(etas: Sequence[float] = (0.5, 1.0, 2.0, 4.0), *, size: int = 2) -> Columns:
    """Return the density of one correlation of a matrix with the LKJ distribution, for several shapes.

    Each correlation ``r`` of ``size`` variables has ``(r + 1) / 2 ~ Beta(a, a)``, ``a = eta - 1 + size / 2``
    (Lewandowski, Kurowicka and Joe 2009, section 3): ``p(r) = (1 - r^2)^(a - 1) / (2^(2a - 1) B(a, a))``.

    Parameters
    ----------
    etas
        Shapes, each above zero: 1 is uniform over matrices, more is nearer the identity, less the extremes.
    size
        How many variables are correlated, at least 2.

    Returns
    -------
    Columns eta, correlation, density, the correlation from -0.995 to 0.995.

    Raises
    ------
    OptionError
        If a shape is not positive, or ``size`` is below 2.

    Examples
    --------
    >>> lkj_densities([1.0])["density"][:2].round(12).tolist()
    [0.5, 0.5]
    """
    check_count("size", size, least=2)
    shapes = np.asarray(etas)
    if shapes.ndim != 1 or not shapes.size or shapes.dtype.kind not in "iuf" or not _positive(shapes):
        raise OptionError(
            f"etas={etas!r}",
            allowed="a list of one or several positive numbers",
            remedy="etas=(0.5, 1, 2, 4)",
        )
    r = np.linspace(-0.995, 0.995, GRID - 1)
    curves = []
    for eta in etas:
        a = eta - 1.0 + size / 2.0
        curves.append(np.exp((a - 1.0) * np.log1p(-r * r) - (2.0 * a - 1.0) * np.log(2.0) - betaln(a, a)))
    return {
        "eta": np.repeat(np.array(etas, dtype=np.float64), len(r)),
        "correlation": np.tile(r, len(etas)),
        "density": np.concatenate(curves),
    }
