"""Section E: formulas run nothing, saved fits run nothing, and files that are not tables are refused."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import multilevel as ml
from tests.failures.cases import require_words, table

FORBIDDEN = (
    "open",
    "socket",
    "subprocess",
    "os.",
    "exec",
    "compile",
    "import",
    "pickle.",
    "shutil.",
    "ctypes.",
)
_heard: list[str] = []
_listening = False


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if _listening and event.startswith(FORBIDDEN):
        _heard.append(event)


@pytest.fixture(scope="module", autouse=True)
def audit() -> Iterator[None]:
    """Hear the interpreter's audit events; a hook cannot be taken away, so it listens only when told."""
    sys.addaudithook(_hook)
    ml.fit("y ~ x + (1 | g)", table()())  # whatever is imported late is imported now
    yield


HOSTILE = {  # rows 59 to 61: formula, what the caret must stand under
    'y ~ I([__import__("os").system("touch pwned"),x][1]) + (1 | g)': "__import__",
    'y ~ x + os.system("touch pwned") + (1 | g)': "os.system",
    'y ~ np.savetxt("pwned", x) + (1 | g)': "np.savetxt",
    'y ~ x + open("pwned", "w") + (1 | g)': "open",
    'y ~ I({file.create("pwned");x}) + (1 | g)': "file.create",
    'y ~ x + (1 | eval("g"))': "eval",
    'exec("import os") ~ x + (1 | g)': "exec",
    "y ~ x.__class__ + (1 | g)": "x.__class__",
}


@pytest.mark.parametrize("formula", HOSTILE)
def test_a_formula_runs_nothing(formula: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    global _listening
    monkeypatch.chdir(tmp_path)
    data = table()()
    _heard.clear()
    _listening = True
    try:
        ml.fit(formula, data)
    except ml.FormulaError as error:
        refused = error
    finally:
        _listening = False
    assert not _heard
    assert not list(tmp_path.iterdir())
    line, caret = str(refused).splitlines()[1:3]
    found = line[caret.index("^") : caret.rindex("^") + 1]
    assert HOSTILE[formula].startswith(found)
    assert "try:" in str(refused) or "allowed:" in str(refused)


def test_a_saved_fit_comes_back_whole_and_is_no_pickle(tmp_path: Path) -> None:
    """Row 63."""
    fit = ml.fit("y ~ x + (1 | g)", table()())
    before = (fit.deviance, str(fit))
    fit.save(tmp_path / "fit")
    assert (fit.deviance, str(fit)) == before
    content = (tmp_path / "fit").read_bytes()
    assert b"pickle" not in content and b"\x80\x04" not in content[:2]
    again = ml.load_fit(tmp_path / "fit")
    assert (again.deviance, str(again)) == before
    np.testing.assert_array_equal(again.predict()["prediction"], fit.predict()["prediction"])


class _Trap:
    def __reduce__(self) -> tuple[object, ...]:
        return (open, ("pwned", "w"))


@pytest.mark.parametrize("kind", ["truncated", "changed", "pickle", "text", "empty", "absent"])
def test_a_file_that_is_no_saved_fit_is_refused(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "fit"
    ml.fit("y ~ x + (1 | g)", table()()).save(path)
    whole = path.read_bytes()
    middle = len(whole) // 2
    contents = {
        "truncated": whole[:middle],
        "changed": whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :],
        "pickle": pickle.dumps(_Trap()),
        "text": b"y,x\n1,2\n",
        "empty": b"",
    }
    if kind == "absent":
        path.unlink()
    else:
        path.write_bytes(contents[kind])
    with pytest.raises(ml.StorageError, match=r"(?s)`.*fit`.*try: "):
        ml.load_fit(path)
    assert not (tmp_path / "pwned").exists()


def _csv(names: str = "y,x,g") -> bytes:
    data = table()()
    lines = [
        f"{y!r},{x!r},{g}" for y, x, g in zip(data["y"].tolist(), data["x"].tolist(), data["g"], strict=True)
    ]
    return "\n".join([names, *lines, ""]).encode()


FILES = {  # row 65: content, formula, class of the error, words
    "plain": (_csv(), "y ~ x + (1 | g)", None, ()),
    "byte order mark": (b"\xef\xbb\xbf" + _csv(), "y ~ x + (1 | g)", None, ()),
    "a header like a command": (_csv("y,=cmd(),g"), "y ~ `=cmd()` + (1 | g)", None, ()),
    "a header that is a command": (
        _csv('y,"=HYPERLINK(""a"")",g'),
        "y ~ x + (1 | g)",
        ml.DataError,
        ("`x`",),
    ),
    "NUL bytes": (_csv().replace(b"g3", b"g\0"), "y ~ x + (1 | g)", ml.DataError, ("NUL bytes", "allowed:")),
    "a very long line": (b"y,x,g\n" + b"9" * 10_000_000, "y ~ x + (1 | g)", ml.DataError, ()),
    "a very long header": (b"a," * 3_000_000, "y ~ x + (1 | g)", ml.DataError, ()),
    "binary": (bytes(range(256)) * 9, "y ~ x + (1 | g)", ml.DataError, ("NUL bytes",)),
    "nothing": (b"", "y ~ x + (1 | g)", ml.DataError, ("is empty",)),
    "no Parquet": (b"PAR1 nonsense", "y ~ x + (1 | g)", ml.DataError, ("cannot be read as Parquet",)),
}


@pytest.mark.parametrize("kind", FILES)
def test_a_file_is_read_or_refused(kind: str, tmp_path: Path) -> None:
    content, formula, outcome, words = FILES[kind]
    path = tmp_path / "rows.csv"
    path.write_bytes(content)
    if outcome is None:
        fit = ml.fit(formula, path)
        assert abs(fit.deviance - ml.fit("y ~ x + (1 | g)", table()()).deviance) < 1e-9
        return
    with pytest.raises(outcome) as refused:
        ml.fit(formula, path)
    require_words(str(refused.value), words)
    assert len(str(refused.value)) < 2000
