"""Formula text turned into named columns: formulaic's coding rules over our own evaluation."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from formulaic import Formula, ModelSpec
from formulaic.errors import FormulaicError
from formulaic.materializers import PandasMaterializer
from formulaic.materializers.types import EvaluatedFactor, FactorValues
from formulaic.parser.types import Factor as FormulaFactor
from formulaic.parser.types import Term as FormulaTerm
from interface_meta import override

from multilevel.design.expressions import State, evaluate
from multilevel.design.scope import Factor, Floats, Scope
from multilevel.errors import DesignError
from multilevel.language import Column, parse_terms
from multilevel.language import Factor as ParsedFactor
from multilevel.model.text import quoted


@dataclass(frozen=True, slots=True)
class Matrix:
    """Columns of one formula.

    Parameters
    ----------
    names
        As formulaic gives them.
    values
        ``(n, k)`` float64, Fortran order.
    terms
        For each column, the expressions whose product it is; empty for the intercept.
    categorical
        Expressions that are factors.
    empty
        Terms without a column: factors of one level beside an intercept.
    """

    names: tuple[str, ...]
    values: Floats
    terms: tuple[tuple[str, ...], ...]
    categorical: frozenset[str] = frozenset()
    empty: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Columns:
    """Makes the matrices of several formulas on one scope; each expression is evaluated once.

    Parameters
    ----------
    scope
        The columns of the table.
    state
        What stateful functions remember.
    """

    scope: Scope
    state: State
    _cache: dict[str, Any] = field(default_factory=dict)

    def matrix(self, formula: str) -> Matrix:
        """Return the columns of a formula with its intercept written out, ``"1 + days"``.

        Raises
        ------
        DesignError
            The text is no formula.
        DataError
            An expression cannot be computed.
        """
        products = _terms(formula)
        columns = _columns(formula)
        if all(name in columns and self._is_numeric(name) for product in products for name in product):
            return self._plain_matrix(products)
        return self._main_effects(formula) or self._coded_matrix(formula)

    def values(self, expression: str) -> Any:
        """Return the value of an expression, evaluated once."""
        if expression not in self._cache:
            self._cache[expression] = evaluate(expression, self.scope, self.state)
        return self._cache[expression]

    def given(self, expression: str, value: Any) -> None:
        """Take a value for an expression as it is, in place of evaluating it."""
        self._cache[expression] = value

    def _is_numeric(self, name: str) -> bool:
        """Whether a column is numeric."""
        return isinstance(self.scope[name], np.ndarray)

    def _plain_matrix(self, products: tuple[tuple[str, ...], ...]) -> Matrix:
        """Return the matrix of a formula that uses numeric columns as they are."""
        values = np.empty((self.scope.n_rows, len(products)), order="F")
        for position, product in enumerate(products):
            target = values[:, position]
            if not product:
                target[:] = 1.0
                continue
            target[:] = self.scope.numbers(product[0])
            for name in product[1:]:
                target *= self.scope.numbers(name)
        return Matrix(tuple(":".join(product) or "Intercept" for product in products), values, products)

    def _main_effects(self, formula: str) -> Matrix | None:
        """Return the matrix of an intercept, numbers and factors without interactions; ``None`` for others.

        The columns are those of formulaic's rules, at a tenth of the time for a small table.
        """
        products, columns = _terms(formula), _columns(formula)
        if not products or products[0] or any(len(product) != 1 for product in products[1:]):
            return None
        found = {name: self.scope[name] if name in columns else self.values(name) for (name,) in products[1:]}
        if any(
            type(value) not in (np.ndarray, Factor) or getattr(value, "ndim", 1) != 1
            for value in found.values()
        ):
            return None
        self._require_room(formula)
        sizes = [1, *(len(v.levels) - 1 if isinstance(v, Factor) else 1 for v in found.values())]
        values = np.empty((self.scope.n_rows, sum(sizes)), order="F")
        values[:, 0] = 1.0
        names: list[str] = ["Intercept"]
        terms: list[tuple[str, ...]] = [()]
        for name, value in found.items():
            if isinstance(value, Factor):
                for number, level in enumerate(value.levels[1:], start=1):
                    np.equal(value.codes, number, out=values[:, len(names)])
                    names.append(f"{name}[T.{level}]")
            else:
                values[:, len(names)] = value
                names.append(name)
            terms += [(name,)] * (len(names) - len(terms))
        categorical = frozenset(name for name, value in found.items() if isinstance(value, Factor))
        empty = tuple(name for name, size in zip(found, sizes[1:], strict=True) if size == 0)
        return Matrix(tuple(names), values, tuple(terms), categorical, empty)

    def _coded_matrix(self, formula: str) -> Matrix:
        """Return the matrix of any formula, coded by formulaic."""
        spec = ModelSpec(formula=_formula(formula), output="numpy", na_action="ignore")
        columns = _columns(formula)
        maker = _Materializer({}, n_rows=self.scope.n_rows)
        for factor in {factor for term in spec.formula for factor in term.factors}:
            maker.factor_cache[factor.expr] = self._evaluated(factor, factor.expr in columns)
        self._require_room(formula)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                made = maker.get_model_matrix(spec)
        except (FormulaicError, ValueError, TypeError, LookupError) as error:
            raise DesignError(f"the formula `{formula}` cannot be coded: {error}") from error
        terms: list[tuple[str, ...]] = []
        names: list[str] = []
        empty: list[str] = []
        for product, piece in zip(_terms(formula), made.model_spec.structure, strict=True):
            names += [str(name) for name in piece.columns]
            terms += [product] * len(piece.columns)
            empty += [] if piece.columns else [":".join(product)]
        categorical = frozenset(
            expression
            for expression, evaluated in maker.factor_cache.items()
            if evaluated.metadata.kind is FormulaFactor.Kind.CATEGORICAL
        )
        return Matrix(
            tuple(names), np.asfortranarray(np.asarray(made)), tuple(terms), categorical, tuple(empty)
        )

    def _require_room(self, formula: str) -> None:
        """Refuse a matrix of indicators that would not fit in memory, before it is made."""
        columns = _columns(formula)
        for product in _terms(formula):
            found = {name: self.scope[name] for name in product if name in columns}
            sizes = {name: len(value.levels) for name, value in found.items() if isinstance(value, Factor)}
            entries = math.prod(sizes.values()) * self.scope.n_rows
            if entries > _MOST_ENTRIES:
                largest = max(sizes, key=lambda name: sizes[name])
                raise DesignError(
                    f"`{':'.join(product)}` has {math.prod(sizes.values())} levels; their columns for "
                    f"{self.scope.n_rows} rows would take {8e-9 * entries:.0f} GB",
                    remedy=f"write them as group effects: `(1 | {quoted(largest)})`",
                )

    def _evaluated(self, factor: FormulaFactor, is_column: bool) -> EvaluatedFactor:
        """Return a factor of a term with its value, as formulaic wants it."""
        if factor.expr == _ONE:
            return EvaluatedFactor(factor=factor, values=FactorValues(1.0, kind="constant"), variables=None)
        found = self.scope[factor.expr] if is_column else self.values(factor.expr)
        value = found if isinstance(found, FactorValues) else FactorValues(found)
        if value.__formulaic_metadata__.kind is FormulaFactor.Kind.UNKNOWN:
            kind = "categorical" if isinstance(found, Factor) else "numerical"
            value = FactorValues(value, kind=kind, spans_intercept=kind == "categorical")
        return EvaluatedFactor(factor=factor, values=value, variables=None)


_MOST_ENTRIES = 5e8
"""Most numbers in the columns of one term: 4 GB."""

_ONE = " 1"
"""The name under which formulaic sees the constant; no column is called so."""


@lru_cache(maxsize=512)
def _terms(formula: str) -> tuple[tuple[str, ...], ...]:
    """Return the factors of each term; the constant has none."""
    terms = parse_terms(formula)
    products = tuple(tuple(_name(factor) for factor in term) for term in terms.terms)
    return ((), *products) if terms.intercept else products


def _name(factor: ParsedFactor) -> str:
    """Return a column's plain name, or the text of an expression."""
    return factor.expression.name if isinstance(factor.expression, Column) else factor.text


@lru_cache(maxsize=512)
def _columns(formula: str) -> frozenset[str]:
    """Return the factors of a formula that are columns as they are."""
    terms = parse_terms(formula).terms
    return frozenset(
        _name(factor) for term in terms for factor in term if isinstance(factor.expression, Column)
    )


@lru_cache(maxsize=512)
def _formula(formula: str) -> Formula:
    """Return a formula as formulaic writes it; its `ModelSpec` remembers levels and must be made anew."""
    return Formula(
        [
            FormulaTerm([FormulaFactor(name, eval_method="lookup") for name in product or (_ONE,)])
            for product in _terms(formula)
        ]
    )


class _Materializer(PandasMaterializer):  # type: ignore[misc]
    """formulaic's rules of coding, on our factors instead of a data frame's columns."""

    @override
    def _init(self) -> None:
        """Accept no data: every factor is evaluated beforehand."""

    @property
    @override
    def nrows(self) -> int:
        """Rows of every column."""
        return int(self.params["n_rows"])

    @override
    def _encode_categorical(
        self,
        values: Any,
        metadata: Any,
        encoder_state: dict[str, Any],
        spec: Any,
        drop_rows: Any,
        reduced_rank: bool = False,
    ) -> Any:
        """Return one indicator column for each level; the first is dropped where the rank asks for it."""
        columns = {
            level: (values.codes == number).astype(np.float64) for number, level in enumerate(values.levels)
        }
        return FactorValues(
            columns,
            kind="categorical",
            spans_intercept=True,
            drop_field=values.levels[0],
            format="{name}[{field}]",
            format_reduced="{name}[T.{field}]",
        )

    @override
    def _combine_columns(self, cols: Any, spec: Any, drop_rows: Any) -> Floats:
        """Return the columns side by side in Fortran order."""
        values = np.empty((self.nrows, len(cols)), order="F")
        for position, (_, column) in enumerate(cols):
            values[:, position] = column
        return values
