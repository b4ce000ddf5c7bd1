"""The equations of a graph as LaTeX: one line a statement, with the priors that are written."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from multilevel.model.distributions import distribution_of, inverse_of
from multilevel.model.graph import Graph, Mean, Node, Part
from multilevel.model.parts import ModelParts
from multilevel.model.priors import LKJ, Fixed, InverseGamma, Normal, Wishart
from multilevel.model.quantities import THRESHOLDS, family_names, parameter_of, prior_text, priors_by_name
from multilevel.model.symbols import column, indexed, name, number, product, words
from multilevel.model.text import split_terms

INVERSES = {
    "": ("", ""),
    "exp": (r"\exp\left(", r"\right)"),
    "logistic": (r"\operatorname{logit}^{-1}\left(", r"\right)"),
    "Phi": (r"\Phi\left(", r"\right)"),
    "inv_cloglog": (r"\operatorname{cloglog}^{-1}\left(", r"\right)"),
    "inverse": (r"\left(", r"\right)^{-1}"),
    "square": (r"\left(", r"\right)^{2}"),
}
"""What stands before and after a linear predictor for each function that undoes a link."""
NEXT = r" \\ "
"""Between the rows of a matrix."""
LARGEST = 4
"""Size up to which a covariance matrix is written out."""


def latex(model: ModelParts) -> str:
    r"""Return the equations of a model that has a graph, as a LaTeX ``aligned`` environment.

    Parameters
    ----------
    model
        A model with ``dag``.

    Returns
    -------
    str
        A line for each statement, its index in words behind it. The normal distribution stands with its
        variance: ``Normal(mu, tau)`` of the graph, with an sd, is ``N(mu, tau^2)`` here; a first line that
        LaTeX leaves out says so.

    Examples
    --------
    >>> import multilevel as ml
    >>> print(latex(ml.graph("A[app] ~ Normal(mu, tau); stars ~ Normal(A[app], 2); tau ~ HalfCauchy(5)")))
    \begin{aligned}
    % N(mean, variance): sds are squared
    A_{\text{app}} &\sim \mathcal{N}\left(\mu,\ \tau^{2}\right) && \text{for each app} \\
    \text{stars} &\sim \mathcal{N}\left(A_{\text{app}},\ 2^{2}\right) && \text{for each row} \\
    \tau &\sim \mathrm{HalfCauchy}(5)
    \end{aligned}
    """
    if model.dag is None:
        raise TypeError("a model without graph: Model.graph() makes one")
    writer = _Writer(model, model.dag, _symbols(model.dag))
    lines = [writer.node(node) for node in model.dag.nodes]
    lines += [*writer.law(), writer.response(), *writer.zeros()]
    lines += [line for node in model.dag.nodes if node.covariance for line in writer.matrix(node)]
    covariances = [node.covariance for node in model.dag.nodes]
    lines += [_prior(parameter, prior, covariances) for parameter, prior in priors_by_name(model.dag).items()
              if parameter in _parameters(model.dag)]  # fmt: skip
    body = " \\\\\n".join(lines)
    return f"\\begin{{aligned}}\n% N(mean, variance): sds are squared\n{body}\n\\end{{aligned}}"


def _parameters(graph: Graph) -> tuple[str, ...]:
    """Return the names of all parameters of a graph."""
    spreads = [sd for node in graph.nodes for sd in (*node.sds, node.covariance, node.correlation)]
    residual = [] if graph.residual_groups or graph.residual_column else [graph.residual]
    found = (*graph.coefficients, *spreads, *graph.residual_law[1:], *residual)
    return (
        *(parameter_of(one) for one in found if isinstance(one, str) and one),
        *graph.family_parameters.values(),
    )


def _symbols(graph: Graph) -> dict[str, str]:
    """Return the symbol of each component of each node, and of residual sds of groups, all different."""
    pairs = [(component, node.index) for node in graph.nodes for component in node.components]
    if graph.residual_groups:
        pairs.append((str(graph.residual), graph.residual_groups))
    taken = {name(parameter) for parameter in _parameters(graph)}
    found: dict[str, str] = {}
    for component, index in pairs:
        found[component] = indexed(component, index, taken)
        taken.add(found[component])
    return found


@dataclass(frozen=True, slots=True)
class _Writer:
    """The statements of one model."""

    model: ModelParts
    graph: Graph
    symbols: Mapping[str, str]

    def node(self, node: Node) -> str:
        """Return the statement of a node."""
        means = [self.mean(mean) for mean in node.means]
        each = _each(node.index)
        if node.covariance or node.correlation:
            left = _column([self.symbols[component] for component in node.components])
            return f"{left} &\\sim {_normal(_column(means), _covariance(node))}{each}"
        return f"{self.symbols[node.components[0]]} &\\sim {_normal(means[0], _power(node.sds[0]))}{each}"

    def law(self) -> list[str]:
        """Return the statement of residual sds of groups, if there is one."""
        graph = self.graph
        if not graph.residual_law:
            return []
        kind, *values = graph.residual_law
        left = self.symbols[str(graph.residual)]
        left = rf"{left}^{{2}}" if kind == InverseGamma.__name__ else left
        inside = r",\ ".join(name(value) if isinstance(value, str) else number(value) for value in values)
        return [rf"{left} &\sim \mathrm{{{kind}}}\left({inside}\right){_each(graph.residual_groups)}"]

    def response(self) -> str:
        """Return the statement of the response."""
        model, graph = self.model, self.graph
        before, after = INVERSES[inverse_of(model.family)]
        mean = before + self.mean(graph.mean) + after
        left, each = column(model.response), r" && \text{for each row}"
        if distribution_of(model.family) == "Normal":
            return f"{left} &\\sim {_normal(mean, self.residual())}{each}"
        trials = [number(float(model.trials)) if model.trials.isdigit() else column(model.trials)]
        arguments = [*(trials if model.trials else []), mean]
        arguments += [words(one) if one == THRESHOLDS else name(one) for one in family_names(model, graph)]
        inside = r",\ ".join(arguments)
        kind = distribution_of(model.family)
        kind = f"ZeroInflated{kind}" if model.inflation else kind
        arguments_text = rf"\pi,\ {inside}" if model.inflation else inside
        return rf"{left} &\sim \mathrm{{{kind}}}\left({arguments_text}\right){each}"

    def residual(self) -> str:
        """Return the residual variance."""
        graph = self.graph
        if graph.residual_groups:
            return f"{self.symbols[str(graph.residual)]}^{{2}}"
        if graph.residual_column:
            return f"{column(graph.residual_column)}^{{2}}"
        if graph.residual == "":
            return f"{name(family_names(self.model, graph)[0])}^{{2}}"
        return _power(graph.residual)

    def zeros(self) -> list[str]:
        """Return the share of extra zeros, if there is one."""
        terms = [term for term in split_terms(self.model.inflation) if term not in ("", "0")]
        if not terms:
            return []
        parts = [
            rf"\zeta_{{{place}}}" + ("" if term == "1" else rf" \, {product(term)}")
            for place, term in enumerate(terms)
        ]
        return [rf"\operatorname{{logit}}(\pi) &= {' + '.join(parts)} && \text{{for each row}}"]

    def matrix(self, node: Node) -> list[str]:
        """Return a covariance matrix by its sds and correlations, if it is not too large."""
        if len(node.components) > LARGEST:
            return []
        letters = [name(component) for component in node.components]
        rows = []
        for i, one in enumerate(letters):
            cells = [
                rf"s_{{{one}}}^{{2}}" if i == j else rf"r_{{{one} {other}}} s_{{{one}}} s_{{{other}}}"
                if i < j else rf"r_{{{other} {one}}} s_{{{other}}} s_{{{one}}}"
                for j, other in enumerate(letters)
            ]  # fmt: skip
            rows.append(" & ".join(cells))
        body = NEXT.join(rows)
        said = r" && \text{sds } s \text{, correlations } r"
        return [rf"{name(node.covariance)} &= \begin{{pmatrix}} {body} \end{{pmatrix}}{said}"]

    def mean(self, mean: Mean) -> str:
        """Return a sum."""
        return " + ".join(self.part(part) for part in mean).replace("+ -", "- ") or "0"

    def part(self, part: Part) -> str:
        """Return one summand."""
        factors = [self.symbols[part.node]] if part.node else [name(part.parameter)] if part.parameter else []
        factors += [product(part.columns)] if part.columns else []
        if part.number != 1.0 or not factors:
            factors.insert(0, number(part.number))
        return r" \, ".join(factors)


def _covariance(node: Node) -> str:
    """Return the covariance matrix of a vector: its name, or a correlation matrix between sds."""
    if node.covariance:
        return name(node.covariance)
    sds = r",\ ".join(_sd(sd) for sd in node.sds)
    diagonal = rf"\operatorname{{diag}}({sds})"
    return rf"{diagonal} \, {name(node.correlation)} \, {diagonal}"


def _each(index: tuple[str, ...]) -> str:
    """Return an index in words."""
    return f" && {words('for each ' + ' and '.join(index))}"


def _column(values: list[str]) -> str:
    """Return a column vector."""
    return rf"\begin{{pmatrix}} {NEXT.join(values)} \end{{pmatrix}}"


def _normal(mean: str, variance: str) -> str:
    return rf"\mathcal{{N}}\left({mean},\ {variance}\right)"


def _sd(sd: str | float) -> str:
    """Return an sd."""
    if isinstance(sd, float):
        return number(sd)
    return name(sd) if sd == parameter_of(sd) else rf"\sqrt{{{name(parameter_of(sd))}}}"


def _power(sd: str | float) -> str:
    """Return the square of an sd."""
    if isinstance(sd, float):
        base = number(sd)
        return f"{base}^{{2}}" if "^" not in base else rf"\left({base}\right)^{{2}}"
    return name(parameter_of(sd)) if sd != parameter_of(sd) else f"{name(sd)}^{{2}}"


def _prior(parameter: str, prior: object, covariances: Collection[str]) -> str:
    """Return the statement of a prior; LKJ of a covariance matrix is that of its correlations."""
    left = name(parameter)
    if isinstance(prior, Normal):
        return f"{left} &\\sim {_normal(number(prior.mean), _power(prior.sd))}"
    if isinstance(prior, LKJ) and parameter in covariances:
        left = rf"\operatorname{{cor}}({left})"
    if isinstance(prior, Fixed):
        return f"{left} &= {number(prior.value)}"
    if isinstance(prior, Wishart):
        left = f"{left}^{{-1}}"
    kind, _, rest = prior_text(prior).partition("(")
    inside = re.sub(r"\[(\[.*?\])\]", _matrix, rest[:-1])
    return rf"{left} &\sim \mathrm{{{kind}}}({inside})"


def _matrix(match: re.Match[str]) -> str:
    """Return a matrix written as lists."""
    rows = [row.strip("[] ").replace(",", " &") for row in match[1].split("],")]
    return rf"\begin{{pmatrix}} {NEXT.join(rows)} \end{{pmatrix}}"
