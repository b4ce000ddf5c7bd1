"""What is needed to bind new rows in the way in which the fitted rows were bound."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from multilevel.design.expressions import State
from multilevel.design.scope import Ints


@dataclass(frozen=True, slots=True)
class GroupRecipe:
    """How the levels of one grouping factor are found again.

    Parameters
    ----------
    levels
        For each of its columns the labels of the fitted rows.
    members
        ``(m, c)`` int32: for each level of the factor the number of its label in each column.
    """

    levels: tuple[tuple[str, ...], ...]
    members: Ints


@dataclass(frozen=True, slots=True)
class Recipe:
    """How expressions, factors and groups of the fitted rows were coded.

    Parameters
    ----------
    levels
        Levels of each factor column that the fixed part or an effect uses.
    booleans
        Those of them that were boolean columns.
    state
        What stateful functions remember.
    kept
        Positions of the kept columns among all columns of the fixed part.
    groups
        For each grouping factor of the design.
    offset
        The column or number given as ``offset``; "" if it was an array; ``None`` if nothing was given.
    residual
        For the residual groups of the design, if there are any.
    inflation_kept
        Positions of the kept columns of zero inflation.
    """

    levels: Mapping[str, tuple[str, ...]]
    booleans: frozenset[str]
    state: State
    kept: tuple[int, ...]
    groups: tuple[GroupRecipe, ...]
    offset: str | float | None
    residual: GroupRecipe | None = None
    inflation_kept: tuple[int, ...] = ()
