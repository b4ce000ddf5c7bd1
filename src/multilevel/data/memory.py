"""How much memory this process may use, and how much it uses."""

from __future__ import annotations

import os
import sys
from functools import lru_cache
from pathlib import Path

if sys.platform != "win32":
    import resource

UNKNOWN = 8 << 30
"""Memory of a machine whose system does not say."""
NO_LIMIT = 1 << 60
"""A limit as large as this is none."""


@lru_cache(maxsize=8)
def memory_limit(root: Path = Path("/")) -> int:
    """Return the bytes that this process may use: those of the machine, or of its control group if fewer.

    Parameters
    ----------
    root
        Where the system's files ``proc`` and ``sys`` are.

    Examples
    --------
    >>> memory_limit() > 0
    True
    """
    return min([_physical(), *_group_limits(root), *_process_limits()])


def memory_in_use(root: Path = Path("/")) -> int:
    """Return the resident bytes of this process; 0 where the system does not say."""
    try:
        pages = (root / "proc/self/statm").read_text().split()[1]
    except (OSError, IndexError):
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def _physical() -> int:
    """Return the memory of the machine."""
    if not hasattr(os, "sysconf"):
        return UNKNOWN
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _group_limits(root: Path) -> list[int]:
    """Return the limits of the control groups that the process is in (versions 1 and 2)."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            folder, name = root / "sys/fs/cgroup", "memory.max"
        elif "memory" in controllers.split(","):
            folder, name = root / "sys/fs/cgroup/memory", "memory.limit_in_bytes"
        else:
            continue
        here = folder / path.lstrip("/")
        for place in (here, *here.parents):
            found += _number_in(place / name)
            if place == folder:
                break
    return found


def _number_in(file: Path) -> list[int]:
    """Return the limit in a file, if there is one."""
    try:
        text = file.read_text().strip()
    except OSError:
        return []
    return [int(text)] if text.isdigit() and int(text) < NO_LIMIT else []


def _process_limits() -> list[int]:
    """Return the limits that were set for the process itself."""
    if sys.platform == "win32":
        return []
    limits = [resource.getrlimit(kind)[0] for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA)]
    return [limit for limit in limits if 0 < limit < NO_LIMIT]
