"""`multilevel plot` writes every kind of picture of a saved result, and says what it cannot."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import matplotlib as mpl
import pytest
from matplotlib import pyplot as plt

import multilevel as ml
from multilevel.cli.main import main
from multilevel.cli.pictures import KINDS, OF_FITS, OF_POSTERIORS
from tests.oracle.posteriors import sleep_posterior

mpl.use("agg")


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("saved")
    sleep = ml.datasets.load("sleepstudy")
    ml.fit("reaction ~ days + (days | subject)", sleep).save(folder / "sleep.fit")
    sleep_posterior().save(folder / "sleep.post")
    return {"fit": str(folder / "sleep.fit"), "posterior": str(folder / "sleep.post")}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_written(
    kind: str, saved: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of ArviZ
        for name in sorted(
            {"fit", "posterior"} - {"fit" * (kind in OF_POSTERIORS), "posterior" * (kind in OF_FITS)}
        ):
            out = tmp_path / f"{name}.png"
            assert main(["plot", kind, saved[name], "--out", str(out)]) == 0
            assert out.read_bytes().startswith(b"\x89PNG")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("kind", "of", "out", "message"),
    [
        ("trace", "fit", "a.png", "plot trace was asked of a fit, which has no chains"),
        ("poolings", "posterior", "a.png", "plot poolings was asked of a posterior"),
        ("shrinkage", "fit", "a.doc", "does not end like a picture"),
        ("shrinkage", "fit", "nowhere/a.png", "cannot be written to"),
    ],
)
def test_errors(
    kind: str,
    of: str,
    out: str,
    message: str,
    saved: dict[str, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["plot", kind, saved[of], "--out", str(tmp_path / out)]) == 1
    assert message in capsys.readouterr().err
