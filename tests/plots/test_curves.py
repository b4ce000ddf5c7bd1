"""Pictures of densities hold the curves of their tables."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot as plt

import multilevel as ml

mpl.use("agg")
NAME = "correlation(cafe, Intercept, afternoon)"


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def cafes() -> ml.Posterior:
    priors = {
        "Intercept": ml.Normal(0, 10),
        "afternoon": ml.Normal(0, 10),
        "cafe": {"sd": ml.HalfCauchy(1), "correlation": ml.LKJ(2)},
        "sigma": ml.HalfCauchy(1),
    }
    data = ml.datasets.load("cafes")
    return ml.sample("wait ~ afternoon + (afternoon | cafe)", data, priors, seed=1)


def test_prior_and_posterior(cafes: ml.Posterior) -> None:
    ax = ml.plots.prior_posterior(cafes, NAME, seed=3)
    table = ml.plots.tables.prior_posterior(cafes, NAME, seed=3)
    assert [line.get_label() for line in ax.lines] == ["prior", "posterior"]
    for line in ax.lines:
        own = table[table["source"] == line.get_label()]
        np.testing.assert_array_equal(line.get_xydata(), own[["value", "density"]])
    assert ax.get_xlabel() == NAME
    assert ax.get_xlim() == (-1.0, 1.0)


def test_lkj() -> None:
    ax = ml.plots.lkj((0.5, 1, 3), size=3)
    table = ml.plots.tables.lkj((0.5, 1, 3), size=3)
    assert [line.get_label() for line in ax.lines] == ["eta = 0.5", "eta = 1", "eta = 3"]
    for line, eta in zip(ax.lines, (0.5, 1, 3), strict=True):
        own = table[table["eta"] == eta]
        np.testing.assert_array_equal(line.get_xydata(), own[["correlation", "density"]])
    assert (
        len({line.get_color() for line in ax.lines}) == len({line.get_linestyle() for line in ax.lines}) == 3
    )


def test_densities_that_rise_without_end_are_cut() -> None:
    assert ml.plots.lkj((0.1, 1)).get_ylim() == (0.0, 4.0)


def test_replicated_responses_under_the_observed(cafes: ml.Posterior) -> None:
    ax = ml.plots.predictive(cafes, n=7, seed=2)
    table = ml.plots.tables.predictive(cafes, n=7, seed=2)
    assert len(ax.lines) == 8
    for line, draw in zip(ax.lines, [*range(1, 8), 0], strict=True):
        own = table[table["draw"] == draw]
        np.testing.assert_array_equal(line.get_xydata(), own[["value", "density"]])
    assert ax.lines[-1].get_label() == "observed"
    assert ax.lines[-1].get_zorder() > ax.lines[0].get_zorder()
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("wait", "density")


def test_few_values_are_all_named() -> None:
    answers = ml.datasets.load("verbagg")
    fit = ml.fit("resp ~ btype + (1 | id)", answers, family="ordinal")
    ax = ml.plots.predictive(fit, n=2)
    assert [tick.get_text() for tick in ax.get_xticklabels()] == list(fit.design.classes)
    use = ml.fit(
        "y ~ 1 + (1 | g)", {"y": [0, 1, 1, 1, 0, 0] * 5, "g": list("aaabbb") * 5}, family="bernoulli"
    )
    ax = ml.plots.predictive(use, n=2)
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["0", "1"]


def test_quotes_of_formulas_are_not_shown() -> None:
    fit = ml.fit("yield ~ 1 + (1 | batch)", ml.datasets.load("dyestuff"))
    assert ml.plots.predictive(fit, n=1).get_xlabel() == "yield"


def test_counts_with_a_long_tail() -> None:
    fit = ml.fit("ticks ~ year + (1 | brood)", ml.datasets.load("grouseticks"), family="poisson")
    _, ax = plt.subplots()
    assert ml.plots.predictive(fit, n=2, groups="new", ax=ax) is ax
    assert ax.get_xscale() == "symlog"
    assert ax.get_ylabel() == "share of the rows, root scale"
    table = ml.plots.tables.predictive(fit, n=2, groups="new")
    np.testing.assert_array_equal(ax.lines[-1].get_xydata(), table[table["draw"] == 0][["value", "density"]])
