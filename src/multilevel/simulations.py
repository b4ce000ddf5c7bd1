"""The door of simulation: data and the true values of every node, drawn from a graph at known parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilevel.data import Column, Table, column_names, read_table
from multilevel.data.give_back import to_library, with_column
from multilevel.design import columns_needed
from multilevel.design.drawn_table import draw_table
from multilevel.design.known import read_known
from multilevel.design.rows import choose_rows
from multilevel.design.streams import seed_number
from multilevel.errors import OptionError
from multilevel.graphs import with_columns
from multilevel.inference.drawn_nodes import draw_nodes
from multilevel.inference.true_parameters import check_parameters
from multilevel.language import expression_variables, given_model
from multilevel.model import Model, quoted
from multilevel.model.families import Family
from multilevel.results.options import check_flag
from multilevel.results.questions import Frame

__all__ = ["Simulation", "simulate"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Simulation:
    """Data drawn from a model whose parameters are known.

    Parameters
    ----------
    data
        A table with the response; the caller's own with its column filled, or one made from sizes, in which
        levels are numbered from 1.
    nodes
        A table with columns node, level, value: the true value of every level of every node on the node's own
        scale, in the order of ``Fit.nodes`` of a fit to the data; then residual sds of groups.
    parameters
        As given.
    model
        The graph.
    seed
        That draws the same again.

    Examples
    --------
    >>> import multilevel as ml
    >>> truth = {"a": 3, "sigma_a_cafe": 1, "sigma": 0.5}
    >>> made = ml.simulate("wait ~ 1 + (1 | cafe)", {"cafe": 5, "rows": 50}, truth, seed=1)
    >>> made.nodes.columns.tolist(), made.model.text
    (['node', 'level', 'value'], 'wait ~ 1 + (1 | cafe)')
    """

    data: Frame
    nodes: Frame
    parameters: Mapping[str, Any]
    model: Model
    seed: int


def simulate(
    model: str | Model,
    data_or_sizes: object,
    parameters: Mapping[str, Any],
    *,
    seed: int | np.random.Generator,
    family: str | Family | None = None,
    balanced: bool = False,
) -> Simulation:
    """Draw data, and the true value of every node, from a graph or formula at known parameters.

    Parameters
    ----------
    model
        A graph; or a formula, which is written as a graph: ``ml.formula(...).graph().dag.text`` shows the
        names of its parameters.
    data_or_sizes
        A table with the columns of the model; its response, if it has one, is not used. Or a dictionary of
        sizes, ``{"publisher": 100, "app": 1000, "device": 50, "rows": 20000}``:

        - for each column of an index the number of its levels in all (``app`` has 1000 levels, not 1000 in
          each publisher). Parents are drawn at random so that every parent has a child; rows have levels at
          random, each at least once if there are rows enough;
        - ``"rows"``; for balanced data it may be left out: one row for each combination;
        - predictors, standard normal if they are not named: ``"normal"``, ``"binary"``, a number, an array,
          or a function of a generator and a length. A predictor in the mean of a node has one value for
          each level of the node's index, any other one for each row. Known residual sds and trials must be
          given.
    parameters
        The value of every parameter by its name in the graph. A covariance matrix is a matrix or ``{"sds":
        [1, 0.5], "correlation": -0.7}``; the coefficient of a category a list, one for each level but the
        first. Parameters of the family have the graph's names or, where it gives none, the family's own
        (``phi``, ``theta``, ``nu``, ``sigma``); cut points of an ordinal response are ``thresholds``.
    seed
        A whole number, or a NumPy generator, which is advanced. Each quantity has random numbers of its own,
        which do not depend on the order of the statements.
    family
        As in `fit`, for a formula.
    balanced
        With sizes: every combination of levels has the same number of rows, parents have the same number of
        children as far as it goes, and ``"binary"`` predictors alternate.

    Returns
    -------
    Simulation

    Raises
    ------
    MultilevelError
        One of its kinds; `OptionError` with the full list if parameters are missing or unknown.

    Examples
    --------
    >>> import multilevel as ml
    >>> cafes = ml.graph('''
    ...     [a, b][cafe] ~ MVNormal([a_mean, b_mean], Sigma)
    ...     wait         ~ Normal(a[cafe] + b[cafe] * afternoon, sigma)
    ... ''')
    >>> truth = {"a_mean": 3.5, "b_mean": -1, "Sigma": {"sds": [1, 0.5], "correlation": -0.7}, "sigma": 0.5}
    >>> sizes = {"cafe": 20, "rows": 200, "afternoon": "binary"}
    >>> coffee = ml.simulate(cafes, sizes, truth, seed=1, balanced=True)
    >>> coffee.data.shape, coffee.nodes.shape
    ((200, 3), (40, 3))
    """
    check_flag("balanced", balanced)
    number = seed_number(seed)
    if balanced and _sizes(data_or_sizes) is None:
        raise OptionError("balanced=True was given with a table", allowed="balanced=True with sizes")
    given, _ = given_model(model, lme4_compat=False, family=family)
    found, sizes = _graph(given, data_or_sizes, parameters)
    if sizes is not None:
        table = draw_table(found, sizes, seed=number, balanced=balanced)
    else:
        table = _table(found, data_or_sizes)
    values = check_parameters(found, parameters)
    drawn = draw_nodes(found, table, values, seed=number)
    data = _data(found, table, drawn.response, data_or_sizes if sizes is None else None)
    return Simulation(data, to_library(drawn.nodes, table.library), values, found, number)


def _graph(
    model: Model, data: object, parameters: Mapping[str, Any]
) -> tuple[Model, Mapping[str, Any] | None]:
    """Return the graph read with the names of the columns, and the sizes if they are given."""
    if model.inflation:
        raise OptionError(
            "simulate was asked of a model with zero inflation",
            allowed="graphs, which have none in this version",
            remedy="multilevel.fit(...).simulate",
        )
    sizes = _sizes(data)
    if sizes is None:
        names = {*column_names(data), *expression_variables(model.response)}
    else:
        names = {*model.variables, *(name for name in sizes if name != "rows")}
        names -= set(parameters) if isinstance(parameters, Mapping) else set()
    read = with_columns(model, dict.fromkeys(names))
    assert isinstance(read, Model)
    found = read.graph()
    if found.response != quoted(_response(found)):
        raise OptionError(
            f"simulate was asked of the response `{found.response}`",
            allowed="a column without a function round it",
            remedy="a model of the column itself, and its inverse function of what is drawn",
        )
    return found, sizes


def _response(model: Model) -> str:
    """Return the column of the response."""
    return expression_variables(model.response)[0]


def _sizes(data: object) -> Mapping[str, Any] | None:
    """Return sizes if the data are that: a dictionary in which not everything is an array."""
    if not isinstance(data, Mapping):
        return None
    whole = any(
        isinstance(value, int | np.integer | float | str) or callable(value) for value in data.values()
    )
    return data if whole or not data else None


def _table(model: Model, data: object) -> Table:
    """Read the columns of the model besides its response; none of them may be missing."""
    graph = model.dag
    assert graph is not None
    column = graph.residual_column or None
    every = columns_needed(
        model, residual_sd=column, residual_groups=":".join(map(quoted, graph.residual_groups)) or None
    )
    table = read_table(data, [name for name in every if name != _response(model)])
    none = read_known(table, precision_weights=None, frequency_weights=None, offset=None, residual_sd=None)
    grouping = [name for node in graph.nodes for name in node.index] + [*graph.residual_groups]
    choose_rows(table, none, used=tuple(table.columns), grouping=tuple(grouping), missing="error")
    return table


def _data(model: Model, table: Table, response: Floats, given: object) -> Frame:
    """Return the caller's table with the response, or the one made from sizes."""
    name = _response(model)
    if given is not None and not isinstance(given, str | Path):
        return with_column(given, name, response)
    columns = {one: _plain(column) for one, column in table.columns.items()}
    return to_library({name: response, **columns}, table.library)


def _plain(column: Column) -> NDArray[Any]:
    """Return a column as the numbers or labels that it holds; whole numbers as such."""
    if column.levels is not None:
        return np.array(column.levels, dtype=object)[column.values.astype(np.int64)]
    whole = column.values.astype(np.int64)
    return whole if (whole == column.values).all() else column.values
