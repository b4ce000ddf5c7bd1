"""Expressions of columns evaluated by walking their tree; only whitelisted functions are called."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from formulaic.materializers.types import FactorValues
from formulaic.transforms import TRANSFORMS

from multilevel.design.contrasts import Coding, coded_factor
from multilevel.design.scope import Factor, Floats, Scope
from multilevel.design.sizes import is_usable, require_size
from multilevel.errors import DataError, MultilevelError
from multilevel.language import (
    CONTRASTS,
    Binary,
    Call,
    Column,
    Constant,
    Expression,
    Unary,
    expression_text,
    parse_expression,
)

State = dict[str, dict[str, Any]]
"""What stateful functions remember of the fitted rows, by the text of their call."""

_ELEMENTWISE: Mapping[str, Callable[..., Any]] = {
    "log": np.log,
    "log2": np.log2,
    "log10": np.log10,
    "log1p": np.log1p,
    "exp": np.exp,
    "expm1": np.expm1,
    "sqrt": np.sqrt,
    "abs": np.abs,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "I": np.positive,
}
_BINARY: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.true_divide,
    "**": np.power,
}
_SIGN: Mapping[str, Callable[[Any], Any]] = {"+": np.positive, "-": np.negative}


def evaluate(text: str, scope: Scope, state: State) -> Any:
    """Evaluate an expression on the columns of a scope.

    Parameters
    ----------
    text
        An expression in the grammar of formulas (see `language.parse_expression`).
    scope
        The columns; names are looked up nowhere else.
    state
        What stateful functions (``scale``, ``poly``, ``bs``, ...) remember; filled on the fitted rows and
        only read for new ones.

    Returns
    -------
    numpy.ndarray, Factor or FactorValues
        ``(n,)`` numbers, a factor, or what formulaic's basis and contrast functions give.

    Raises
    ------
    FormulaError
        The text is no such expression.
    DataError
        The expression cannot be computed from these columns, or is not finite in some row.
    """
    expression = parse_expression(text)
    if isinstance(expression, Column):
        return scope[expression.name]
    walker = _Walker(text, scope, state)
    try:
        with np.errstate(all="ignore"):
            value = walker.value(expression)
    except MultilevelError:
        raise
    except (ValueError, TypeError, ArithmeticError, LookupError, np.linalg.LinAlgError) as error:
        raise DataError(f"`{text}` cannot be computed: {_first_line(error)}") from error
    return _checked(text, value, scope)


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _checked(text: str, value: Any, scope: Scope) -> Any:
    """Return a value of one number a row, or a factor or basis; refuse anything that is not finite."""
    if isinstance(value, (Factor, FactorValues, dict)):
        pieces = getattr(value, "__wrapped__", value)
        for column in pieces.values() if isinstance(pieces, dict) else [pieces]:
            if isinstance(column, np.ndarray):
                _require_finite(text, column)
        return value
    numbers = np.asarray(value, dtype=np.float64)
    if numbers.ndim == 0:
        numbers = np.full(scope.n_rows, float(numbers))
    _require_finite(text, numbers)
    return numbers


def _require_finite(text: str, values: Floats) -> None:
    """Refuse values that are not finite, with the first row at fault, or of a size that cannot be used."""
    if is_usable(values) if values.ndim == 1 else np.isfinite(np.add.reduce(values, axis=None)):
        return
    finite = np.isfinite(values) if values.ndim == 1 else np.isfinite(values).all(axis=1)
    bad = np.flatnonzero(~finite)
    if bad.size:
        raise DataError(
            f"`{text}` is not a finite number in {bad.size} of {finite.size} rows "
            f"(the first is used row {bad[0]}, counted from 0)",
            remedy="check the range of its columns, or leave those rows out",
        )
    if values.ndim == 1:
        require_size(f"`{text}`", values)


@dataclass(frozen=True, slots=True)
class _Walker:
    """Evaluates the nodes of one expression."""

    text: str
    scope: Scope
    state: State

    def value(self, node: Expression) -> Any:
        """Return the value of a node."""
        match node:
            case Column(name):
                return self.scope[name]
            case Constant(value):
                return list(value) if isinstance(value, tuple) else value
            case Unary(operator, operand):
                return _SIGN[operator](self._number(operand))
            case Binary(operator, left, right):
                return _BINARY[operator](self._number(left), self._number(right))
            case Call():
                return self._call(node)

    def _number(self, node: Expression) -> Any:
        """Return the value of a node that must be numbers; a boolean column counts as 0 and 1."""
        value = self.value(node)
        if isinstance(node, Column) and isinstance(value, Factor):
            if node.name in self.scope.booleans:
                return np.array([level == "True" for level in value.levels], dtype=np.float64)[value.codes]
            raise DataError(
                f"`{self.text}` computes with `{node.name}`, which is not numeric",
                remedy=f"use `{node.name}` on its own, as a factor, or turn the column into numbers",
            )
        return float(value) if isinstance(value, int) and not isinstance(value, bool) else value

    def _call(self, node: Call) -> Any:
        """Call a whitelisted function; the grammar has checked its arguments."""
        if node.name == "C":
            return self._coded(node)
        if node.name in _ELEMENTWISE:
            return _ELEMENTWISE[node.name](self._number(node.arguments[0]))
        rest = [self.value(argument) for argument in node.arguments[1:]]
        options = {keyword: self.value(option) for keyword, option in node.options}
        state = self.state.setdefault(expression_text(node), {})
        return TRANSFORMS[node.name](self._number(node.arguments[0]), *rest, **options, _state=state)

    def _coded(self, node: Call) -> Any:
        """Evaluate ``C(data, contrast, levels=[...])``."""
        options = dict(node.options)
        contrast = node.arguments[1] if len(node.arguments) > 1 else options.get("contrasts")
        levels = self.value(options["levels"]) if "levels" in options else None
        coding = self._contrast(contrast) if isinstance(contrast, Call) else Coding("treatment", {})
        own = expression_text(node)
        data = self.value(node.arguments[0])
        return coded_factor(
            own, data, coding, None if levels is None else tuple(levels), self.state.setdefault(own, {})
        )

    def _contrast(self, node: Call) -> Coding:
        """Read a contrast, its options by position or by keyword."""
        contrast = CONTRASTS[node.name]
        positional = zip((option.name for option in contrast.options), node.arguments, strict=False)
        options = {**dict(positional), **dict(node.options)}
        return Coding(contrast.coding, {keyword: self.value(option) for keyword, option in options.items()})
