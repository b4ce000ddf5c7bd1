"""A plate diagram as DOT text, which Graphviz and other programs draw."""

from __future__ import annotations

from collections.abc import Iterator

from multilevel.model.plates import Plate, plates_of
from multilevel.model.quantities import Quantities, Quantity

LOOKS = {
    "constant": "shape=box, height=0.3",
    "parameter": "shape=ellipse, peripheries=2",
    "latent variable": "shape=ellipse",
    "observed variable": 'shape=ellipse, style=filled, fillcolor="#c9d8e8"',
}
"""Attributes of the vertices of each role."""


def dot(found: Quantities) -> str:
    r"""Return the plate diagram of a model's quantities as DOT text.

    Parameters
    ----------
    found
        The quantities, each after its parents.

    Returns
    -------
    str
        A ``digraph`` with a vertex for each quantity and a cluster for each plate.

    Examples
    --------
    >>> import multilevel as ml
    >>> print(dot(ml.graph("a[g] ~ Normal(mu, 2); y ~ Normal(a[g], sigma)").quantities()))
    digraph model {
      "mu" [shape=ellipse, peripheries=2];
      "2" [shape=box, height=0.3];
      "sigma" [shape=ellipse, peripheries=2];
      subgraph "cluster g" {
        label="g"; style=rounded;
        "a" [shape=ellipse];
        subgraph "cluster each row" {
          label="rows"; style=rounded;
          "y" [shape=ellipse, style=filled, fillcolor="#c9d8e8"];
        }
      }
      "mu" -> "a";
      "2" -> "a";
      "a" -> "y";
      "sigma" -> "y";
    }
    """
    lines = [f"  {_vertex(row)}" for row in found.rows if not row.index]
    for plate in plates_of(found):
        lines += [f"  {line}" for line in _cluster(plate, found)]
    lines += [f"  {_quoted(parent)} -> {_quoted(row.name)};" for row in found.rows for parent in row.parents]
    return "\n".join(["digraph model {", *lines, "}"])


def _cluster(plate: Plate, found: Quantities) -> Iterator[str]:
    """Yield the lines of a plate."""
    yield f"subgraph {_quoted('cluster ' + ', '.join(plate.index))} {{"
    yield f"  label={_quoted(plate.label)}; style=rounded;"
    for row in found.rows:
        if row.index and frozenset(row.index) == frozenset(plate.index):
            yield f"  {_vertex(row)}"
    for one in plate.inside:
        for line in _cluster(one, found):
            yield f"  {line}"
    yield "}"


def _vertex(row: Quantity) -> str:
    """Return the statement of a quantity."""
    return f"{_quoted(row.name)} [{LOOKS[row.role]}];"


def _quoted(text: str) -> str:
    r"""Return a text as a DOT identifier.

    Examples
    --------
    >>> print(_quoted('the "x"'))
    "the \"x\""
    """
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
