"""Pictures of densities: prior and posterior, LKJ correlations, replicated and observed responses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from multilevel.inference.densities import lkj_densities, prior_and_posterior
from multilevel.inference.predictive_checks import predictive_check
from multilevel.plots.canvas import BLUE, GREY, ORANGE, PALE, SERIES, axes_for, response_of
from multilevel.results import Columns
from multilevel.results.posterior import Posterior, Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DASHES = ("-", "--", "-.", ":")
LONG_TAIL = 20.0
"""Largest count over the median, from where on large counts are drawn on a logarithmic scale."""
MOST_TICKS = 12
"""Values of a response that are all named on the axis."""
HIGHEST = 4.0
"""Of the densities of correlations: curves that rise without end are cut here."""


def prior_posterior(
    posterior: Posterior, name: str, *, draws: int = 20_000, seed: int = 0, ax: Axes | None = None
) -> Axes:
    """Draw the density of a parameter before and after the data.

    Parameters
    ----------
    posterior
        A posterior whose priors are all proper.
    name
        As in ``posterior.draws``: "days", "sigma", "sd(subject, days)", "correlation(...)".
    draws, seed
        Draws from the prior, and their seed.
    ax
        Axes to draw on; by default those of a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    OptionError
        If there is no such parameter, it is fixed, a prior is flat, the posterior was loaded from a file, or
        Matplotlib is absent.

    Examples
    --------
    >>> import multilevel as ml
    >>> post = ml.sample("reaction ~ days + (days | subject)", ml.datasets.load("sleepstudy"), seed=1)
    >>> ml.plots.prior_posterior(post, "sd(subject, days)").get_xlabel()
    'sd(subject, days)'
    """
    table = prior_and_posterior(posterior, name, draws=draws, seed=seed)
    ax = axes_for(ax)
    for source, colour, dash in (("prior", GREY, "--"), ("posterior", BLUE, "-")):
        value, density = _curve(table, "source", source, "value")
        ax.plot(value, density, color=colour, linestyle=dash, linewidth=1.8, label=source)
    value, density = _curve(table, "source", "posterior", "value")
    ax.fill_between(value, density, color=BLUE, alpha=0.15, linewidth=0)
    ax.set_xlim(value[0], value[-1])
    ax.set_ylim(bottom=0.0)
    ax.set_xlabel(name)
    ax.set_ylabel("density")
    ax.legend(frameon=False)
    return ax


def lkj(etas: Sequence[float] = (0.5, 1.0, 2.0, 4.0), *, size: int = 2, ax: Axes | None = None) -> Axes:
    """Draw the density of one correlation of a matrix with the LKJ distribution.

    Parameters
    ----------
    etas
        Shapes, each above zero.
    size
        How many variables are correlated.
    ax
        Axes to draw on; by default those of a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    OptionError
        If a shape is not positive, ``size`` is below 2, or Matplotlib is absent.

    Examples
    --------
    >>> import multilevel as ml
    >>> len(ml.plots.lkj((0.5, 1, 2)).lines)
    3
    """
    table = lkj_densities(etas, size=size)
    ax = axes_for(ax)
    for i, eta in enumerate(dict.fromkeys(float(eta) for eta in etas)):
        r, density = _curve(table, "eta", eta, "correlation")
        colour, dash = SERIES[i % len(SERIES)], DASHES[i % len(DASHES)]
        ax.plot(r, density, color=colour, linestyle=dash, linewidth=1.8, label=f"eta = {eta:g}")
    ax.set_xlim(-1.0, 1.0)
    ax.set_ylim(0.0, min(HIGHEST, 1.05 * float(np.max(table["density"]))))
    ax.set_xlabel(f"correlation, one of a matrix of {size} variables")
    ax.set_ylabel("density")
    ax.legend(frameon=False)
    return ax


def predictive(
    result: Result,
    *,
    n: int = 50,
    seed: int | np.random.Generator = 0,
    groups: Literal["known", "new"] = "known",
    ax: Axes | None = None,
) -> Axes:
    """Draw the distribution of the response over those of responses that the model would have given.

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
    ax
        Axes to draw on; by default those of a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    OptionError
        If a keyword has a value that is not allowed, the rows have frequency weights, or Matplotlib is
        absent.

    Examples
    --------
    >>> import multilevel as ml
    >>> fit = ml.fit("wait ~ afternoon + (afternoon | cafe)", ml.datasets.load("cafes"))
    >>> len(ml.plots.predictive(fit, n=20, seed=1).lines)
    21
    """
    table = predictive_check(result, n=n, seed=seed, groups=groups)
    ax = axes_for(ax)
    discrete = result.design.family.discrete
    marker = "." if discrete else ""
    for draw in range(1, n + 1):
        value, density = _curve(table, "draw", draw, "value")
        label = f"{n} replicated" if draw == 1 else None
        ax.plot(value, density, color=PALE, linewidth=0.7, alpha=0.8, label=label, zorder=1)
    value, density = _curve(table, "draw", 0, "value")
    ax.plot(value, density, color=ORANGE, linewidth=2.0, marker=marker, label="observed", zorder=2)
    if discrete:
        ax.set_yscale("function", functions=(_root, np.square))
    if discrete and value[-1] > LONG_TAIL * max(1.0, float(np.median(result.design.y))):
        ax.set_xscale("symlog", linthresh=max(1.0, float(np.quantile(result.design.y, 0.75))))
        ax.xaxis.set_major_formatter("{x:g}")
        ax.set_xlim(left=float(value[0]))
    elif discrete and len(value) <= MOST_TICKS:
        names = result.design.classes if len(result.design.classes) == len(value) else None
        ax.set_xticks(value, names or [f"{number:g}" for number in value])
    ax.set_ylim(bottom=0.0)
    ax.set_xlabel(response_of(result))
    ax.set_ylabel("share of the rows, root scale" if discrete else "density")
    ax.legend(frameon=False)
    return ax


def _root(share: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return roots, zero below zero: the scale on which counts vary alike, be they few or many."""
    return np.sqrt(np.maximum(share, 0.0))


def _curve(
    table: Columns, key: str, chosen: object, across: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return one of the curves of a table."""
    own = np.asarray(table[key]) == chosen
    return np.asarray(table[across])[own], np.asarray(table["density"])[own]
