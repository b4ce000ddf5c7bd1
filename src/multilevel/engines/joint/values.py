"""What many vectors of parameters stand for, without their prior densities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr

from multilevel.engines.joint.parameters import Parameters
from multilevel.engines.joint.term_parameters import TermParameters
from multilevel.engines.marginal.coordinates import Coordinates

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Values:
    """Parameters in the units of the data, for ``n`` vectors.

    Parameters
    ----------
    beta, inflation
        ``(n, p)`` and ``(n, q)`` coefficients.
    family
        ``(n, a)`` parameters of the family on their own scale, or thresholds.
    sds
        For each grouped term ``(n, k)``.
    correlations
        For each grouped term ``(n, k, k)``.
    """

    beta: Floats
    inflation: Floats
    family: Floats
    sds: tuple[Floats, ...]
    correlations: tuple[Floats, ...]


def values_of(parameters: Parameters, x: Floats) -> Values:
    """Return what vectors ``(n, d)`` stand for, as `Parameters.at` says of one.

    Parameters
    ----------
    parameters
        Of the model.
    x
        ``(n, d)`` vectors.
    """
    here, n = parameters.places, x.shape[0]
    beta, inflation = np.tile(here.beta, (n, 1)), np.tile(here.inflation, (n, 1))
    beta[:, here.free_beta] = x[:, here.coefficients]
    inflation[:, here.free_inflation] = x[:, here.zeros]
    own = x[:, here.family]
    if here.ordinal:
        steps = np.concatenate([own[:, :1], np.exp(own[:, 1:])], axis=1)
        family = np.cumsum(steps, axis=1) + (beta @ parameters.centre)[:, None]
    else:
        logs = np.tile(here.family_logs, (n, 1))
        logs[:, here.free_family] = own
        family = np.exp(logs)
    terms = [_term(term, x) for term in parameters.terms]
    return Values(beta, inflation, family, tuple(sds for sds, _ in terms), tuple(R for _, R in terms))


def _term(term: TermParameters, x: Floats) -> tuple[Floats, Floats]:
    """Return sds ``(n, k)`` and correlation matrices ``(n, k, k)`` of a term."""
    if term.is_alone:
        position = term.place.sds[0]
        ones = np.ones((x.shape[0], 1))
        sds = -log_ndtr(-x[:, [position]]) if position >= 0 else term.place.fixed[0] * ones
        return sds, ones[:, :, None]
    found = Coordinates((), (term.place,), -1, 1.0, (), 0).values(x)
    L = found.factors[0]
    return found.sds[0], L @ np.swapaxes(L, 1, 2)
