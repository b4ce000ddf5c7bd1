"""Model and schema -> outline: what a source must have, and what to ask it for before levels are known."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from multilevel.data.columns import refused
from multilevel.data.names import find_names
from multilevel.design.blueprint import LazyColumn, Outline, Schema
from multilevel.design.known import RowNumbers
from multilevel.design.rows import Missing
from multilevel.design.variables import columns_needed, variables_of
from multilevel.errors import DataError, DesignError, OptionError
from multilevel.language import (
    Binary,
    Call,
    Column,
    Expression,
    Factor,
    Unary,
    parse_expression,
    parse_terms,
)
from multilevel.model import Model
from multilevel.model.text import quoted

ELEMENTWISE = frozenset(
    ("log", "log2", "log10", "log1p", "exp", "expm1", "sqrt", "abs", "sin", "cos", "tan", "I")
)
"""Functions of one number, which every source can compute."""


def outline_of(
    model: Model,
    schema: Schema,
    *,
    precision_weights: RowNumbers = None,
    frequency_weights: RowNumbers = None,
    offset: RowNumbers = None,
    residual_sd: RowNumbers = None,
    missing: Missing = "report",
) -> Outline:
    """Return what to ask a source for.

    Parameters
    ----------
    model
        A linear model.
    schema
        Columns of the source.
    precision_weights, frequency_weights, offset, residual_sd, missing
        As in `design.bind`; rows are columns of the source, so that arrays are refused.

    Raises
    ------
    DataError
        A column is absent (with the nearest names), or of a kind that its use does not allow.
    DesignError
        The model has what cross-products by group do not hold.
    OptionError
        A keyword has a value that is not allowed.

    Examples
    --------
    >>> from multilevel.language import parse_formula
    >>> outline = outline_of(parse_formula("y ~ f * log(x) + (1 | g)"), {"y": "number", "x": "number",
    ...     "f": "text", "g": "text"})
    >>> [column.name for column in outline.numeric], outline.categorical, outline.factors
    (['log(x)'], ('f',), (('g',),))
    """
    if missing not in ("report", "drop", "error"):
        raise OptionError(f"missing={missing!r}", allowed='"report", "drop" or "error"')
    refuse_unsummable(model)
    given: dict[str, RowNumbers] = {
        "precision_weights": precision_weights,
        "frequency_weights": frequency_weights,
        "offset": offset,
        "residual_sd": residual_sd,
    }
    _refuse_arrays(given)
    needed = columns_needed(
        model,
        precision_weights=precision_weights,
        frequency_weights=frequency_weights,
        offset=offset,
        residual_sd=residual_sd,
    )
    _check_names(needed, schema)
    parts = variables_of(model)
    booleans = frozenset(name for name in needed if schema[name] == "boolean")
    factors = tuple(dict.fromkeys(term.factors for term in model.groups))
    weights, known = _precision(precision_weights, residual_sd)
    inverse = inverse_weight(weights)
    for option, name in given.items():
        if isinstance(name, str) and schema[name] not in ("number", "boolean"):
            raise DataError(f"`{option}` is the column `{name}`, which is not numeric", allowed="numbers")
    formulas = (model.fixed, *(term.effects for term in model.groups))
    numeric = {column.name: column for formula in formulas for column in _numeric_parts(formula, schema)}
    numeric |= {column.name: column for column in inverse}
    return Outline(
        model=model,
        needed=needed,
        numeric=tuple(numeric.values()),
        categorical=tuple(dict.fromkeys(name for text in formulas for name in _categorical(text, schema))),
        booleans=booleans,
        predictors=parts.predictors,
        grouping=parts.grouping,
        factors=factors,
        term_factor=tuple(factors.index(term.factors) for term in model.groups),
        response=_response(model, schema),
        offsets=_offsets(model, offset, schema),
        precision_weights=weights,
        frequency_weights=frequency_weights if isinstance(frequency_weights, str) else None,
        missing=missing,
        residual_sd=known,
        weighing=tuple((k, v) for k, v in given.items() if isinstance(v, str) and k != "offset"),
    )


def inverse_weight(weights: str | None) -> tuple[LazyColumn, ...]:
    """Return the column ``1 / w`` of the precision weights, whose mean tables of variances show."""
    if weights is None:
        return ()
    text = f"1 / {quoted(weights)}" if " " not in weights else f"1 / ({weights})"
    return (LazyColumn(text, (text,)),)


def refuse_unsummable(model: Model) -> None:
    """Raise `DesignError` for a model whose likelihood needs more than cross-products by group."""
    remedy = "collect the frame and give that to multilevel.fit or multilevel.sample"
    if not model.family.is_linear:
        raise DesignError(
            f"moments were asked of a {model.family.name} response, whose likelihood needs the rows",
            allowed="the gaussian family with identity link",
            remedy=remedy,
        )
    serial = [term for term in model.groups if term.covariance.serial]
    if serial:
        raise DesignError(
            f"moments were asked of a serial structure, {serial[0].covariance.value} by `{serial[0].group}`",
            allowed="(x | g), (x || g), diag(), homdiag() and cs() terms",
            remedy=remedy,
        )
    if model.dag is not None and model.dag.residual_groups:
        raise DesignError(
            "moments were asked of a graph whose residual sds differ between groups",
            allowed="one residual sd, or a column of known ones",
            remedy=remedy,
        )


def factor_columns(factor: Factor, schema: Schema) -> tuple[str, ...]:
    """Return the columns whose levels a factor of a term codes; none if it is a number in each row.

    Raises
    ------
    DataError
        The factor cannot be computed row by row, or computes with a text.
    """
    expression = factor.expression
    if isinstance(expression, Column):
        return () if schema[expression.name] == "number" else (expression.name,)
    if isinstance(expression, Call) and expression.name == "C":
        data = expression.arguments[0]
        if not isinstance(data, Column):
            raise _not_by_row(factor.text, "C(...) of a column as it is")
        return (data.name,)
    check_expression(factor.text, schema)
    return ()


def check_expression(text: str, schema: Schema) -> None:
    """Raise `DataError` unless an expression is a number that each row has by itself."""
    _check_node(parse_expression(text), text, schema)


def _check_node(node: Expression, text: str, schema: Schema) -> None:
    """Raise `DataError` for functions of several rows and for texts."""
    match node:
        case Column(name):
            if schema[name] not in ("number", "boolean"):
                raise DataError(
                    f"`{text}` computes with `{name}`, which is not numeric",
                    remedy=f"use `{name}` on its own, as a factor, or turn the column into numbers",
                )
        case Unary(_, operand):
            _check_node(operand, text, schema)
        case Binary(_, left, right):
            _check_node(left, text, schema)
            _check_node(right, text, schema)
        case Call(name, arguments):
            if name not in ELEMENTWISE:
                raise _not_by_row(text, ", ".join(sorted(ELEMENTWISE)))
            _check_node(arguments[0], text, schema)
        case _:
            return


def refuse_several_rows(model: Model) -> None:
    """Raise `DataError` if a column of a model is computed from several rows, as ``scale(x)`` is."""
    formulas = [model.fixed, *(term.effects for term in model.groups)]
    formulas += [model.inflation] if model.inflation else []
    terms = (term for formula in formulas for term in parse_terms(formula).terms)
    found = {factor.text: factor.expression for term in terms for factor in term}
    found |= {text: parse_expression(text) for text in model.offsets}
    for text, expression in found.items():
        if _is_of_several_rows(expression):
            raise _not_by_row(text, "C, " + ", ".join(sorted(ELEMENTWISE)))


def _is_of_several_rows(node: Expression) -> bool:
    """Whether an expression needs more than its own row."""
    match node:
        case Unary(_, operand):
            return _is_of_several_rows(operand)
        case Binary(_, left, right):
            return _is_of_several_rows(left) or _is_of_several_rows(right)
        case Call(name, arguments):
            return name not in (*ELEMENTWISE, "C") or _is_of_several_rows(arguments[0])
        case _:
            return False


def _not_by_row(text: str, allowed: str) -> DataError:
    return DataError(
        f"`{text}` cannot be computed where the rows are, row by row",
        allowed=allowed,
        remedy="compute the column first and name it in the formula, or collect the rows",
    )


def _refuse_arrays(given: dict[str, RowNumbers]) -> None:
    """Raise `OptionError` for keywords that are arrays: rows of a source have no order."""
    for name, value in given.items():
        if isinstance(value, bool):
            raise OptionError(f"{name}={value!r} is no number", allowed="a number or a column's name")
        if value is None or isinstance(value, str):
            continue
        if np.ndim(value) > 0 or name.endswith("weights"):
            found = repr(value) if np.ndim(value) == 0 else "an array"
            raise OptionError(
                f"`{name}` is {found}, and the rows stay where they are",
                allowed="the name of a column" + ("" if name.endswith("weights") else ", or one number"),
                remedy="put it into a column of the data",
            )


def _check_names(needed: tuple[str, ...], schema: Schema) -> None:
    """Raise `DataError` for columns that are absent or hold what no model can use."""
    for name, own in find_names(needed, list(schema)).items():
        if name != own:
            raise DataError(
                f"the column `{own}` differs from `{name}` of the formula in its Unicode form",
                remedy="write the formula with the column's own name",
            )
        if schema[name] == "other":
            raise refused(name, "other than number, boolean or text")


def _precision(weights: RowNumbers, residual_sd: RowNumbers) -> tuple[str | None, float | None]:
    """Return the column or expression of the precision weights, and the known residual sd."""
    column = weights if isinstance(weights, str) else None
    if residual_sd is None:
        return column, None
    if isinstance(residual_sd, str):
        if column is not None:
            raise OptionError(
                "`residual_sd` for each row and `precision_weights` were both given",
                allowed="one of them, or one number as `residual_sd` beside `precision_weights`",
            )
        sd = quoted(residual_sd)
        return f"1 / ({sd} * abs({sd}))", 1.0  # negative where the sd is, which is refused
    value = float(residual_sd)  # type: ignore[arg-type]
    if not np.isfinite(value) or value <= 0.0:
        raise DataError(f"`residual_sd` is {value:g}", allowed="a finite positive number")
    return column, value


def _response(model: Model, schema: Schema) -> str:
    """Return the expression of the response, or raise `DataError` unless it is a number in each row."""
    expression = parse_expression(model.response)
    if isinstance(expression, Column):
        if schema[expression.name] != "number":
            raise DataError(
                f"the response `{model.response}` is not numeric: it is a {schema[expression.name]} column",
                allowed="one number in each row",
                remedy="turn it into numbers if a linear model of them is meant",
            )
        return expression.name
    check_expression(model.response, schema)
    return model.response


def _offsets(model: Model, given: RowNumbers, schema: Schema) -> tuple[str | float, ...]:
    """Return the offsets of the formula and the one given."""
    found: list[str | float] = []
    for text in model.offsets:
        check_expression(text, schema)
        expression = parse_expression(text)
        found.append(expression.name if isinstance(expression, Column) else text)
    if given is not None:
        found.append(given if isinstance(given, str) else float(given))  # type: ignore[arg-type]
    return tuple(found)


def _numeric_parts(formula: str, schema: Schema) -> Iterable[LazyColumn]:
    """Yield the numeric part of each term of a formula that has one."""
    for term in parse_terms(formula).terms:
        numbers = tuple(numeric_name(factor) for factor in term if not factor_columns(factor, schema))
        if numbers:
            yield LazyColumn(":".join(numbers), numbers)


def _categorical(formula: str, schema: Schema) -> Iterable[str]:
    """Yield the columns whose levels the terms of a formula code."""
    for term in parse_terms(formula).terms:
        for factor in term:
            yield from factor_columns(factor, schema)


def numeric_name(factor: Factor) -> str:
    """Return a column's bare name, or the text of an expression."""
    return factor.expression.name if isinstance(factor.expression, Column) else factor.text
