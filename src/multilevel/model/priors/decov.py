"""The joint prior of the standard deviations of a term that splits a total variance between them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln

from multilevel.model.priors.arguments import Floats, checked_number, shown

LOG_2 = math.log(2.0)


@dataclass(frozen=True, slots=True)
class Decov:
    """The prior of ``k`` sds in rstanarm's ``decov``; its correlations have an `LKJ` prior apart.

    ``tau ~ Gamma(shape, rate=1)``, ``pi ~ Dirichlet(concentration, ...)``, ``sd_i = scale tau sqrt(k pi_i)``:
    the mean of the variances is ``(scale tau)^2``. With ``k = 1`` the sd is ``scale tau``.

    Parameters
    ----------
    concentration
        Positive: 1 splits the total variance uniformly, more makes the variances alike.
    shape, scale
        Positive: of the root of the mean variance.

    Raises
    ------
    OptionError
        An argument is not a positive number.

    References
    ----------
    rstanarm, "Prior Distributions for rstanarm Models", section on covariance matrices.

    Examples
    --------
    >>> from multilevel.model.priors import Decov
    >>> float(Decov(1, 1, 1).logpdf([2.0]))
    -2.0
    """

    concentration: float
    shape: float
    scale: float

    def __post_init__(self) -> None:
        for name in ("concentration", "shape", "scale"):
            value = checked_number(getattr(self, name), where=f"Decov: {name}", kind="positive")
            object.__setattr__(self, name, value)

    def text(self) -> str:
        """Return the prior as it may be printed, ``Decov(1, 1, 1)``."""
        return f"Decov({shown(self.concentration)}, {shown(self.shape)}, {shown(self.scale)})"

    def logpdf(self, sds: ArrayLike) -> Floats:
        """Return the normalised joint log density at sds ``(..., k)``, of shape ``(...)``.

        Minus infinity where an sd is not positive.
        """
        s = np.asarray(sds, dtype=np.float64)
        k = s.shape[-1]
        inside = (s > 0.0).all(axis=-1)
        s = np.where(s > 0.0, s, 1.0)
        total = (s * s).sum(axis=-1)
        root = np.sqrt(total / k)
        tau = (self.shape - 1.0) * np.log(root / self.scale) - root / self.scale
        tau = tau - gammaln(self.shape) - math.log(self.scale)
        shares = (self.concentration - 1.0) * (2.0 * np.log(s).sum(axis=-1) - k * np.log(total))
        shares = shares + gammaln(k * self.concentration) - k * gammaln(self.concentration)
        # d(root, shares) / d(sds): total^(k-1) 2 k root d(root) d(shares) = prod(2 sds) d(sds)
        jacobian = (k * LOG_2 + np.log(s).sum(axis=-1)) - ((k - 1) * np.log(total) + np.log(2.0 * k * root))
        return np.asarray(np.where(inside, tau + shares + jacobian, -np.inf))[()]

    def dlogpdf(self, sds: ArrayLike) -> Floats:
        """Return the gradient of the log density with respect to the sds, ``(..., k)``; zero outside."""
        s = np.asarray(sds, dtype=np.float64)
        k = s.shape[-1]
        inside = (s > 0.0).all(axis=-1, keepdims=True)
        s = np.where(s > 0.0, s, 1.0)
        total = (s * s).sum(axis=-1, keepdims=True)
        root = np.sqrt(total / k)
        d_total = (self.shape - 2.0) / root - 1.0 / self.scale  # with respect to the root
        d_total = d_total / (2.0 * k * root) - (k * self.concentration - 1.0) / total
        return np.asarray(np.where(inside, 2.0 * s * d_total + (2.0 * self.concentration - 1.0) / s, 0.0))

    def draw(self, rng: np.random.Generator, size: int, k: int) -> Floats:
        """Return ``(size, k)`` independent draws."""
        tau = self.scale * rng.standard_gamma(self.shape, (size, 1))
        shares = rng.dirichlet(np.full(k, self.concentration), size)
        return np.asarray(tau * np.sqrt(k * shares))
