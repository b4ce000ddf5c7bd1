"""The check of shapes catches long files, long functions, missing first lines and names by role."""

from __future__ import annotations

from pathlib import Path

import pytest

from checks.lengths import MAX_FUNCTION, MAX_LINES, file_faults

DOC = '"""What the file owns."""\n'


def python_function(lines: int) -> str:
    """Return a function of so many lines, its docstring of 100 lines not counted."""
    return 'def f():\n    """Do.\n' + "\n" * 98 + '    """\n' + "    x = 1\n" * (lines - 1)


def cpp_function(lines: int) -> str:
    """Return a C++ function of so many lines inside a namespace, with loops and braces in comments in it."""
    body = ["  for (;;) { if (x) { break; } } // {", '  auto s = "{";', *["  ++x;"] * (lines - 4)]
    return "\n".join(["// Owns.", "namespace a {", "void f(int x) {", *body, "}", "}", ""])


CASES = {
    "good Python": ("a.py", DOC + python_function(MAX_FUNCTION), None),
    "good C++": ("a.cpp", cpp_function(MAX_FUNCTION), None),
    "longest file": ("a.py", DOC + "x = 1\n" * (MAX_LINES - 1), None),
    "long file": ("a.py", DOC + "x = 1\n" * MAX_LINES, "401 lines (at most 400)"),
    "long file without a last newline": ("a.py", DOC + "x = 1\n" * (MAX_LINES - 1) + "x = 2", "401 lines"),
    "long C++ file": ("a.hpp", "// Owns.\n" * (MAX_LINES + 1), "401 lines (at most 400)"),
    "long function": ("a.py", DOC + python_function(MAX_FUNCTION + 1), "function `f` has 61 lines"),
    "long C++ function": ("a.cpp", cpp_function(MAX_FUNCTION + 1), "function has 61 lines"),
    "no docstring": ("a.py", "x = 1\n", "the first line is not a docstring"),
    "docstring on line 2": ("a.py", "# note\n" + DOC, "the first line is not a docstring"),
    "docstring that begins empty": ("a.py", '"""\nWhat.\n"""\n', "the first line is not a docstring"),
    "empty file": ("a.py", "", "empty"),
    "no comment in C++": ("a.cpp", "int x;\n", "the first line is not a comment"),
    "name by role": ("utils.py", DOC, "named by its role"),
}


@pytest.mark.parametrize(("name", "text", "message"), CASES.values(), ids=CASES)
def test_faults_of_a_file(tmp_path: Path, name: str, text: str, message: str | None) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    found = list(file_faults(path))
    if message is None:
        assert found == []
    else:
        assert any(message in fault for fault in found), found
