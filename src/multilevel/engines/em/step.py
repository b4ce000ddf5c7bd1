"""One E and M step: the second moments of the effects given the data become their covariances."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from multilevel.engines.likelihood.problem import n_theta
from multilevel.model import Covariance
from multilevel.moments import Moments, TermBlock

Floats = NDArray[np.float64]

LEAST = 1e-12
"""Floor of the second moments of spherical effects, which rounding could make zero; EM never leaves zero."""


def em_step(moments: Moments, theta: Floats, gradient: Floats) -> Floats:
    """Return the relative factors after one E and one M step, from the gradient of the criterion.

    The coefficients and the residual sd are those that maximise the likelihood given ``theta``, so that only
    the covariances of the effects are updated from moments (ECME).

    Parameters
    ----------
    moments
        Of the model; tells the terms and their levels.
    theta
        ``(T,)`` entries of the relative Cholesky factors, in the scaled columns.
    gradient
        ``(T,)`` of -2 log-likelihood (or restricted log-likelihood), profiled, at ``theta``.

    Returns
    -------
    Floats
        ``(T,)`` entries of the factors of the new relative covariances.

    Notes
    -----
    The M step of a term with ``m`` levels is ``T = sum_j E[b_j b_j' | y] / (m sigma^2)`` (Laird and Ware
    1982, section 4), restricted to its structure. With ``b = L u``, ``T = L L'`` and the gradient ``G``
    with respect to ``T``, Fisher's identity gives the moments without a pass over the levels:
    ``sum_j E[u_j u_j' | y] / sigma^2 = m I - L'G L``. Under the restricted likelihood the moments are those
    with the coefficients integrated out over a flat prior. Liu and Rubin (1994) for the maximisation of the
    likelihood itself over some of the parameters.

    Examples
    --------
    >>> import multilevel as ml
    >>> from multilevel.engines.likelihood.problem import native_problem
    >>> fit = ml.fit("yield ~ 1 + (1 | batch)", ml.datasets.load("dyestuff"), method="ml")
    >>> problem, theta = native_problem(fit.moments, "ml"), fit.solution.theta
    >>> step = em_step(fit.moments, theta, problem.evaluate(theta)["gradient"])
    >>> bool(abs(step - theta).max() < 1e-6)
    True
    """
    parts, first = [], 0
    for block in moments.blocks:
        here = slice(first, first + n_theta(block))
        step = _matrix if block.covariance is Covariance.UNSTRUCTURED else _sds
        parts.append(step(block, moments.levels[block.factor], theta[here], gradient[here]))
        first = here.stop
    return np.concatenate([np.zeros(0), *parts])


def _matrix(block: TermBlock, m: int, theta: Floats, gradient: Floats) -> Floats:
    """Return the new factor of an unstructured term: ``L`` times the root of the mean of ``E[u u' | y]``."""
    column, row = np.triu_indices(block.size)  # of the lower triangle, column by column
    L, by_L = np.zeros((block.size, block.size)), np.zeros((block.size, block.size))
    L[row, column], by_L[row, column] = theta, gradient / 2.0  # the lower triangle of G L
    inner = np.tril(L.T @ by_L)  # L'G L: the rows above the diagonal of G L do not enter below it
    inner = inner + np.tril(inner, -1).T
    values, vectors = np.linalg.eigh(np.eye(block.size) - inner / m)
    root = (vectors * np.sqrt(np.maximum(values, LEAST))).T
    factor = np.asarray(np.linalg.qr(root, mode="r")).T
    factor = factor * np.where(np.diagonal(factor) < 0.0, -1.0, 1.0)
    return np.asarray((L @ factor)[row, column])


def _sds(block: TermBlock, m: int, theta: Floats, gradient: Floats) -> Floats:
    """Return the new sds of uncorrelated effects, of which several may share one."""
    sharing = np.bincount(np.minimum(np.arange(block.size), theta.size - 1))
    return np.asarray(theta * np.sqrt(np.maximum(1.0 - theta * gradient / (2.0 * m * sharing), LEAST)))
