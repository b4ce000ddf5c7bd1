"""Arrays in files: the same numbers, no memory of the process, nothing left behind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import multilevel as ml
from multilevel.kernels import arrays_in, arrays_in_files

N = 300_000


def anonymous() -> float:
    """Return the megabytes of the process that no file backs, as Linux tells them; elsewhere none."""
    status = Path("/proc/self/status")
    if not status.exists():
        return 0.0
    lines = status.read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1024.0


def data() -> pd.DataFrame:
    """Return yes or no in 50 groups, with a continuous predictor."""
    rng = np.random.default_rng(9)
    g, x = rng.integers(0, 50, N), rng.standard_normal(N)
    eta = 0.4 * x + 0.7 * rng.standard_normal(50)[g]
    return pd.DataFrame({"y": (rng.random(N) < 1.0 / (1.0 + np.exp(-eta))) * 1.0, "x": x, "g": g * 1.0})


def test_no_folder_changes_nothing() -> None:
    with arrays_in(None):
        assert not arrays_in_files()


def test_nested_and_left(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    with arrays_in(tmp_path):
        with arrays_in(tmp_path / "inner"):
            assert arrays_in_files()
        assert arrays_in_files()
    assert not arrays_in_files()


def test_arrays_outlive_the_context_grow_and_leave_no_files(tmp_path: Path) -> None:
    before = anonymous()
    with arrays_in(tmp_path):
        ones = np.ones(4_000_000)
        zeros = np.zeros((2, 500_000))
        grown = np.arange(200_000.0)
        grown.resize(400_000, refcheck=False)
        assert list(tmp_path.iterdir()) == []
        assert anonymous() - before < 16.0
    assert ones.sum() == 4_000_000 and not zeros.any()
    assert grown[199_999] == 199_999.0 and not grown[200_000:].any()
    grown.resize(10, refcheck=False)
    assert grown[9] == 9.0


def test_a_folder_without_room_is_out_of_memory(tmp_path: Path) -> None:
    with arrays_in(tmp_path / "absent"), pytest.raises(MemoryError):
        np.ones(1_000_000)


def test_fits_are_the_same_to_the_last_bit(tmp_path: Path) -> None:
    rows = data()
    with arrays_in(tmp_path):
        ours = ml.fit("y ~ x + (1 | g)", rows, family="bernoulli")
    whole = ml.fit("y ~ x + (1 | g)", rows, family="bernoulli")
    assert ours.deviance == whole.deviance
    np.testing.assert_array_equal(ours.vcov, whole.vcov)
    assert ours.solution.accuracy is None and whole.solution.accuracy is not None
