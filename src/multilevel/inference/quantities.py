"""The quantities of a result: what each is in the model, what the engine did with it, and its value."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from multilevel.inference.posterior_draws import named_draws
from multilevel.inference.posterior_tables import posterior_table
from multilevel.inference.tables import table
from multilevel.inference.variance import RESIDUAL
from multilevel.model import Model
from multilevel.model.graph import Graph, Node
from multilevel.model.priors import Fixed
from multilevel.model.quantities import ROWS, Quantity, parameter_of, priors_by_name
from multilevel.model.text import effect_name, split_terms
from multilevel.results import Columns, FitOptions
from multilevel.results.known_sds import known_sds
from multilevel.results.posterior import Posterior, Result
from multilevel.results.questions import Question

Value = tuple[float, float]
"""Estimate and standard error, or posterior mean and sd."""
NONE: Value = (float("nan"), float("nan"))
READINGS = {
    "fixed effect": "only the residual is random; all coefficients are parameters, estimated with "
    "method={method!r}",
    "mixed effect": "parameters are estimated with method={method!r} on the marginal distribution of the "
    "response; the nodes are integrated out there, and predicted by their mean given the data",
    "fully Bayesian": "everything unknown has a distribution, and is sampled with method={method!r}",
}
"""The three readings of a multilevel model."""


def reading(result: Result) -> str:
    """Return how a result reads its model, in a sentence that begins with the name of the reading.

    Parameters
    ----------
    result
        A fit or a posterior.

    Examples
    --------
    >>> import multilevel as ml
    >>> reading(ml.fit("wait ~ afternoon", ml.datasets.load("cafes")))[:34]
    'fixed effect: only the residual is'
    """
    kind = "mixed effect" if result.design.terms else "fixed effect"
    kind = "fully Bayesian" if isinstance(result, Posterior) else kind
    return f"{kind}: {READINGS[kind].format(method=result.method)}"


def quantities(result: Result) -> Columns:
    """Return every quantity of a result's graph.

    Parameters
    ----------
    result
        A fit or posterior; a formula's model is taken as its graph.

    Returns
    -------
    Columns quantity, role, index, distribution, treatment, estimate, std_error (of a posterior: mean, sd).
    Treatment is "given as data", "fixed" (a known number), "estimated", "integrated out and predicted",
    "sampled" or "left out" (a coefficient of columns that add nothing). Values are NaN where a quantity is
    not one number, and standard errors where the engine has none. A covariance matrix is followed by its
    sds and correlations, ``Sigma.sd(a)``.

    Raises
    ------
    OptionError
        If the model has what graphs cannot say.
    """
    model = result.design.model.graph()
    graph = model.dag
    if graph is None:
        raise TypeError("a model without graph")
    values = _values(result, model, graph)
    rows = [
        one for each in model.quantities().rows for one in _with_parts(graph, _as_given(result, graph, each))
    ]
    cells = [values.get(row.name, NONE) if "variable" not in row.role else NONE for row in rows]
    aliased = {_factors(alias.name) for alias in result.design.fixed.aliased}
    absent = {name for name, term in graph.coefficients.items() if _factors(effect_name(term)) in aliased}
    bayesian = isinstance(result, Posterior)
    first, second = ("mean", "sd") if bayesian else ("estimate", "std_error")
    return {
        "quantity": [row.name for row in rows],
        "role": [row.role for row in rows],
        "index": [", ".join(row.index) for row in rows],
        "distribution": [row.distribution for row in rows],
        "treatment": [
            "left out" if row.name in absent else _treatment(row, value, bayesian=bayesian)
            for row, value in zip(rows, cells, strict=True)
        ],
        first: np.array([value for value, _ in cells]),
        second: np.array([error for _, error in cells]),
    }


def _as_given(result: Result, graph: Graph, row: Quantity) -> Quantity:
    """Return a quantity; sds as the constants that the keywords ``known`` and ``residual_sd`` made them."""
    if row.role == "parameter" and row.name in _given_sds(result, graph):
        return Quantity(row.name, "constant")
    known = result.options.residual_sd
    if row.name != parameter_of(str(graph.residual)) or row.role != "parameter" or known is None:
        return row
    return Quantity(row.name, "constant", () if isinstance(known, int | float) else ROWS)


def _given_sds(result: Result, graph: Graph) -> set[str]:
    """Return the parameters of nodes' sds that the keyword ``known`` gives."""
    options = result.options
    if isinstance(result, Posterior) or not isinstance(options, FitOptions) or options.known is None:
        return set()
    known = known_sds(result.design.model, options.known, method=options.method, ddf=options.ddf) or ()
    names = (sd for node in graph.nodes for sd in node.sds if known[node.term] is not None)
    return {parameter_of(sd) for sd in names if isinstance(sd, str)}


def _treatment(row: Quantity, value: Value, *, bayesian: bool) -> str:
    """Return what the engine did with a quantity."""
    if row.role == "observed variable" or (row.role == "constant" and row.index):
        return "given as data"
    if row.role == "constant" or value[1] == 0.0:
        return "fixed"
    if bayesian:
        return "sampled"
    return "estimated" if row.role == "parameter" else "integrated out and predicted"


def _with_parts(graph: Graph, row: Quantity) -> Iterator[Quantity]:
    """Yield a quantity, and after a matrix the sds and correlations in it."""
    yield row
    for node in graph.nodes:
        if row.name in (node.covariance, node.correlation):
            yield from (Quantity(name, "parameter") for name in _parts(node))


def _parts(node: Node) -> dict[str, tuple[int, ...]]:
    """Return the sds and correlations of a node's matrix by name, with the components that they are of."""
    matrix, names = node.covariance or node.correlation, node.components
    sds = {f"{matrix}.sd({name})": (place,) for place, name in enumerate(names)} if node.covariance else {}
    pairs = itertools.combinations(range(len(names)), 2)
    return {**sds, **{f"{matrix}.correlation({names[i]}, {names[j]})": (i, j) for i, j in pairs}}


def _values(result: Result, model: Model, graph: Graph) -> dict[str, Value]:
    """Return the values of the quantities that are one number, by name."""
    priors = priors_by_name(graph).items()
    found: dict[str, Value] = {name: (one.value, 0.0) for name, one in priors if isinstance(one, Fixed)}
    numbers = [sd for node in graph.nodes for sd in node.sds] + [graph.residual]
    numbers += [float(model.trials)] if model.trials.isdigit() else []
    found |= {f"{number:g}": (number, 0.0) for number in numbers if isinstance(number, float)}
    found = {**_coefficients(result, graph), **found}
    for node in graph.nodes:
        found |= _spread(result, node)
    sds = _table(result, "variance_components", ("group",), "sd")
    if isinstance(graph.residual, str) and not graph.residual_groups and not graph.residual_column:
        known = result.options.residual_sd
        if isinstance(known, int | float):
            found |= _named(result, graph.residual, (float(known), 0.0), "sigma")
        elif known is None and (RESIDUAL,) in sds:
            found |= _named(result, graph.residual, sds[(RESIDUAL,)], "sigma")
    if not model.family.is_linear:
        family = _table(result, "family_parameters", ("term",), "estimate")
        names = {key: graph.family_parameters.get(key, key) for key in model.family.parameters}
        found |= {name: family[(key,)] for key, name in names.items() if (key,) in family}
    if model.inflation:
        zeros = _table(result, "zero_inflation", ("term",), "estimate")
        found |= {f"zeros({key[0]})": value for key, value in zeros.items()}
    if isinstance(result, Posterior) and graph.residual_law:
        law = posterior_table(result, "residual_law")
        rows = zip(graph.residual_law[1:], law["mean"], law["sd"], strict=True)
        found |= {name: (float(mean), float(sd)) for name, mean, sd in rows if isinstance(name, str)}
    return found


def _coefficients(result: Result, graph: Graph) -> dict[str, Value]:
    """Return the coefficients whose term is one column."""
    by_factors = {
        _factors(key[0]): value
        for key, value in _table(result, "fixed_effects", ("term",), "estimate").items()
    }
    terms = {name: "Intercept" if term == "1" else term for name, term in graph.coefficients.items()}
    keys = {name: _factors(effect_name(term)) for name, term in terms.items()}
    return {name: by_factors[key] for name, key in keys.items() if key in by_factors}


def _factors(name: str) -> tuple[str, ...]:
    """Return the factors of a coefficient's name in an order of their own."""
    return tuple(sorted(split_terms(name, ":")))


def _spread(result: Result, node: Node) -> dict[str, Value]:
    """Return the sds and correlations of a node."""
    effects = [effect_name(column) for column in node.columns]
    sds = _table(result, "variance_components", ("group", "term"), "sd")
    each = [sds.get((node.group, effect), NONE) for effect in effects]
    found: dict[str, Value] = {}
    for sd, value, effect in zip(node.sds, each, effects, strict=False):
        found |= _named(result, sd, value, f"sd({node.group}, {effect})") if isinstance(sd, str) else {}
    correlations: dict[tuple[str, ...], Value] = {}
    if len(effects) > 1:
        correlations = _table(result, "correlations", ("group", "term_1", "term_2"), "correlation")
    for name, places in _parts(node).items():
        if len(places) == 1:
            found[name] = each[places[0]]
            continue
        one, other = (effects[place] for place in places)
        back = correlations.get((node.group, other, one), NONE)
        found[name] = correlations.get((node.group, one, other), back)
    return found


def _named(result: Result, sd: str, value: Value, drawn: str) -> dict[str, Value]:
    """Return the value of an sd by its name, or that of the variance whose root it is."""
    name, (estimate, error) = parameter_of(sd), value
    if sd == name:
        return {name: value}
    if isinstance(result, Posterior) and error != 0.0:
        named = named_draws(result)
        draws = named[f"residual {drawn}" if f"residual {drawn}" in named else drawn] ** 2
        return {name: (float(draws.mean()), float(draws.std(ddof=1)))}
    return {name: (estimate**2, 0.0 if error == 0.0 else NONE[1])}


def _table(
    result: Result, question: Question, keys: tuple[str, ...], value: str
) -> dict[tuple[str, ...], Value]:
    """Return value and standard error of each row of a table, by the cells of some columns."""
    if isinstance(result, Posterior):
        columns, first, second = posterior_table(result, question), "mean", "sd"
    else:
        columns, first, second = table(result, question), value, "std_error"
    errors = columns.get(second, [NONE[1]] * len(columns[first]))
    labels = zip(*(columns[key] for key in keys), strict=True)
    return {
        tuple(map(str, label)): (float(estimate), float(error))
        for label, estimate, error in zip(labels, columns[first], errors, strict=True)
    }
