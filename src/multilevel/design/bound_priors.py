"""Priors bound to the names of a design: what the samplers read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from multilevel.design.family_priors import FamilyPriors
from multilevel.design.scope import Floats
from multilevel.model.priors import (
    LKJ,
    Decov,
    Fixed,
    FixedMatrix,
    Flat,
    InverseWishart,
    MVNormal,
    Normal,
    RootOf,
    ScalarPrior,
)
from multilevel.model.priors.one_correlation import OneCorrelation


def improper(prior: ScalarPrior) -> bool:
    """Return whether a prior has no finite integral."""
    return isinstance(prior.variance if isinstance(prior, RootOf) else prior, Flat)


@dataclass(frozen=True, slots=True)
class TermPriors:
    """Priors of the covariance matrix of one grouped term: of the whole matrix, or of sds and correlations.

    Parameters
    ----------
    label
        ``"subject"``, or ``"subject[2]"`` for the second of several terms on one factor.
    effects
        The ``k`` effect names.
    covariance
        Prior of the ``(k, k)`` covariance matrix, or ``None`` if the other fields hold.
    sds
        One prior for each effect (a single one if all effects share one sd), on the sd scale, or a joint
        `Decov`; empty beside ``covariance``.
    correlation
        `LKJ`; `OneCorrelation` if all effects share one; `Fixed` if the only correlation is known; ``None``
        where there is no correlation.
    relative
        Whether the sds' priors are of ``sd / sigma`` (rstanarm's convention).
    """

    label: str
    effects: tuple[str, ...]
    covariance: InverseWishart | FixedMatrix | None
    sds: tuple[ScalarPrior, ...] | Decov
    correlation: LKJ | OneCorrelation | Fixed | None
    relative: bool = False

    def log_sds(self, sds: ArrayLike, sigma: ArrayLike) -> Floats:
        """Return the log prior density of the sds given the residual sd.

        Parameters
        ----------
        sds
            ``(..., k)``, or ``(..., 1)`` for one shared sd.
        sigma
            ``(...)``.

        Returns
        -------
        Floats
            ``(...)``; an sd with a `Fixed` prior adds 0 at its value.
        """
        s, scale = self._relative_to(sds, sigma)
        found = self.sds.logpdf(s) if isinstance(self.sds, Decov) else _sum_of(self.sds, s)
        return np.asarray(found - s.shape[-1] * np.log(scale))[()]

    def dlog_sds(self, sds: ArrayLike, sigma: ArrayLike) -> tuple[Floats, Floats]:
        """Return the gradient of `log_sds`: ``(..., k)`` by the sds and ``(...)`` by sigma."""
        s, scale = self._relative_to(sds, sigma)
        slopes = self.sds.dlogpdf(s) if isinstance(self.sds, Decov) else _slopes_of(self.sds, s)
        by_sds = slopes / np.expand_dims(scale, -1)
        by_sigma = (
            -((slopes * s).sum(axis=-1) + s.shape[-1]) / scale if self.relative else np.zeros(scale.shape)
        )
        return by_sds, np.asarray(by_sigma)

    def texts(self) -> list[tuple[str, str]]:
        """Return pairs of a parameter and its prior as text."""
        if self.covariance is not None:
            return [(f"{self.label}: covariance", self.covariance.text())]
        after = " times sigma" if self.relative else ""
        if isinstance(self.sds, Decov):
            found = [(f"{self.label}: sds", self.sds.text() + after)]
        else:
            names = self.effects if len(self.sds) == len(self.effects) else ("all effects",)
            pairs = zip(names, self.sds, strict=True)
            found = [(f"{self.label}: sd({name})", prior.text() + after) for name, prior in pairs]
        if self.correlation is not None:
            found.append((f"{self.label}: correlation", self.correlation.text()))
        return found

    def _relative_to(self, sds: ArrayLike, sigma: ArrayLike) -> tuple[Floats, Floats]:
        """Return the sds in the unit of their priors, and that unit."""
        scale = np.asarray(sigma, dtype=np.float64)
        scale = scale if self.relative else np.ones_like(scale)
        return np.asarray(sds, dtype=np.float64) / np.expand_dims(scale, -1), scale


ResidualLaw = Literal["inverse_gamma", "log_normal"]
RESIDUAL_NAMES: Mapping[ResidualLaw, tuple[str, str]] = {
    "inverse_gamma": ("shape(sigma2)", "scale(sigma2)"),
    "log_normal": ("mean(log sigma)", "sd(log sigma)"),
}
"""How the parameters of each law are called among the draws."""
LEAST_SD, LARGEST_SD = 1e-150, 1e150
"""Sds drawn from a law are held between these, so that their squares are numbers."""


@dataclass(frozen=True, slots=True)
class ResidualPriors:
    """The law of residual sds that differ between groups, in the unit of the response.

    Given the two parameters, the sds are independent. A parameter is known where its prior is `Fixed`.

    Parameters
    ----------
    law
        "inverse_gamma": ``s_j^2 ~ InverseGamma(first, second)``, shape and scale; "log_normal":
        ``log s_j ~ Normal(first, second)``, mean and sd.
    names
        Names of the two parameters among the draws.
    first, second
        Their priors.
    """

    law: ResidualLaw
    names: tuple[str, str]
    first: ScalarPrior
    second: ScalarPrior

    def texts(self) -> list[tuple[str, str]]:
        """Return the law, then its parameters that are not known, each with its prior as text."""
        of, words = {
            "inverse_gamma": ("sigma2", ("InverseGamma", "shape", "scale")),
            "log_normal": ("sigma", ("LogNormal", "mean", "sd")),
        }[self.law]
        pairs = list(zip(self.names, (self.first, self.second), words[1:], strict=True))
        shown = [f"{prior.value:.4g}" if isinstance(prior, Fixed) else word for _, prior, word in pairs]
        unknown = [(name, prior.text()) for name, prior, _ in pairs if not isinstance(prior, Fixed)]
        return [(f"{of} of each group", f"{words[0]}({', '.join(shown)})"), *unknown]


def sds_of_groups(
    law: ResidualLaw, first: ArrayLike, second: ArrayLike, *, m: int, rng: np.random.Generator
) -> Floats:
    """Return independent residual sds of groups given the parameters of their law.

    Parameters
    ----------
    law, first, second
        As in `ResidualPriors`; the parameters have any shape, ``(...)``.
    m
        Groups for each pair of parameters.

    Returns
    -------
    Floats
        ``(..., m)`` in the unit of the response.
    """
    a, b = (np.asarray(value, dtype=np.float64)[..., None] for value in (first, second))
    shape = (*np.broadcast_shapes(a.shape[:-1], b.shape[:-1]), m)
    with np.errstate(divide="ignore", over="ignore"):
        if law == "log_normal":
            sds = np.exp(a + b * rng.standard_normal(shape))
        else:
            sds = np.sqrt(b / rng.standard_gamma(np.broadcast_to(a, shape)))
    return np.asarray(np.clip(sds, LEAST_SD, LARGEST_SD))


@dataclass(frozen=True, slots=True, eq=False)
class BoundPriors:
    """The priors of every parameter of a design.

    The priors of the coefficients are of ``gamma = beta + lift * (centre' beta)``. Where ``lift`` is zero,
    that is the coefficient itself. Where it is not (the constant, under default priors), it is what the
    coefficient would be if the other columns were centred at their means: for a plain intercept,
    ``gamma_0 = beta_0 + sum_j mean_j beta_j``. The map has determinant one.

    Parameters
    ----------
    names
        The ``p`` coefficients, as in ``FixedPart.names``.
    coefficients
        A prior for each element of ``gamma``, or one `MVNormal` of all (then ``gamma`` is ``beta``).
    centre, lift
        ``(p,)``; ``centre`` is zero wherever ``lift`` may not be.
    sigma
        Prior of the residual sd, on the sd scale; `Fixed` if it is known.
    terms
        For each grouped term, in the design's order.
    residual
        The law of residual sds that differ between groups, or ``None`` if there is one residual sd. Where
        it is given, ``sigma`` is ``Fixed(1.0)`` and has no meaning.
    family
        What a generalised model has besides the coefficients, or ``None`` in a linear model. Where it is
        given, ``sigma`` is ``Fixed(1.0)`` and has no meaning.
    """

    names: tuple[str, ...]
    coefficients: tuple[ScalarPrior, ...] | MVNormal
    centre: Floats
    lift: Floats
    sigma: ScalarPrior
    terms: tuple[TermPriors, ...]
    residual: ResidualPriors | None = None
    family: FamilyPriors | None = None

    @property
    def centred(self) -> bool:
        """Whether the prior of the constant refers to centred columns."""
        return bool(self.lift.any() and self.centre.any())

    @property
    def to_centred(self) -> Floats:
        """``(p, p)`` matrix ``T`` with ``gamma = T beta``; its inverse is ``2 I - T``."""
        return np.asarray(np.eye(len(self.names)) + np.outer(self.lift, self.centre))

    @property
    def proper(self) -> bool:
        """Whether every prior integrates to one, so that the integral of the density is the evidence."""
        scalars: list[ScalarPrior] = [] if isinstance(self.coefficients, MVNormal) else [*self.coefficients]
        scalars += [self.sigma] if self.residual is None else [self.residual.first, self.residual.second]
        for term in self.terms:
            scalars += term.sds if isinstance(term.sds, tuple) else ()
        if self.family is not None:
            scalars += [prior for _, prior in (*self.family.parameters, *self.family.inflation)]
        return not any(improper(prior) for prior in scalars)

    def log_coefficients(self, beta: ArrayLike) -> Floats:
        """Return the log prior density at coefficients ``(..., p)``, of shape ``(...)``."""
        gamma = np.asarray(beta, dtype=np.float64) @ self.to_centred.T
        if isinstance(self.coefficients, MVNormal):
            return self.coefficients.logpdf(gamma)
        return _sum_of(self.coefficients, gamma)

    def dlog_coefficients(self, beta: ArrayLike) -> Floats:
        """Return the gradient of `log_coefficients`, ``(..., p)``."""
        gamma = np.asarray(beta, dtype=np.float64) @ self.to_centred.T
        if isinstance(self.coefficients, MVNormal):
            return self.coefficients.dlogpdf(gamma)
        return np.asarray(_slopes_of(self.coefficients, gamma) @ self.to_centred)

    def coefficient_normal(self) -> tuple[Floats, Floats, NDArray[np.bool_]]:
        """Return the normal and flat part of the coefficients' prior, for analytic integration.

        Returns
        -------
        mean
            ``(p,)``.
        precision
            ``(p, p)`` matrix ``Q``: the product of the normal priors is, but for its constant,
            ``exp(-(beta - mean)' Q (beta - mean) / 2)``. Flat and other priors add nothing to it.
        mask
            ``(p,)`` which elements of ``gamma`` have a normal or flat prior. The others must be sampled, with
            the density of their own prior at ``(T beta)_j``, or held if it is `Fixed`.
        """
        p = len(self.names)
        if isinstance(self.coefficients, MVNormal):
            return self.coefficients.mean, self.coefficients.precision, np.ones(p, dtype=bool)
        centre, precision, mask = np.zeros(p), np.zeros(p), np.zeros(p, dtype=bool)
        for at, prior in enumerate(self.coefficients):
            mask[at] = isinstance(prior, Normal | Flat)
            if isinstance(prior, Normal):
                centre[at], precision[at] = prior.mean, prior.sd**-2.0
        T = self.to_centred
        mean = centre - self.lift * float(self.centre @ centre)
        return mean, np.asarray(T.T @ (precision[:, None] * T)), mask

    def texts(self) -> list[tuple[str, str]]:
        """Return pairs of a parameter and its prior as text, in the order in which they are printed."""
        if isinstance(self.coefficients, MVNormal):
            found = [(", ".join(self.names), self.coefficients.text())]
        else:
            after = " with the other columns at their means" if self.centred else ""
            rows = zip(self.names, self.coefficients, self.lift, strict=True)
            found = [(name, prior.text() + (after if lift else "")) for name, prior, lift in rows]
        for term in self.terms:
            found += term.texts()
        if self.family is not None:
            return [*found, *self.family.texts()]
        residual = [("sigma", self.sigma.text())] if self.residual is None else self.residual.texts()
        return [*found, *residual]


def _sum_of(priors: tuple[ScalarPrior, ...], x: Floats) -> Floats:
    """Return the sum of log densities at points ``(..., k)``."""
    total = np.zeros(x.shape[:-1])
    for at, prior in enumerate(priors):
        total = total + prior.logpdf(x[..., at])
    return np.asarray(total)[()]


def _slopes_of(priors: tuple[ScalarPrior, ...], x: Floats) -> Floats:
    """Return the derivatives of log densities at points ``(..., k)``."""
    slopes = np.zeros(x.shape)
    for at, prior in enumerate(priors):
        slopes[..., at] = prior.dlogpdf(x[..., at])
    return slopes
