"""How large a job is, how much memory it will take, and why it is solved as it is: before it is begun."""

from __future__ import annotations

from dataclasses import dataclass

from multilevel.design.counts import Job
from multilevel.engines.laplace.merge import WORTH_IT
from multilevel.engines.monte_carlo.choice import PROBES, Choice, Solver, choose
from multilevel.errors import DesignError

ROW, LABEL, TEXT = 16, 50, 100
"""Bytes: positions and a passing copy of each row; a level with its label; a text label with its hash."""
BLOCK, CROSS = 3.0, 3.2
"""How many times a level's ``Z'Z``, and its ``Z'[X y]``, stand in memory."""
VECTOR = 130
"""Bytes more of each level with several effects."""
PAIR, PAIR_BLOCK = 32, 5.8
"""Bytes of each pair of levels; how many times its cross-products stand in memory."""
CORE = 3
"""Square matrices of the effects that are solved together."""
VECTORS = 10
"""By Monte Carlo, vectors of these effects for each probe and each column of the fixed part."""
GENERALISED_ROW, GENERALISED_X, GENERALISED_Z, GENERALISED_LEVEL = 161, 7, 13, 150
"""Bytes more of each row, each of its columns and effects, and each level, of a generalised model."""
STREAM, STREAM_LEVEL, STREAM_PAIR = 75_000_000, 1.5, 1.25
"""Bytes of batches of rows under way; how many times more levels and pairs take while a source is summed."""
MERGED_ROW = 70
"""Bytes more of each row while those of a generalised model that are equal are merged."""
DRAWS = 3.3
"""How many times the kept draws of group effects stand in memory."""
MOST_EFFECT_NUMBERS = 1 << 26
"""Draws of group effects that are kept at most."""
NEGLIGIBLE = 0.05
"""A part of the memory below this share is not told."""
REMEDIES = {
    "rows": "leave the rows where they are: a folder of Parquet files, a DuckDB relation or a lazy frame",
    "levels": "fewer effects in each group, or a coarser grouping factor",
    "pairs": "drop the grouped term with the second most levels",
    "core": "solver='monte_carlo', or drop the grouped term with the second most levels",
    "draws": "fewer draws",
}
"""What to try, by what takes most."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Predicted bytes, on top of what the process and the caller's table already take, by what they hold."""

    rows: int
    levels: int
    pairs: int
    core: int
    draws: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.rows + self.levels + self.pairs + self.core + self.draws

    @property
    def most(self) -> str:
        """What takes most: "rows", "levels", "pairs", "core" or "draws"."""
        return max(("rows", "levels", "pairs", "core", "draws"), key=lambda name: int(getattr(self, name)))


def predicted_memory(job: Job, *, solver: Solver = "exact", draws: int = 0) -> Memory:
    """Return the memory that a job will take at its peak.

    Parameters
    ----------
    job
        Its sizes.
    solver
        "monte_carlo" makes no matrix of the effects that are solved together.
    draws
        Of the posterior; 0 for estimates.

    Examples
    --------
    >>> from multilevel.design.counts import FactorSize
    >>> job = Job(10**6, 2, 1, 8, (FactorSize("g", 1000, 1),), {})
    >>> round(predicted_memory(job).total / 1e6)
    52
    """
    p, beside = job.columns, 0
    row = job.stored + ROW + 8 * (p + job.effects) + 4 * len(job.factors)
    if not job.linear:
        beside = GENERALISED_LEVEL
        own = GENERALISED_ROW + GENERALISED_X * p + GENERALISED_Z * job.effects
        share = 1.0 if job.distinct is None else job.distinct / max(1, job.rows)
        row += own if share > WORTH_IT else round(MERGED_ROW + share * own)
    levels = 0.0
    for factor in job.factors:
        k = factor.effects
        numbers = 8 * (BLOCK * k * k + CROSS * k * (p + 1)) + (VECTOR if k > 1 else 0)
        levels += factor.levels * (LABEL + TEXT * factor.text + beside + numbers)
    pairs = sum(
        size.pairs * (PAIR + 8 * PAIR_BLOCK * job.factors[f].effects * job.factors[g].effects)
        for (f, g), size in job.pairs.items()
    )
    effects, core = sum(factor.levels * factor.effects for factor in job.factors), core_effects(job)
    kept = min(draws * effects, max(MOST_EFFECT_NUMBERS, effects)) if draws else 0
    return Memory(
        rows=STREAM if job.streamed else job.rows * row,
        levels=int(levels * (STREAM_LEVEL if job.streamed else 1.0)),
        pairs=int(pairs * (STREAM_PAIR if job.streamed else 1.0)),
        core=8 * core * (CORE * core if solver == "exact" else VECTORS * (PROBES + p + 1)),
        draws=int(8 * DRAWS * kept),
    )


def core_effects(job: Job) -> int:
    """Return how many effects the exact engine solves together, at most.

    The factor with most levels is eliminated level by level, and so are factors in which all that are
    eliminated before are nested; the others are left.

    Examples
    --------
    >>> from multilevel.design.counts import FactorSize, PairSize
    >>> factors = FactorSize("a", 100, 1), FactorSize("b", 40, 2), FactorSize("c", 10, 1)
    >>> pairs = {(0, 1): PairSize(900), (0, 2): PairSize(100), (1, 2): PairSize(400)}
    >>> core_effects(Job(1000, 1, 4, 0, factors, pairs))
    80
    """
    eliminated: list[int] = []
    left = 0
    for g, factor in enumerate(job.factors):
        if all(job.pairs[f, g].pairs <= job.factors[f].levels for f in eliminated):
            eliminated.append(g)
        else:
            left += factor.levels * factor.effects
    return left


def choice_of(job: Job, solver: Solver = "auto") -> Choice:
    """Return which engine will solve a linear model, and why: from the same sizes by which a fit chooses.

    Parameters
    ----------
    job
        Its sizes. Pairs of levels that are bounds count as crossed.
    solver
        As in `fit`.

    Examples
    --------
    >>> from multilevel.design.counts import FactorSize, PairSize
    >>> factors = FactorSize("a", 100_000, 1), FactorSize("b", 50_000, 1)
    >>> choice_of(Job(10**7, 2, 2, 0, factors, {(0, 1): PairSize(10**7)})).solver
    'monte_carlo'
    """
    effects = sum(factor.levels * factor.effects for factor in job.factors)
    if not job.factors:
        return Choice("exact", "There are no groups: least squares.")
    chain = _longest_chain(job)
    left = [f for f in range(len(job.factors)) if f not in chain]
    if not left:
        return Choice(
            "exact",
            "No factor crosses another: each level is eliminated by itself, and"
            f" {effects:,} effects cost next to nothing.",
        )
    found = choose(
        core=sum(job.factors[f].levels * job.factors[f].effects for f in left),
        pairs=sum(size.pairs for size in job.pairs.values()),
        effects=sum(job.factors[f].effects for f in left),
        columns=job.columns,
    )
    if solver == "auto":
        return found
    return Choice(solver, f"As asked; by itself it would be: {found.sentence}")


def _longest_chain(job: Job) -> tuple[int, ...]:
    """Return the nested factors with most effects together."""
    best: dict[int, tuple[int, tuple[int, ...]]] = {}
    for f in reversed(range(len(job.factors))):
        factor = job.factors[f]
        outer = [best[g] for g in best if job.pairs[f, g].pairs <= factor.levels]
        total, chain = max(outer, key=lambda found: found[0], default=(0, ()))
        best[f] = (total + factor.levels * factor.effects, (f, *chain))
    return max((best[f] for f in sorted(best)), key=lambda found: found[0])[1]


def require_memory(job: Job, memory: Memory, *, what: str, limit: int, in_use: int) -> None:
    """Refuse a job that cannot fit in memory.

    Parameters
    ----------
    job, memory
        The job, and what it is predicted to need.
    what
        What was asked, in words: "the fit".
    limit, in_use
        Bytes that this process may use, and those that it does use.

    Raises
    ------
    DesignError
        With both numbers.
    """
    if memory.total <= limit - in_use:
        return
    listed = ", ".join(f"{size(value)} {words}" for words, value in parts_of(job, memory))
    raise DesignError(
        f"{what} needs about {size(memory.total)} of memory ({listed}); this machine has {size(limit)}, of"
        f" which {size(in_use)} are in use",
        allowed=f"jobs that need less than {size(limit - in_use)}",
        remedy=REMEDIES[memory.most],
    )


def parts_of(job: Job, memory: Memory) -> list[tuple[str, int]]:
    """Return what takes the memory, in words, and its bytes; what takes next to nothing is left out."""
    words = {
        "rows": "for rows under way" if job.streamed else f"for {job.rows:,} rows",
        "levels": f"for {sum(factor.levels for factor in job.factors):,} levels",
        "pairs": f"for {sum(one.pairs for one in job.pairs.values()):,} pairs of levels",
        "core": f"for {core_effects(job):,} effects that are solved together",
        "draws": "for draws of group effects",
    }
    found = [(text, int(getattr(memory, name))) for name, text in words.items()]
    return [(text, value) for text, value in found if value > NEGLIGIBLE * memory.total]


def size(value: float) -> str:
    """Return bytes in words.

    Examples
    --------
    >>> size(41e9), size(2_340_000), size(812)
    ('41 GB', '2.3 MB', '812 bytes')
    """
    for unit, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if value >= unit:
            return f"{value / unit:.{1 if value < 10 * unit else 0}f} {name}"
    return f"{value:.0f} bytes"
