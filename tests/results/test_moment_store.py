"""Saved moments: what comes back is what was written; what was changed is told."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import multilevel as ml

SLEEP = ml.datasets.load("sleepstudy")


def table(n: int = 300) -> pd.DataFrame:
    rng = np.random.default_rng(8)
    data = pd.DataFrame({"x": rng.normal(size=n), "t": 2000.0 + rng.random(n), "g": rng.integers(0, 9, n)})
    data["f"], data["h"] = rng.choice(["a", "b", "c"], n), rng.choice(["p", "q", "r", "s"], n)
    data["k"] = rng.random(n) < 0.5
    data["w"] = rng.uniform(0.5, 2.0, n)
    data["y"] = rng.normal(size=9)[data["g"]] + data["x"] + rng.normal(size=n)
    return data


CASES: list[tuple[str, dict[str, Any]]] = [
    ("y ~ x + f + (x | g) + (1 | h)", {"precision_weights": "w", "offset": 2.5}),
    (
        "y ~ poly(x, 2) + scale(t) + C(f, contr.sum) + (1 | g:h)",
        {"frequency_weights": "w", "residual_sd": "w"},
    ),
    ("y ~ t + I(t ** 2) + k + cs(f | g)", {"offset": np.linspace(0.0, 1.0, 300)}),
    ("y ~ 0 + f + bs(x, 4) + (1 | g) + (1 | h)", {}),
]


@pytest.mark.filterwarnings("ignore::multilevel.BoundaryWarning")
@pytest.mark.parametrize(("formula", "options"), CASES)
def test_moments_come_back_bit_for_bit(formula: str, options: dict[str, Any], tmp_path: Path) -> None:
    data, path = table(), tmp_path / "m"
    moments = ml.moments(formula, data, **options)
    moments.save(path)
    again = ml.load_moments(path)
    assert repr(again) == repr(moments)
    fit, other = ml.fit(moments), ml.fit(again)
    assert fit.deviance == other.deviance
    for name in ("fixed_effects", "variance_components", "random_effects", "correlations"):
        pd.testing.assert_frame_equal(getattr(fit, name), getattr(other, name), rtol=0.0)
    if not isinstance(options.get("offset"), np.ndarray):
        new = data.head(11)
        pd.testing.assert_frame_equal(fit.predict(new, interval=0.9), other.predict(new, interval=0.9))
        rows = ml.fit(formula, data, **options)
        pd.testing.assert_frame_equal(fit.predict(new), rows.predict(new), rtol=1e-7)


@pytest.mark.parametrize("method", ["reml", "ml", "em"])
def test_fits_of_moments_come_back(method: Any, tmp_path: Path) -> None:
    path = tmp_path / "fit"
    fit = ml.fit("reaction ~ days + (days | subject)", pl.LazyFrame(SLEEP), method=method)
    fit.save(path)
    again = ml.load_fit(path)
    assert (again.deviance, again.n_rows, str(again)) == (
        pytest.approx(fit.deviance, rel=1e-12),
        180,
        str(fit),
    )
    assert again.random_effects.equals(fit.random_effects)
    with pytest.raises(ml.DataError, match="180 rows of polars"):
        again.predict()


def test_posteriors_of_moments_come_back(tmp_path: Path) -> None:
    moments, path = ml.moments("reaction ~ days + (days | subject)", SLEEP), tmp_path / "posterior"
    posterior = ml.sample(moments, seed=1)
    posterior.save(path)
    again = ml.load_posterior(path)
    pd.testing.assert_frame_equal(again.random_effects, posterior.random_effects)
    assert again.predict({"days": [3.0]}, groups="new", interval=0.9).equals(
        posterior.predict({"days": [3.0]}, groups="new", interval=0.9)
    )


def test_graphs_come_back(tmp_path: Path) -> None:
    text = "a[subject] ~ Normal(am, t)\nreaction ~ Normal(a[subject] + b * days, sigma)"
    ml.moments(ml.graph(text), SLEEP).save(tmp_path / "m")
    again = ml.load_moments(tmp_path / "m")
    assert again.model.dag is not None
    assert ml.fit(again).deviance == pytest.approx(ml.fit(ml.graph(text), SLEEP).deviance, rel=1e-12)


def rewritten(path: Path, change: Any) -> None:
    """Write the file again with another header and checksums that fit it."""
    with zipfile.ZipFile(path) as file:
        members = {name: file.read(name) for name in file.namelist()}
    header = json.loads(members["header.json"])
    change(header)
    members["header.json"] = json.dumps(header).encode()
    sums = {n: hashlib.sha256(c).hexdigest() for n, c in members.items() if n != "checksums.json"}
    members["checksums.json"] = json.dumps(sums).encode()
    with zipfile.ZipFile(path, "w") as file:
        for name, content in members.items():
            file.writestr(name, content)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda h: h.update(format="other"), "damaged or not saved moments"),
        (lambda h: h.update(format_version=99), "sum the rows again"),
        (lambda h: h.pop("moments"), "damaged or not saved moments"),
        (lambda h: h["moments"]["products"].update(p=5), "differ in size"),
        (lambda h: h["moments"]["design"].update(library="other"), "library 'other' is not known"),
        (lambda h: h["moments"]["products"].pop("order"), "KeyError"),
        (lambda h: h["moments"]["design"].update(names=[1, 2]), "is not a text"),
    ],
)
def test_changed_files_are_told(change: Any, message: str, tmp_path: Path) -> None:
    path = tmp_path / "m"
    ml.moments("reaction ~ days + (days | subject)", SLEEP).save(path)
    rewritten(path, change)
    with pytest.raises(ml.StorageError, match=message):
        ml.load_moments(path)


def test_other_files_are_told(tmp_path: Path) -> None:
    ml.fit("reaction ~ days + (1 | subject)", SLEEP).save(tmp_path / "fit")
    for path, message in ((tmp_path / "fit", "not saved moments"), (tmp_path / "none", "cannot read")):
        with pytest.raises(ml.StorageError, match=message):
            ml.load_moments(path)


def test_what_is_no_path_is_told() -> None:
    moments = ml.moments("reaction ~ days + (days | subject)", SLEEP)
    for verb in (moments.save, ml.load_moments):
        with pytest.raises(ml.StorageError, match="None is not a path"):
            verb(None)  # type: ignore[operator]
