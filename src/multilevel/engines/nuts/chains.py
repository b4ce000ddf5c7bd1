"""Chains of the no-U-turn sampler, run by nutpie: points and what is known about each step."""

from __future__ import annotations

import importlib
import importlib.util
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from multilevel.engines.nuts.native import Native, native_model
from multilevel.engines.nuts.target import Density, Target
from multilevel.engines.pace import Pace
from multilevel.errors import OptionError

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

WATCH_SECONDS = 0.02
DOUBLINGS = 10
LONGEST = 2**DOUBLINGS - 1
"""Steps after which a path is cut: it doubled so many times without a U-turn."""
TARGET_ACCEPTANCE = 0.9
"""Average acceptance that steps are adapted to: shorter steps than the usual 0.8, and fewer divergences."""


@dataclass(frozen=True, slots=True, eq=False)
class Chains:
    """Draws of a few numbers by several Markov chains.

    Parameters
    ----------
    points
        ``(chains, draws, d)``.
    divergent
        ``(chains, draws)`` whether the path to the draw left the surface of constant energy.
    too_long
        ``(chains, draws)`` whether the path was cut at the greatest length.
    energy
        ``(chains, draws)``.
    evaluations
        Of the density, in all.
    warmup
        Draws of each chain that were left out.
    complete
        ``False`` if the run ended early: the draws are valid but fewer than asked for.
    """

    points: Floats
    divergent: Flags
    too_long: Flags
    energy: Floats
    evaluations: int
    warmup: int
    complete: bool

    @property
    def least_information(self) -> float:
        """The least fraction of missing information about the energy, over chains (Betancourt 2016)."""
        steps = np.diff(self.energy, axis=1)
        spread = np.square(self.energy - self.energy.mean(axis=1, keepdims=True)).sum(axis=1)
        found = np.ones(spread.size)
        np.divide(np.square(steps).sum(axis=1), spread, out=found, where=spread > 0.0)
        return float(found.min())


def nutpie_is_installed() -> bool:
    """Return whether the optional package that runs the chains is there."""
    return importlib.util.find_spec("nutpie") is not None


def run_chains(
    density: Density,
    start: Floats,
    *,
    draws: int,
    chains: int,
    warmup: int,
    seed: int,
    together: int = 1,
    threads: int | None = None,
    pace: Pace | None = None,
) -> Chains:
    """Draw from a density by Hamiltonian Monte Carlo without U-turns.

    Parameters
    ----------
    density
        Of ``d`` numbers on the whole real line.
    start
        ``(d,)`` from which the mode is searched; chains start about the mode.
    draws, chains
        ``draws`` of each chain.
    warmup
        Draws of each chain in which step and scales adapt and which are left out.
    seed
        Same seed, same draws.
    together
        As in `Target`.
    threads
        Chains that run at the same time; ``None`` for all. The draws do not depend on it.
    pace
        Told how far the run is; says when it must end early.

    Raises
    ------
    OptionError
        If nutpie is not installed, or the run was ended in warm-up.
    DesignError
        If no point near the mode has a positive density.
    KeyboardInterrupt
        If Ctrl-C was pressed before every chain had a draw.

    References
    ----------
    Hoffman and Gelman (2014), "The No-U-Turn Sampler"; Seyboldt, Carlson and Carpenter (2026) for the
    adaptation of the scales by draws and gradients.
    """
    if start.size == 0:
        return _nothing_sampled(draws, chains, warmup)
    _library()
    target = Target(density, start, together=together, threads=threads)
    return run_target(
        target, draws=draws, chains=chains, warmup=warmup, seed=seed, threads=threads, pace=pace
    )


class Sampled(Protocol):
    """A log density in coordinates of spread about one, safe to be asked by several threads."""

    @property
    def size(self) -> int:
        """How many coordinates."""

    @property
    def evaluations(self) -> int:
        """Evaluations of the density with its gradient so far."""

    @property
    def native(self) -> Native | None:
        """The same density for calls by address, which keeps draws as they are, if there is one."""

    def value_and_gradient(self, z: Floats) -> tuple[float, Floats]:
        """Return the log density at ``z`` ``(size,)`` and its gradient."""

    def point(self, z: Floats) -> Floats:
        """Return the ``(size,)`` numbers that are kept of a draw."""

    def first(self, seed: int) -> Floats:
        """Return a first point of a chain."""


def run_target(
    target: Sampled,
    *,
    draws: int,
    chains: int,
    warmup: int,
    seed: int,
    threads: int | None = None,
    pace: Pace | None = None,
    acceptance: float = TARGET_ACCEPTANCE,
) -> Chains:
    """Draw from a density whose coordinates are chosen; parameters and errors are those of `run_chains`.

    Steps are adapted to an average ``acceptance``.
    """
    nutpie, compiled = _library()
    counted, pace = _Counter(target.native), pace or Pace()
    model = native_model(nutpie, target)
    if model is None:
        model = compiled.from_pyfunc(
            ndim=target.size,
            make_logp_fn=lambda: target.value_and_gradient,
            make_expand_fn=lambda _seed, _other, _chain: _expander(target, counted),
            expanded_dtypes=[np.dtype("float64")],
            expanded_shapes=[(target.size,)],
            expanded_names=["x"],
            make_initial_point_fn=target.first,
        )
    sampler = nutpie.sample(
        model,
        draws=draws,
        tune=warmup,
        chains=chains,
        cores=min(threads or chains, chains),
        seed=seed,
        target_accept=acceptance,
        maxdepth=DOUBLINGS,
        progress_bar=False,
        return_raw_trace=True,
        blocking=False,
    )
    trace = _watched(sampler, pace, counted, (warmup + draws) * chains, draws * chains)
    return _collected(trace, pace, warmup=warmup, draws=draws, evaluations=target.evaluations)


def _nothing_sampled(draws: int, chains: int, warmup: int) -> Chains:
    """Return chains of no numbers: everything that is not drawn exactly is held."""
    flags = np.zeros((chains, draws), dtype=np.bool_)
    return Chains(np.zeros((chains, draws, 0)), flags, flags, np.zeros((chains, draws)), 0, warmup, True)


class _Counter:
    """Draws made so far, warm-up included; lost counts of threads at the same time do no harm."""

    __slots__ = ("_native", "own")

    def __init__(self, native: Native | None) -> None:
        self._native, self.own = native, 0

    @property
    def draws(self) -> int:
        """Those made by Python and those made natively."""
        return self.own + (0 if self._native is None else self._native.drawn)


def _expander(target: Sampled, counted: _Counter) -> Callable[[Floats], dict[str, Floats]]:
    """Return the function from the sampler's coordinates to what is kept."""

    def expand(z: Floats) -> dict[str, Floats]:
        counted.own += 1
        return {"x": target.point(z)}

    return expand


def _library() -> tuple[Any, Any]:
    """Return nutpie and its module of models made of functions; announcements are kept back."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return importlib.import_module("nutpie"), importlib.import_module("nutpie.compiled_pyfunc")
    except ImportError as error:
        raise OptionError(
            f"method='nuts' needs nutpie, which cannot be imported ({error})",
            allowed="'auto', 'marginal' and 'gibbs' without it",
            remedy='pip install "multilevel[nuts]"',
        ) from error


def _watched(sampler: Any, pace: Pace, counted: _Counter, steps: int, draws: int) -> Any:
    """Return the trace of a sampler that runs in threads of its own, or what there is when it must end."""
    try:
        while True:
            try:
                return sampler.wait(timeout=WATCH_SECONDS)
            except TimeoutError:
                share = min(1.0, counted.draws / steps)
                pace.tell("nuts", share, max(0, counted.draws - (steps - draws)), draws)
            if pace.over():
                return sampler.abort()
    except KeyboardInterrupt:
        pace.stop("Ctrl-C")
        return sampler.abort()


def _collected(trace: Any, pace: Pace, *, warmup: int, draws: int, evaluations: int) -> Chains:
    """Return the draws after warm-up, the same number of each chain."""
    tables, statistics = trace.get_arrow_trace()
    tuning = [_column(table, "tuning").astype(bool) for table in statistics]
    kept = min(draws, *(int((~flags).sum()) for flags in tuning))
    if kept == 0:
        raise pace.nothing(kept=False, remedy="more time, or less warm-up")

    def by_chain(tables: Any, name: str) -> NDArray[Any]:
        columns = [_column(table, name) for table in tables]
        return np.stack([column[~flags][:kept] for column, flags in zip(columns, tuning, strict=True)])

    return Chains(
        points=by_chain(tables, "x"),
        divergent=by_chain(statistics, "diverging").astype(bool),
        too_long=by_chain(statistics, "maxdepth_reached").astype(bool),
        energy=by_chain(statistics, "energy"),
        evaluations=evaluations,
        warmup=warmup,
        complete=kept == draws,
    )


def _column(table: Any, name: str) -> NDArray[Any]:
    """Return a column of an Arrow table, one row of numbers for each draw."""
    column = importlib.import_module("pyarrow").array(table.column(name))
    if not hasattr(column, "flatten"):
        return np.asarray(column.to_numpy(zero_copy_only=False))
    return np.asarray(column.flatten().to_numpy(zero_copy_only=False)).reshape(len(column), -1)
