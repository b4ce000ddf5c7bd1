"""Checks that the reference in docs/reference/ names every public name of the library."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import multilevel
from multilevel import families, plots
from multilevel.plots import tables

ENTRY = re.compile(
    r"^\.\. (?P<kind>currentmodule|automodule|autofunction|autoclass|autoexception|data):: (?P<name>[\w.]+)$",
    re.MULTILINE,
)
MODULES = ("datasets", "families", "plots", "plots.tables")
"""Public names that are modules: what is in them is looked for in their place."""


def named(folder: Path) -> set[str]:
    """Return the full names that the pages of a folder describe, and the modules described as a whole."""
    found: set[str] = set()
    for page in sorted(folder.glob("*.md")):
        module = ""
        for entry in ENTRY.finditer(page.read_text(encoding="utf-8")):
            if entry["kind"] == "currentmodule":
                module = entry["name"]
            else:
                found.add(entry["name"] if entry["kind"] == "automodule" else f"{module}.{entry['name']}")
    return found


def public() -> set[str]:
    """Return the full names that the reference must describe: functions, classes and families."""
    names = {f"multilevel.{name}" for name in multilevel.__all__ if name not in MODULES}
    names |= {
        f"multilevel.model.families.{name}"
        for name in families.__all__
        if isinstance(getattr(families, name), type)
    }
    names |= {f"multilevel.plots.{name}" for name in plots.__all__ if getattr(plots, name) is not tables}
    return names | {"multilevel.datasets", "multilevel.plots.tables"}


def faults(folder: Path) -> list[str]:
    """Return one line for each public name that the pages leave out, and each that is not public."""
    described, wanted = named(folder), public()
    return [
        f"{folder}: `{name}` is public and not in the reference" for name in sorted(wanted - described)
    ] + [f"{folder}: `{name}` is in the reference and not public" for name in sorted(described - wanted)]


def main() -> int:
    """Print the faults of this repository; the exit code is 1 if there are any."""
    found = faults(Path(__file__).resolve().parents[1] / "docs" / "reference")
    print("\n".join(found) or f"reference: {len(public())} public names described")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
