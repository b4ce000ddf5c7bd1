"""What fits and posteriors of graphs are asked about nodes."""

from __future__ import annotations

from typing import Any, Protocol

from multilevel.results.questions import Frame


class NodeAnswers(Protocol):
    """The functions that answer questions about nodes."""

    def nodes(self, result: Any) -> Frame:
        """Return every level of every node."""

    def quantities(self, result: Any) -> Frame:
        """Return every quantity of the graph."""

    def reading(self, result: Any) -> str:
        """Return how the result reads its model."""

    def node(self, result: Any, name: str, data: object, *, interval: float | None) -> Frame:
        """Return levels of a node that need not be in the data."""


class HasNodes(Protocol):
    """A fit or a posterior."""

    @property
    def answers(self) -> NodeAnswers:
        """The functions that answer questions about it."""


class NodeQuestions:
    """The members of `Fit` and `Posterior` about the nodes of a graph."""

    __slots__ = ()

    @property
    def nodes(self: HasNodes) -> Frame:
        """Nodes of a graph on their own scale: node, level, estimate (or mean), sd, lower, upper, pooling.

        The value of ``A[app]`` itself, not its deviation from its mean, with the joint uncertainty of all
        that it is made of; see `multilevel.inference.nodes.nodes`.

        Examples
        --------
        >>> import multilevel as ml
        >>> cafes = ml.graph("a[cafe] ~ Normal(mu, tau); wait ~ Normal(a[cafe], sigma)")
        >>> table = ml.fit(cafes, ml.datasets.load("cafes")).nodes
        >>> table.columns.tolist()
        ['node', 'level', 'estimate', 'sd', 'lower', 'upper', 'pooling']
        """
        return self.answers.nodes(self)

    @property
    def quantities(self: HasNodes) -> Frame:
        """Every quantity of the model: quantity, role, index, distribution, treatment, estimate, std_error.

        The role is that in the model: constant, parameter, latent or observed variable. The treatment is what
        the engine did with it: given as data, fixed, estimated, integrated out and predicted, or sampled.
        Values (of a posterior: mean, sd) stand where a quantity is one number; a covariance matrix is
        followed by its sds and correlations. A formula's model is taken as its graph.

        Examples
        --------
        >>> import multilevel as ml
        >>> cafes = ml.graph("a[cafe] ~ Normal(mu, tau); wait ~ Normal(a[cafe], sigma)")
        >>> table = ml.fit(cafes, ml.datasets.load("cafes")).quantities
        >>> dict(zip(table["quantity"], table["treatment"]))["a"]
        'integrated out and predicted'
        """
        return self.answers.quantities(self)

    @property
    def reading(self: HasNodes) -> str:
        """How the result reads its model: as a fixed effect, mixed effect or fully Bayesian one.

        Examples
        --------
        >>> import multilevel as ml
        >>> ml.fit("wait ~ 1 + (1 | cafe)", ml.datasets.load("cafes")).reading[:28]
        'mixed effect: parameters are'
        """
        return self.answers.reading(self)

    def node(self: HasNodes, name: str, data: object, *, interval: float | None = None) -> Frame:
        """Return levels of a node that need not be in the data: a new app of a known publisher.

        Parameters
        ----------
        name
            A node, or a component of a vector node, ``"b[0]"``.
        data
            A table with the node's index, the indices of the nodes in its mean, and the columns in it.
        interval
            Coverage of the limits; ``None`` for that of the other tables.

        Returns
        -------
        Columns node, level, estimate (or mean), sd, lower, upper. The sd of a level that is not in the data
        contains its own spread, and that of parents that are not in the data either.
        """
        return self.answers.node(self, name, data, interval=interval)
