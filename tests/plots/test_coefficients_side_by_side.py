"""The picture of coefficients holds the points and segments of its table."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.collections import LineCollection, PathCollection

import multilevel as ml
from tests.oracle.posteriors import sleep_posterior

mpl.use("agg")


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    plt.close("all")


def test_several_results_side_by_side() -> None:
    sleep = ml.datasets.load("sleepstudy")
    results = {
        "slopes": ml.fit("reaction ~ days + (days | subject)", sleep, level=0.9),
        "posterior": sleep_posterior(),
    }
    terms = ["days", "Intercept"]
    ax = ml.plots.coefficients(results, terms=terms)
    table = ml.plots.tables.coefficients(results, terms=terms)
    dots = [artist for artist in ax.collections if isinstance(artist, PathCollection)]
    lines = [artist for artist in ax.collections if isinstance(artist, LineCollection)]
    assert [str(artist.get_label()) for artist in dots] == list(results)
    rows = set()
    for label, points, segments in zip(results, dots, lines, strict=True):
        own = table[table["result"] == label]
        places = np.asarray(points.get_offsets())
        np.testing.assert_array_equal(places[:, 0], own["estimate"])
        np.testing.assert_array_equal(np.array(segments.get_segments())[:, :, 0], own[["lower", "upper"]])
        np.testing.assert_array_equal(places[:, 1].round(), [0, 1])
        rows |= set(places[:, 1])
    assert len(rows) == 4  # none over another
    assert [tick.get_text() for tick in ax.get_yticklabels()] == terms
    assert ax.get_ylim()[0] > ax.get_ylim()[1]  # the first term on top
    assert ax.get_xlabel() == "coefficient, 90% and 95% intervals"


def test_one_result_needs_no_legend() -> None:
    fit = ml.fit("reaction ~ days + (days | subject)", ml.datasets.load("sleepstudy"))
    ax = ml.plots.coefficients(fit)
    assert ax.get_legend() is None
    assert ml.plots.tables.coefficients(fit)["result"].tolist() == [fit.formula]
