"""Memory: limits of control groups of both versions, and what the process uses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from multilevel.data.memory import memory_in_use, memory_limit


def written(root: Path, files: dict[str, str]) -> Path:
    """Write files below a folder that stands for the root of the system."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


CASES: dict[str, tuple[dict[str, str], int | None]] = {
    "version 2": ({"proc/self/cgroup": "0::/job\n", "sys/fs/cgroup/job/memory.max": "1000000\n"}, 1000000),
    "a parent of version 2": (
        {
            "proc/self/cgroup": "0::/user/job\n",
            "sys/fs/cgroup/user/job/memory.max": "max\n",
            "sys/fs/cgroup/user/memory.max": "2000000\n",
        },
        2000000,
    ),
    "version 1": (
        {
            "proc/self/cgroup": "5:cpu:/a\n4:memory:/job\n",
            "sys/fs/cgroup/memory/job/memory.limit_in_bytes": "3000000\n",
        },
        3000000,
    ),
    "version 1, seen from inside": (
        {
            "proc/self/cgroup": "4:memory:/elsewhere/job\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "4000000\n",
        },
        4000000,
    ),
    "none": ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "max\n"}, None),
    "a number that means none": (
        {
            "proc/self/cgroup": "4:memory:/\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
        },
        None,
    ),
    "no such files": ({}, None),
}


@pytest.mark.parametrize("name", CASES)
def test_the_lowest_limit_counts(name: str, tmp_path: Path) -> None:
    files, expected = CASES[name]
    unlimited = memory_limit(tmp_path / "nothing")
    assert memory_limit(written(tmp_path, files)) == (expected or unlimited)
    assert unlimited > 10_000_000


def test_arrays_count_as_used() -> None:
    before = memory_in_use()
    held = np.ones(4_000_000)
    assert memory_in_use() - before > 0.8 * held.nbytes
    assert memory_in_use(Path("no such folder")) == 0
