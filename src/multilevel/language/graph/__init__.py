"""Graphs: distribution statements that become a `Model`."""

from multilevel.language.graph.compile import parse_graph

__all__ = ["parse_graph"]
