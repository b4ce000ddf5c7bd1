"""The machine's read bandwidth: the limit that every pass over the data meets."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

WORDS = 2**26
"""Float64 numbers to read, all threads together: 512 MB, larger than any cache."""


def read_bandwidth(*, threads: int = 0, repeats: int = 20) -> float:
    """Return bytes per second, the best of ``repeats`` passes over 512 MB.

    Parameters
    ----------
    threads
        Readers at the same time; 0 is one for each processor.
    repeats
        Passes.
    """
    threads = threads or os.cpu_count() or 1
    parts = np.array_split(np.ones(WORDS), threads)
    best = float("inf")
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(repeats):
            start = time.perf_counter()
            list(pool.map(lambda part: float(np.dot(part, part)), parts))
            best = min(best, time.perf_counter() - start)
    return WORDS * 8 / best


if __name__ == "__main__":
    for count in sorted({1, os.cpu_count() or 1}):
        print(f"{count} thread(s): {read_bandwidth(threads=count) / 1e9:.1f} GB/s")
