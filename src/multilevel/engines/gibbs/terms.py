"""The covariance matrix of one grouped term given its effects: held, conjugate, or by a random walk."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from multilevel.design.bound_priors import TermPriors
from multilevel.engines.gibbs.conjugate import (
    as_inverse_gamma,
    draw_inverse_gamma,
    draw_inverse_wishart,
    lower_factor,
)
from multilevel.engines.gibbs.correlations import Correlations, correlations_of
from multilevel.engines.gibbs.metropolis import Walk
from multilevel.engines.marginal.coordinates import TermPlace
from multilevel.errors import DesignError
from multilevel.model import Covariance
from multilevel.model.priors import Decov, Fixed, InverseWishart, ScalarPrior
from multilevel.moments import TermBlock

Floats = NDArray[np.float64]

STEPS = 4
"""Steps of a random walk in each sweep."""


@dataclass(frozen=True, slots=True, eq=False)
class TermState:
    """Covariance matrix of a term in the user's units: ``D = diag(sds) L L' diag(sds)``, ``L`` lower."""

    sds: Floats
    L: Floats


Law = tuple[NDArray[np.int64], float, float]
"""Effects that share a variance, and the shape and scale of its inverse-gamma prior."""


class TermStep(ABC):
    """One way to draw a term's covariance matrix; holds no data and no state.

    ``walk_size`` is how many numbers walk (0: an exact draw), ``walks`` what they are; ``scales`` are the
    effects whose sds are free, those that share one together.
    """

    __slots__ = ("scales", "walk_size")
    walks: ClassVar[str] = "sd"
    scales: tuple[NDArray[np.int64], ...]
    walk_size: int

    @property
    def relative(self) -> bool:
        """Whether the priors of the sds are in units of the residual sd."""
        return False

    @abstractmethod
    def draw(
        self, state: TermState, B: Floats, m: int, sigma: float, rng: np.random.Generator, walk: Walk | None
    ) -> TermState:
        """Return the term's next state.

        Parameters
        ----------
        state
            The present one.
        B, m
            ``(k, k)`` sum of ``b_j b_j'`` over the ``m`` groups, user's units.
        sigma
            Residual sd.
        walk
            Random walk of ``walk_size`` numbers, or ``None``.
        """

    @abstractmethod
    def log_prior(self, state: TermState, sigma: float) -> float:
        """Return the log prior density of the sds given the correlations, but for a constant."""


class HeldTerm(TermStep):
    """A known covariance matrix."""

    __slots__ = ()

    def __init__(self) -> None:
        self.scales, self.walk_size = (), 0

    def draw(
        self, state: TermState, B: Floats, m: int, sigma: float, rng: np.random.Generator, walk: Walk | None
    ) -> TermState:
        """Return the state itself."""
        return state

    def log_prior(self, state: TermState, sigma: float) -> float:
        """Return zero."""
        return 0.0


class WishartTerm(TermStep):
    """Inverse-Wishart prior: ``D | b ~ IW(df + m, scale + B)`` (Hoff 2009, section 7.3)."""

    __slots__ = ("_prior", "_root")

    def __init__(self, prior: InverseWishart) -> None:
        self._prior, self._root = prior, np.linalg.cholesky(prior.scale)
        self.scales = tuple(np.array([a]) for a in range(prior.dimension))
        self.walk_size = 0

    def draw(
        self, state: TermState, B: Floats, m: int, sigma: float, rng: np.random.Generator, walk: Walk | None
    ) -> TermState:
        """Draw from the inverse-Wishart distribution."""
        return TermState(*draw_inverse_wishart(rng, self._prior.df + m, self._prior.scale + B))

    def log_prior(self, state: TermState, sigma: float) -> float:
        """Return the density of ``D`` times the volume ``prod s_i^k`` of the sds.

        ``-(df + k + 1) log|D| / 2 + k sum log s_i = -(df + 1) sum log s_i`` but for the correlations.
        """
        half = np.linalg.solve(state.sds[:, None] * state.L, self._root)
        return float(-(self._prior.df + 1.0) * np.log(state.sds).sum() - 0.5 * np.vdot(half, half))


class GammaTerm(TermStep):
    """Independent effects, inverse-gamma variances: ``v | b ~ IG(shape + m / 2, scale + sum b^2 / 2)``."""

    __slots__ = ("_laws",)

    def __init__(self, laws: tuple[Law, ...], m: int, label: str) -> None:
        for members, shape, _ in laws:
            if shape + 0.5 * m * members.size <= 0.0:
                raise DesignError(
                    f"the posterior of an sd of `{label}` is improper: a flat prior and {m} groups",
                    remedy="HalfNormal(scale) or another proper prior of the sd",
                )
        self._laws = laws
        self.scales, self.walk_size = tuple(members for members, _, _ in laws), 0

    def draw(
        self, state: TermState, B: Floats, m: int, sigma: float, rng: np.random.Generator, walk: Walk | None
    ) -> TermState:
        """Draw each free variance."""
        sds = state.sds.copy()
        for members, shape, scale in self._laws:
            squares = float(B[members, members].sum())
            sds[members] = (
                draw_inverse_gamma(rng, shape + 0.5 * m * members.size, scale + 0.5 * squares) ** 0.5
            )
        return TermState(sds, state.L)

    def log_prior(self, state: TermState, sigma: float) -> float:
        """Return the sum of the log densities of the free sds."""
        total = 0.0
        for members, shape, scale in self._laws:
            sd = float(state.sds[members[0]])
            total -= (2.0 * shape + 1.0) * np.log(sd) + scale / sd**2
        return float(total)


class AlikeTerm(TermStep):
    """One sd with an inverse-gamma variance, one correlation of all effects that is known or walks.

    ``v | R, b ~ IG(shape + m k / 2, scale + sum b' R^-1 b / 2)`` and ``r | v, b`` by a random walk.
    """

    __slots__ = ("_correlations", "_law")
    walks: ClassVar[str] = "correlation"

    def __init__(self, law: Law, correlations: Correlations, m: int, label: str) -> None:
        self._law, self._correlations = GammaTerm((law,), m, label), correlations
        self.scales, self.walk_size = (law[0],), correlations.size

    def draw(
        self, state: TermState, B: Floats, m: int, sigma: float, rng: np.random.Generator, walk: Walk | None
    ) -> TermState:
        """Take a few steps of the correlation, then draw the variance."""
        L = state.L
        if walk is not None:
            sds = state.sds
            z = walk.move(self._correlations.numbers(L), lambda z: self.log_density(z, sds, B, m), rng, STEPS)
            L = self._correlations.factor(z)
        inverse = np.linalg.inv(L)
        return self._law.draw(TermState(state.sds, L), inverse @ B @ inverse.T, m, sigma, rng, None)

    def log_prior(self, state: TermState, sigma: float) -> float:
        """Return the log density of the sd."""
        return self._law.log_prior(state, sigma)

    def log_density(self, z: Floats, sds: Floats, B: Floats, m: int) -> float:
        """Return the log density of the correlation's number given the sd and the effects."""
        return self._correlations.log_density(z) + log_effects(
            sds[:, None] * self._correlations.factor(z), B, m
        )


class WalkTerm(TermStep):
    """Any other prior: a random walk of log sds and of the correlations' numbers given the effects."""

    __slots__ = ("_correlations", "_index", "_keep", "_n_sds", "_place", "_plain", "_prior", "_shared")

    def __init__(self, prior: TermPriors, place: TermPlace, shared: bool) -> None:
        self._prior, self._place, self._shared = prior, place, shared
        free = sorted(set(place.sds) - {-1})
        self._index = np.array([free.index(at) if at >= 0 else -1 for at in place.sds])
        self._n_sds = len(free)
        self._keep = np.flatnonzero((self._index >= 0) | (place.fixed > 0.0))
        self._correlations = correlations_of(prior, place)
        self.scales = tuple(np.flatnonzero(self._index == i) for i in range(len(free)))
        self.walk_size = self._n_sds + self._correlations.size
        self._plain = _alike(prior)

    @property
    def relative(self) -> bool:
        """Whether the priors of the sds are in units of the residual sd."""
        return self._prior.relative

    def draw(
        self, state: TermState, B: Floats, m: int, sigma: float, rng: np.random.Generator, walk: Walk | None
    ) -> TermState:
        """Take a few steps."""
        if walk is None:
            return state
        x = walk.move(self.point(state), lambda x: self.log_density(x, B, m, sigma), rng, STEPS)
        return self.state(x)

    def log_prior(self, state: TermState, sigma: float) -> float:
        """Return the log density of the sds."""
        sds = state.sds[:1] if self._shared else state.sds
        if self._plain is None:
            return float(self._prior.log_sds(sds, sigma))
        return float(sum(prior.logpdf(sds[at]).sum() for prior, at in self._plain))

    def point(self, state: TermState) -> Floats:
        """Return what walks: log sds, then the correlations' numbers."""
        x = np.zeros(self.walk_size)
        for i, members in enumerate(self.scales):
            x[i] = np.log(state.sds[members[0]])
        x[self._n_sds :] = self._correlations.numbers(state.L)
        return x

    def state(self, x: Floats) -> TermState:
        """Return what a point stands for."""
        sds = self._place.fixed.copy()
        for i, members in enumerate(self.scales):
            sds[members] = np.exp(x[i])
        return TermState(sds, self._correlations.factor(x[self._n_sds :]))

    def log_density(self, x: Floats, B: Floats, m: int, sigma: float) -> float:
        """Return the log density of ``x`` given ``m`` effects ``N(0, D)`` with sum of squares ``B``.

        An effect with a known sd of zero is left out.
        """
        with np.errstate(over="ignore", under="ignore"):
            state = self.state(x)
            if not np.isfinite(state.sds).all():
                return -np.inf
            total = float(x[: self._n_sds].sum()) + self.log_prior(state, sigma)
            total += self._correlations.log_density(x[self._n_sds :])
            half = state.sds[:, None] * state.L
            if self._keep.size < half.shape[0]:
                kept = half[self._keep]
                half = lower_factor(kept)
                B = B[np.ix_(self._keep, self._keep)]
            return total + log_effects(half, B, m)


def log_effects(half: Floats, B: Floats, m: int) -> float:
    """Return the log density of ``m`` effects ``N(0, half half')``, ``half`` lower, but for a constant.

    ``B`` is the sum of ``b b'``; minus infinity where the matrix is singular.
    """
    with np.errstate(over="ignore", under="ignore"):
        diagonal = np.abs(np.diagonal(half))
        if not (diagonal > 0.0).all():
            return -np.inf
        inverse = np.linalg.inv(half)
        return float(-m * np.log(diagonal).sum() - 0.5 * np.vdot(inverse @ B, inverse))


def _alike(prior: TermPriors) -> list[tuple[ScalarPrior, NDArray[np.int64]]] | None:
    """Return each different prior of independent sds with its effects, to be evaluated together."""
    if isinstance(prior.sds, Decov) or prior.relative:
        return None
    found: dict[ScalarPrior, list[int]] = {}
    for a, own in enumerate(prior.sds):
        if not isinstance(own, Fixed):
            found.setdefault(own, []).append(a)
    return [(own, np.array(places)) for own, places in found.items()]


def term_step(prior: TermPriors, block: TermBlock, place: TermPlace, m: int) -> TermStep:
    """Return the way to draw a term's covariance matrix under its prior.

    Raises
    ------
    DesignError
        If a flat prior makes the posterior improper.
    """
    shared = block.covariance.one_sd
    if isinstance(prior.covariance, InverseWishart):
        return WishartTerm(prior.covariance)
    laws = None if prior.relative or isinstance(prior.sds, Decov) else _laws(prior.sds, shared, block.size)
    if not set(place.sds) - {-1} and not place.n_partial and place.common < 0:
        return HeldTerm()
    if laws is not None and prior.correlation is None:
        return GammaTerm(laws, m, prior.label)
    if laws and block.covariance is Covariance.COMPOUND_SYMMETRIC:
        return AlikeTerm(laws[0], correlations_of(prior, place), m, prior.label)
    return WalkTerm(prior, place, shared)


def _laws(sds: tuple[ScalarPrior, ...], shared: bool, k: int) -> tuple[Law, ...] | None:
    """Return effects, shape and scale of every free variance, or ``None`` if one is not inverse-gamma."""
    found = []
    for a, prior in enumerate(sds):
        if isinstance(prior, Fixed):
            continue
        law = as_inverse_gamma(prior)
        if law is None:
            return None
        found.append((np.arange(k) if shared else np.array([a]), *law))
    return tuple(found)
