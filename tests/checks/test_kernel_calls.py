"""A run of tests that leaves a native kernel out fails, and says which one."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from checks.kernel_calls import ON_IMPORT, entry_points
from multilevel import _core

ROOT = Path(__file__).resolve().parents[2]
CALLS = """
from multilevel.kernels import core

def test_one():
    core.column_moments(__import__("numpy").ones((3, 1)))

def test_all():
    for name, value in vars(core).items():
        for each in [value] if not isinstance(value, type) else list(vars(value).values()):
            if callable(each) and "__" not in getattr(each, "__name__", "__"):
                try:
                    each()
                except TypeError:
                    pass
"""


def test_entry_points_are_those_of_the_stub() -> None:
    tree = ast.parse((ROOT / "src/multilevel/_core.pyi").read_text(encoding="utf-8"))
    stub = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)} - ON_IMPORT
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            methods = {m.name for m in node.body if isinstance(m, ast.FunctionDef) and not m.decorator_list}
            stub |= {f"{node.name}.{m}" for m in methods if not m.startswith("__")}
    assert {name for _, _, name in entry_points(_core)} == stub


@pytest.mark.parametrize(("test", "workers", "code"), [("test_one", "0", 1), ("test_all", "1", 0)])
def test_a_kernel_that_is_never_called_fails_the_run(
    tmp_path: Path, test: str, workers: str, code: int
) -> None:
    file = tmp_path / "test_calls.py"
    file.write_text(CALLS, encoding="utf-8")
    options = ["-q", "-p", "checks.kernel_calls", "-p", "no:cacheprovider", "-n", workers]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, f"--rootdir={tmp_path}", f"{file}::{test}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == code, done.stdout
    assert ("kernels: `Joint.evaluate` was never called" in done.stdout) == (test == "test_one")
    assert "kernels: `column_moments` was never called" not in done.stdout
