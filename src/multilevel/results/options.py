"""The options of a fit: everything the caller chose besides model and data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from multilevel.engines.linear import Solving
from multilevel.engines.monte_carlo.choice import Solver
from multilevel.engines.solution import Method, is_restricted
from multilevel.errors import OptionError
from multilevel.model.families import REGISTRY
from multilevel.results.known_sds import Known, check_known

Ddf = Literal["satterthwaite", "kenward-roger", "none"]
Missing = Literal["report", "drop", "error"]
Given = str | float | NDArray[np.float64] | None
"""A column name, a number, one value for each row of the caller's table, or nothing."""
MOST_NODES = 101


@dataclass(frozen=True, slots=True, eq=False)
class FitOptions:
    """What the caller chose; kept with the fit so that it can be repeated, refitted and saved.

    Parameters
    ----------
    family, link, zero_inflation
        Names of the family and its link; formula text of zero inflation.
    method
        "reml", "ml", "em_reml", "em", "laplace" or "quadrature".
    nodes
        Nodes of each dimension of quadrature, ``None`` for the default.
    ddf
        Degrees of freedom of the coefficients: "satterthwaite", "kenward-roger" (restricted likelihood
        only), or "none" for the normal distribution.
    level
        Coverage of the intervals in the tables, between 0 and 1.
    missing
        What happens to rows with missing values: "report", "drop" or "error".
    lme4_compat
        Whether ``||`` was split term by term as lme4 does.
    precision_weights, frequency_weights, offset, residual_sd
        As given: a column name, a number (offset and residual_sd), or an array of the table's length.
    known
        Known sds of grouped terms, ``{"friend": {"sd": 2.0}}``, or ``None``.
    solver
        Of linear models: "auto", "exact" or "monte_carlo".
    mc_error, mc_seed
        Monte Carlo error that is good enough, in standard errors, and the seed, where the solver is that.

    Raises
    ------
    OptionError
        If a value is not one of the allowed ones, or "kenward-roger" is asked of a fit that does not maximise
        the restricted likelihood.
    """

    family: str = "gaussian"
    link: str = "identity"
    zero_inflation: str | None = None
    method: Method = "reml"
    nodes: int | None = None
    ddf: Ddf = "satterthwaite"
    level: float = 0.95
    missing: Missing = "report"
    lme4_compat: bool = False
    precision_weights: Given = None
    frequency_weights: Given = None
    offset: Given = None
    residual_sd: Given = None
    known: Known | None = None
    solver: Solver = "auto"
    mc_error: float = 0.01
    mc_seed: int = 0

    def __post_init__(self) -> None:
        check_choice("method", self.method, get_args(Method))
        check_choice("ddf", self.ddf, get_args(Ddf))
        check_choice("missing", self.missing, get_args(Missing))
        check_level("level", self.level)
        check_known(self.known)
        for name in ("precision_weights", "frequency_weights", "offset", "residual_sd"):
            check_not_flag(name, getattr(self, name))
        if not isinstance(self.lme4_compat, bool):
            raise OptionError(
                f"lme4_compat={self.lme4_compat!r} is neither yes nor no",
                allowed="True, False",
                remedy="lme4_compat=True",
            )
        self._check_family()
        self._check_nodes()
        self._check_solver()
        if self.ddf == "kenward-roger" and not is_restricted(self.method):
            raise OptionError(
                f"ddf='kenward-roger' was asked of a fit by method={self.method!r}",
                allowed="Kenward-Roger adjusts restricted maximum likelihood",
                remedy="method='reml', or ddf='satterthwaite'",
            )

    @property
    def solving(self) -> Solving:
        """How a linear model is solved: exactly if its test statistics need more than Monte Carlo gives."""
        solver = "exact" if self.ddf == "kenward-roger" else self.solver
        return Solving(self.method, solver, self.mc_error, self.mc_seed)

    def _check_solver(self) -> None:
        """Raise `OptionError` if the solver is none, or cannot do what else was asked."""
        check_choice("solver", self.solver, get_args(Solver))
        Solving(self.method, self.solver, self.mc_error, self.mc_seed)
        asked = "ddf='kenward-roger'" if self.ddf == "kenward-roger" else "known sds" if self.known else ""
        if self.solver == "monte_carlo" and asked:
            raise OptionError(
                f"solver='monte_carlo' was asked together with {asked}",
                allowed="solver='exact' or 'auto' with these",
                remedy="leave solver out",
            )

    def _check_nodes(self) -> None:
        """Raise `OptionError` if nodes are no number of nodes, or there are none in the method."""
        if self.nodes is None:
            return
        if self.method != "quadrature":
            raise OptionError(
                f"nodes={self.nodes!r} was given to method={self.method!r}",
                allowed="nodes are those of method='quadrature'",
                remedy="method='quadrature', or leave nodes out",
            )
        if (
            isinstance(self.nodes, bool)
            or not isinstance(self.nodes, int)
            or not 1 <= self.nodes <= MOST_NODES
        ):
            raise OptionError(
                f"nodes={self.nodes!r} is not a number of nodes",
                allowed=f"a whole number from 1 (Laplace's method) to {MOST_NODES}, in each dimension",
                remedy="nodes=25",
            )

    def _check_family(self) -> None:
        """Raise `OptionError` if there is no such family, or an option is not there for it."""
        check_choice("family", self.family, tuple(REGISTRY))
        REGISTRY[self.family](link=self.link)  # type: ignore[arg-type]
        linear = self.family == "gaussian" and self.link == "identity"
        if linear == (self.method in ("laplace", "quadrature")):
            raise OptionError(
                f"method={self.method!r} was asked of the {self.family} family with {self.link} link",
                allowed="'reml', 'ml', 'em_reml' or 'em'"
                if linear
                else "'laplace' or 'quadrature': maximum likelihood by"
                " Laplace's method or, for one grouping factor, by adaptive quadrature",
                remedy="leave method out",
            )
        if not linear and self.ddf != "none":
            raise OptionError(
                f"ddf={self.ddf!r} was asked of the {self.family} family",
                allowed="'none': tests by the normal distribution",
                remedy="leave ddf out",
            )
        if not linear and (self.precision_weights is not None or self.residual_sd is not None):
            name = "precision_weights" if self.precision_weights is not None else "residual_sd"
            raise OptionError(
                f"{name} was given to the {self.family} family, which has no residual of known variance",
                allowed="frequency_weights; trials as prop(successes, trials); exposure as offset(log(t))",
            )


def check_choice(name: str, value: object, allowed: tuple[str, ...]) -> None:
    """Raise `OptionError` unless ``value`` is one of the allowed texts."""
    if not isinstance(value, str) or value not in allowed:
        choices = ", ".join(repr(choice) for choice in allowed)
        raise OptionError(f"{name}={value!r} is not known", allowed=choices, remedy=f"{name}={allowed[0]!r}")


def check_flag(name: str, value: object) -> None:
    """Raise `OptionError` unless a value is true or false."""
    if not isinstance(value, bool | np.bool_):
        raise OptionError(f"{name}={value!r} is neither true nor false", allowed="True, False")


def check_not_flag(name: str, value: object) -> None:
    """Raise `OptionError` if a value that must be numbers or a column's name is true or false."""
    if isinstance(value, bool | np.bool_):
        raise OptionError(
            f"{name}={value!r} is no number", allowed="a number, a column's name, or one number for each row"
        )


def check_level(name: str, value: object) -> float:
    """Return a coverage as a float, or raise `OptionError` unless it is a number between 0 and 1."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not 0 < float(value) < 1:
        raise OptionError(
            f"{name}={value!r} is not a coverage",
            allowed="a number between 0 and 1",
            remedy=f"{name}=0.95",
        )
    return float(value)
