"""Trace and rank pictures: what ArviZ of either world is asked for, and that its pictures hold our draws."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot as plt

import multilevel as ml
from tests.oracle.posteriors import sleep_posterior

mpl.use("agg")
NAMES = ["coefficients", "sigma", "sd(subject)", "correlation(subject)"]


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.fixture(params=["0.23.4", "1.3.0"])
def asked(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """Put a stand-in for ArviZ in its place; return what it will have been asked for."""
    found: list[tuple[str, Any]] = []
    figure, axes = plt.subplots(2, 2)
    old = request.param.startswith("0.")

    def picture(name: str) -> Any:
        def draw(data: Any, *, var_names: list[str], **options: Any) -> Any:
            found.append((name, var_names))
            return axes if old else SimpleNamespace(viz={"figure": np.array(figure, dtype=object)})

        return draw

    def from_dict(*args: Any, **keywords: Any) -> Any:
        variables = keywords["posterior"] if old else args[0]["posterior"]
        return {"posterior": SimpleNamespace(data_vars=variables)}

    library = {"__version__": request.param, "from_dict": from_dict}
    library |= {name: picture(name) for name in ("plot_trace", "plot_trace_dist", "plot_rank")}
    monkeypatch.setitem(sys.modules, "arviz", SimpleNamespace(**library))
    return found


def test_all_but_group_effects(asked: list[tuple[str, Any]]) -> None:
    assert ml.plots.trace(sleep_posterior()) is plt.gcf()
    assert ml.plots.ranks(sleep_posterior(), names=["sigma"]) is plt.gcf()
    assert asked[0][0].startswith("plot_trace")
    assert asked[0][1] == NAMES
    assert asked[1] == ("plot_rank", ["sigma"])


@pytest.mark.usefixtures("asked")
def test_unknown_variables_are_refused() -> None:
    with pytest.raises(ml.OptionError, match="there is no variable 'days'") as caught:
        ml.plots.trace(sleep_posterior(), names=["days"])
    assert "'effects(subject)'" in str(caught.value)
    with pytest.raises(ml.OptionError, match="is empty"):
        ml.plots.ranks(sleep_posterior(), names=[])


@pytest.mark.parametrize("draw", [ml.plots.trace, ml.plots.ranks])
def test_a_fit_has_no_chains(draw: Any) -> None:
    fit = ml.fit("reaction ~ days + (1 | subject)", ml.datasets.load("sleepstudy"))
    with pytest.raises(
        ml.OptionError, match=r"of 'Fit', which has no chains(?s:.)*a posterior, of ml.sample"
    ):
        draw(fit)


def test_the_arviz_that_is_installed_draws_the_draws() -> None:
    post = sleep_posterior()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of ArviZ and the libraries below it
        figure = ml.plots.trace(post, names=["sigma"])
        figure.canvas.draw()
        ranked = ml.plots.ranks(post, names=["sigma"])
        ranked.canvas.draw()
    drawn = {tuple(np.asarray(line.get_ydata())) for ax in figure.axes for line in ax.lines}
    assert {tuple(chain) for chain in post.draws["sigma"]} <= drawn
    assert ranked.axes


def test_without_arviz(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "arviz", None)
    with pytest.raises(ml.OptionError, match="needs ArviZ"):
        ml.plots.trace(sleep_posterior())
