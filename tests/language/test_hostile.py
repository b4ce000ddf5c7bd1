"""Whatever the text, reading it opens, imports, runs and connects nothing, and only our error comes out."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from multilevel.errors import FormulaError
from multilevel.language import parse_formula
from multilevel.model import formula_text
from tests.language.faults import fault

FORBIDDEN = (
    "open",
    "socket",
    "subprocess",
    "import",
    "exec",
    "compile",
    "os.",
    "shutil.",
    "ctypes.",
    "pickle.",
)
HOSTILE = [
    '__import__("os").system("x")',
    "os.system",
    "open('pwned', 'w')",
    "().__class__.__bases__[0]",
    "eval('1')",
    "exec('import os')",
    'np.savetxt("f", x)',
    "lambda: 0",
    "[x for x in y]",
    "f'{x}'",
    "x.__class__",
    "globals()",
    '{file.create("f");x}',
    "getattr(x, 'y')",
    "(yield)",
    "x := 1",
    "\0",
    "\ud800",
    "`",
    "'",
    '"',
    "\\",
    "#",
    "@",
    "I(",
    "log(",
    "C(x, ",
    "us(",
    "))",
    "((((",
    "9**9**9**9",
    "I(9**9**9 + x)",
    "1e999",
    "||",
    "|",
    "~",
    "....",
]
PIECES = [
    "y",
    "x",
    "g",
    "`a b`",
    "days",
    "größe",
    " ",
    "+",
    "-",
    "*",
    ":",
    "/",
    "^",
    "**",
    "2",
    "0",
    "1",
    "(",
    ")",
    "~",
    "|",
    "||",
    "(x | g)",
    "(1 | a/b)",
    "log(x)",
    "poly(x, 2)",
    "offset(z)",
    "C(f, contr.sum)",
    ",",
    "=",
    "[",
    "]",
    "\n",
]
soup = st.lists(st.sampled_from(PIECES + HOSTILE), max_size=25).map("".join)
formulas = st.builds(lambda left, right: f"{left} ~ {right}", st.sampled_from(["y", "log(y)", ""]), soup)

_seen: list[str] = []
_listening = False


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if _listening and event.startswith(FORBIDDEN):
        _seen.append(event)


@pytest.fixture(scope="module", autouse=True)
def audit() -> Iterator[None]:
    """Hear the interpreter's audit events; a hook cannot be taken away, so it listens only when told."""
    sys.addaudithook(_hook)
    yield


def _read(text: str) -> None:
    """Read a formula under the hook; if it is one, its canonical text must read as the same model."""
    global _listening
    _seen.clear()
    _listening = True
    try:
        model = parse_formula(text)
        again = parse_formula(formula_text(model))
    except FormulaError as error:
        assert 0 <= error.position <= len(text)
    else:
        assert (again.response, again.fixed, again.offsets) == (model.response, model.fixed, model.offsets)
        assert again.variables == model.variables
        assert formula_text(again) == formula_text(model)
    finally:
        _listening = False
    assert _seen == []


def test_the_hook_hears() -> None:
    global _listening
    _seen.clear()
    _listening = True
    compile("1", "<test>", "eval")
    _listening = False
    assert "compile" in _seen


@pytest.mark.parametrize(
    ("text", "asked", "underlined"),
    [
        (
            'y ~ I([__import__("os").system("touch pwned"),x][1])',
            "`__import__`, `system` are not functions of formulas",
            "__import__",
        ),
        ('y ~ x + os.system("touch pwned")', "`os.system` is not a function of formulas", "os.system"),
        ('y ~ np.savetxt("pwned", x)', "`np.savetxt` is not a function of formulas", "np.savetxt"),
        ('y ~ open("pwned", "w")', "`open` is not a function of formulas", "open"),
        ('y ~ I({file.create("pwned");x})', "`file.create` is not a function of formulas", "file.create"),
    ],
)
def test_code_is_refused_at_the_token(
    text: str, asked: str, underlined: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert fault(text) == (asked, underlined)
    _read(text)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("fragment", HOSTILE)
@pytest.mark.parametrize(
    "frame", ["{}", "y ~ {}", "{} ~ x", "y ~ x + ({} | g)", "y ~ (1 | {})", "y ~ log({})"]
)
def test_fragments_in_every_place(fragment: str, frame: str) -> None:
    _read(frame.replace("{}", fragment))


@settings(max_examples=400, deadline=None)
@given(formulas)
@example("y ~ (x || a/b) + homdiag(0 + `a b` | g)")
def test_soups_of_pieces(text: str) -> None:
    _read(text)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60))
def test_any_text(text: str) -> None:
    _read(text)
    _read(f"y ~ {text}")


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(exclude_characters="`\0\\", exclude_categories=["Cs"]), min_size=1, max_size=12))
def test_any_column_name_in_backticks(name: str) -> None:
    if name.strip():
        model = parse_formula(f"y ~ log(`{name}`) + (1 | `{name}`)")
        assert model.variables == tuple(dict.fromkeys(("y", name)))
        assert parse_formula(formula_text(model)).variables == model.variables


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12))
def test_any_level_in_quotes(level: str) -> None:
    text = formula_text(parse_formula(f"y ~ C(f, Treatment({level!r}))"))
    assert formula_text(parse_formula(text)) == text
