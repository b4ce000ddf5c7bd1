"""The check of docstring examples catches failing and missing ones."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from checks.examples import main

GOOD = '''
def f():
    """Give one.

    >>> f()
    1
    """
    return 1


class OurError(Exception):
    """Needs no example."""


__all__ = ["OurError", "f"]
'''


@pytest.mark.parametrize(
    ("name", "text", "code", "said"),
    [
        ("examples_good", GOOD, 0, "1 run, 0 failed, 0 missing"),
        ("examples_wrong", GOOD.replace("    1\n", "    2\n"), 1, "1 run, 1 failed, 0 missing"),
        (
            "examples_missing",
            GOOD.replace(">>> f()\n    1", ""),
            1,
            "examples_missing.f: a public name without",
        ),
        ("examples_warn", GOOD.replace("return 1", "import warnings; warnings.warn('w')"), 1, "1 failed"),
    ],
)
def test_examples_of_a_package(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    text: str,
    code: int,
    said: str,
) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert main(name) == code
    assert said in capsys.readouterr().out
    del sys.modules[name]
