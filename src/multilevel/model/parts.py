"""What texts, equations and drawings read of a model; `Model` itself is made of it."""

from __future__ import annotations

from typing import Protocol

from multilevel.model.families import Family
from multilevel.model.graph import Graph
from multilevel.model.terms import GroupTerm


class ModelParts(Protocol):
    """The facts of a model; see `multilevel.model.model.Model`."""

    @property
    def response(self) -> str:
        """Expression of the response."""

    @property
    def fixed(self) -> str:
        """Formula text of the fixed part."""

    @property
    def groups(self) -> tuple[GroupTerm, ...]:
        """Grouped terms."""

    @property
    def offsets(self) -> tuple[str, ...]:
        """Expressions of offsets."""

    @property
    def variables(self) -> tuple[str, ...]:
        """Columns."""

    @property
    def trials(self) -> str:
        """Expression of the trials."""

    @property
    def family(self) -> Family:
        """Distribution of the response."""

    @property
    def inflation(self) -> str:
        """Formula text of zero inflation."""

    @property
    def dag(self) -> Graph | None:
        """The graph."""
