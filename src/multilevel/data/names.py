"""Names of columns: found exactly or after Unicode normalisation, else an error with the nearest ones."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches

from multilevel.errors import DataError


def find_names(wanted: Sequence[str], present: Sequence[object]) -> dict[str, str]:
    """Find each wanted name among the names that a table has.

    Parameters
    ----------
    wanted
        Names that a model uses; repeats are allowed.
    present
        The table's column names as the library gives them.

    Returns
    -------
    dict
        Wanted name to the table's own spelling: the same text, or the one that is equal after NFC
        normalisation.

    Raises
    ------
    DataError
        A name is absent (all absent names at once, each with the nearest ones), occurs twice, or matches
        several columns that differ only in their Unicode form.
    """
    known = {name: 1 for name in present if isinstance(name, str)}
    if len(known) < len(present):
        known = dict(Counter(name for name in present if isinstance(name, str)))
    found = {name: name for name in wanted if known.get(name) == 1 and name.isascii()}
    if len(found) < len(set(wanted)):
        found = _by_normal_form(wanted, known, [name for name in present if not isinstance(name, str)])
    return found


def _by_normal_form(
    wanted: Sequence[str], known: Mapping[str, int], others: Sequence[object]
) -> dict[str, str]:
    """Find names by their NFC form; raise one error for all that fail."""
    forms: dict[str, list[str]] = {}
    for name in known:
        forms.setdefault(normal_form(name), []).append(name)
    found: dict[str, str] = {}
    absent: list[str] = []
    for name in dict.fromkeys(wanted):
        twins = forms.get(normal_form(name), [])
        if len(twins) > 1:
            raise DataError(
                f"the column name `{name}` is ambiguous: {len(twins)} columns look alike and differ only in "
                "their Unicode form",
                remedy="rename one of them",
            )
        if not twins:
            absent.append(name)
        elif known[twins[0]] > 1:
            raise DataError(
                f"the table has {known[twins[0]]} columns named `{name}`",
                remedy="give each column its own name",
            )
        else:
            found[name] = twins[0]
    if absent:
        raise _absent(absent, list(known), others)
    return found


def normal_form(name: str) -> str:
    """Return a name in Unicode normal form C, in which composed and decomposed spellings are equal."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def _absent(absent: Sequence[str], known: Sequence[str], others: Sequence[object]) -> DataError:
    """Return the error for names that no column has; ``others`` are the names that are no texts."""
    lines = [f"the table has no column {_all_quoted(absent)}"]
    nearest = {name: nearest_names(name, known) for name in absent}
    hints = [f"{quoted(name)} -> {_all_quoted(near)}" for name, near in nearest.items() if near]
    allowed = f"the columns {_all_quoted(known[:20])}" + (" ..." if len(known) > 20 else "")
    if not known:
        allowed = "the table has no columns at all"
    if others:
        lines.append(f"{len(others)} of its columns have names that are no texts ({others[0]!r}, ...)")
        allowed = "columns whose names are texts"
    remedy = "did you mean " + "; ".join(hints) + "?" if hints else ""
    if others and not remedy:
        remedy = "rename the columns"
    if any(not name.isidentifier() for near in nearest.values() for name in near):
        remedy += " (names with spaces or signs stand in backticks)"
    if len(known) == 1 and any(sign in known[0] for sign in ";\t|"):
        remedy = "the fields seem to be separated by something other than commas; save the file with commas"
    return DataError(" and ".join(lines), allowed=allowed, remedy=remedy)


def nearest_names(name: str, known: Iterable[str], count: int = 3) -> list[str]:
    """Return up to ``count`` known names that look like ``name``, the nearest first; case is ignored."""
    lowered: dict[str, str] = {}
    for other in known:
        lowered.setdefault(other.lower(), other)
    near = get_close_matches(name.lower(), list(lowered), n=count, cutoff=0.6)
    return [lowered[other] for other in near]


def quoted(name: str) -> str:
    """Return a name in backticks, the way it may stand in a formula."""
    return f"`{name}`"


def _all_quoted(names: Sequence[str]) -> str:
    return ", ".join(quoted(name) for name in names)
