"""Memory of fits whose rows are in files; not measured under sanitizers, which have memory of their own."""

from __future__ import annotations

from pathlib import Path

import multilevel as ml
from multilevel.kernels import arrays_in
from tests.test_kernels import N, anonymous, data


def test_fits_with_rows_in_files_take_little_memory(tmp_path: Path) -> None:
    rows = data()
    before = anonymous()
    with arrays_in(tmp_path):
        ml.fit("y ~ x + (1 | g)", rows, family="bernoulli")
        assert anonymous() - before < 0.1 * 300 * N / 1e6
