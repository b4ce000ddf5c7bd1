"""The model that a word of the command line means: a formula, a graph, or a file with a graph."""

from __future__ import annotations

import re
from pathlib import Path

from multilevel.errors import OptionError
from multilevel.graphs import graph
from multilevel.language.graph.distributions import DISTRIBUTIONS
from multilevel.model import Model

SUFFIX = ".graph"
_STATEMENT = re.compile(rf"~\s*(?:{'|'.join(DISTRIBUTIONS)})\s*\(")


def read_model(text: str) -> str | Model:
    """Return the model that a word of the command line means: a formula as it is, a graph as it was read.

    Parameters
    ----------
    text
        A formula; the statements of a graph; or a file with them, ``apps.graph`` or ``@apps.txt``.

    Raises
    ------
    OptionError
        If the file cannot be read.
    FormulaError
        With a caret under the fault of a graph; formulas are read later, with their options.

    Examples
    --------
    >>> read_model("y ~ x + (x | g)")
    'y ~ x + (x | g)'
    >>> read_model("a[g] ~ Normal(mu, tau); y ~ Normal(a[g], sigma)").formula()
    'y ~ 1 + (1 | g)'
    """
    if is_graph(text):
        return graph(text)
    if text.startswith("@") or (text.endswith(SUFFIX) and "~" not in text):
        return graph(_content(text.removeprefix("@")))
    return text


def is_graph(text: str) -> bool:
    """Return whether a text has the statements of a graph: a distribution right of `~`, or more than one `~`.

    Examples
    --------
    >>> is_graph("y ~ Normal(mu, sigma)"), is_graph("y ~ log(x) + (1 | g)"), is_graph("apps.graph")
    (True, False, False)
    """
    return _STATEMENT.search(text) is not None or text.count("~") > 1


def _content(path: str) -> str:
    """Return the text of a file."""
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise OptionError(
            f"the graph in {path!r} cannot be read: {error.strerror}",
            allowed="a formula, statements such as `y ~ Normal(mu, sigma)`, or a file with statements",
        ) from error
    except UnicodeDecodeError as error:
        raise OptionError(f"the graph in {path!r} cannot be read: it is not UTF-8 text") from error
