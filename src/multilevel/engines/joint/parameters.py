"""The parameters of a generalised model as numbers on the whole real line, with their prior density."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multilevel.design.bound_priors import BoundPriors
from multilevel.design.design import Design
from multilevel.design.family_priors import FamilyPriors
from multilevel.engines.joint.places import places_of
from multilevel.engines.joint.scalar_slopes import at_float
from multilevel.engines.joint.term_parameters import TermParameters, TermPoint
from multilevel.moments import Layout

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """What a vector stands for, in the units of the data.

    Parameters
    ----------
    beta
        ``(p,)`` coefficients.
    inflation
        ``(q,)`` coefficients of zero inflation.
    aux
        ``(a,)`` as the kernels take them: logs of the family's parameters, or thresholds.
    terms
        For each grouped term its sds and correlations.
    log_prior
        Log prior density of the vector, its volume element included; minus infinity outside a support.
    slope
        ``(d,)`` gradient of ``log_prior``.
    """

    beta: Floats
    inflation: Floats
    aux: Floats
    terms: tuple[TermPoint, ...]
    log_prior: float
    slope: Floats


class Parameters:
    """Coefficients, zero inflation, the family's parameters, sds and correlations as one vector.

    The vector holds the coefficients and those of zero inflation that are not held by a `Fixed` prior; logs
    of the family's parameters, or the first threshold of the centred columns and the logs of the steps to
    the next ones; and what `coordinates.TermPlace` says of each term, but for the sd of an effect that stands
    alone, see `term_parameters.sd_of`.

    Parameters
    ----------
    design, layout, priors
        Of one model.
    """

    __slots__ = (
        "_coefficients",
        "_family",
        "_inflation",
        "_to_centred",
        "centre",
        "places",
        "priors",
        "terms",
    )

    def __init__(self, design: Design, layout: Layout, priors: BoundPriors) -> None:
        self.priors, self.places = priors, places_of(design, layout, priors)
        family = priors.family or FamilyPriors()
        self._family = [at_float(prior) for _, prior in family.parameters]
        self._inflation = [at_float(prior) for _, prior in family.inflation]
        one_by_one = isinstance(priors.coefficients, tuple)
        self._coefficients = [at_float(prior) for prior in priors.coefficients] if one_by_one else None  # type: ignore[union-attr]
        self._to_centred = priors.to_centred
        self.centre = layout.scaling.fixed.centre if self.places.ordinal else np.zeros(len(priors.names))
        self.terms = tuple(
            TermParameters(place, prior, block.covariance.one_sd)
            for place, prior, block in zip(self.places.terms, priors.terms, layout.blocks, strict=True)
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The ``d`` numbers, for messages."""
        return self.places.names

    def at(self, x: Floats) -> Point:
        """Return what a vector stands for."""
        here = self.places
        slope = np.zeros(x.size)
        beta, inflation = here.beta.copy(), here.inflation.copy()
        beta[here.free_beta] = x[here.coefficients]
        inflation[here.free_inflation] = x[here.zeros]
        total, by_beta = self._coefficient_prior(beta)
        values, aux, moved = self._family_numbers(x, beta)
        extra, by_values, by_inflation = self._family_prior(values, inflation, beta)
        total += extra
        slope[here.coefficients] = by_beta[here.free_beta]
        slope[here.zeros] = by_inflation[here.free_inflation]
        if here.ordinal:
            centre = self.priors.family.centre if self.priors.family is not None else None
            if centre is not None:
                slope[here.coefficients] -= by_values.sum() * centre[here.free_beta]
            self._add_thresholds(x, by_values, slope)
            total += float(moved.sum())
            slope[here.family][1:] += 1.0
        else:
            held = here.free_family
            slope[here.family] += (by_values * values)[held] + 1.0
            total += float(moved.sum())
        terms = tuple(term.at(x) for term in self.terms)
        for term in terms:
            total += term.log_prior
            slope += term.slope
        return Point(beta, inflation, aux, terms, total if not math.isnan(total) else -math.inf, slope)

    def pull(
        self,
        x: Floats,
        point: Point,
        by_beta: Floats,
        by_inflation: Floats,
        by_aux: Floats,
        by_terms: Sequence[Floats],
    ) -> Floats:
        """Return the gradient ``(d,)`` of log prior plus a log likelihood.

        Parameters
        ----------
        x, point
            The vector, and what `at` returned for it.
        by_beta, by_inflation, by_aux
            Derivatives of the log likelihood by these.
        by_terms
            For each term ``(k, k)`` symmetric ``S``: ``tr(S dD)`` by the covariance matrix ``D``.
        """
        here, found = self.places, point.slope.copy()
        found[here.coefficients] += by_beta[here.free_beta]
        found[here.zeros] += by_inflation[here.free_inflation]
        if here.ordinal:
            self._add_thresholds(x, by_aux, found)
        else:
            found[here.family] += by_aux[here.free_family]
        for term, at, S in zip(self.terms, point.terms, by_terms, strict=True):
            term.add(x, at, S, found)
        return found

    def _coefficient_prior(self, beta: Floats) -> tuple[float, Floats]:
        """Return the log prior density of the coefficients and its gradient."""
        if self._coefficients is None:
            return float(self.priors.log_coefficients(beta)), self.priors.dlog_coefficients(beta)
        gamma = self._to_centred @ beta
        total, slopes = 0.0, np.empty(gamma.size)
        for j, (prior, value) in enumerate(zip(self._coefficients, gamma.tolist(), strict=True)):
            log, slopes[j] = prior(value)
            total += 0.0 if j in self.places.held_beta else log
        return total, slopes @ self._to_centred

    def _family_numbers(self, x: Floats, beta: Floats) -> tuple[Floats, Floats, Floats]:
        """Return values on their own scale, as the kernels take them, and the logs that add volume."""
        here = self.places
        own = x[here.family]
        if here.ordinal:
            steps = np.concatenate([own[:1], np.exp(own[1:])])
            thresholds = np.cumsum(steps) + float(self.centre @ beta)
            return thresholds, thresholds, own[1:]
        aux = here.family_logs.copy()
        aux[here.free_family] = own
        return np.exp(aux), aux, own

    def _family_prior(self, values: Floats, inflation: Floats, beta: Floats) -> tuple[float, Floats, Floats]:
        """Return the log prior density of family and inflation, and its slopes by both."""
        family = self.priors.family
        shift = 0.0 if family is None or family.centre is None else float(family.centre @ beta)
        total = 0.0
        by_values, by_inflation = np.zeros(values.size), np.zeros(inflation.size)
        for j, prior in enumerate(self._family):
            log, by_values[j] = prior(float(values[j]) - shift)
            total += log if j in self.places.sampled_family else 0.0
        for j, prior in enumerate(self._inflation):
            log, by_inflation[j] = prior(float(inflation[j]))
            total += log
        return total, by_values, by_inflation

    def _add_thresholds(self, x: Floats, by_values: Floats, found: Floats) -> None:
        """Add the gradient by the thresholds to that by the vector."""
        here = self.places
        later = np.cumsum(by_values[::-1])[::-1]
        own = later.copy()
        own[1:] *= np.exp(x[here.family][1:])
        found[here.family] += own
        found[here.coefficients] += by_values.sum() * self.centre[here.free_beta]
