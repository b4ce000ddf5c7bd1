"""Publishers, apps and devices at size, as a graph: time, memory, and whether intervals hold the truth.

python benchmarks/apps_at_size.py [--publishers 1e4] [--apps 1e5] [--devices 1e5] [--rows 2e6]
    [--level 0.95] [--seed 1] [--solver auto]
"""

from __future__ import annotations

import argparse
import os
import resource
import time
from collections.abc import Sequence

import numpy as np

import multilevel as ml

GRAPH = """
    P[publisher] ~ Normal(mu, sigma_P)
    A[app]       ~ Normal(P[publisher], sigma_A)
    D[device]    ~ Normal(0, sigma_D)
    reliability  ~ Normal(A[app] + D[device], sigma)
"""
TRUTH = {"mu": 80.0, "sigma_P": 6.0, "sigma_A": 4.0, "sigma_D": 3.0, "sigma": 8.0}


def read_arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the command line's choices."""
    parser = argparse.ArgumentParser(description="Publishers, apps and devices at size.")
    for name, size in (("publishers", 1e4), ("apps", 1e5), ("devices", 1e5), ("rows", 2e6)):
        parser.add_argument(f"--{name}", type=lambda s: int(float(s)), default=int(size))
    parser.add_argument("--level", type=float, default=0.95, help="coverage of the intervals")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--solver", default="auto", choices=("auto", "exact", "monte_carlo"))
    return parser.parse_args(words)


def peak() -> float:
    """Return the most memory that this process has used, in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def main() -> None:
    """Simulate, fit, ask for the nodes, and compare them with the truth."""
    given = read_arguments()
    graph = ml.graph(GRAPH)
    sizes = {
        "publisher": given.publishers,
        "app": given.apps,
        "device": given.devices,
        "rows": given.rows,
    }
    print(f"{sizes}, load average {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
    start = time.perf_counter()
    made = ml.simulate(graph, sizes, TRUTH, seed=given.seed)
    print(f"simulated in {time.perf_counter() - start:.1f} s, peak {peak():.2f} GB", flush=True)
    start = time.perf_counter()
    fit = ml.fit(graph, made.data, solver=given.solver, level=given.level)
    print(f"fit in {time.perf_counter() - start:.1f} s, peak {peak():.2f} GB", flush=True)
    print(fit.solution.sentence)
    print(fit.quantities.to_string(index=False))
    start = time.perf_counter()
    nodes = fit.nodes
    print(f"nodes in {time.perf_counter() - start:.1f} s, peak {peak():.2f} GB", flush=True)
    both = nodes.merge(made.nodes, on=["node", "level"])
    inside = (both["lower"] <= both["value"]) & (both["value"] <= both["upper"])
    off = (both["estimate"] - both["value"]) / both["sd"]
    for node, some in both.groupby("node"):
        held = inside[some.index]
        error = np.sqrt(given.level * (1 - given.level) / len(held))
        print(
            f"{node}: {len(some):,} levels, mean sd {some['sd'].mean():.3f}, {given.level:.0%} intervals"
            f" hold {held.mean():.4f} of the true values (binomial error {error:.4f}), sd of"
            f" (estimate - truth) / sd {off[some.index].std():.4f}"
        )


if __name__ == "__main__":
    main()
