"""The door of graphs: statements become a model, read again with the columns of the data."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from multilevel.data import column_names
from multilevel.design.priors import Priors
from multilevel.errors import OptionError
from multilevel.language import parse_formula, parse_terms, with_family
from multilevel.language.graph import parse_graph
from multilevel.model import Model
from multilevel.model.families import REGISTRY
from multilevel.model.priors import Fixed
from multilevel.model.quantities import parameter_of, priors_by_name
from multilevel.results.options import FitOptions, Given
from multilevel.results.posterior_options import SampleOptions

__all__ = ["graph"]


def graph(text: str, data: object = None) -> Model:
    """Read a model written as a directed acyclic graph of distribution statements.

    Parameters
    ----------
    text
        One statement a line (or after a semicolon); ``#`` begins a comment. Left of ``~`` stands a node with
        the columns whose levels it has (``A[app]``), several of them (``[a, b][cafe]``), the response (a
        column), or a parameter that gets a prior. Right of it stands a distribution:

        - ``Normal(mean, sd)`` of a node or the response; ``MVNormal([mean, mean], Sigma)`` of a vector node,
          or ``MVNormal([mean, mean], [sd, sd], Omega)`` with sds and a correlation matrix; its numbers are
          ``b[school][0]``, ``b[school][1]``;
        - of a response also ``Bernoulli(logistic(mean))``, ``Binomial(trials, logistic(mean))``,
          ``Poisson(exp(mean))``, ``NegativeBinomial``, ``Gamma``, ``Beta``, ``StudentT``, ``Ordinal`` and the
          other families, with the function that undoes the link round the mean;
        - a prior of a parameter: ``mu ~ Normal(0, 10)``, ``Sigma ~ InverseWishart(4, [[1, 0], [0, 1]])``.

        A mean is a sum of nodes, of unknown parameters, and of products ``b * x`` or ``A[app] * x`` with
        columns of the data. ``data(x)`` is the column itself, with coefficient 1. An sd is a parameter,
        ``sqrt(v)`` of a variance ``v``, or a number; that of the response may also be a column of known sds,
        or one for each group, ``s[g]``, with a law of its own:
        ``s[g] ~ LogNormal(mu_s, tau_s)``.
    data
        A table, to tell columns from parameters now; `fit` and `sample` do it in any case. Without it the
        first name of a product is its coefficient, and a name by itself a parameter.

    Returns
    -------
    Model
        The same model as that of a formula, with ``graph``.

    Raises
    ------
    FormulaError
        With a caret under the fault.

    Examples
    --------
    >>> import multilevel as ml
    >>> cafes = ml.graph('''
    ...     [a, b][cafe] ~ MVNormal([a_mean, b_mean], Sigma)
    ...     wait         ~ Normal(a[cafe] + b[cafe] * afternoon, sigma)
    ... ''')
    >>> cafes.text
    'wait ~ 1 + afternoon + (1 + afternoon | cafe)'
    >>> round(ml.fit(cafes, ml.datasets.load("cafes")).deviance, 2)
    363.71
    """
    return parse_graph(text, None if data is None else column_names(data))


def with_columns(model: object, data: object) -> object:
    """Return a model whose graph has been read again with the columns of the data; others as they are."""
    if not isinstance(model, Model) or model.dag is None:
        return model
    again = parse_graph(model.dag.text, column_names(data))
    zeros = parse_terms(model.inflation).columns if model.inflation else ()
    variables = tuple(dict.fromkeys([*again.variables, *zeros]))
    return dataclasses.replace(again, family=model.family, inflation=model.inflation, variables=variables)


def saved_model(
    text: str, graph: str, columns: Collection[str], options: FitOptions | SampleOptions
) -> Model:
    """Return the model of a saved fit or posterior.

    Parameters
    ----------
    text, graph
        Text of its formula, and of its graph or "".
    columns
        Names of the saved columns.
    options
        What was saved with it.
    """
    read = parse_graph(graph, columns) if graph else parse_formula(text, lme4_compat=options.lme4_compat)
    family = REGISTRY[options.family](link=options.link)  # type: ignore[arg-type]
    return with_family(read, family, options.zero_inflation)


@dataclass(frozen=True, slots=True)
class Known:
    """What the caller's keywords and the graph say together.

    Parameters
    ----------
    residual_sd, offset, residual_groups, priors
        As the keywords of `multilevel.sample`.
    """

    residual_sd: Given
    offset: Given
    residual_groups: str | None
    priors: Priors


def known_of(
    model: Model,
    *,
    residual_sd: Given,
    offset: Given,
    residual_groups: str | None = None,
    priors: Priors = None,
) -> Known:
    """Return the keywords with what the graph of the model says of them.

    Raises
    ------
    OptionError
        If both say something of the same thing.
    """
    found = model.dag
    if found is None:
        return Known(residual_sd, offset, residual_groups, priors)
    written: Any = found.residual_column or (found.residual if isinstance(found.residual, float) else None)
    if found.offset and offset is not None:
        raise _twice("offset", f"{found.offset:g}")
    if written is not None and residual_sd is not None:
        raise _twice("residual_sd", str(written))
    groups = ":".join(found.residual_groups) or None
    if groups and residual_groups is not None:
        raise _twice("residual_groups", groups)
    return Known(
        residual_sd if written is None else written,
        found.offset or offset,
        groups or residual_groups,
        _with_priors(found.priors, priors),
    )


def refuse_unfitted(model: Model) -> None:
    """Raise if the graph has what maximum likelihood cannot take: residual sds of groups, held parameters.

    Raises
    ------
    OptionError
        Naming the node or the parameter.
    """
    found = model.dag
    if found is None:
        return
    if found.residual_groups:
        raise OptionError(
            f"the residual sds `{found.residual}[{', '.join(found.residual_groups)}]` differ between groups",
            allowed="multilevel.sample, with every engine",
            remedy="multilevel.sample, or one residual sd",
        )
    held = {name: one.value for name, one in priors_by_name(found).items() if isinstance(one, Fixed)}
    numbers = {
        parameter_of(str(sd)) for sd in (found.residual, *(sd for node in found.nodes for sd in node.sds))
    }
    numbers |= {name for name, term in found.coefficients.items() if term == "1"}
    for name, value in held.items():
        remedy = f"write {value:g} in place of `{name}`" if name in numbers else "multilevel.sample"
        if name in found.coefficients and name not in numbers:
            remedy = f"multilevel.sample; or a known product in its place, data(I({value:g} * x))"
        raise OptionError(
            f"`{name}` is held by a prior, Fixed({value:g}), and multilevel.fit leaves priors out",
            allowed="multilevel.sample; in multilevel.fit numbers in place of means and sds",
            remedy=remedy,
        )


def _twice(name: str, written: str) -> OptionError:
    return OptionError(
        f"the keyword {name} is given, and the graph has its own: {written}",
        allowed="one of the two",
        remedy=f"leave {name}= out",
    )


def _with_priors(written: Mapping[str, object], given: Priors) -> Priors:
    """Return the priors of the graph, and those that the caller gave for other parameters."""
    if not written:
        return given
    if not isinstance(given, Mapping):
        return written if given is None else {**written, "default": given}
    both = [name for name in given if name in written]
    if both:
        raise _twice(f"priors[{both[0]!r}]", str(written[both[0]]))
    return {**written, **given}
