"""The graph of a model: its nodes, what their means are made of, and which quantity is which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Part:
    """One summand of a mean: what is unknown in it, times known columns.

    Parameters
    ----------
    parameter
        Name of its unknown coefficient, or "".
    node
        Name of the component of a node that stands in it (`Node.components`), or "".
    number
        Known factor; 1 where none was written.
    columns
        Product of data columns as formula text, ``"size"`` or ``"x:log(z)"``; "" for the constant.
    position
        Zero-based character of the summand in the graph's text.
    """

    parameter: str = ""
    node: str = ""
    number: float = 1.0
    columns: str = ""
    position: int = field(default=0, compare=False)


Mean = tuple[Part, ...]
"""A sum of parts."""


@dataclass(frozen=True, slots=True)
class Node:
    """A variable with one value (or one vector) for each level of its index.

    Parameters
    ----------
    name
        As written on the left side: ``"A"``, ``"b"``; of ``[a, b][cafe]`` the components joined: ``"a, b"``.
    index
        Columns whose observed combinations are its levels.
    components
        Names of its numbers: ``("A",)``, ``("b[0]", "b[1]")`` or ``("a", "b")``.
    means
        The mean of each component.
    sds
        The sd of each component: a parameter's name, ``"sqrt(v)"`` of a variance ``v``, or a known number;
        empty if ``covariance`` is given.
    covariance
        Name of the covariance matrix of a vector, or "".
    term
        Position of its grouped term in ``Model.groups``.
    columns
        For each component what its values are multiplied by on the way to the response, as formula text;
        "" for the constant 1. They are the effects of its grouped term.
    position
        Zero-based character of its statement in the graph's text.
    correlation
        Name of the correlation matrix of a vector whose sds are given, or "".
    """

    name: str
    index: tuple[str, ...]
    components: tuple[str, ...]
    means: tuple[Mean, ...]
    sds: tuple[str | float, ...] = ()
    covariance: str = ""
    term: int = 0
    columns: tuple[str, ...] = ("",)
    position: int = field(default=0, compare=False)
    correlation: str = ""

    @property
    def group(self) -> str:
        """Name of its grouping factor, as `GroupTerm.group`."""
        return ":".join(self.index)


@dataclass(frozen=True, slots=True)
class Graph:
    """A directed acyclic graph of nodes, as `multilevel.graph` reads it; part of a `Model`.

    Parameters
    ----------
    text
        As the user wrote it.
    nodes
        Each after the nodes in its mean.
    mean
        Linear predictor of the response.
    coefficients
        Name of each unknown coefficient and its column among the terms of ``Model.fixed``, ``"1"`` for the
        intercept.
    offset
        Known constant in the linear predictor.
    residual
        Residual sd of a linear model: a parameter's name, a number, a column in ``residual_column``, or the
        name of a node in ``residual_groups``.
    residual_column
        Column of known residual sds, or "".
    residual_groups
        Columns whose levels have residual sds of their own, or empty.
    family_parameters
        Parameter of the family and the name given to it.
    priors
        Priors written as statements, by the names of `multilevel.design.priors.bind_priors`.
    residual_law
        Law of the sds in ``residual_groups``, "LogNormal", or of their squares, "InverseGamma", and its two
        arguments, names of parameters or numbers; empty without one.
    """

    text: str
    nodes: tuple[Node, ...]
    mean: Mean
    coefficients: Mapping[str, str] = field(default_factory=dict)
    offset: float = 0.0
    residual: str | float = ""
    residual_column: str = ""
    residual_groups: tuple[str, ...] = ()
    family_parameters: Mapping[str, str] = field(default_factory=dict)
    priors: Mapping[str, object] = field(default_factory=dict)
    residual_law: tuple[str | float, ...] = ()

    def node_of(self, component: str) -> tuple[Node, int]:
        """Return the node that has a component, and the component's place in it."""
        for node in self.nodes:
            if component in node.components:
                return node, node.components.index(component)
        raise KeyError(component)
