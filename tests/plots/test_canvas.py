"""Where pictures are drawn: an error without Matplotlib, plain axes, readable names."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import matplotlib as mpl
import pytest
from matplotlib import pyplot as plt

import multilevel as ml
from multilevel.plots.canvas import SERIES, axes_for, dot_size, levels_axis

mpl.use("agg")


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    plt.close("all")


def test_without_matplotlib_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    fit = ml.fit("reaction ~ days + (days | subject)", ml.datasets.load("sleepstudy"))
    with pytest.raises(ml.OptionError, match="pictures need Matplotlib") as caught:
        ml.plots.caterpillar(fit)
    assert 'try: pip install "multilevel[plots]"' in str(caught.value)
    assert len(ml.plots.tables.caterpillar(fit)) == 18


def test_axes_are_given_or_new() -> None:
    first = axes_for(None, width=3.0, height=2.0)
    assert first.figure.get_size_inches().tolist() == [3.0, 2.0]
    assert not first.spines["top"].get_visible()
    assert axes_for(first) is first


@pytest.mark.parametrize(("n", "size"), [(1, 36.0), (60, 36.0), (100, 24.0), (500, 4.8), (10**6, 2.0)])
def test_many_points_are_small(n: int, size: float) -> None:
    assert dot_size(n) == pytest.approx(size)


@pytest.mark.parametrize(("m", "ticks", "name"), [(3, 3, "g"), (50, 50, "g"), (51, 0, "51 levels of g")])
def test_levels_are_named_or_counted(m: int, ticks: int, name: str) -> None:
    ax = axes_for(None)
    levels_axis(ax, [f"level {i}" for i in range(m)], "g")
    assert len(ax.get_yticks()) == ticks
    assert ax.get_ylabel() == name


def test_colours_differ() -> None:
    assert len(set(SERIES)) == 7
