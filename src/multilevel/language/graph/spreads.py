"""The spread of nodes: an sd, a covariance matrix, or sds and a correlation matrix."""

from __future__ import annotations

import math
from typing import NoReturn

from multilevel.language.graph.scope import Scope, misplaced, vector_size
from multilevel.language.graph.tree import Argument, Name, Statement


def spread_of(scope: Scope, one: Statement) -> tuple[tuple[str | float, ...], str]:
    """Return the sds of a node's numbers, and the name of the matrix of a vector.

    Parameters
    ----------
    scope
        The names of the graph.
    one
        The statement of a node, with the right number of arguments.

    Returns
    -------
    tuple
        Names of sds, ``sqrt(v)`` where the variance has a name, or known ones; empty for a vector with a
        covariance matrix.
    str
        Name of the covariance matrix, of the correlation matrix beside sds, or "".

    Raises
    ------
    FormulaError
        Something else stands in their place.
    """
    if one.distribution == "Normal":
        return (_sd_of(scope, one.arguments[1]),), ""
    matrix = _sd_of(scope, one.arguments[-1])
    if isinstance(matrix, float):
        _fail_matrix(scope, one.arguments[-1], "covariance" if len(one.arguments) == 2 else "correlation")
    if len(one.arguments) == 2:
        return (), matrix
    listed, size = one.arguments[1], vector_size(one)
    if listed.items is None or len(listed.items) != size:
        found = "" if listed.items is None else f"; found {len(listed.items)}"
        scope.cursor.fail_between(
            f"the sds of a vector of {size} numbers must be a list of {size}{found}",
            listed.position,
            listed.stop,
            allowed="MVNormal([mean, mean], [sd, sd], Omega) or MVNormal([mean, mean], Sigma)",
        )
    return tuple(_sd_of(scope, item) for item in listed.items), matrix


def _fail_matrix(scope: Scope, argument: Argument, kind: str) -> NoReturn:
    scope.cursor.fail_between(
        f"a number stands where the {kind} matrix of MVNormal must stand",
        argument.position,
        argument.stop,
        allowed=f"the name of the matrix, {'Sigma' if kind == 'covariance' else 'Omega'}",
    )


def _sd_of(scope: Scope, argument: Argument) -> str | float:
    """Return the sd or covariance of a node: a parameter's name, or a known positive number."""
    cursor = scope.cursor
    root = argument.function == "sqrt"
    if argument.items is None and (root or not argument.function) and len(argument.sum) == 1:
        product = argument.sum[0]
        if not product.atoms and product.number > 0.0:
            return math.sqrt(product.number) if root else product.number
        if product.number == 1.0 and len(product.atoms) == 1 and isinstance(product.atoms[0], Name):
            name = product.atoms[0].value
            if name not in scope.nodes and not scope.is_column(name):
                return f"sqrt({name})" if root else name
            what = "a node" if name in scope.nodes else "a column of the data"
            cursor.fail_between(
                f"`{name}` is {what} and stands where the sd of a node must stand",
                argument.position,
                argument.stop,
                allowed="a parameter's name that no column has, or a positive number",
            )
    raise misplaced(scope, argument, "an sd", "a parameter's name, sqrt(variance), or a positive number")
