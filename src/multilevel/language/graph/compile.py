"""The door of the graph language: statements become a `Model` with the same engines as a formula's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import replace

from multilevel.errors import OptionError
from multilevel.language.graph.flow import Flow, components, flow_of
from multilevel.language.graph.means import Piece, has_basis, product_text
from multilevel.language.graph.parameters import law_of, priors_of
from multilevel.language.graph.reader import read_statements
from multilevel.language.graph.responses import Response, response_of
from multilevel.language.graph.roles import check_roles
from multilevel.language.graph.scope import Scope, scope_of
from multilevel.language.graph.spreads import spread_of
from multilevel.language.pieces import expression_variables, parse_terms
from multilevel.model import Covariance, GroupTerm, Model, formula_text
from multilevel.model.graph import Graph, Node


def parse_graph(text: str, columns: Collection[str] | None = None) -> Model:
    """Read a graph of distribution statements.

    Parameters
    ----------
    text
        One statement a line: ``A[app] ~ Normal(P[publisher], sigma_A)``.
    columns
        Names of the data's columns, which tell parameters and columns apart. Without them the first name of
        a product is its coefficient and a name by itself a parameter.

    Returns
    -------
    Model
        With ``graph``. Nodes have become coefficients and grouped terms.

    Raises
    ------
    FormulaError
        With a caret under the fault.
    OptionError
        If ``text`` is not text.

    Examples
    --------
    >>> model = parse_graph('''
    ...     P[publisher] ~ Normal(mu, sigma_P)
    ...     A[app]       ~ Normal(P[publisher], sigma_A)
    ...     stars        ~ Normal(A[app], sigma)
    ... ''')
    >>> model.text
    'stars ~ 1 + (1 | publisher) + (1 | app)'
    """
    if not isinstance(text, str):
        raise OptionError(
            f"a graph must be text; found {type(text).__name__}", remedy='graph("y ~ Normal(mu, sigma)")'
        )
    cursor, statements = read_statements(text)
    scope = scope_of(cursor, statements, columns)
    response = response_of(scope)
    flow = flow_of(scope, response.predictor)
    nodes = _nodes(scope, flow)
    _check_response(scope, response, flow)
    thresholds = response.family.name == "ordinal"
    coefficients = _coefficients(scope, flow, thresholds=thresholds)
    check_roles(scope, response, coefficients)
    offset, offsets = _offsets(flow)
    first = [] if "1" in coefficients.values() else ["1" if thresholds else "0"]
    fixed = parse_terms(" + ".join([*first, *_ordered(coefficients)]))
    graph = Graph(
        text,
        nodes,
        tuple(piece.part for piece in flow.response),
        coefficients,
        offset,
        response.residual,
        response.residual_column,
        response.residual_groups,
        response.family_parameters,
        priors_of(scope, nodes, response, coefficients),
        law_of(scope),
    )
    groups = tuple(_term(node) for node in nodes)
    model = Model(
        "",
        response.text,
        fixed.text,
        groups,
        offsets,
        _variables(response, fixed.columns, nodes, offsets),
        trials=response.trials,
        family=response.family,
        dag=graph,
    )
    return replace(model, text=formula_text(model))


def _ordered(coefficients: dict[str, str]) -> list[str]:
    """Return the terms of the fixed part, the intercept first."""
    terms = list(coefficients.values())
    return [*(["1"] if "1" in terms else []), *(term for term in terms if term != "1")]


def _nodes(scope: Scope, flow: Flow) -> tuple[Node, ...]:
    """Return the nodes with the effects that they are at the response."""
    found: list[Node] = []
    seen: dict[tuple[frozenset[str], frozenset[tuple[str, int]]], str] = {}
    for place, one in enumerate(flow.order):
        names = components(one)
        columns = tuple(product_text(flow.reach[name]) for name in names)
        for name in names:
            key = (frozenset(one.index), frozenset(Counter(flow.reach[name]).items()))
            if key in seen:
                scope.cursor.fail_between(
                    f"`{name}` and `{seen[key]}` vary between the levels of {', '.join(one.index)} and reach "
                    "the response in the same way: only their sum can be known",
                    one.position,
                    one.stop,
                    remedy="leave one of them out",
                )
            seen[key] = name
        sds, matrix = spread_of(scope, one)
        found.append(
            Node(
                ", ".join(one.names),
                one.index,
                names,
                tuple(tuple(piece.part for piece in flow.means[name]) for name in names),
                sds,
                "" if sds else matrix,
                place,
                columns,
                one.position,
                matrix if sds else "",
            )
        )
    return tuple(found)


def _coefficients(scope: Scope, flow: Flow, *, thresholds: bool) -> dict[str, str]:
    """Return the column of each unknown coefficient, ``"1"`` for the intercept, which thresholds exclude."""
    found: dict[str, list[tuple[str, ...]]] = {}
    where: dict[str, Piece] = {}
    for on, part in _parts(flow):
        if part.parameter:
            found.setdefault(part.parameter, []).append((*part.columns, *on))
            where.setdefault(part.parameter, part)
    texts: dict[str, str] = {}
    seen: dict[frozenset[tuple[str, int]], str] = {}
    for name, ways in found.items():
        piece = where[name]
        if len({frozenset(Counter(way).items()) for way in ways}) < len(ways):
            scope.cursor.fail_between(
                f"`{name}` is added twice to the same rows",
                piece.position,
                piece.stop,
                remedy="leave one of the two out",
            )
        text = product_text(ways[0]) or "1"
        if len(ways) > 1:
            _check_sum(scope, name, piece, ways)
            text = f"I({' + '.join(' * '.join(way) or '1' for way in ways)})"
        key = frozenset(Counter(ways[0]).items()) if len(ways) == 1 else frozenset({(text, 1)})
        if key in seen:
            other = "every row" if text == "1" else f"the rows, times `{text}`"
            scope.cursor.fail_between(
                f"`{seen[key]}` and `{name}` are both added to {other}: only their sum can be known",
                piece.position,
                piece.stop,
                remedy=f"write 0 in place of `{name}`",
            )
        if thresholds and text == "1":
            scope.cursor.fail_between(
                f"`{name}` and the thresholds of Ordinal: only their differences can be known",
                piece.position,
                piece.stop,
                remedy=f"write 0 in place of `{name}`",
            )
        seen[key] = name
        texts[name] = text
    return texts


def _check_sum(scope: Scope, name: str, piece: Piece, ways: list[tuple[str, ...]]) -> None:
    """Raise if one coefficient has several products of columns and one of them is no number a row."""
    if any(has_basis(way) for way in ways):
        scope.cursor.fail_between(
            f"`{name}` is the coefficient of several products, and one of them has several columns",
            piece.position,
            piece.stop,
            remedy="give each product a coefficient of its own",
        )


def _check_response(scope: Scope, response: Response, flow: Flow) -> None:
    """Raise if the response is one of its own predictors."""
    for on, piece in _parts(flow):
        if response.text in (*piece.columns, *on):
            scope.cursor.fail_between(
                f"the response `{response.text}` is also a term",
                piece.position,
                piece.stop,
                remedy="leave it out",
            )


def _parts(flow: Flow) -> list[tuple[tuple[str, ...], Piece]]:
    """Return every summand of every mean, with what multiplies it on the way to the response."""
    found = []
    for one in flow.order:
        for name in components(one):
            found += [(flow.reach[name], piece) for piece in flow.means[name]]
    return [*found, *(((), piece) for piece in flow.response)]


def _offsets(flow: Flow) -> tuple[float, tuple[str, ...]]:
    """Return the known constant and the known columns of the linear predictor."""
    constant, texts = 0.0, []
    for on, piece in _parts(flow):
        if piece.parameter or piece.node:
            continue
        columns = (*piece.columns, *on)
        if not columns:
            constant += piece.number
        elif piece.number == 1.0 and len(columns) == 1:
            texts.append(columns[0])
        else:
            texts.append(f"I({piece.number!r} * {' * '.join(columns)})")
    return constant, tuple(texts)


def _term(node: Node) -> GroupTerm:
    """Return the grouped term of a node."""
    columns = [column for column in node.columns if column]
    start = "1" if "" in node.columns else "0"
    return GroupTerm(parse_terms(" + ".join([start, *columns])).text, node.index, Covariance.UNSTRUCTURED, 0)


def _variables(
    response: Response, fixed: tuple[str, ...], nodes: tuple[Node, ...], offsets: tuple[str, ...]
) -> tuple[str, ...]:
    """Return every column that the model needs."""
    names = [*response.columns, *response.trial_columns, *fixed]
    for node in nodes:
        for column in node.columns:
            names += parse_terms(f"0 + {column}").columns if column else ()
        names += node.index
        for mean in node.means:
            for part in mean:
                names += parse_terms(f"0 + {part.columns}").columns if part.columns else ()
    for offset in offsets:
        names += expression_variables(offset)
    return tuple(dict.fromkeys(names))
