"""NUTS on the joint density of a generalised model: chains by nutpie, draws in the units of the data."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from multilevel.design.bound_priors import BoundPriors
from multilevel.design.design import Design
from multilevel.engines.draws import Draws
from multilevel.engines.joint.density import JointDensity
from multilevel.engines.joint.drawn import laid_out
from multilevel.engines.marginal.sampler import kept_draws
from multilevel.engines.nuts.chains import Chains, run_target
from multilevel.engines.nuts.native import Native
from multilevel.engines.nuts.sampler import account_of, check_run
from multilevel.engines.pace import Pace

Floats = NDArray[np.float64]

SPREAD = 1.0
"""Sd of the first points of the chains, in coordinates of spread about one."""
TRIES = 100
ACCEPTANCE = 0.8
"""Average acceptance that steps are adapted to: in these coordinates longer steps do not diverge."""


def sample_joint(
    design: Design,
    priors: BoundPriors,
    *,
    draws: int = 4000,
    chains: int = 4,
    warmup: int = 1000,
    seed: int,
    threads: int | None = None,
    pace: Pace | None = None,
) -> Draws:
    """Draw from the posterior of a generalised model by Hamiltonian Monte Carlo.

    Chains move on the joint density of coefficients, parameters of the family, sds, correlations and group
    effects, with its exact gradient, in the coordinates of `JointDensity`.

    Parameters
    ----------
    design, priors
        Of one generalised model.
    draws, chains
        ``draws`` in all, over ``chains`` chains.
    warmup
        Draws of each chain that are left out.
    seed
        Same seed, same draws, with one version of nutpie.
    threads
        Chains that run at the same time; ``None`` for all. The draws do not depend on it.
    pace
        Told how far the run is; says when it must end early.

    Returns
    -------
    Draws
        Fewer than asked for, and not ``complete``, if the run ended early.

    Raises
    ------
    OptionError
        If nutpie is not installed, there are no draws or chains, or the run was ended in warm-up.
    DesignError
        If no point near the mode has a positive density.
    KeyboardInterrupt
        If Ctrl-C was pressed before every chain had a draw.
    """
    check_run(draws, chains, warmup, seed)
    density, pace = JointDensity(design, priors), pace or Pace()
    run = run_target(
        JointTarget(density),
        draws=draws // chains,
        chains=chains,
        warmup=warmup,
        seed=seed,
        threads=threads,
        pace=pace,
        acceptance=ACCEPTANCE,
    )
    drawn = _draws(density, run, pace)
    return drawn if run.complete else replace(drawn, complete=False)


class JointTarget:
    """The joint density as `run_target` takes it; its coordinates are kept as they are.

    Parameters
    ----------
    density
        Of the model.
    """

    __slots__ = ("_density",)

    def __init__(self, density: JointDensity) -> None:
        self._density = density

    @property
    def size(self) -> int:
        """How many numbers."""
        return self._density.size

    @property
    def evaluations(self) -> int:
        """Evaluations of the density with its gradient so far."""
        native = self._density.native
        return self._density.evaluations + (0 if native is None else native.evaluations)

    @property
    def native(self) -> Native | None:
        """The same density for calls by address."""
        return self._density.native

    def value_and_gradient(self, z: Floats) -> tuple[float, Floats]:
        """Return the log density at ``z`` ``(size,)`` and its gradient."""
        return self._density.value_and_gradient(z)

    def point(self, z: Floats) -> Floats:
        """Return what is kept of a draw."""
        return np.array(z)

    def first(self, seed: int) -> Floats:
        """Return a first point ``(size,)`` of a chain, dispersed about the mode, where there is density."""
        rng = np.random.Generator(np.random.Philox(seed))
        for attempt in range(TRIES):
            z = SPREAD * 0.9**attempt * rng.standard_normal(self.size)
            if np.any(self.value_and_gradient(z)[1]):
                return z
        return np.zeros(self.size)


def _draws(density: JointDensity, run: Chains, pace: Pace) -> Draws:
    """Return the draws in the units of the data."""
    chains, per_chain, _ = run.points.shape
    h = density.centre.size
    kept = kept_draws(per_chain, chains, density.size - h)
    effects = [density.effects_of(run.points[c, kept]) for c in range(chains)]
    numbers = density.numbers(run.points)
    said = account_of(replace(run, points=numbers), density.names, pace)
    return replace(
        laid_out(density.parameters, numbers, effects, kept, method="nuts"),
        diagnostics=said.diagnostics,
        sentence=said.sentence.replace("the marginal posterior", "the joint posterior"),
    )
