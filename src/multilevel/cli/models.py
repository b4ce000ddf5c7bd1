"""What `multilevel model` does: it shows a model's formula, graph and quantities, equations or drawing."""

from __future__ import annotations

import argparse

from multilevel.cli.commands import find_data, given_family
from multilevel.cli.model_texts import read_model
from multilevel.errors import OptionError
from multilevel.graphs import graph
from multilevel.language import given_model
from multilevel.model import Model


def run_model(options: argparse.Namespace) -> None:
    """Print a model's formula, graph and quantities, or its equations or drawing.

    Raises
    ------
    OptionError
        If the model has what graphs cannot say, or columns of data were given to a formula.
    """
    read = read_model(options.formula)
    if options.data is not None:
        if isinstance(read, str):
            raise OptionError(
                "--data was given with a formula",
                allowed="graphs: data tell which of their names are columns",
                remedy="leave it out",
            )
        read = graph("" if read.dag is None else read.dag.text, find_data(options.data))
    family = given_family(options.family, options.link)
    model, _ = given_model(
        read, lme4_compat=options.lme4_compat, family=family, zero_inflation=options.zero_inflation
    )
    model = model.graph()
    if options.latex:
        print(model.latex())
    elif options.dot:
        print(model.draw().dot)
    elif options.svg is not None:
        model.draw().save(options.svg)
    else:
        print(f"{model.formula()}\n\n{_statements(model)}\n\n{model.quantities()}")


def _statements(model: Model) -> str:
    """Return the statements of a model's graph, without the indentation that all have."""
    text = "" if model.dag is None else model.dag.text
    return "\n".join(line.strip() for line in text.strip().splitlines())
