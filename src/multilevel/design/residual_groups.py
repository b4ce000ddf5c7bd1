"""The factor whose levels have residual sds of their own: its columns and its levels."""

from __future__ import annotations

import re

from multilevel.data.table import Table
from multilevel.design.design import GroupFactor
from multilevel.design.groups import group_factor, group_levels
from multilevel.design.known import RowNumbers
from multilevel.design.recipe import GroupRecipe
from multilevel.design.rows import Rows
from multilevel.errors import DesignError, OptionError

NAME = re.compile(r"\s*(?:`[^`]+`|[^`:\s][^`:]*)")
NAMES = re.compile(rf"{NAME.pattern}(?:\s*:{NAME.pattern})*\s*")
ALLOWED = 'the name of a column, or names joined by colons for the combinations of their levels, "a:b"'


def residual_columns(given: str | None, *, residual_sd: RowNumbers = None) -> tuple[str, ...]:
    """Return the columns of the residual groups, none if there are none.

    Parameters
    ----------
    given
        A column's name, or several joined by colons; a name with a colon stands in backticks.
    residual_sd
        Known residual sds, which leave nothing for groups to have of their own.

    Raises
    ------
    OptionError
        It is not such a text, names a column twice, or stands beside known residual sds.

    Examples
    --------
    >>> residual_columns("school : class"), residual_columns(None)
    (('school', 'class'), ())
    """
    if given is None:
        return ()
    if not isinstance(given, str) or NAMES.fullmatch(given) is None:
        raise OptionError(f"residual_groups={given!r} names no column", allowed=ALLOWED)
    names = [name.strip().strip("`") for name in NAME.findall(given)]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise OptionError(f"residual_groups={given!r} names `{twice}` twice", allowed=ALLOWED)
    if residual_sd is not None:
        raise OptionError(
            "`residual_groups` and `residual_sd` were both given",
            allowed="one of the two: groups with residual sds to be estimated, or known ones",
            remedy="leave one of them out; a column as residual_sd holds sds that are known group by group",
        )
    return tuple(names)


def residual_factor(
    columns: tuple[str, ...], table: Table, rows: Rows
) -> tuple[GroupFactor, GroupRecipe] | None:
    """Return the factor of the residual groups and how to find its levels again, or ``None`` without columns.

    Raises
    ------
    DesignError
        It has one level.
    """
    if not columns:
        return None
    parts = [group_levels(table.columns[name], rows.chosen) for name in columns]
    factor, members = group_factor(columns, parts)
    if len(factor.levels) < 2:
        raise DesignError(
            f"residual_groups={factor.name!r} has one level, {factor.levels[0]!r}",
            allowed="at least two levels, each with a residual sd of its own",
            remedy="leave residual_groups out",
        )
    return factor, GroupRecipe(tuple(part.levels for part in parts), members)
