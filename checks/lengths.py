"""Checks the shape of source files: length, length of functions, the first line, and the file's name."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

MAX_LINES = 400
MAX_FUNCTION = 60
"""Lines of a function without its docstring."""
ROLE_NAMES = frozenset({"base", "common", "helper", "helpers", "misc", "util", "utils"})
CPP_CONTROL = re.compile(r"^(if|for|while|switch|catch|else|do|return|try)\b")
CPP_SCOPE = re.compile(r"\b(namespace|class|struct|union|enum|extern)\b")
CPP_NOISE = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])\'', re.DOTALL)


def python_faults(file: Path, text: str) -> Iterator[str]:
    """Yield the faults of a Python file: no docstring on line 1, functions that are too long."""
    tree = ast.parse(text, filename=str(file))
    if not tree.body:
        yield f"{file}:1: empty; the first line says what the file owns"
        return
    first = tree.body[0]
    if ast.get_docstring(tree) is None or first.lineno != 1 or text.startswith('"""\n'):
        yield f"{file}:1: the first line is not a docstring that says what the file owns"
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        lines = (node.end_lineno or node.lineno) - node.lineno + 1
        if ast.get_docstring(node) is not None:
            doc = node.body[0]
            lines -= (doc.end_lineno or doc.lineno) - doc.lineno + 1
        if lines > MAX_FUNCTION:
            yield f"{file}:{node.lineno}: function `{node.name}` has {lines} lines (at most {MAX_FUNCTION})"


def cpp_faults(file: Path, text: str) -> Iterator[str]:
    """Yield the faults of a C++ file: no comment on line 1, functions that are too long.

    A function is a pair of braces whose head has parentheses and which stands in a namespace or class only.
    """
    if not text.startswith("//"):
        yield f"{file}:1: the first line is not a comment that says what the file owns"
    plain = CPP_NOISE.sub(lambda match: "\n" * match.group().count("\n"), text)
    plain = re.sub(r"^[ \t]*#.*$", "", plain, flags=re.MULTILINE)
    stack: list[tuple[str, int]] = []
    head = ""
    line = 1
    for character in plain:
        line += character == "\n"
        if character == "{":
            outer_is_scope = all(kind == "scope" for kind, _ in stack)
            kind = "block"
            if "(" in head and outer_is_scope and not CPP_CONTROL.match(head.strip()):
                kind = "function"
            elif CPP_SCOPE.search(head) and outer_is_scope:
                kind = "scope"
            stack.append((kind, line))
            head = ""
        elif character == "}":
            kind, start = stack.pop() if stack else ("block", line)
            if kind == "function" and line - start + 1 > MAX_FUNCTION:
                yield f"{file}:{start}: function has {line - start + 1} lines (at most {MAX_FUNCTION})"
            head = ""
        elif character == ";":
            head = ""
        else:
            head += character


def file_faults(file: Path) -> Iterator[str]:
    """Yield one line for each fault of one source file."""
    text = file.read_text(encoding="utf-8")
    if file.stem in ROLE_NAMES:
        yield f"{file}:1: named by its role; name it by what it holds"
    lines = text.count("\n") + (not text.endswith("\n"))
    if lines > MAX_LINES:
        yield f"{file}:{MAX_LINES}: {lines} lines (at most {MAX_LINES})"
    yield from python_faults(file, text) if file.suffix == ".py" else cpp_faults(file, text)


def source_files(root: Path) -> list[Path]:
    """Return the Python and C++ files that git knows or would add."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py", "*.cpp", "*.hpp"],
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    )
    return [root / name for name in sorted(set(listed.stdout.splitlines())) if (root / name).is_file()]


def main() -> int:
    """Print the faults of this repository; the exit code is 1 if there are any."""
    files = source_files(Path(__file__).resolve().parents[1])
    found = [fault for file in files for fault in file_faults(file)]
    print("\n".join(found) or f"lengths: {len(files)} files within bounds")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
