"""Simulation-based calibration: replications of a case, the rank of every true value in its posterior.

    python -m tests.calibration.replicate B1 gibbs --replications 300 --seed 1

prints the row of the table in benchmarks/CALIBRATION.md.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import multilevel as ml
from multilevel.inference.convergence import ess_mean
from tests.calibration.truths import CASES, Case, Floats, Simulated, Truth, simulate
from tests.calibration.uniformity import Ints, ranks_of, worst

KEPT = 99
"""Nearly independent draws of each replication: 100 possible ranks."""
WARMUP = 500
THINNED = 10
"""Draws of a chain for each one that is kept, at first."""
MOST = 160
"""The same, at most."""
INDEPENDENT = 1000
"""Draws of the marginal engine, of which every tenth is kept: few are twice the same."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Ranks of all parameters in all replications.

    Parameters
    ----------
    names
        ``p`` parameters.
    ranks
        ``(replications, p)``, 0 to `KEPT`.
    longer
        Replications whose chain was made longer because its draws were too dependent.
    distrusted
        Replications of which the sampler itself says that its draws cannot be trusted (Pareto k), or whose
        longest chain is too dependent; they count like all others.
    """

    names: tuple[str, ...]
    ranks: Ints
    longer: int
    distrusted: int


def calibrate(case: Case, method: str, *, replications: int, seed: int) -> Calibration:
    """Draw parameters from the prior and data from them, sample, and rank; many times.

    Parameters
    ----------
    case
        Model and priors.
    method
        Of `multilevel.sample`.
    replications
        How many times.
    seed
        Of all random numbers.

    Notes
    -----
    Cook, Gelman and Rubin (2006); Talts et al. (2018), algorithm 2: a chain whose effective size is below
    the number of draws kept is run again, longer.
    """
    rows, longer, distrusted = [], 0, 0
    names: tuple[str, ...] = ()
    for number in range(replications):
        rng = np.random.default_rng([seed, number])
        truth = case.draw(rng)
        data = simulate(case, truth, rng)
        true = values(case, data, *of_truth(truth, data))
        names = tuple(true)
        thinned = THINNED
        while True:
            post = sample(case, data, method, thinned, int(rng.integers(1 << 31)))
            drawn = values(case, data, *of_posterior(case, post))
            draws = np.stack([drawn[name] for name in names], axis=1)
            enough = post.sampled.efficiency is not None or ess_mean(draws[None]).min() >= KEPT
            if enough or thinned >= MOST:
                break
            thinned *= 4
        longer += thinned > THINNED
        distrusted += not enough or post.sampled.diagnostics.get("pareto_k", 0.0) > 0.7
        kept = np.linspace(0, len(draws) - 1, KEPT).round().astype(int)
        rows.append(ranks_of(np.array([true[name][0] for name in names]), draws[kept], rng))
    return Calibration(names, np.array(rows), longer, distrusted)


def sample(case: Case, data: Simulated, method: str, thinned: int, seed: int) -> ml.Posterior:
    """Return the posterior of one replication; what it warns of is judged by the ranks."""
    draws = INDEPENDENT if method == "marginal" else thinned * KEPT
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ml.MultilevelWarning)
        return ml.sample(
            case.formula,
            data.table(),
            case.priors,
            method=method,  # type: ignore[arg-type]
            draws=draws,
            chains=1,
            warmup=WARMUP,
            seed=seed,
            **case.options,
        )


Parameters = tuple[Floats, Floats, Floats, Floats, Floats, dict[str, Floats]]
"""Coefficients, sds, correlations, effects, residual sds by group, the residual law; axis 0 is the draws."""


def of_truth(truth: Truth, data: Simulated) -> Parameters:
    """Return the true values as one draw."""
    law = {name: np.array([value]) for name, value in truth.law.items()}
    return (
        truth.beta[None],
        truth.sds[None],
        truth.correlations[None],
        data.effects[None],
        truth.sigma[None],
        law,
    )


def of_posterior(case: Case, post: ml.Posterior) -> Parameters:
    """Return the draws of a posterior of one chain."""
    sampled: Any = post.sampled
    law: dict[str, Floats] = {}
    if case.varies:
        sigma = sampled.residual.sds[0]
        law = {name: draws[0] for name, draws in sampled.residual.parameters}
    else:
        sigma = np.repeat(sampled.sigma[0][:, None], case.groups, axis=1)
    return (
        sampled.coefficients[0],
        sampled.sds[0][0],
        sampled.correlations[0][0],
        sampled.effects[0][0],
        sigma,
        law,
    )


def values(
    case: Case,
    data: Simulated,
    beta: Floats,
    sds: Floats,
    correlations: Floats,
    effects: Floats,
    sigma: Floats,
    law: dict[str, Floats],
) -> dict[str, Floats]:
    """Return every parameter by name, the effects of the first group, and the log likelihood."""
    k = sds.shape[1]
    found = {f"beta[{a}]": beta[:, a] for a in range(k)}
    different = 1 if "cs(" in case.formula else k
    found |= {f"sd[{a}]": sds[:, a] for a in range(different)}
    found |= {f"correlation[{a}, {b}]": correlations[:, a, b] for a in range(k) for b in range(a)}
    found |= {f"effect[0, {a}]": effects[:, 0, a] for a in range(k)}
    found |= {f"sigma[{j}]": sigma[:, j] for j in range(2 if case.varies else 1)}
    found |= law
    return found | {"log likelihood": data.log_likelihood(beta, effects, sigma)}


def row(name: str, method: str, *, replications: int, seed: int) -> str:
    """Return the row of the table that records one run."""
    start = time.perf_counter()
    found = calibrate(CASES[name], method, replications=replications, seed=seed)
    taken = time.perf_counter() - start
    verdict = worst(found.names, found.ranks, KEPT, seed=seed)
    cells = [
        name,
        method,
        str(replications),
        str(seed),
        str(len(found.names)),
        f"{verdict.p_value:.4f} ({verdict.parameter}, {verdict.test})",
        f"{verdict.bounded:.2f}",
        str(found.longer),
        str(found.distrusted),
        f"{taken:.0f} s",
    ]
    return "| " + " | ".join(cells) + " |"


def main(words: Sequence[str] | None = None) -> None:
    """Run the case and method of the command line and print their row."""
    parser = argparse.ArgumentParser(description="Simulation-based calibration of one case and method.")
    parser.add_argument("case", choices=list(CASES))
    parser.add_argument("method", choices=["marginal", "gibbs", "nuts"])
    parser.add_argument("--replications", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(words)
    print(row(given.case, given.method, replications=given.replications, seed=given.seed))


if __name__ == "__main__":
    main()
