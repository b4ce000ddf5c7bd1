"""Checks that imports go one way through the rooms, stand at the top of the file, and make no knots."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from checks.rooms import House, place_of, read_house

HEAVY_OPTIONAL = frozenset(
    {"arviz", "dask", "duckdb", "matplotlib", "nutpie", "plotly", "polars", "pyarrow", "pyspark"}
)
"""Libraries that may be imported inside functions: large, and not needed to fit a model."""


def module_name(file: Path, source: Path) -> str:
    """Return the dotted name of a source file: ``multilevel.data.table``."""
    parts = file.relative_to(source).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_names(node: ast.stmt) -> Iterator[str]:
    """Yield the dotted names that an import statement asks for."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        if node.level:
            yield "." * node.level + (node.module or "")
        else:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def inner_imports(tree: ast.Module) -> Iterator[ast.stmt]:
    """Yield the import statements that stand inside functions."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.Import | ast.ImportFrom):
                    yield node


def file_faults(file: Path, source: Path, package: str, house: House) -> Iterator[str]:
    """Yield one line for each import of a file that the house does not allow."""
    tree = ast.parse(file.read_text(encoding="utf-8"), filename=str(file))
    place = place_of(module_name(file, source), package)
    here = house.rank(place)
    if here is None:
        yield f"{file}:1: `{place}` is not in the table of rooms; add it where it belongs"
        return
    for node in ast.walk(tree):
        if not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        for name in imported_names(node):
            if name.startswith("."):
                yield f"{file}:{node.lineno}: relative import; write `{package}.` in full"
            elif name == package or name.startswith(f"{package}."):
                other = place_of(name, package)
                there = house.rank(other)
                if there is None or there > here:
                    yield f"{file}:{node.lineno}: `{place}` may not import `{other}` (see docs/rooms.md)"
    for node in inner_imports(tree):
        for name in imported_names(node):
            if name.split(".")[0] not in HEAVY_OPTIONAL:
                yield f"{file}:{node.lineno}: import of `{name}` inside a function; move it to the top"


def knots(source: Path, package: str) -> Iterator[str]:
    """Yield one line for a ring of files that import each other."""
    names = {module_name(file, source): file for file in sorted((source / package).rglob("*.py"))}
    graph: dict[str, set[str]] = {}
    for module, file in names.items():
        wanted: set[str] = set()
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import | ast.ImportFrom):
                for name in imported_names(node):
                    if place_of(name, package) != "_core":  # native: has no file here and imports nothing
                        wanted.add(name if name in names else name.rpartition(".")[0])
        graph[module] = {name for name in wanted if name in names and name != module}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        yield f"{source / package}: files import each other in a ring: {' -> '.join(error.args[1])}"


def faults(root: Path, package: str = "multilevel") -> list[str]:
    """Return one line for each fault of the package under ``root/src``."""
    source = root / "src"
    house = read_house(root / "docs" / "rooms.md")
    found = [
        fault
        for file in sorted((source / package).rglob("*.py"))
        for fault in file_faults(file, source, package, house)
    ]
    return found + list(knots(source, package))


def main() -> int:
    """Print the faults of this repository; the exit code is 1 if there are any."""
    found = faults(Path(__file__).resolve().parents[1])
    print("\n".join(found) or "imports: one way, at the top, no knots")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
