"""The panels of residuals hold the points, curves and segments of their tables."""

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


def dots(ax: Axes) -> np.ndarray:
    (found,) = [artist for artist in ax.collections if isinstance(artist, PathCollection)]
    return np.asarray(found.get_offsets())


def curve(ax: Axes) -> np.ndarray:
    """Return the longest line of a panel."""
    return np.asarray(max((line.get_xydata() for line in ax.lines), key=len))


def test_four_panels() -> None:
    fit = ml.fit("reaction ~ days + (days | subject)", ml.datasets.load("sleepstudy"))
    figure = ml.plots.residuals(fit)
    rows, trend = ml.plots.tables.residuals(fit), ml.plots.tables.residual_trend(fit)
    groups = ml.plots.tables.residual_groups(fit)
    raw, normal, spread, levels = figure.axes
    for ax, column in ((raw, "residual"), (spread, "spread")):
        np.testing.assert_array_equal(dots(ax), rows[["fitted", column]])
        np.testing.assert_array_equal(curve(ax), trend[["fitted", column]])
    np.testing.assert_array_equal(dots(normal), rows[["expected", "residual"]])
    ends = [rows["expected"].min(), rows["expected"].max()]
    np.testing.assert_array_equal(normal.lines[0].get_xydata(), np.column_stack([ends, ends]))
    np.testing.assert_array_equal(dots(levels), groups[["median", "rank"]])
    (lines,) = [artist for artist in levels.collections if isinstance(artist, LineCollection)]
    np.testing.assert_array_equal(np.array(lines.get_segments())[:, :, 0], groups[["lower", "upper"]])
    assert raw.get_ylabel() == "quantile residual"
    assert [tick.get_text() for tick in levels.get_yticklabels()] == groups["level"].tolist()


def test_three_panels_without_groups() -> None:
    fit = ml.fit("reaction ~ days", ml.datasets.load("sleepstudy"))
    assert len(ml.plots.residuals(fit, kind="pearson").axes) == 3


def test_posteriors_by_the_group_asked_for() -> None:
    figure = ml.plots.residuals(sleep_posterior(), group="subject")
    assert figure.axes[0].get_ylabel() == "response residual"
    with pytest.raises(ml.OptionError, match="residuals by group='school'"):
        ml.plots.residuals(sleep_posterior(), group="school")
