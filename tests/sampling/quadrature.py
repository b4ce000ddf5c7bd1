"""Exact posterior means and sds of small models by quadrature, from plain arrays: nothing of the library."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

Floats = NDArray[np.float64]
Moments = Mapping[str, tuple[float, float]]
"""Posterior mean and sd of each parameter, by its name."""


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis of a grid: an equidistant range of ``log(x)`` or ``atanh(x)``, or a single known value.

    Parameters
    ----------
    low, high
        Ends of the range of the parameter itself; equal for a known value.
    points
        How many points.
    bounded
        Whether the parameter is a correlation (``atanh``), not a positive number (``log``).
    """

    low: float
    high: float
    points: int
    bounded: bool = False

    def values(self) -> tuple[Floats, Floats]:
        """Return the points and the logs of their weights (trapezoidal rule, volume element included).

        The rule converges geometrically for smooth integrands that vanish at both ends (Trefethen and
        Weideman 2014, "The exponentially convergent trapezoidal rule").
        """
        if self.low == self.high:
            return np.array([self.low]), np.zeros(1)
        into, back = (np.arctanh, np.tanh) if self.bounded else (np.log, np.exp)
        at = np.linspace(into(self.low), into(self.high), self.points)
        x = back(at)
        volume = 2.0 * np.log(1.0 / np.cosh(at)) if self.bounded else at
        return x, volume + np.log(at[1] - at[0])


def grid(axes: Sequence[Axis]) -> tuple[list[Floats], Floats]:
    """Return the points of a product grid, one flat array for each axis, and the logs of their weights."""
    pairs = [axis.values() for axis in axes]
    points = np.meshgrid(*(x for x, _ in pairs), indexing="ij")
    logs = np.meshgrid(*(w for _, w in pairs), indexing="ij")
    return [x.reshape(-1) for x in points], np.sum(logs, axis=0).reshape(-1)


def mixed(log_density: Floats, parts: Mapping[str, tuple[Floats, Floats | float]]) -> Moments:
    """Return mean and sd of each parameter from its conditional mean and variance on the grid."""
    weights = np.exp(log_density - logsumexp(log_density))
    found = {}
    for name, (mean, variance) in parts.items():
        centre = float(weights @ mean)
        found[name] = (centre, float(np.sqrt(weights @ ((mean - centre) ** 2 + variance))))
    return found


def line(
    y: Floats,
    X: Floats,
    prior_mean: Floats,
    prior_sd: Floats,
    log_sigma: Callable[[Floats], Floats],
    axis: Axis,
) -> Moments:
    """Return moments of ``y ~ N(X beta, sigma^2)`` with independent normal priors of the coefficients.

    Coefficients are integrated out: ``beta | sigma ~ N(m, V)``, ``V^-1 = X'X / sigma^2 + Q``.
    """
    (sigma,), log_weight = grid([axis])
    Q, n = np.diag(prior_sd**-2.0), y.size
    V = np.linalg.inv(X.T @ X / sigma[:, None, None] ** 2 + Q)
    h = X.T @ y / sigma[:, None] ** 2 + Q @ prior_mean
    m = np.einsum("iab,ib->ia", V, h)
    quadratic = y @ y / sigma**2 + prior_mean @ Q @ prior_mean - np.einsum("ia,ia->i", h, m)
    log_density = log_weight + log_sigma(sigma) - n * np.log(sigma) - 0.5 * quadratic
    log_density += 0.5 * np.linalg.slogdet(V)[1]
    parts = {f"beta[{a}]": (m[:, a], V[:, a, a]) for a in range(X.shape[1])}
    return mixed(log_density, {**parts, "sigma": (sigma, 0.0)})


def intercepts(
    means: Floats,
    sizes: Floats,
    within: float,
    prior_mu: tuple[float, float],
    log_prior: Callable[[Floats, Floats], Floats],
    axes: tuple[Axis, Axis],
) -> Moments:
    """Return moments of ``y_ij ~ N(mu + b_j, sigma^2)``, ``b_j ~ N(0, tau^2)``, ``mu ~ N(., .)``.

    Parameters
    ----------
    means, sizes
        Mean and number of the observations of each group (or weights, if ``y_j ~ N(., sigma^2 / size_j)``).
    within
        Sum of squares about the groups' means.
    prior_mu
        Mean and sd.
    log_prior
        Log prior density of ``(tau, sigma)``.
    axes
        Of tau and of sigma.

    Notes
    -----
    Gelman et al. (2013), Bayesian Data Analysis, equations 5.17 to 5.21, with a normal prior of ``mu``.
    """
    (tau, sigma), log_weight = grid(axes)
    noise = sigma[:, None] ** 2 / sizes
    inverse = 1.0 / (tau[:, None] ** 2 + noise)
    precision = inverse.sum(axis=1) + prior_mu[1] ** -2.0
    centre = (inverse @ means + prior_mu[0] * prior_mu[1] ** -2.0) / precision
    quadratic = (inverse * (means - centre[:, None]) ** 2).sum(axis=1)
    quadratic += ((centre - prior_mu[0]) / prior_mu[1]) ** 2 + within / sigma**2
    free = sizes.sum() - sizes.size if axes[1].low < axes[1].high else 0.0
    log_density = log_weight + log_prior(tau, sigma) - 0.5 * quadratic - free * np.log(sigma)
    log_density += 0.5 * np.log(inverse).sum(axis=1) - 0.5 * np.log(precision)
    parts: dict[str, tuple[Floats, Floats | float]] = {"mu": (centre, 1.0 / precision)}
    parts |= {"tau": (tau, 0.0), "sigma": (sigma, 0.0)}
    for j in (0, means.size - 1):
        kept = tau**2 * inverse[:, j]
        parts[f"b[{j}]"] = (kept * (means[j] - centre), kept * noise[:, j] + kept**2 / precision)
    return mixed(log_density, parts)


def slopes(
    estimates: Floats,
    cross: Floats,
    within: tuple[float, int],
    prior: tuple[Floats, Floats],
    log_prior: Callable[[Floats, Floats, Floats, Floats], Floats],
    axes: tuple[Axis, Axis | None, Axis, Axis],
) -> Moments:
    """Return moments of a balanced model with a varying intercept and slope, ``y_j = X (beta + b_j) + e_j``.

    Parameters
    ----------
    estimates
        ``(m, 2)`` least squares estimates of each group.
    cross
        ``(2, 2)`` matrix ``X'X``, the same in every group.
    within
        Residual sum of squares of the groups' own lines, and its degrees of freedom.
    prior
        Mean and sd of the two coefficients.
    log_prior
        Log prior density of ``(tau_0, tau_1, rho, sigma)``.
    axes
        Of ``tau_0``, ``tau_1`` (``None``: it is ``tau_0``), ``rho`` and ``sigma``.

    Notes
    -----
    The estimates are sufficient: ``estimate_j ~ N(beta, W)`` with ``W = D + sigma^2 (X'X)^-1``, so that
    their mean and scatter are all that is needed (Lindley and Smith 1972, section 5.2).
    """
    second = axes[1] or Axis(1.0, 1.0, 1)
    (tau0, tau1, rho, sigma), log_weight = grid([axes[0], second, axes[2], axes[3]])
    tau1 = tau0 if axes[1] is None else tau1
    m, centre = estimates.shape[0], estimates.mean(axis=0)
    scatter = (estimates - centre).T @ (estimates - centre)
    noise = np.linalg.inv(cross)
    off = rho * tau0 * tau1
    D = (tau0**2, off, tau1**2)
    W = tuple(d + sigma**2 * c for d, c in zip(D, (noise[0, 0], noise[0, 1], noise[1, 1]), strict=True))
    inverse, det = inverted(W)
    spread = tuple(w / m + q for w, q in zip(W, (prior[1][0] ** 2, 0.0, prior[1][1] ** 2), strict=True))
    about, det_about = inverted(spread)
    gap = centre - prior[0]
    log_density = log_weight + log_prior(tau0, tau1, rho, sigma)
    log_density -= 0.5 * (m - 1) * np.log(det) + 0.5 * np.log(det_about)
    log_density -= 0.5 * (
        inverse[0] * scatter[0, 0] + 2 * inverse[1] * scatter[0, 1] + inverse[2] * scatter[1, 1]
    )
    log_density -= 0.5 * (about[0] * gap[0] ** 2 + 2 * about[1] * gap[0] * gap[1] + about[2] * gap[1] ** 2)
    log_density -= within[1] * np.log(sigma) + 0.5 * within[0] / sigma**2
    v0, v1 = prior[1] ** 2
    mean0 = prior[0][0] + v0 * (about[0] * gap[0] + about[1] * gap[1])
    mean1 = prior[0][1] + v1 * (about[1] * gap[0] + about[2] * gap[1])
    return mixed(
        log_density,
        {
            "beta[0]": (mean0, v0 - v0**2 * about[0]),
            "beta[1]": (mean1, v1 - v1**2 * about[2]),
            "tau[0]": (tau0, 0.0),
            "tau[1]": (tau1, 0.0),
            "rho": (rho, 0.0),
            "sigma": (sigma, 0.0),
        },
    )


def inverted(matrix: tuple[Floats, ...]) -> tuple[tuple[Floats, Floats, Floats], Floats]:
    """Return the inverse of symmetric 2 by 2 matrices ``(a, b, c)`` in that form, and their determinants."""
    a, b, c = matrix
    det = a * c - b * b
    return (c / det, -b / det, a / det), det
