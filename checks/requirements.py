"""Prints what pyproject.toml asks for, one requirement a line, so that versions are written in one place."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def requirements(part: str) -> list[str]:
    """Return the requirements of a part: "build" or the name of an extra."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    if part == "build":
        # Only looked for on the machine by the build backend, but a fresh machine has neither.
        return [*project["build-system"]["requires"], "cmake>=3.21", "ninja>=1.10"]
    return list(project["project"]["optional-dependencies"][part])


if __name__ == "__main__":
    print("\n".join(name for part in sys.argv[1:] for name in requirements(part)))
