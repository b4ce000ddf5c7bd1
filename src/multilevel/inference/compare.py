"""Comparison of fits to the same data: likelihood-ratio tests, AIC and BIC."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincc

from multilevel.design.default_priors import mean_inverse_weight, response_moments
from multilevel.design.design import Design, EffectsTerm, FixedPart, GroupFactor
from multilevel.engines.solution import is_restricted
from multilevel.errors import ApproximationWarning, ComparisonError, warn
from multilevel.model import Covariance
from multilevel.results import Columns, Fit
from multilevel.results.posterior import Result

Floats = NDArray[np.float64]

EXACT = {"reml", "ml", "em_reml", "em"}
"""Methods whose likelihood is no approximation."""


def compare(*fits: Fit) -> Columns:
    """Return a table that compares fits to the same data, fewest parameters first.

    Restricted likelihoods can only be compared between fits with the same fixed part. If the fixed parts
    differ, or REML fits stand beside others, every REML fit is fitted again by ML; the column ``method`` then
    says "ml (refitted)".

    Families and links may differ, since every likelihood has all its constants; the response must be the
    same. A family is a special case of another if it is that at an end of its parameters' range (Poisson of
    the negative binomial ones, binomial of beta-binomial, gaussian of Student) and the link is the same; a
    model without zero inflation is a special case of one with it.

    Parameters
    ----------
    fits
        Two or more fits to the same rows, response, trials and weights.

    Returns
    -------
    Columns model (the formula, and the family of a generalised model), method, n_parameters, aic, bic,
    loglik, deviance, chi_square, df, p_value. The last three compare a row with the row above it:
    ``chi_square`` is the fall of the deviance, ``df`` the number of parameters added. They are blank where
    the model above is not a special case of the model of the row, or its likelihood was approximated in
    another way.

    Raises
    ------
    ComparisonError
        If there are fewer than two fits, or if response, trials, rows or weights differ.

    Warns
    -----
    ApproximationWarning
        Log-likelihoods are estimates by Monte Carlo whose errors do not cancel in their differences.

    Notes
    -----
    A variance that is zero under the smaller model lies at the boundary of its range, and so do a family that
    is an end of another's and a share of extra zeros that is zero; the chi-square distribution then gives
    p-values that are too large (conservative), for a single variance about twice the right one (Self and
    Liang 1987).
    """
    if len(fits) < 2:
        raise ComparisonError(
            f"compare was given {len(fits)} fit{'' if len(fits) == 1 else 's'}",
            allowed="two or more fits",
            remedy="compare(fit_1, fit_2)",
        )
    for other in fits[1:]:
        refuse_other_data(fits[0], other, "fits", "fit every model to one table")
    restricted = [is_restricted(fit.method) for fit in fits]
    by_ml = not all(restricted) or not _same_fixed_part(fits)
    used = [
        fit.answers.refit(fit, method="ml") if by_ml and known else fit
        for fit, known in zip(fits, restricted, strict=True)
    ]
    _warn_of_chance(used)
    methods = [fit.method if fit is old else "ml (refitted)" for fit, old in zip(used, fits, strict=True)]
    order = sorted(range(len(used)), key=lambda i: used[i].df)
    used, methods = [used[i] for i in order], [methods[i] for i in order]
    tests = [(None, None, None), *(_test(small, large) for small, large in pairwise(used))]
    return {
        "model": [_model_text(fit) for fit in used],
        "method": methods,
        "n_parameters": [fit.df for fit in used],
        "aic": np.array([fit.aic for fit in used]),
        "bic": np.array([fit.bic for fit in used]),
        "loglik": np.array([fit.loglik for fit in used]),
        "deviance": np.array([fit.deviance for fit in used]),
        "chi_square": [test[0] for test in tests],
        "df": [test[1] for test in tests],
        "p_value": [test[2] for test in tests],
    }


def _warn_of_chance(fits: list[Fit]) -> None:
    """Warn if the likelihoods of some fits are estimates whose errors do not cancel in their differences."""
    chances = [fit.solution.monte_carlo for fit in fits]
    pairs = zip(fits, chances, strict=True)
    vectors = {None if chance is None else (chance.seed, *fit.n_groups.items()) for fit, chance in pairs}
    errors = sorted(0.0 if chance is None else chance.loglik_error for chance in chances)
    if len(vectors) == 1 or not any(errors):
        return
    warn(
        "log-likelihoods by Monte Carlo are estimates; between fits with different random vectors, or beside"
        f" exact ones, deviances differ by chance too, with a standard error of up to {_size(errors)}. Fit"
        " all of them with one solver= and mc_seed=",
        ApproximationWarning,
    )


def _size(errors: list[float]) -> str:
    """Return the standard error of a difference of deviances of the two fits with the largest errors."""
    return f"{2.0 * math.hypot(*errors[-2:]):.2g}"


def _model_text(fit: Fit) -> str:
    """Return the formula, with family and zero inflation if the model is not linear."""
    if fit.solution.family_numbers is None:
        return fit.formula
    zero = f", zero inflation ~ {fit.model.inflation}" if fit.model.inflation else ""
    return f"{fit.formula}, {fit.family}{zero}"


def _test(small: Fit, large: Fit) -> tuple[float | None, int | None, float | None]:
    """Return chi-square, degrees of freedom and p-value of two fits, blanks if they are not nested."""
    df = large.df - small.df
    approximations = {small.method, large.method} - EXACT
    if df < 1 or len(approximations) > 1 or not is_special_case(small.design, large.design):
        return None, None, None
    chi_square = max(0.0, small.deviance - large.deviance)
    return chi_square, df, float(gammaincc(df / 2, chi_square / 2))


def refuse_other_data(first: Result, other: Result, what: str, again: str) -> None:
    """Raise `ComparisonError` saying what of the data differs between two fits or two posteriors.

    Parameters
    ----------
    first, other
        The two.
    what
        "fits" or "posteriors".
    again
        What to do with every model, for the remedy.
    """
    a, b = first.design, other.design
    differences = []
    by_sums = _by_sums(a, b) if what == "fits" else a.summary is not None or b.summary is not None
    if by_sums:
        differences = _differing_sums(a, b)
    elif a.n_rows != b.n_rows or not np.array_equal(a.rows, b.rows):
        differences.append(f"the rows used ({a.n_rows} and {b.n_rows})")
    elif not np.array_equal(a.y, b.y):
        names = f"`{a.model.response}` and `{b.model.response}`"
        differences.append(
            "the response" if a.model.response == b.model.response else f"the response ({names})"
        )
    if a.n_rows == b.n_rows and not by_sums:
        for name in ("trials", "precision_weights", "frequency_weights"):
            if not _same_array(getattr(a, name), getattr(b, name)):
                differences.append(f"the {name.replace('_', ' ')}")
    if differences:
        of = "to" if what == "fits" else "of"
        raise ComparisonError(
            f"{what} {of} different data cannot be compared; they differ in {' and '.join(differences)}:\n"
            f"    {first.formula}\n    {other.formula}",
            allowed=f"the same response, rows and weights in every {what.removesuffix('s')}",
            remedy=f"{again} from which incomplete rows have been removed",
        )


def _by_sums(a: Design, b: Design) -> bool:
    """Return whether the rows of two designs cannot be compared: one holds none, or merged ones."""
    return any(one.summary is not None or one.merged is not None for one in (a, b))


def _differing_sums(a: Design, b: Design) -> list[str]:
    """Return what differs between two designs of which one holds no single rows, as far as sums can tell."""
    found = []
    if a.n_used != b.n_used or not np.isclose(a.n_observations, b.n_observations, rtol=1e-12):
        found.append(f"the rows used ({a.n_used} and {b.n_used})")
    mine, theirs = (np.array([*response_moments(one), mean_inverse_weight(one)]) for one in (a, b))
    if not np.allclose(mine, theirs, rtol=1e-7, atol=1e-7 * float(mine[1])):
        found.append("the response, its offset or its weights")
    return found


def _same_array(a: Floats | None, b: Floats | None, *, default: float = 1.0) -> bool:
    """Return whether two arrays are equal; none is the same as one full of the default."""
    if a is None or b is None:
        given = b if a is None else a
        return given is None or bool(np.all(given == default))
    return np.array_equal(a, b)


def _same_fixed_part(fits: tuple[Fit, ...]) -> bool:
    """Return whether all fits have the same columns in the fixed part."""
    first = fits[0].design.fixed
    return all(
        fit.design.fixed.names == first.names and np.array_equal(fit.design.fixed.X, first.X) for fit in fits
    )


def is_special_case(small: Design, large: Design) -> bool:
    """Return whether the model of one design is obtained from another's by setting parameters to zero.

    The fixed columns of the smaller one lie in the span of the larger one's; every effect of the smaller
    one varies by the same factor in the larger one, where its effects may be correlated at least as freely.
    An estimated residual sd is freer than a known one. Of families and zero inflation see `compare`.
    """
    rowless = _by_sums(small, large)
    if not _family_within(small, large, rowless=rowless):
        return False
    if small.residual_sd != large.residual_sd and large.residual_sd is not None:
        return False
    if rowless and not set(small.fixed.names) <= set(large.fixed.names):
        return False
    if not rowless and not _same_array(small.offset, large.offset, default=0.0):
        return False
    within = rowless or _in_span(small.fixed, large.fixed)
    return within and all(_effects_within(small, large, block) for block in small.terms)


def _family_within(small: Design, large: Design, *, rowless: bool) -> bool:
    """Return whether family, link and zero inflation of one design are special cases of the other's."""
    if small.family.link != large.family.link:
        return False
    if small.family.name not in (large.family.name, *large.family.special_cases):
        return False
    if small.inflation is None or large.inflation is None:
        return small.inflation is None
    if rowless:
        return set(small.inflation.names) <= set(large.inflation.names)
    return _in_span(small.inflation, large.inflation)


def _in_span(small: FixedPart, large: FixedPart) -> bool:
    """Return whether the columns of one fixed part are combinations of the other's."""
    if set(small.names) <= set(large.names):
        at = [large.names.index(name) for name in small.names]
        if np.array_equal(small.X, large.X[:, at]):
            return True
    scale = np.linalg.norm(large.X, axis=0)
    Q, _ = np.linalg.qr(large.X / np.where(scale > 0, scale, 1.0))
    left = small.X - Q @ (Q.T @ small.X)
    return bool(np.all(np.linalg.norm(left, axis=0) <= 1e-7 * np.linalg.norm(small.X, axis=0)))


def _same_levels(a: GroupFactor, b: GroupFactor, *, rowless: bool) -> bool:
    """Return whether two factors group the rows in the same way; by their labels where there are no rows."""
    return a.levels == b.levels if rowless else np.array_equal(a.index, b.index)


def _effects_within(small: Design, large: Design, block: EffectsTerm) -> bool:
    """Return whether a term of the smaller design is a special case of the larger one's terms."""
    factor = small.factors[block.factor]
    rowless = _by_sums(small, large)
    there = [
        other
        for other in large.terms
        if large.factors[other.factor].name == factor.name
        and _same_levels(large.factors[other.factor], factor, rowless=rowless)
    ]
    if block.covariance is Covariance.RANDOM_WALK:
        return any(other.covariance is block.covariance and other.times == block.times for other in there)
    homes = [next((other for other in there if name in other.names), None) for name in block.names]
    first = homes[0]
    if first is None or None in homes:
        return False
    shared = [home for home in homes if home is not None and home.covariance.one_sd and len(home.names) > 1]
    if shared:
        alike = block.covariance in (Covariance.SCALAR, shared[0].covariance)
        alike &= shared[0].covariance is not Covariance.RANDOM_WALK
        return alike and set(first.names) == set(block.names)
    if block.covariance.correlated and len(block.names) > 1:
        return first.covariance is Covariance.UNSTRUCTURED and all(home is first for home in homes)
    return True
