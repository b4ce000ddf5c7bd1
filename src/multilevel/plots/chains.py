"""Trace and rank pictures of the draws of a posterior, drawn by ArviZ of either world (0.x, 1.x)."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from multilevel.errors import OptionError
from multilevel.plots.canvas import SERIES, pyplot
from multilevel.results.posterior import Posterior

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def trace(posterior: Posterior, *, names: Sequence[str] | None = None) -> Figure:
    """Draw the density of each parameter by chain, and the draws in the order in which they were made.

    Parameters
    ----------
    posterior
        A posterior.
    names
        Variables as ArviZ has them (``posterior.to_arviz().posterior``): "coefficients", "sigma",
        "sd(subject)", "effects(subject)"; by default all but group effects and residual sds of levels.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    OptionError
        If there is no such variable, the result is no posterior, or ArviZ or Matplotlib is absent.

    Examples
    --------
    >>> import multilevel as ml
    >>> post = ml.sample("reaction ~ days + (days | subject)", ml.datasets.load("sleepstudy"), seed=1)
    >>> len(ml.plots.trace(post, names=["sigma"]).axes)
    2
    """
    _refuse_fits(posterior, "trace")
    before = {"compact": False, "chain_prop": {"color": _colours(posterior)}}
    return _drawn(("plot_trace", before), ("plot_trace_dist", {"compact": False}), posterior, names)


def ranks(posterior: Posterior, *, names: Sequence[str] | None = None) -> Figure:
    """Draw the ranks of each chain's draws among all draws: level where the chains agree.

    Bars in ArviZ 0.x; in 1.x the difference of their distribution function from the uniform one, which is
    to stay near zero.

    Parameters
    ----------
    posterior
        A posterior.
    names
        As in `trace`.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    OptionError
        If there is no such variable, the result is no posterior, or ArviZ or Matplotlib is absent.

    Examples
    --------
    >>> import multilevel as ml
    >>> post = ml.sample("reaction ~ days + (days | subject)", ml.datasets.load("sleepstudy"), seed=1)
    >>> len(ml.plots.ranks(post, names=["sigma"]).axes)
    1
    """
    _refuse_fits(posterior, "ranks")
    return _drawn(("plot_rank", {"colors": _colours(posterior)}), ("plot_rank", {}), posterior, names)


def _refuse_fits(given: object, name: str) -> None:
    """Raise `OptionError` unless there are chains to draw."""
    if not isinstance(given, Posterior):
        raise OptionError(
            f"plots.{name} was asked of {type(given).__name__!r}, which has no chains",
            allowed="a posterior, of ml.sample",
        )


def _colours(posterior: Posterior) -> list[str]:
    """Return a colour for each chain."""
    return [SERIES[chain % len(SERIES)] for chain in range(posterior.n_chains)]


def _drawn(
    before: tuple[str, dict[str, Any]],
    now: tuple[str, dict[str, Any]],
    posterior: Posterior,
    names: Sequence[str] | None,
) -> Figure:
    """Return a picture of the posterior by a function of ArviZ 0.x or of 1.x, each with its options."""
    pyplot()
    data = posterior.to_arviz(include=())
    known = [str(name) for name in data["posterior"].data_vars]
    parameters = [name for name in known if not name.startswith("effects(") and "[" not in name]
    chosen = parameters if names is None else list(names)
    unknown = [name for name in chosen if name not in known]
    if unknown or not chosen:
        raise OptionError(
            f"names={names!r}: there is no variable {unknown[0]!r}"
            if unknown
            else f"names={names!r} is empty",
            allowed=", ".join(repr(name) for name in known),
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # ArviZ's own announcements, of which the reader cannot do anything
        library = importlib.import_module("arviz")
        name, options = before if library.__version__.startswith("0.") else now
        found = getattr(library, name)(data, var_names=chosen, **options)
    return _figure_of(found)


def _figure_of(found: Any) -> Figure:
    """Return the figure of what ArviZ gives back: an array of axes (0.x) or a collection of plots (1.x)."""
    if hasattr(found, "viz"):
        figure = found.viz["figure"].item()
    else:
        figure = (found.flat[0] if hasattr(found, "flat") else found).get_figure()
    figure.set_layout_engine("constrained")
    return figure  # type: ignore[no-any-return]
