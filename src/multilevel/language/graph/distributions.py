"""The distributions of graph statements: those of responses with their families, and those of parameters."""

from __future__ import annotations

from collections.abc import Mapping

from multilevel.language.cursor import Cursor
from multilevel.model import priors
from multilevel.model.distributions import INVERSE_LINKS, RESPONSES

DISTRIBUTIONS = ("Normal", "MVNormal", *(name for name in RESPONSES if name != "Normal"))
"""Distributions of nodes and responses."""

PRIORS: Mapping[str, type] = {
    kind.__name__: kind
    for kind in (
        priors.Normal,
        priors.StudentT,
        priors.Uniform,
        priors.Flat,
        priors.Fixed,
        priors.HalfNormal,
        priors.HalfT,
        priors.HalfCauchy,
        priors.Exponential,
        priors.Gamma,
        priors.InverseGamma,
        priors.LogNormal,
        priors.LKJ,
        priors.InverseWishart,
        priors.Wishart,
        priors.ScaledInverseWishart,
    )
}
"""Distributions of parameters: their priors."""


def arguments_here(name: str, count: int) -> str:
    """Return what is said of a distribution with a wrong number of arguments.

    Examples
    --------
    >>> arguments_here("Normal", 1)
    'Normal has 1 argument here'
    """
    return f"{name} has {count} argument{'' if count == 1 else 's'} here"


def signature(name: str) -> str:
    """Return how the distribution of a response or node is written.

    Examples
    --------
    >>> signature("Binomial"), signature("NegativeBinomial")
    ('Binomial(trials, logistic(mean))', 'NegativeBinomial(exp(mean), theta)')
    """
    if name == "Normal":
        return "Normal(mean, sd)"
    if name == "MVNormal":
        return "MVNormal([mean, mean], Sigma)"
    family = RESPONSES[name]
    function = next((word for word, link in INVERSE_LINKS.items() if link == family.links[0]), "")
    mean = f"{function}(mean)" if function and name != "Ordinal" else "mean"
    return f"{name}({', '.join([*(['trials'] if family.trials else []), mean, *family.parameters])})"


def refuse_link(cursor: Cursor) -> None:
    """Raise if the call at the cursor is a link round a node, ``logit(A[g])``, and not what undoes a link.

    Raises
    ------
    FormulaError
        Naming the function that undoes the link.
    """
    link = cursor.token.value
    words = [word for word, undone in INVERSE_LINKS.items() if undone == link]
    if not words or not cursor.at_call():
        return
    depth = 0
    for token in cursor.tokens[cursor.place + 1 :]:
        if token.value in ("(", ")"):
            depth += 1 if token.value == "(" else -1
        if depth == 0:
            return
        if token.value == "[":
            cursor.fail(
                f"`{link}` of a node: the function that undoes the link stands round the mean",
                cursor.token,
                allowed=", ".join(f"{word}(...)" for word in INVERSE_LINKS),
                remedy=f"write {words[0]}(...)",
            )
