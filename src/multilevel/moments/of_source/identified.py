"""Whether a model can be estimated, asked of its cross-products; the same errors that rows in memory give."""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy.linalg import solve_triangular

from multilevel.design.design import Design
from multilevel.design.graph_checks import two_parents
from multilevel.design.identify import absorbed, check_sizes, indistinct, nothing_to_vary, same_partition
from multilevel.design.rank import Dependent
from multilevel.design.recipe import Recipe
from multilevel.errors import DesignError
from multilevel.language import Column, parse_terms
from multilevel.model import Covariance
from multilevel.model.graph import Graph, Node
from multilevel.model.text import term_text
from multilevel.moments.moments import Moments, TermBlock
from multilevel.moments.of_source.gram_rank import dependent_in_gram
from multilevel.moments.scaling import ColumnScaling, Floats

ABSORBED = 1e-8
"""An effect of which less than this share is outside the fixed part has nothing left to vary."""


def check_moments(design: Design, moments: Moments, *, fewest_levels: Literal[1, 2] = 2) -> None:
    """Refuse a design without rows from which the model cannot be estimated.

    Labels that begin again inside each level of another factor cannot be seen without rows.

    Raises
    ------
    DesignError
        Too few rows or levels, a constant response, a grouping factor whose levels are coefficients too,
        effects that cannot be told apart.
    """
    check_sizes(design, fewest_levels=fewest_levels)
    _check_response(design, moments)
    for t, block in enumerate(moments.blocks):
        _check_factors(design, t)
        _check_effects(design, moments, t, block)
        _check_absorbed(design, moments, t, block)
    _check_partitions(design, moments)
    if design.model.dag is not None:
        _check_parents(design, moments, design.model.dag)


def _check_parents(design: Design, moments: Moments, graph: Graph) -> None:
    """Refuse a graph in which a level of a node has rows of two levels of a parent of it."""
    for node in graph.nodes:
        for part in (part for mean in node.means for part in mean if part.node):
            parent, _ = graph.node_of(part.node)
            f, g = (design.terms[one.term].factor for one in (node, parent))
            if f != g:
                _check_parent(design, moments, node, parent)


def _check_parent(design: Design, moments: Moments, node: Node, parent: Node) -> None:
    """Refuse a node of which a level shares rows with two levels of its parent."""
    f, g = (design.terms[one.term].factor for one in (node, parent))
    number = {factor: at for at, factor in enumerate(moments.order)}
    low, high = sorted((number[f], number[g]))
    pair = next(one for one in moments.pairs if (one.f, one.g) == (low, high))
    rows = np.repeat(np.arange(pair.start.size - 1), np.diff(pair.start))
    child, above = (rows, pair.index) if number[f] == low else (pair.index, rows)
    counts = np.bincount(child, minlength=len(design.factors[f].levels))
    if counts.max() < 2:
        return
    level = int(np.argmax(counts > 1))
    own, other = (design.factors[g].levels[at] for at in above[child == level][:2])
    inner, outer = design.factors[f], design.factors[g]
    raise two_parents(node, parent, inner.name, inner.levels[level], outer.name, (own, other))


def _check_response(design: Design, moments: Moments) -> None:
    """Require a response that varies, unless the residual sd is known."""
    scaling = moments.scaling
    size = abs(scaling.y_centre) + scaling.y_scale
    spread = np.sqrt(max(float(moments.D[-1, -1]), 0.0) / moments.n) * scaling.y_scale
    if design.residual_sd is None and spread <= 4 * np.finfo(float).eps * size:
        minus = "" if design.offset is None else " minus its offset"
        raise DesignError(
            f"the response `{design.model.response}`{minus} is constant ({scaling.y_centre!r})",
            allowed="a response that varies",
            remedy="check which column was read",
        )


def _check_factors(design: Design, t: int) -> None:
    """Refuse a factor of one level beside an intercept among the effects of a term."""
    grouped, recipe = design.model.groups[t], design.recipe
    effects = parse_terms(grouped.effects)
    if not effects.intercept or not isinstance(recipe, Recipe):
        return
    for term in effects.terms:
        names = [factor.expression.name for factor in term if isinstance(factor.expression, Column)]
        if len(term) == 1 and names and len(recipe.levels.get(names[0], ())) == 1:
            raise nothing_to_vary(names[0], f"`{term_text(grouped)}`")


def _check_effects(design: Design, moments: Moments, t: int, block: TermBlock) -> None:
    """Refuse effects of one term that cannot be told apart."""
    if set(block.names) <= set(design.fixed.names):
        return
    here = slice(block.start, block.start + block.size)
    gram = moments.A[block.factor][:, here, here].sum(axis=0)
    own = moments.scaling.terms[t]
    if own.mixture is not None:
        back = np.linalg.inv(own.mixture)
        gram = back.T @ gram @ back
    one = block.names.index("Intercept") if "Intercept" in block.names else None
    plain = ColumnScaling(own.centre, own.factor, own.back)
    for found in dependent_in_gram(gram, moments.n, plain, () if one is None else (one,)):
        _refuse_dependent(design, t, block, found)


def _refuse_dependent(design: Design, t: int, block: TermBlock, found: Dependent) -> None:
    """Raise for an effect that is zero, or a combination of others that matters."""
    text, name = f"`{term_text(design.model.groups[t])}`", block.names[found.column]
    if not found.columns and found.constant == 0.0:
        raise DesignError(
            f"the effect `{name}` of {text} is zero in every row", remedy="leave it out of the term"
        )
    others = [block.names[at] for at in found.columns]
    if abs(found.constant) > 0.0 or not others:
        others = ["Intercept", *others]
    if block.covariance is Covariance.UNSTRUCTURED or len(others) == 1:
        raise indistinct(name, text, others)


def _check_absorbed(design: Design, moments: Moments, t: int, block: TermBlock) -> None:
    """Refuse a group effect whose every value is a combination of the fixed part's columns."""
    factor = design.factors[design.terms[t].factor]
    m = len(factor.levels)
    if not 1 < m <= moments.p:
        return
    gram = moments.D[:-1, :-1]
    size = np.sqrt(np.diagonal(gram))
    lower = np.linalg.cholesky(gram / np.outer(size, size))
    here = slice(block.start, block.start + block.size)
    own = moments.scaling.terms[t]
    mixture = np.eye(block.size) if own.mixture is None else own.mixture
    unmixed: Floats = np.asarray(np.linalg.inv(mixture), dtype=np.float64)
    A = unmixed.T @ moments.A[block.factor][:, here, here] @ unmixed
    C = unmixed.T @ moments.C[block.factor][:, here, :-1]
    for at, name in enumerate(block.names):
        inside = solve_triangular(lower, (C[:, at] / size).T, lower=True)
        if bool((np.square(inside).sum(axis=0) >= (1.0 - ABSORBED) * A[:, at, at]).all()):
            raise absorbed(factor, name, f"`{term_text(design.model.groups[t])}`")


def _check_partitions(design: Design, moments: Moments) -> None:
    """Refuse two grouping factors that group the rows in the same way and vary the same effect."""
    for pair in moments.pairs:
        f, g = moments.order[pair.f], moments.order[pair.g]
        alike = len({len(design.factors[f].levels), len(design.factors[g].levels), pair.index.size}) == 1
        names = [
            {name for term in design.terms if term.factor == factor for name in term.names}
            for factor in (f, g)
        ]
        shared = names[0] & names[1]
        if alike and shared:
            one, other = sorted((f, g))
            raise same_partition(design.factors[one], design.factors[other], min(shared))
