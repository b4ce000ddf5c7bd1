"""What a posterior is asked and answers with: draws by name, cross-validation, names of groups for ArviZ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from multilevel.errors import OptionError

Floats = NDArray[np.float64]
Included = Literal["log_likelihood", "observed_data", "posterior_predictive"]
"""Groups of data that `Posterior.to_arviz` can add to the draws."""


@dataclass(frozen=True, slots=True, eq=False)
class NamedDraws(Mapping[str, Floats]):
    """Draws by the name of the parameter.

    Parameters
    ----------
    arrays
        Name to ``(chains, draws)``; group effects, ``"effects(subject, days)"``, ``(chains, kept, m)``.
    coordinates
        Name to the names of its axes, each with its labels: ``{"chain": ..., "draw": ...}``.
    """

    arrays: Mapping[str, Floats]
    coordinates: Mapping[str, Mapping[str, Sequence[Any]]]

    def __getitem__(self, name: str) -> Floats:
        if name not in self.arrays:
            shown = ", ".join(repr(known) for known in list(self.arrays)[:12])
            raise UnknownParameter(f"there are no draws of {name!r}", allowed=shown)
        return self.arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.arrays)

    def __len__(self) -> int:
        return len(self.arrays)

    def __repr__(self) -> str:
        return f"NamedDraws({', '.join(repr(name) for name in self.arrays)})"


@dataclass(frozen=True, slots=True, eq=False)
class PriorPredictive:
    """What the priors say before the data: draws of the parameters, and the responses that follow from them.

    Parameters
    ----------
    draws
        Draws by the names that ``Posterior.draws`` has, all in one chain: ``(1, draws)``, and group effects
        ``(1, draws, m)``.
    responses
        ``(draws, n_input)``: for each draw a response of every row of the caller's table, NaN where the row
        was left out; as `Posterior.simulate` gives them.

    Examples
    --------
    >>> import multilevel as ml
    >>> eight = ml.datasets.load("eight_schools")
    >>> priors = {"Intercept": ml.Normal(0, 20), "school": {"sd": ml.HalfCauchy(5)}}
    >>> before = ml.prior_predictive("effect ~ 1 + (1 | school)", eight, priors, residual_sd="sd", seed=1)
    >>> before.responses.shape, before.draws["effects(school, Intercept)"].shape
    ((1000, 8), (1, 1000, 8))
    """

    draws: NamedDraws
    responses: Floats

    def __repr__(self) -> str:
        n, rows = self.responses.shape
        return f"PriorPredictive({n} draws, {rows} rows)"


class UnknownParameter(OptionError, KeyError):
    """Draws were asked for under a name that no parameter has; also a ``KeyError``, as mappings need."""

    __str__ = OptionError.__str__


@dataclass(frozen=True, slots=True, eq=False)
class LeaveOneOut:
    """Expected log predictive density of left-out rows or groups, by Pareto-smoothed importance sampling.

    Parameters
    ----------
    elpd
        Sum over the used rows (or over the levels of the group) of the log predictive density of the row
        (of all rows of the level together) given all others.
    std_error
        Its standard error over rows or levels.
    p_loo
        Effective number of parameters.
    pointwise
        ``(n_input,)`` terms of ``elpd``, NaN where a row was left out of the fit; ``(m,)`` where groups were
        left out. A row with the frequency weight ``w`` has ``w`` times the term of one of its copies.
    pareto_k
        Shape of the tail of the weights of each of the terms; above ``threshold`` the term is not to be
        trusted.
    threshold
        ``min(1 - 1 / log10(draws), 0.7)``.
    sentence
        What the shapes say, in words.
    group
        The grouping factor whose levels were left out, or ``None`` for rows.
    levels
        Its ``m`` levels, in the order of ``pointwise``.
    """

    elpd: float
    std_error: float
    p_loo: float
    pointwise: Floats
    pareto_k: Floats
    threshold: float
    sentence: str
    group: str | None = None
    levels: tuple[str, ...] = ()

    def __str__(self) -> str:
        numbers = f"elpd_loo {self.elpd:.2f} (standard error {self.std_error:.2f}), p_loo {self.p_loo:.2f}"
        return f"{numbers}\n{self.sentence}"

    @property
    def untrusted(self) -> int:
        """How many of the terms have a Pareto k above the threshold."""
        used = ~np.isnan(self.pointwise)
        return int((~(self.pareto_k[used] <= self.threshold)).sum())
