"""The algebra of model terms: sums, interactions, nesting and powers of sets of terms."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from multilevel.language.expression import Expression, columns_of, expression_text

MAX_TERMS = 1000
MAX_PRODUCTS = 100_000
MAX_FACTORS = 50


@dataclass(frozen=True, slots=True)
class Factor:
    """One factor of a term: a column or a call. Two factors are the same if their texts are."""

    text: str
    expression: Expression = field(compare=False)


Term = tuple[Factor, ...]
"""The factors of an interaction; their order is for show only."""

TermSet = dict[frozenset[Factor], Term]
"""Terms in order, each once whatever the order of its factors."""


class TooManyTermsError(Exception):
    """An operation gives more terms or factors than the limits; whoever knows the place reports it."""


@dataclass(frozen=True, slots=True)
class Terms:
    """One side of a formula, written out: an intercept or none, and every term.

    Parameters
    ----------
    intercept
        Whether the constant is one of the terms.
    terms
        The factors of each term; terms by increasing number of factors (as R and formulaic order them).
    """

    intercept: bool
    terms: tuple[Term, ...]

    @property
    def text(self) -> str:
        """The canonical text, its intercept written out: ``1 + a + b + a:b``."""
        return " + ".join(["1" if self.intercept else "0", *(term_text(term) for term in self.terms)])

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of all columns in order of first use."""
        names = (name for term in self.terms for factor in term for name in columns_of(factor.expression))
        return tuple(dict.fromkeys(names))


def term_text(term: Term) -> str:
    """Return a term as formula text: its factors joined by colons."""
    return ":".join(factor.text for factor in term)


def single(expression: Expression) -> TermSet:
    """Return the set with one term of one factor."""
    factor = Factor(expression_text(expression), expression)
    return {frozenset((factor,)): (factor,)}


def union(left: TermSet, right: TermSet) -> TermSet:
    """Return ``left + right``."""
    _check_size(len(left) + len(right), MAX_PRODUCTS)
    joined = left | {key: term for key, term in right.items() if key not in left}
    _check_size(len(joined), MAX_TERMS)
    return joined


def interaction(left: TermSet, right: TermSet) -> TermSet:
    """Return ``left:right``, every term of the left with every term of the right."""
    _check_size(len(left) * len(right), MAX_PRODUCTS)
    return _collected(a + b for a in left.values() for b in right.values())


def crossed(left: TermSet, right: TermSet) -> TermSet:
    """Return ``left * right``, that is ``left + right + left:right``."""
    return union(union(left, right), interaction(left, right))


def nested(left: TermSet, right: TermSet) -> TermSet:
    """Return ``left / right``: the left, and the right within all factors of the left."""
    whole = tuple(dict.fromkeys(factor for term in left.values() for factor in term))
    return union(left, _collected(whole + term for term in right.values()))


def power(base: TermSet, exponent: int) -> TermSet:
    """Return ``base ** exponent``: the terms and all their interactions up to that order."""
    result = base
    for _ in range(exponent - 1):
        grown = union(result, interaction(result, base))
        if len(grown) == len(result):
            break
        result = grown
    return result


def by_degree(terms: TermSet) -> tuple[Term, ...]:
    """Return the terms by increasing number of factors, otherwise in their order."""
    return tuple(sorted(terms.values(), key=len))


def _collected(terms: Iterable[Term]) -> TermSet:
    """Return terms as a set, repeated factors and repeated terms once."""
    result: TermSet = {}
    for term in terms:
        once = tuple(dict.fromkeys(term))
        _check_size(len(once), MAX_FACTORS)
        result.setdefault(frozenset(once), once)
        _check_size(len(result), MAX_TERMS)
    return result


def _check_size(size: int, limit: int) -> None:
    if size > limit:
        raise TooManyTermsError
