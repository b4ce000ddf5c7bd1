"""Which priors a statement may give to a coefficient, an sd, a correlation or a covariance matrix."""

from __future__ import annotations

from typing import NoReturn

from multilevel.language.graph.scope import Scope
from multilevel.language.graph.tree import Statement
from multilevel.model.priors import LKJ, CovariancePrior, Flat, ScalarPrior


def check_scalar(scope: Scope, statement: Statement, prior: object) -> None:
    """Raise unless a prior is one of a single number."""
    if not isinstance(prior, ScalarPrior):
        _fail_kind(scope, statement, "a prior of one number, such as Normal(0, 1)")


def check_positive(scope: Scope, statement: Statement, prior: object) -> None:
    """Raise unless a prior is one of a positive number."""
    check_scalar(scope, statement, prior)
    if isinstance(prior, ScalarPrior) and prior.bounds[0] < 0.0 and not isinstance(prior, Flat):
        _fail_kind(scope, statement, "a prior of positive numbers, such as HalfNormal(1)")


def check_correlation(scope: Scope, statement: Statement, prior: object) -> None:
    """Raise unless a prior is one of a correlation matrix."""
    if not isinstance(prior, LKJ):
        _fail_kind(scope, statement, "a prior of a correlation matrix: LKJ(eta)")


def check_matrix(scope: Scope, statement: Statement, prior: object, size: int) -> None:
    """Raise unless a prior is one of a covariance matrix, or of its correlations."""
    if isinstance(prior, LKJ):
        return
    if not isinstance(prior, CovariancePrior):
        _fail_kind(
            scope, statement, "InverseWishart, Wishart or ScaledInverseWishart; LKJ of the correlations"
        )
    elif prior.dimension != size:
        _fail_kind(scope, statement, f"a prior of a {size} by {size} matrix")


def _fail_kind(scope: Scope, statement: Statement, allowed: str) -> NoReturn:
    """Raise the error for a prior of the wrong kind."""
    scope.cursor.fail_between(
        f"{statement.distribution} stands where the prior of `{statement.names[0]}` must stand",
        statement.call,
        statement.end,
        allowed=allowed,
    )
