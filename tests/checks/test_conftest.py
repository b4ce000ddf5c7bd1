"""A skipped, expected-to-fail or skipped-while-collecting test counts as a failure."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HOUSE = Path(__file__).resolve().parents[1] / "conftest.py"


@pytest.mark.parametrize(
    "text",
    [
        "def test_a():\n    pytest.skip('later')\n",
        "@pytest.mark.skip\ndef test_a():\n    pass\n",
        "@pytest.mark.xfail\ndef test_a():\n    assert False\n",
        "pytest.importorskip('no_such_library_here')\n",
    ],
    ids=["call", "mark", "expected failure", "missing library"],
)
def test_a_skip_fails_the_run(tmp_path: Path, text: str) -> None:
    (tmp_path / "conftest.py").write_text(HOUSE.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "test_a.py").write_text(f"import pytest\n\n{text}", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert "skipped tests count as failures here" in done.stdout
