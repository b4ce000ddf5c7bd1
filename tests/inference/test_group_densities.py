"""Densities of whole groups agree with the dense normal distribution of their rows, however they are cut."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from scipy import stats

from multilevel.design.design import Design
from multilevel.engines.draws import ResidualDraws
from multilevel.inference import group_densities
from multilevel.inference.group_densities import densities, plan_of
from multilevel.model import Covariance
from multilevel.results.posterior import Posterior
from tests.oracle import designs
from tests.oracle.posteriors import made_up_draws, posterior_of

SOME = (0, 7, 39)
"""Draws that are compared."""


def three_levels() -> Design:
    """Return students in classes in schools, with slopes of schools and two terms of classes."""
    rng = np.random.default_rng(7)
    n = 48
    school, cls = np.arange(n) // 12, np.arange(n) // 4
    x = rng.normal(size=n)
    one, X = np.ones(n), {"Intercept": np.ones(n), "x": x}
    order = rng.permutation(n)  # rows of a group need not stand side by side
    factors = [
        designs.factor("school", [f"s{s}" for s in school[order]]),
        designs.factor(
            "school:class", [f"s{s}:c{c:02d}" for s, c in zip(school[order], cls[order], strict=True)]
        ),
        designs.factor("item", [f"i{i}" for i in rng.integers(0, 5, n)]),
    ]
    terms = [
        (1, {"Intercept": one}, Covariance.UNSTRUCTURED),
        (0, X, Covariance.UNSTRUCTURED),
        (2, {"Intercept": one}, Covariance.UNSTRUCTURED),
        (1, {"x": x}, Covariance.UNSTRUCTURED),
    ]
    y = rng.normal(0, 2, n)
    w = rng.uniform(0.5, 3, n)
    return designs.bound("y ~ x", y, X, factors, terms, precision_weights=w, offset=rng.normal(size=n))


def dense(posterior: Posterior, factor: int, chain: tuple[int, ...], draw: int) -> list[float]:
    """Return the log density of the rows of each level, effects of the chain integrated, others held."""
    design, sampled = posterior.design, posterior.sampled
    mean = design.fixed.X @ sampled.coefficients[0, draw]
    if design.offset is not None:
        mean = mean + design.offset
    sd = np.full(design.n_rows, sampled.sigma[0, draw])
    if sampled.residual is not None:
        assert design.residual_groups is not None
        sd = sampled.residual.sds[0, draw][design.residual_groups.index]
    w = np.ones(design.n_rows) if design.precision_weights is None else design.precision_weights
    V = np.diag(sd**2 / w)
    for t, block in enumerate(design.terms):
        index = design.factors[block.factor].index
        if block.factor in chain:
            s = sampled.sds[t][0, draw]
            D = s[:, None] * sampled.correlations[t][0, draw] * s
            V += (index[:, None] == index) * (block.Z @ D @ block.Z.T)
        else:
            mean = mean + np.einsum("nk,nk->n", sampled.effects[t][0, draw][index], block.Z)
    levels = design.factors[factor]
    found = []
    for level in range(len(levels.levels)):
        rows = np.flatnonzero(levels.index == level)
        found.append(stats.multivariate_normal(mean[rows], V[np.ix_(rows, rows)]).logpdf(design.y[rows]))
    return found


def posterior(design: Design, **changes: Any) -> Posterior:
    """Return a posterior with sds that differ from term to term."""
    sds = tuple(tuple(0.5 + t + np.arange(len(b.names)) / 3) for t, b in enumerate(design.terms))
    return posterior_of(design, made_up_draws(design, sds=sds, sigma=1.3, chains=1, draws=40, **changes))


def own_sds(design: Design) -> Posterior:
    """Return a posterior whose residual sds differ between groups that cut across the others."""
    design = dataclasses.replace(
        design, residual_groups=designs.factor("r", [f"r{i % 3}" for i in range(design.n_rows)])
    )
    sds = np.random.default_rng(2).uniform(0.5, 2, (1, 40, 3))
    return posterior(design, residual=ResidualDraws("log_normal", sds, ()))


CASES: dict[str, tuple[Posterior, int, tuple[int, ...]]] = {
    "one factor": (posterior(designs.slopes()), 0, (0,)),
    "no variance": (
        posterior_of(
            designs.slopes(), made_up_draws(designs.slopes(), sds=((1e-9, 1.0),), chains=1, draws=40)
        ),
        0,
        (0,),
    ),
    "the outer of two": (posterior(designs.nested()), 0, (0, 1)),
    "the inner of two": (posterior(designs.nested()), 1, (1,)),
    "a crossed one": (posterior(designs.crossed(weighted=True)), 0, (0,)),
    "the other crossed one": (posterior(designs.crossed(weighted=True)), 1, (1,)),
    "schools": (posterior(three_levels()), 0, (0, 1)),
    "classes": (posterior(three_levels()), 1, (1,)),
    "items": (posterior(three_levels()), 2, (2,)),
    "own residual sds": (own_sds(three_levels()), 0, (0, 1)),
}


@pytest.mark.parametrize(("post", "factor", "chain"), CASES.values(), ids=CASES)
def test_densities_are_those_of_the_dense_normal(
    post: Posterior, factor: int, chain: tuple[int, ...]
) -> None:
    plan = plan_of(post.design, factor)
    assert plan.chain == chain
    found = np.hstack([density for _, density in densities(post, plan)])
    assert found.shape == (40, len(post.design.factors[factor].levels))
    expected = [dense(post, factor, chain, draw) for draw in SOME]
    np.testing.assert_allclose(found[list(SOME)], expected, rtol=1e-9)


@pytest.mark.parametrize("name", ["schools", "classes", "own residual sds"])
def test_rows_and_draws_are_worked_on_in_parts(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    post, factor, _ = CASES[name]
    plan = plan_of(post.design, factor)
    whole = np.hstack([density for _, density in densities(post, plan)])
    monkeypatch.setattr(group_densities, "ROWS_AT_ONCE", 13)
    monkeypatch.setattr(group_densities, "AT_ONCE", 900)
    parts = list(densities(post, plan))
    assert len(parts) > 2
    np.testing.assert_allclose(np.hstack([density for _, density in parts]), whole, rtol=1e-12)
    assert [some.start for some, _ in parts[1:]] == [some.stop for some, _ in parts[:-1]]


def test_a_frequency_stands_for_repeated_rows() -> None:
    design = designs.crossed(weighted=True)
    often = np.array([1, 3, 2, 1] * 18)
    again = np.repeat(np.arange(72), often)

    def repeated(values: Any) -> Any:
        return None if values is None else values[again]

    post = posterior(design)
    many = dataclasses.replace(
        design,
        y=design.y[again],
        offset=repeated(design.offset),
        precision_weights=repeated(design.precision_weights),
        fixed=dataclasses.replace(design.fixed, X=design.fixed.X[again]),
        factors=tuple(dataclasses.replace(f, index=f.index[again]) for f in design.factors),
        terms=tuple(dataclasses.replace(t, Z=t.Z[again]) for t in design.terms),
        rows=np.arange(again.size),
        n_input=again.size,
    )
    weighted = dataclasses.replace(design, frequency_weights=often.astype(float))
    found = [
        np.hstack([density for _, density in densities(posterior_of(one, post.sampled), plan_of(one, 0))])
        for one in (weighted, many)
    ]
    np.testing.assert_allclose(found[0], found[1], rtol=1e-10)


def test_levels_of_one_partition_are_nested_in_each_other() -> None:
    design = designs.nested()
    same = dataclasses.replace(design, factors=(design.factors[1], design.factors[1]))
    assert plan_of(same, 0).chain == (0, 1)
    assert plan_of(same, 1).chain == (1, 0)
