"""Caterpillars and pooling weights hold the numbers of their tables, read back from the artists."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection

import multilevel as ml
from tests.oracle.posteriors import sleep_posterior

mpl.use("agg")


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    plt.close("all")


def drawn(ax: Axes) -> tuple[np.ndarray, np.ndarray]:
    """Return the places of the points and the segments ``(m, 2, 2)``."""
    (dots,) = [artist for artist in ax.collections if isinstance(artist, PathCollection)]
    lines = [artist for artist in ax.collections if isinstance(artist, LineCollection)]
    return np.asarray(dots.get_offsets()), np.array([s for line in lines for s in line.get_segments()])


@pytest.mark.parametrize("posterior", [False, True])
def test_caterpillar(posterior: bool) -> None:
    sleep = ml.datasets.load("sleepstudy")
    result = sleep_posterior() if posterior else ml.fit("reaction ~ days + (days | subject)", sleep)
    ax = ml.plots.caterpillar(result, term="days", level=0.9)
    table = ml.plots.tables.caterpillar(result, term="days", level=0.9)
    dots, segments = drawn(ax)
    np.testing.assert_array_equal(dots, table[["estimate", "rank"]])
    np.testing.assert_array_equal(segments[:, :, 0], table[["lower", "upper"]])
    np.testing.assert_array_equal(segments[:, :, 1], table[["rank", "rank"]])
    assert [tick.get_text() for tick in ax.get_yticklabels()] == table["level"].tolist()
    assert ax.get_ylabel() == "subject"
    assert ax.get_xlabel() == "effect on days of reaction, 90% intervals"


def test_many_levels_are_counted_and_the_scale_is_told() -> None:
    ticks = ml.datasets.load("grouseticks")
    fit = ml.fit("ticks ~ year + (1 | brood)", ticks, family="poisson")
    ax = ml.plots.caterpillar(fit)
    assert len(drawn(ax)[0]) == 118
    assert not ax.get_yticks().size
    assert ax.get_ylabel() == "118 levels of brood"
    assert ax.get_xlabel() == "effect on Intercept of ticks (log scale), 95% intervals"


def test_the_three_poolings_of_an_effect() -> None:
    data = ml.datasets.load("cafes")
    kept = data[(data["cafe"] != "3") | (data["afternoon"] == 0)]
    fit = ml.fit("wait ~ afternoon + (afternoon | cafe)", kept)
    ax = ml.plots.poolings(fit, term="afternoon")
    table = ml.plots.tables.poolings(fit, term="afternoon")
    line, none, partial = ax.lines[0], table[table["none"].notna()], table
    np.testing.assert_array_equal(line.get_xdata(), table["complete"][:2])
    for label, own, shift in (("no pooling", none, 0.18), ("partial pooling", partial, -0.18)):
        (dots,) = [artist for artist in ax.collections if artist.get_label() == label]
        name = label.split()[0].replace("no", "none")
        expected = np.column_stack([own[name].astype(float), own["rank"] + shift])
        np.testing.assert_array_equal(np.asarray(dots.get_offsets()), expected)
    segments = [s for c in ax.collections if isinstance(c, LineCollection) for s in c.get_segments()]
    ends = [own[[f"{n}_lower", f"{n}_upper"]] for n, own in (("none", none), ("partial", partial))]
    np.testing.assert_array_equal(np.array(segments)[:, :, 0], np.vstack(ends).astype(float))
    assert ax.get_yticklabels()[0].get_text() == "3 (5)"
    assert len(none) == 19
    assert ax.get_ylabel() == "cafe (rows)"
    assert ax.get_xlabel() == "wait: afternoon, one standard error to each side"


def test_many_levels_by_size() -> None:
    fit = ml.fit("mathach ~ ses + (1 | school)", ml.datasets.load("mathachieve"))
    ax = ml.plots.poolings(fit)
    assert ax.get_ylabel() == "160 levels of school, by size"
    assert ml.plots.tables.poolings(fit)["n"].is_monotonic_increasing


def test_pooling_weights_against_sizes() -> None:
    fit = ml.fit("mathach ~ ses + (ses | school)", ml.datasets.load("mathachieve"))
    _, ax = plt.subplots()
    assert ml.plots.pooling_weights(fit, term="ses", ax=ax) is ax
    table = ml.plots.tables.pooling_weights(fit, term="ses")
    np.testing.assert_array_equal(drawn(ax)[0], table[["n", "pooling"]])
    assert ax.get_xlabel() == "rows of the level of school"
    assert ax.get_ylabel() == "weight of the level's own data: ses"
    assert ax.get_xscale() == "linear"


def test_very_different_sizes_are_on_a_logarithmic_axis() -> None:
    rng = np.random.default_rng(1)
    g = np.repeat(np.arange(6), [2, 5, 10, 20, 40, 80])
    fit = ml.fit("y ~ 1 + (1 | g)", {"y": g + rng.normal(size=g.size), "g": g})
    assert ml.plots.pooling_weights(fit).get_xscale() == "log"
