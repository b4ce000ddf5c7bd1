"""Two crossed factors in the patterns that are hard for some method: seeded rows of any number."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Levels = NDArray[np.int32]

FORMULA = "y ~ x + (1 | a) + (1 | b)"
SLOPE = 0.5
BLOCK = 1 << 22
"""Rows drawn at once."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """Which levels of two factors meet in a row, and how much they vary.

    Parameters
    ----------
    words
        What it is.
    levels
        Levels of both factors for a number of rows.
    sds
        True sds of the effects of ``a`` and ``b``; the residual sd is 1.
    """

    words: str
    levels: Callable[[int], tuple[int, int]]
    sds: tuple[float, float]
    meet: Callable[[np.random.Generator, int, int, int], tuple[Levels, Levels]]


def uniform(rng: np.random.Generator, n: int, q1: int, q2: int) -> tuple[Levels, Levels]:
    """Return levels that meet at random."""
    return rng.integers(0, q1, n, dtype=np.int32), rng.integers(0, q2, n, dtype=np.int32)


def zipf(rng: np.random.Generator, n: int, q1: int, q2: int) -> tuple[Levels, Levels]:
    """Return levels whose numbers of rows fall like one over their rank."""

    def levels(q: int) -> Levels:
        share = np.cumsum(1.0 / np.arange(1, q + 1))
        return np.searchsorted(share / share[-1], rng.random(n)).astype(np.int32)

    return levels(q1), levels(q2)


def communities(rng: np.random.Generator, n: int, q1: int, q2: int) -> tuple[Levels, Levels]:
    """Return levels of 200 communities, in which 95% of the rows stay."""
    a = rng.integers(0, q1, n)
    at_home = (a * 200 // q1 + rng.random(n)) * q2 / 200
    b = np.where(rng.random(n) < 0.95, at_home.astype(np.int64), rng.integers(0, q2, n))
    return a.astype(np.int32), np.minimum(b, q2 - 1).astype(np.int32)


def ring(rng: np.random.Generator, n: int, q1: int, q2: int) -> tuple[Levels, Levels]:
    """Return levels on a ring that meet their ten nearest neighbours only: the graph is long and thin."""
    a = rng.integers(0, q1, n)
    b = (a * q2 // q1 + rng.integers(0, 10, n)) % q2
    return a.astype(np.int32), b.astype(np.int32)


PATTERNS: Mapping[str, Pattern] = {
    "uniform": Pattern("at random", lambda n: (n // 100, n // 200), (0.7, 0.5), uniform),
    "ml1m": Pattern("at random, 6,040 x 3,706", lambda n: (6040, 3706), (0.6, 0.5), uniform),
    "zipf": Pattern("tails of Zipf", lambda n: (n // 50, n // 100), (0.7, 0.5), zipf),
    "communities": Pattern(
        "200 communities, 95% inside", lambda n: (n // 50, n // 100), (2**0.5, 3**0.5), communities
    ),
    "ring": Pattern("a ring of neighbours", lambda n: (n // 30, n // 60), (2**0.5, 3**0.5), ring),
    "thin": Pattern("five rows per level", lambda n: (n // 5, n // 5), (5**0.5, 5**0.5), uniform),
}


def write_rows(folder: Path, pattern: Pattern, n: int, *, seed: int = 1) -> int:
    """Write columns y, x, a, b as one binary file each, block by block, and return their bytes.

    ``columns.txt`` lists names and kinds, for readers in other languages.
    """
    rng = np.random.default_rng(seed)
    q1, q2 = pattern.levels(n)
    first, second = rng.normal(0, pattern.sds[0], q1), rng.normal(0, pattern.sds[1], q2)
    kinds = {"y": "double", "x": "double", "a": "integer", "b": "integer"}
    (folder / "columns.txt").write_text("".join(f"{name} {kind}\n" for name, kind in kinds.items()))
    files = {name: (folder / f"{name}.bin").open("wb") for name in kinds}
    for start in range(0, n, BLOCK):
        rows = min(BLOCK, n - start)
        a, b = pattern.meet(rng, rows, q1, q2)
        x = rng.standard_normal(rows)
        y = 1.0 + SLOPE * x + first[a] + second[b] + rng.standard_normal(rows)
        for name, values in zip(kinds, (y, x, a, b), strict=True):
            values.tofile(files[name])
    for file in files.values():
        file.close()
    return n * 24


def read_rows(folder: Path) -> dict[str, NDArray[np.float64] | Levels]:
    """Return the columns that `write_rows` wrote."""
    types = {"double": np.float64, "integer": np.int32}
    lines = [line.split() for line in (folder / "columns.txt").read_text().splitlines()]
    return {name: np.fromfile(folder / f"{name}.bin", dtype=types[kind]) for name, kind in lines}
