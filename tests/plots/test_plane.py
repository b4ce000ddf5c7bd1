"""The picture of shrinkage holds the points, arrows and ellipses of its tables: read from the artists."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import Ellipse
from matplotlib.quiver import Quiver

import multilevel as ml
from tests.oracle.posteriors import sleep_posterior

mpl.use("agg")
AT = {"morning": {"afternoon": 0}, "afternoon": {"afternoon": 1}}


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def cafes() -> ml.Fit:
    return ml.fit("wait ~ afternoon + (afternoon | cafe)", ml.datasets.load("cafes"))


def dots(ax: Axes, label: str) -> np.ndarray:
    """Return the places of the points with a label."""
    (found,) = [artist for artist in ax.collections if artist.get_label() == label]
    return np.asarray(found.get_offsets())


def arrows(ax: Axes) -> Quiver:
    (found,) = [artist for artist in ax.collections if isinstance(artist, Quiver)]
    return found


@pytest.mark.parametrize(
    ("at", "labels"),
    [
        (None, ("wait: Intercept", "wait: afternoon")),
        (AT, ("wait: morning", "wait: afternoon")),
    ],
)
def test_points_arrows_and_ellipses_of_the_tables(
    cafes: ml.Fit, at: dict[str, dict[str, int]] | None, labels: tuple[str, str]
) -> None:
    ax = ml.plots.shrinkage(cafes, at=at)
    points, rings = ml.plots.tables.shrinkage(cafes, at=at), ml.plots.tables.ellipses(cafes, at=at)
    none, partial = points[["x_none", "y_none"]].to_numpy(), points[["x_partial", "y_partial"]].to_numpy()
    np.testing.assert_array_equal(dots(ax, "alone (no pooling)"), none)
    np.testing.assert_array_equal(dots(ax, "in the model (partial pooling)"), partial)
    drawn = arrows(ax)
    np.testing.assert_array_equal(np.column_stack([drawn.X, drawn.Y]), none)
    np.testing.assert_allclose(np.column_stack([drawn.X + drawn.U, drawn.Y + drawn.V]), partial)
    assert drawn.scale == 1.0
    assert drawn.angles == drawn.scale_units == "xy"
    drawn_rings = [p for p in ax.patches if isinstance(p, Ellipse)]
    found = [(*p.center, p.width, p.height, p.angle) for p in drawn_rings]
    np.testing.assert_array_equal(found, rings[["x", "y", "width", "height", "angle"]])
    assert [text.get_text() for text in ax.texts] == ["10%", "30%", "50%", "80%", "99%"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == labels
    assert ax.get_title(loc="left") == "20 levels of cafe"


def test_coverages_stand_on_the_ellipses(cafes: ml.Fit) -> None:
    """Each label is at the top of its ellipse, where the outline is level."""
    ax = ml.plots.shrinkage(cafes)
    for patch, text in zip(ax.patches, ax.texts, strict=True):
        around = np.linspace(0, 2 * np.pi, 2001)
        outline = patch.get_patch_transform().transform(np.column_stack([np.cos(around), np.sin(around)]))
        assert text.xy[1] == pytest.approx(outline[:, 1].max(), abs=1e-5)
        corner = patch.get_patch_transform().inverted().transform(text.xy)
        assert np.hypot(*corner) == pytest.approx(1.0)


def test_everything_is_in_view(cafes: ml.Fit) -> None:
    ax = ml.plots.shrinkage(cafes)
    outlines = [p.get_patch_transform().transform(p.get_path().vertices) for p in ax.patches]
    seen = np.vstack([dots(ax, "alone (no pooling)"), dots(ax, "in the model (partial pooling)"), *outlines])
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    assert left < seen[:, 0].min() < seen[:, 0].max() < right
    assert low < seen[:, 1].min() < seen[:, 1].max() < high


def test_groups_without_a_place_of_their_own_have_no_arrow() -> None:
    data = ml.datasets.load("cafes")
    kept = data[
        (data["cafe"].astype(str) != "3") | (data.index == data.index[data["cafe"].astype(str) == "3"][0])
    ]
    fit = ml.fit("wait ~ afternoon + (afternoon | cafe)", kept)
    ax = ml.plots.shrinkage(fit)
    assert len(dots(ax, "alone (no pooling)")) == len(arrows(ax).X) == 19
    assert len(dots(ax, "in the model (partial pooling)")) == 20


def test_five_hundred_groups_and_one_far_away() -> None:
    rng = np.random.default_rng(1)
    g = np.repeat(np.arange(500), 6)
    x = rng.normal(size=g.size)
    x[:6] = 1 + 1e-3 * rng.normal(size=6)  # no slope to speak of: the group alone is far out
    b = rng.normal(size=(500, 2))
    y = 3 + b[g, 0] + (1 + b[g, 1]) * x + rng.normal(size=g.size)
    fit = ml.fit("y ~ x + (x | g)", pd.DataFrame({"y": y, "x": x, "g": g}))
    ax = ml.plots.shrinkage(fit)
    assert ax.get_title(loc="left") == "500 levels of g, 1 of them alone beyond the picture"
    assert len(dots(ax, "alone (no pooling)")) == 500
    assert ax.get_ylim()[1] - ax.get_ylim()[0] < 40


def test_no_ellipses_on_axes_of_ones_own() -> None:
    _, ax = plt.subplots()
    found = ml.plots.shrinkage(sleep_posterior(), coverages=(), x="days", ax=ax)
    assert found is ax
    assert not ax.patches
    assert ax.get_xlabel() == "reaction: days"


def test_a_model_without_variance_between_groups() -> None:
    """All groups on one place, ellipses of no size."""
    rng = np.random.default_rng(4)
    data = {
        "y": np.tile([1.0, 2, 3, 4, 5.5], 6) + rng.normal(size=30) * 0.01,
        "g": np.repeat(np.arange(6), 5),
    }
    data["x"] = np.tile([0.0, 1, 2, 3, 4], 6)
    with pytest.warns(ml.BoundaryWarning):
        fit = ml.fit("y ~ x + (x | g)", data)
    ax = ml.plots.shrinkage(fit)
    assert np.isfinite(ax.get_xlim()).all()
