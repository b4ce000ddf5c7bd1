"""Mean responses averaged over normal group effects: the inverse link integrated over them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from multilevel.errors import OptionError
from multilevel.model.families import inverse_link, slope

Floats = NDArray[np.float64]

REACH = 8.5
"""Standard deviations on each side that are integrated over; beyond it lies a share of 2e-17."""
WIDEST, CLOSEST = 0.75, 0.005
"""Largest and smallest step of the trapezoidal rule, in standard deviations."""
AT_ONCE = 2_000_000
"""Numbers (rows by nodes) that are held at a time."""


def averaged(link: str, eta: Floats, variance: Floats) -> tuple[Floats, Floats]:
    """Return the mean response averaged over a normal linear predictor, and its slope.

    Parameters
    ----------
    link
        Name of the link.
    eta
        Means of the linear predictor, of any shape.
    variance
        Its variances, which broadcast to that shape; zero gives the inverse link itself.

    Returns
    -------
    Values of ``E[g^-1(eta + sqrt(variance) t)]`` for standard normal t, and their derivatives by
    eta. Closed forms for the links identity, log, sqrt and probit; the trapezoidal rule for logit and
    cloglog, whose error falls exponentially with the step (Trefethen and Weideman 2014): below 1e-8.

    Raises
    ------
    OptionError
        If the link is the inverse: ``1 / (eta + sd t)`` has no mean.

    Examples
    --------
    >>> mean, slope = averaged("log", np.array([0.0]), np.array([1.0]))
    >>> mean.round(4).tolist()
    [1.6487]
    """
    return mean_over(link, eta, variance), _slope_over(link, eta, np.broadcast_to(variance, eta.shape))


def mean_over(link: str, eta: Floats, variance: Floats) -> Floats:
    """Return the first of the two that `averaged` returns."""
    v = np.broadcast_to(variance, eta.shape)
    if not v.any() or link == "identity":
        return inverse_link(link, eta)
    if link == "log":
        return inverse_link(link, eta + v / 2.0)
    if link == "sqrt":
        return np.asarray(eta * eta + v)
    if link == "probit":
        return inverse_link(link, eta / np.sqrt(1.0 + v))
    if link == "inverse":
        raise OptionError(
            "an average over groups was asked of a model with the inverse link: 1 / (eta + b) has no mean for"
            " normal b",
            allowed="groups='known', 'new' or 'typical'",
            remedy="groups='typical', or a model with the log link",
        )
    return over_normal(lambda x: inverse_link(link, x), eta, np.sqrt(v))


def _slope_over(link: str, eta: Floats, v: Floats) -> Floats:
    """Return the derivative of `mean_over` by ``eta``."""
    if not v.any() or link in ("identity", "sqrt"):
        return slope(link, eta)
    if link == "log":
        return slope(link, eta + v / 2.0)
    if link == "probit":
        root = np.sqrt(1.0 + v)
        return np.asarray(slope(link, eta / root) / root)
    return over_normal(lambda x: slope(link, x), eta, np.sqrt(v))


def over_normal(value: Callable[[Floats], Floats], eta: Floats, sd: Floats) -> Floats:
    """Return ``E[value(eta + sd t)]`` for standard normal t by the trapezoidal rule.

    Parameters
    ----------
    value
        A function of numbers of any shape, analytic within about pi / 2 of the real line.
    eta, sd
        Of one shape.
    """
    nodes, weights = normal_nodes(float(sd.max(initial=0.0)))
    centres, sds = eta.ravel(), sd.ravel()
    found = np.empty_like(centres)
    step = max(1, AT_ONCE // nodes.size)
    for start in range(0, centres.size, step):
        some = slice(start, start + step)
        found[some] = value(centres[some, None] + sds[some, None] * nodes) @ weights
    return found.reshape(eta.shape)


def normal_nodes(sharpness: float) -> tuple[Floats, Floats]:
    """Return nodes and weights of the trapezoidal rule for the standard normal distribution.

    Parameters
    ----------
    sharpness
        How fast what is integrated changes: one over the width, in standard deviations, of its transition.
        The step is half that width at most.
    """
    step = float(np.clip(0.5 / max(sharpness, 1e-300), CLOSEST, WIDEST))
    half = int(np.ceil(REACH / step))
    nodes = np.asarray(step * np.arange(-half, half + 1), dtype=np.float64)
    weights = np.exp(-0.5 * nodes * nodes)
    return nodes, np.asarray(weights / weights.sum())


def share_of_zeros(columns: Floats | None, coefficients: Floats, n: int) -> Floats:
    """Return ``(n,)`` shares of extra zeros from the columns of zero inflation; zero without them."""
    if columns is None:
        return np.zeros(n)
    return np.asarray(expit(columns @ coefficients))
