"""Labels of several tables joined: in one order, numbers as numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from multilevel.design.recipe import GroupRecipe
from multilevel.moments.products import Keys


def joined_labels(several: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """Return all labels, each once: in the order of the longest list if it has them all, else sorted.

    Labels that were numbers, ascending in every list, are sorted as numbers.

    Examples
    --------
    >>> joined_labels([("2", "10"), ("1", "2")]), joined_labels([("b", "c"), ("a", "c")])
    (('1', '2', '10'), ('a', 'b', 'c'))
    >>> joined_labels([("low", "middle", "high"), ("low", "high")])
    ('low', 'middle', 'high')
    """
    longest = max(several, key=len)
    place = {label: at for at, label in enumerate(longest)}
    if all(label in place for labels in several for label in labels) and all(
        [place[label] for label in labels] == sorted(place[label] for label in labels) for labels in several
    ):
        return longest
    distinct = list(dict.fromkeys(label for labels in several for label in labels))
    return tuple(sorted(distinct, key=float if are_numbers(several) else None))


def are_numbers(several: Sequence[Sequence[str]]) -> bool:
    """Return whether labels read as numbers that ascend in every list."""
    for labels in several:
        values = [_number(label) for label in labels]
        if any(value is None for value in values):
            return False
        numbers = [value for value in values if value is not None]
        if numbers != sorted(numbers):
            return False
    return True


def keys_of(groups: Sequence[GroupRecipe]) -> tuple[list[Keys], list[int]]:
    """Return for each column of a factor the labels of the levels of all tables, one table after the other.

    Returns
    -------
    list
        For each column its labels: as whole numbers, numbers or texts.
    list of int
        Levels of each table.
    """
    found: list[Keys] = []
    for at in range(len(groups[0].levels)):
        lists = [group.levels[at] for group in groups]
        parts = [
            np.array(labels, dtype=object)[group.members[:, at]]
            for labels, group in zip(lists, groups, strict=True)
        ]
        values = np.concatenate(parts)
        if not are_numbers(lists):
            found.append(values)
        elif all(_is_whole(label) for labels in lists for label in labels):
            found.append(values.astype(np.int64))
        else:
            found.append(values.astype(np.float64))
    return found, [len(group.members) for group in groups]


def _number(label: str) -> float | None:
    """Return a label as a number, or ``None``."""
    try:
        value = float(label)
    except ValueError:
        return None
    return value if np.isfinite(value) else None


def _is_whole(label: str) -> bool:
    """Return whether a label is a whole number that int64 holds, written as numbers are."""
    digits = label.removeprefix("-")
    return digits.isdecimal() and digits.isascii() and len(digits) <= 18 and str(int(label)) == label
