"""The fixed part made of full rank, with one warning that says what was left out and why."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from multilevel.design.design import CONSTANT, Alias, FixedPart
from multilevel.design.matrices import Matrix
from multilevel.design.rank import Dependent, dependent_columns
from multilevel.design.scope import Factor, Floats, Scope
from multilevel.errors import AliasedWarning, warn


def fixed_part(matrix: Matrix, scope: Scope) -> tuple[FixedPart, tuple[int, ...]]:
    """Leave out the columns that add nothing, the later ones first.

    Parameters
    ----------
    matrix
        Every column of the fixed part.
    scope
        The columns of the table, for the names of empty cells.

    Returns
    -------
    FixedPart
        The columns that are kept.
    tuple of int
        Their positions in ``matrix``.

    Warns
    -----
    AliasedWarning
        Once, with a line for each column left out.
    """
    one = matrix.names.index("Intercept") if "Intercept" in matrix.names else None
    ones = (one,) if one is not None else _indicators(matrix)
    centred = [at for at in range(len(matrix.names)) if at not in ones] if ones else []
    found = dependent_columns(matrix.values, constant=one, centred=centred)
    dropped = {dependent.column for dependent in found}
    kept = tuple(at for at in range(len(matrix.names)) if at not in dropped)
    if found or matrix.empty:
        lines = [one_level(name) for name in matrix.empty]
        size = np.abs(matrix.values).max(axis=0, initial=0.0)
        lines += [alias_sentence(matrix.names, one_of, one, float(size[one_of.column])) for one_of in found]
        lines += _empty_cells(matrix, scope, dropped)
        warn_of_aliased(lines)
    X = matrix.values if not found else np.asfortranarray(matrix.values[:, kept])
    names = tuple(matrix.names[at] for at in kept)
    of = ("Intercept",) if one is not None else ()
    aliased = (
        *(Alias(name, of) for name in matrix.empty),
        *(alias_of(matrix.names, dependent, one) for dependent in found),
    )
    return FixedPart(names, X, aliased, _intercept(matrix, kept, ones)), kept


def _indicators(matrix: Matrix) -> tuple[int, ...]:
    """Return columns of one term of factors that add up to one in every row, or none."""
    for term in dict.fromkeys(matrix.terms):
        if term and all(expression in matrix.categorical for expression in term):
            columns = [at for at, other in enumerate(matrix.terms) if other == term]
            block = matrix.values[:, columns]
            if bool(((block == 0.0) | (block == 1.0)).all() and (block.sum(axis=1) == 1.0).all()):
                return tuple(columns)
    return ()


def _intercept(matrix: Matrix, kept: Sequence[int], ones: Sequence[int]) -> Floats | None:
    """Return weights of the kept columns that add up to one in every row, if there are such columns."""
    lost = [at for at in ones if at not in kept and matrix.values[:, at].any()]
    if not ones or lost:
        return None
    return np.array([1.0 if at in ones else 0.0 for at in kept])


def one_level(name: str) -> str:
    """Say that a factor has one level and no column."""
    return f"`{name}` has one level, aliased with the intercept"


def alias_of(names: Sequence[str], dependent: Dependent, one: int | None) -> Alias:
    """Return what a column is a combination of; the intercept only where nothing else is in it."""
    of = tuple(names[at] for at in dependent.columns)
    amounts = [
        (names[at], amount) for at, amount in zip(dependent.columns, dependent.coefficients, strict=True)
    ]
    amounts.append((CONSTANT, dependent.constant))
    if not of and dependent.constant != 0.0 and one is not None:
        of = ("Intercept",)
    return Alias(names[dependent.column], of, tuple(amounts) if dependent.exact else ())


def alias_sentence(names: Sequence[str], dependent: Dependent, one: int | None, size: float) -> str:
    """Say what a column that was left out, of that size, equals."""
    name = f"`{names[dependent.column]}`"
    if not dependent.columns:
        if dependent.constant == 0.0:
            return f"{name} is zero in every row"
        where = "aliased with Intercept" if one is not None else "aliased with the levels of a factor"
        return f"{name} is constant ({float(f'{dependent.constant:.12g}')!r}), {where}"
    if not dependent.exact or len(dependent.columns) > 3:
        return f"{name} is a combination of " + ", ".join(f"`{names[at]}`" for at in dependent.columns)
    pieces = [
        (amount, f" `{names[at]}`")
        for at, amount in zip(dependent.columns, dependent.coefficients, strict=True)
    ]
    if abs(dependent.constant) > 1e-9 * size:
        pieces.append((dependent.constant, ""))
    return f"{name} = {_sum_text(pieces)}"


def warn_of_aliased(lines: Sequence[str]) -> None:
    """Warn of the columns that were left out, with a line for each."""
    warn(
        "the fixed part has columns that add nothing; they are left out: " + "; ".join(lines),
        AliasedWarning,
    )


def _sum_text(pieces: Sequence[tuple[float, str]]) -> str:
    """Write a linear combination: ``5 `x` + 2000000``."""
    text = ""
    for amount, name in pieces:
        sign = ("- " if amount < 0 else "+ ") if text else ("-" if amount < 0 else "")
        number = _short(abs(amount))
        piece = name.strip() if number == "1" and name else number + name
        text += (" " if text else "") + sign + piece
    return text


def _short(value: float) -> str:
    """Write a number with up to seven digits."""
    rounded = round(value)
    if abs(value - rounded) <= 1e-9 * max(1.0, abs(value)) and abs(value) < 1e15:
        return str(rounded)
    return f"{value:.7g}"


def _empty_cells(matrix: Matrix, scope: Scope, dropped: set[int]) -> list[str]:
    """Name the combinations of levels without rows, for each interaction that lost a column."""
    lines = []
    for term in dict.fromkeys(matrix.terms[at] for at in sorted(dropped)):
        factors = [scope.columns.get(name) for name in term]
        if len(term) < 2 or not all(isinstance(factor, Factor) for factor in factors):
            continue
        cells = _cells_without_rows([factor for factor in factors if isinstance(factor, Factor)])
        if cells:
            shown = [", ".join(f"{n}={label}" for n, label in zip(term, cell, strict=True)) for cell in cells]
            more = f" and {len(shown) - 8} more" if len(shown) > 8 else ""
            lines.append(f"`{':'.join(term)}` has no rows with " + "; ".join(shown[:8]) + more)
    return lines


def _cells_without_rows(factors: Sequence[Factor]) -> list[tuple[str, ...]]:
    """Return the combinations of levels that do not occur."""
    shape = tuple(len(factor.levels) for factor in factors)
    if np.prod(shape, dtype=float) > 1e6:
        return []
    counts = np.zeros(shape, dtype=np.int64)
    np.add.at(counts, tuple(factor.codes for factor in factors), 1)
    return [
        tuple(factor.levels[at] for factor, at in zip(factors, cell, strict=True))
        for cell in np.argwhere(counts == 0)
    ]
