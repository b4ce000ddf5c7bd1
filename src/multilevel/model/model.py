"""The model: what was asked for, in words, before any data is seen."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from multilevel.model.as_graph import as_graph
from multilevel.model.drawing import Drawing
from multilevel.model.families import Family, Gaussian
from multilevel.model.graph import Graph
from multilevel.model.latex import latex
from multilevel.model.quantities import Quantities, quantities
from multilevel.model.terms import GroupTerm
from multilevel.model.text import formula_text


@dataclass(frozen=True, slots=True)
class Model:
    """A multilevel model ``g(E[y | b]) = X beta + sum_b Z_b b_b``; by default linear: ``y = ... + e``.

    Parameters
    ----------
    text
        The formula as the user wrote it.
    response
        Expression of the response: a column name or a transform of columns, e.g. ``"log(wait)"``.
        Here and in all texts below, a name that is not a plain identifier stands in backticks.
    fixed
        Formula text of the fixed part, its intercept and interactions written out: ``"1 + a + b + a:b"``.
    groups
        Grouped terms in the order in which the user wrote them; ``a/b`` has become ``a`` and ``a:b``.
    offsets
        Expressions inside ``offset()``; their sum is subtracted from the response.
    variables
        Every column that the model needs, by its bare name, in order of first use.
    trials
        Expression of the trials of a response ``prop(successes, trials)``, or "".
    family
        Distribution of the response given its mean.
    inflation
        Formula text of the linear predictor of zero inflation, like ``fixed``, or "".
    dag
        The directed acyclic graph that the model was written as, or ``None`` if it was written as a formula.

    Examples
    --------
    >>> import multilevel as ml
    >>> model = ml.formula("strength ~ 1 + (1 | batch/cask)")
    >>> [term.group for term in model.groups]
    ['batch', 'batch:cask']
    """

    text: str
    response: str
    fixed: str
    groups: tuple[GroupTerm, ...]
    offsets: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    trials: str = ""
    family: Family = field(default_factory=Gaussian)
    inflation: str = ""
    dag: Graph | None = None

    def formula(self) -> str:
        """Return the model as a formula; read again it is the same model.

        A formula has no family, known sds, known numbers in means or priors: what a graph says of them are
        keywords beside its formula.

        Examples
        --------
        >>> import multilevel as ml
        >>> ml.graph("a[g] ~ Normal(mu + c * size, tau); y ~ Normal(a[g], sigma)").formula()
        'y ~ 1 + size + (1 | g)'
        """
        return formula_text(self)

    def graph(self) -> Model:
        """Return the same model written as a graph, its text in ``dag.text``; a graph as it is.

        Raises
        ------
        OptionError
            The model has what graphs cannot say.

        Examples
        --------
        >>> import multilevel as ml
        >>> print(ml.formula("y ~ x + (x | g)").graph().dag.text)
        [a_g, b_x_g][g] ~ MVNormal([a, b_x], Sigma_g)
        y ~ Normal(a_g[g] + b_x_g[g] * x, sigma)
        """
        if self.dag is not None:
            return self
        groups, dag = as_graph(self)
        return replace(self, groups=groups, dag=dag)

    def latex(self) -> str:
        r"""Return the model's equations as LaTeX, variances in place of sds: ``N(mean, sd^2)``.

        One line for each statement of the graph, with the priors that it writes; a formula's model is taken
        as its graph.

        Raises
        ------
        OptionError
            The model has what graphs cannot say.

        Examples
        --------
        >>> import multilevel as ml
        >>> print(ml.graph("a[g] ~ Normal(mu, tau); y ~ Poisson(exp(a[g]))").latex().splitlines()[3])
        y &\sim \mathrm{Poisson}\left(\exp\left(a_{g}\right)\right) && \text{for each row}
        """
        return latex(self.graph())

    def quantities(self) -> Quantities:
        """Return every quantity of the graph: constant, parameter, latent or observed variable.

        ``quantities().columns()`` are the columns of a table. A formula's model is taken as its graph.

        Raises
        ------
        OptionError
            The model has what graphs cannot say.

        Examples
        --------
        >>> import multilevel as ml
        >>> print(ml.formula("y ~ 1 + (1 | g)").quantities())
        quantity   role               index     distribution
        a          parameter
        sigma_a_g  parameter
        a_g        latent variable    g         Normal(a, sigma_a_g)
        sigma      parameter
        y          observed variable  each row  Normal(a_g[g], sigma)
        """
        return quantities(self.graph())

    def draw(self) -> Drawing:
        """Return the model drawn as a plate diagram: shown by notebooks, ``save(path)`` for files.

        A formula's model is taken as its graph.

        Raises
        ------
        OptionError
            The model has what graphs cannot say.

        Examples
        --------
        >>> import multilevel as ml
        >>> ml.formula("y ~ x + (x | g)").draw()
        Drawing of 7 quantities; .save("model.svg") writes it to a file
        """
        return Drawing(self.quantities())
