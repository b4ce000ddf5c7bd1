"""Shifts, scales and mixtures that keep cross-products well conditioned, and the way back to the user."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from scipy.linalg.lapack import dpotrf

from multilevel.design.design import Design, EffectsTerm, FixedPart
from multilevel.kernels import core
from multilevel.model import Covariance
from multilevel.moments.serial import walk_factor

Floats = NDArray[np.float64]

DEPENDENT = 1e-6
"""A column of which less than this share (of its squares) is new makes the columns ill-conditioned."""


@dataclass(frozen=True, slots=True)
class ColumnScaling:
    """Columns become ``(column - centre) * factor``; ``back`` maps coefficients to the user's columns.

    Parameters
    ----------
    centre, factor
        ``(k,)``.
    back
        ``(k, k)``: coefficients of the scaled columns times ``back`` are those of the user's columns.
    mixture
        ``(k, k)`` by which the scaled columns are multiplied at last, or ``None``: an upper triangle if some
        nearly repeat others, such as powers of years; a rotation if the effects have one correlation, or the
        factor of a random walk's covariance, which leaves them uncorrelated.
    """

    centre: Floats
    factor: Floats
    back: Floats
    mixture: Floats | None = None

    @property
    def log_det(self) -> float:
        """Log of the absolute determinant of ``back``."""
        mixed = 0.0 if self.mixture is None else np.linalg.slogdet(self.mixture)[1]
        return float(np.log(self.factor).sum() + mixed)

    def apply(self, columns: Floats) -> Floats:
        """Return ``(n, k)`` columns shifted, scaled and mixed, in Fortran order."""
        scaled = (columns - self.centre) * self.factor
        return np.asfortranarray(scaled if self.mixture is None else scaled @ self.mixture)

    def for_kernels(self, columns: Floats) -> tuple[Floats, Floats, Floats]:
        """Return columns with the centre and factor that are still to be applied: mixed ones are finished."""
        if self.mixture is None:
            return columns, self.centre, self.factor
        return self.apply(columns), np.zeros_like(self.centre), np.ones_like(self.factor)


def well_mixed(scaling: ColumnScaling, columns: Floats, gram: Floats) -> ColumnScaling:
    """Return the scaling with a mixture that makes the columns orthogonal, if their cross-products need it.

    Parameters
    ----------
    scaling
        Without a mixture.
    columns
        ``(n, k)`` of the user.
    gram
        ``(k, k)`` cross-products of the scaled columns, which square their condition number.
    """
    size = np.sqrt(np.diagonal(gram))
    if gram.shape[0] < 2 or not np.all(size > 0.0):
        return scaling
    factor, failed = dpotrf(gram / np.outer(size, size), lower=0)
    if not failed and np.square(np.diagonal(factor)).min() > DEPENDENT:
        return scaling
    R = np.linalg.qr(scaling.apply(columns), mode="r")
    norm = np.sqrt(columns.shape[0]) * np.where(np.diagonal(R) < 0.0, -1.0, 1.0)
    mixture = np.asarray(solve_triangular(R, np.diag(norm)))
    return replace(scaling, back=scaling.back @ mixture, mixture=mixture)


@dataclass(frozen=True, slots=True)
class Scaling:
    """Scaling of a whole design.

    Parameters
    ----------
    fixed
        Of the columns of ``X``.
    terms
        Of the effect columns of each grouped term.
    y_centre, y_scale
        The response is replaced by ``(y - offset - y_centre) / y_scale``.
    constant
        ``(p,)`` coefficients (user's columns) of the constant that was taken off the response.
    """

    fixed: ColumnScaling
    terms: tuple[ColumnScaling, ...]
    y_centre: float
    y_scale: float
    constant: Floats


def scaling_of(design: Design, response: Floats) -> Scaling:
    """Choose shifts and scales for a design; ``response`` is ``y`` minus the offset.

    A column is centred only where that is a re-parametrisation: in the fixed part if the constant is in its
    span, in a grouped term if the term is unstructured and has an intercept.
    """
    fixed = fixed_scaling(design.fixed)
    terms = tuple(term_scaling(term) for term in design.terms)
    centre, scale, constant = response_scaling(design.fixed, response)
    return Scaling(fixed, terms, centre, scale, constant)


def response_scaling(fixed: FixedPart, response: Floats) -> tuple[float, float, Floats]:
    """Return centre and scale of the response, and the coefficients of the constant that was taken off."""
    mean, deviation = core.column_moments(response[:, None])
    if fixed.intercept is None:
        centre, scale, constant = 0.0, float(np.hypot(mean[0], deviation[0])), np.zeros(len(fixed.names))
    else:
        centre, scale, constant = float(mean[0]), float(deviation[0]), fixed.intercept * float(mean[0])
    return centre, scale if scale > 0.0 else 1.0, constant


def fixed_scaling(fixed: FixedPart) -> ColumnScaling:
    """Centre the columns that do not make up the constant; scale all but those that do."""
    p = len(fixed.names)
    mean, deviation = core.column_moments(fixed.X)
    if fixed.intercept is None:
        centre, constant = np.zeros(p), np.zeros(p, dtype=bool)
        spread = np.hypot(mean, deviation)
    else:
        constant = fixed.intercept != 0.0
        centre, spread = np.where(constant, 0.0, mean), np.where(constant, 1.0, deviation)
    factor = 1.0 / np.where(spread > 0.0, spread, 1.0)
    back = np.diag(factor)
    if fixed.intercept is not None:
        back = back - np.outer(fixed.intercept, centre * factor)
    return ColumnScaling(centre, factor, back)


def mean_and_contrasts(k: int) -> Floats:
    """Return the orthogonal ``(k, k)`` matrix whose columns are the scaled mean and Helmert's contrasts.

    A correlation matrix whose correlations are all ``r`` has them as eigenvectors: of ``1 + (k - 1) r`` the
    first, of ``1 - r`` the others.

    Examples
    --------
    >>> Q = mean_and_contrasts(3)
    >>> R = np.full((3, 3), 0.25) + 0.75 * np.eye(3)
    >>> np.diagonal(Q.T @ R @ Q).round(12).tolist()
    [1.5, 0.75, 0.75]
    """
    Q = np.zeros((k, k))
    Q[:, 0] = 1.0 / np.sqrt(k)
    for j in range(1, k):
        Q[:j, j], Q[j, j] = 1.0, -float(j)
        Q[:, j] /= np.sqrt(j * (j + 1.0))
    return Q


def term_scaling(term: EffectsTerm) -> ColumnScaling:
    """Centre beside an intercept in an unstructured term; one common scale where all effects share one sd."""
    k = len(term.names)
    mean, deviation = core.column_moments(term.Z)
    rms = np.hypot(mean, deviation)
    ones = (mean == 1.0) & (deviation == 0.0)
    if term.covariance.one_sd:
        scale = float(np.sqrt(np.mean(rms * rms)))
        factor = np.full(k, 1.0 / scale if scale > 0.0 else 1.0)
        if term.covariance in (Covariance.SCALAR, Covariance.AUTOREGRESSIVE) or k == 1:
            return ColumnScaling(np.zeros(k), factor, np.diag(factor))
        Q = mean_and_contrasts(k) if term.times is None else walk_factor(term.times.values)
        return ColumnScaling(np.zeros(k), factor, factor[:, None] * Q, Q)
    centre = np.zeros(k)
    if term.covariance is Covariance.UNSTRUCTURED and ones.any():
        first = int(np.argmax(ones))
        centre = np.where(np.arange(k) == first, 0.0, mean)
        rms = np.where(np.arange(k) == first, 1.0, deviation)
    factor = 1.0 / np.where(rms > 0.0, rms, 1.0)
    back = np.diag(factor)
    if centre.any():
        back[first] -= centre * factor
    return ColumnScaling(centre, factor, back)
