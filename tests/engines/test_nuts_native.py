"""Densities that nutpie calls by address: the draws are those of calls from Python, whatever the threads."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import nutpie
import pytest

from multilevel.design.priors import bind_priors
from multilevel.engines.joint.density import JointDensity
from multilevel.engines.joint.sampler import JointTarget
from multilevel.engines.nuts.chains import Chains, run_target
from multilevel.engines.nuts.native import KNOWN, native_model
from tests.engines.joint_cases import design_of


class FromPython(JointTarget):
    """The same target without an address."""

    __slots__ = ()

    @property
    def native(self) -> None:
        """There is none."""
        return None


def target(of: type[JointTarget] = JointTarget) -> JointTarget:
    """Return a small target."""
    design = design_of("crossed, a slope")
    return of(JointDensity(design, bind_priors(design, None)))


def run(target: JointTarget, threads: int | None = None) -> Chains:
    """Return short chains."""
    return run_target(target, draws=60, chains=3, warmup=60, seed=7, threads=threads)


@pytest.mark.parametrize("threads", [None, 1, 2])
def test_draws_do_not_depend_on_threads(threads: int | None) -> None:
    np.testing.assert_array_equal(run(target(), threads).points, run(target()).points)


def test_draws_of_python() -> None:
    """Rounding grows along the chain, so that only its beginning is compared."""
    by_address, by_python = target(), target(FromPython)
    one = run_target(by_address, draws=3, chains=2, warmup=2, seed=7)
    other = run_target(by_python, draws=3, chains=2, warmup=2, seed=7)
    assert one.points == pytest.approx(other.points, rel=1e-6, abs=1e-8)
    assert one.energy == pytest.approx(other.energy, rel=1e-6)
    assert one.evaluations == pytest.approx(other.evaluations, abs=20)
    native = by_address.native
    assert native is not None
    assert native.drawn == 2 * 5


def test_only_releases_that_are_known() -> None:
    assert nutpie.__version__.startswith(KNOWN)
    assert native_model(nutpie, target()) is not None
    assert native_model(SimpleNamespace(__version__="9.1.0"), target()) is None
    assert native_model(nutpie, target(FromPython)) is None
