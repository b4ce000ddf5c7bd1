"""The answers about nodes of graphs, the same for fits and posteriors."""

from __future__ import annotations

from multilevel.data.give_back import to_library
from multilevel.inference import nodes as about_nodes
from multilevel.inference import quantities as about_quantities
from multilevel.results import Frame
from multilevel.results.posterior import Result


class AnswersAboutNodes:
    """`NodeAnswers` from the tables of `multilevel.inference.nodes`."""

    __slots__ = ()

    def nodes(self, result: Result) -> Frame:
        """Return every level of every node, in the caller's library."""
        return to_library(result.once("nodes", lambda: about_nodes.nodes(result)), result.table.library)

    def quantities(self, result: Result) -> Frame:
        """Return every quantity of the graph, in the caller's library."""
        found = result.once("quantities", lambda: about_quantities.quantities(result))
        return to_library(found, result.table.library)

    def reading(self, result: Result) -> str:
        """Return how the result reads its model."""
        return about_quantities.reading(result)

    def node(self, result: Result, name: str, data: object, *, interval: float | None) -> Frame:
        """Return levels of a node, in the library of the table that names them."""
        found = about_nodes.node(result, name, data, interval=interval)
        return to_library(found.columns, found.library)
