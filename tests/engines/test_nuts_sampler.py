"""The NUTS engine against the marginal engine and published numbers; what it says of its run."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Iterator

import numpy as np
import pytest

from multilevel.engines.draws import Draws
from multilevel.engines.marginal import sample_marginal
from multilevel.engines.nuts import DIVERGENT_AT, sample_nuts
from multilevel.engines.nuts.chains import Chains
from multilevel.engines.nuts.sampler import account_of
from multilevel.engines.pace import Pace
from multilevel.errors import BoundaryWarning, DesignError, OptionError
from multilevel.inference.convergence import ess_bulk
from tests.engines.structures import Floats
from tests.engines.test_marginal import bound
from tests.engines.varying_cases import bound_case, made_data, named_case

AGREE = ["eight schools", "half-Cauchy and LKJ", "crossed, a coefficient with Student's t", "three effects"]


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """The eight schools lie at their boundary under maximum likelihood; that is not what is tested."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BoundaryWarning)
        yield


def parameters(draws: Draws) -> Floats:
    """Return all but the group effects, and the first group's effects: ``(chains, draws, parameters)``."""
    parts = [draws.coefficients, np.log(draws.sigma)[:, :, None]]
    parts += [np.log(sd) for sd in draws.sds]
    parts += [effects[:, :, 0] for effects in draws.effects]
    parts += [R[:, :, i, j, None] for R in draws.correlations for i in range(R.shape[2]) for j in range(i)]
    return np.concatenate(parts, axis=2)


@pytest.mark.statistics
@pytest.mark.parametrize("name", AGREE)
def test_means_and_sds_are_those_of_the_marginal_engine(name: str) -> None:
    _, moments, priors = bound(name)
    chains = sample_nuts(moments, priors, draws=1200, chains=4, warmup=200, seed=1)
    exact = sample_marginal(moments, priors, draws=8000, chains=4, seed=2)
    assert chains.method == "nuts"
    check_agreement(parameters(chains), parameters(exact), exact.efficiency)


def check_agreement(found: Floats, expected: Floats, efficiency: float | None) -> None:
    """Means and variances lie within four Monte Carlo standard errors of each other."""
    assert efficiency is not None
    free = expected.std(axis=(0, 1)) > 0.0
    found, expected = found[:, :, free], expected[:, :, free]
    n, m = ess_bulk(found), efficiency * 8000
    sd = expected.std(axis=(0, 1))
    error = sd * np.sqrt(1.0 / n + 1.0 / m)
    assert np.all(np.abs(found.mean(axis=(0, 1)) - expected.mean(axis=(0, 1))) < 4 * error)
    squares = (found - expected.mean(axis=(0, 1))) ** 2, (expected - expected.mean(axis=(0, 1))) ** 2
    error = squares[1].std(axis=(0, 1)) * np.sqrt(1.0 / ess_bulk(squares[0]) + 1.0 / m)
    assert np.all(np.abs(squares[0].mean(axis=(0, 1)) - squares[1].mean(axis=(0, 1))) < 4 * error)


@pytest.mark.statistics
def test_the_eight_schools_are_as_published() -> None:
    """Gelman et al. (2013), section 5.5: mu 4.397 (3.318), tau 3.598 (3.220)."""
    _, moments, priors = bound("eight schools")
    draws = sample_nuts(moments, priors, draws=2000, chains=4, warmup=200, seed=3)
    for x, mean, sd in ((draws.coefficients[:, :, 0], 4.397, 3.318), (draws.sds[0][:, :, 0], 3.598, 3.220)):
        assert abs(x.mean() - mean) < 4 * sd / np.sqrt(ess_bulk(x[:, :, None])[0])
        assert x.std() == pytest.approx(sd, rel=0.15)  # sds of heavy tails, about 1,000 effective draws


def test_the_same_seed_gives_the_same_draws() -> None:
    _, moments, priors = bound("eight schools")
    one, same, other = (
        sample_nuts(moments, priors, draws=100, chains=2, warmup=50, seed=seed) for seed in (7, 7, 8)
    )
    np.testing.assert_array_equal(one.effects[0], same.effects[0])
    np.testing.assert_array_equal(one.coefficients, same.coefficients)
    assert not np.array_equal(one.sds[0], other.sds[0])


def test_a_run_that_is_stopped_says_so() -> None:
    _, moments, priors = bound("eight schools")
    pace = Pace(watch=lambda progress: progress.draws < 20)
    draws = sample_nuts(moments, priors, draws=400_000, chains=2, warmup=20, seed=1, pace=pace)
    assert not draws.complete
    assert draws.sentence.endswith("The run was stopped by `progress`.")
    assert draws.effects[0].shape[:2] == draws.sigma.shape


def run(divergent: int) -> Chains:
    """Return chains in which the first draws, far out in the first parameter, are divergent."""
    points = np.random.default_rng(1).normal(size=(2, 50, 2))
    flags = np.zeros((2, 50), dtype=bool)
    flags[0, :divergent] = True
    points[0, :divergent, 0] = -4.0
    return Chains(points, flags, np.zeros((2, 50), dtype=bool), points[:, :, 1], 900, 30, True)


@pytest.mark.parametrize(
    ("divergent", "words"),
    [(0, "no divergent transitions."), (1, "1 divergent transition."), (3, "3 divergent transitions.")],
)
def test_divergences_are_counted_and_placed(divergent: int, words: str) -> None:
    said = account_of(run(divergent), ("log sd(g, x)", "log sigma"), Pace())
    assert (
        said.sentence == f"NUTS on the marginal posterior: 2 chains of 50 draws after 30 of warm-up, {words}"
    )
    assert said.diagnostics["divergences"] == divergent
    places = {key: at for key, at in said.diagnostics.items() if key.startswith(DIVERGENT_AT)}
    assert (f"{DIVERGENT_AT}log sd(g, x)" in places) == (divergent > 0)
    assert all(at < -2.0 for key, at in places.items() if "x" in key)


def test_cut_paths_are_counted() -> None:
    flags = np.zeros((2, 50), dtype=bool)
    flags[1, :4] = True
    said = account_of(dataclasses.replace(run(0), too_long=flags), ("a", "b"), Pace())
    assert said.diagnostics["longest_paths"] == 4.0
    assert said.sentence.endswith("no divergent transitions. Paths cut at 1,023 steps: 4.")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"draws": 1, "chains": 2}, "draws=1"),
        ({"chains": 0}, "chains=0"),
        ({"warmup": -1}, "warmup=-1"),
        ({"seed": -1}, "seed=-1"),
        ({"seed": 1 << 64}, "seed="),
    ],
)
def test_numbers_that_make_no_run_are_refused(changes: dict[str, int], words: str) -> None:
    _, moments, priors = bound("eight schools")
    with pytest.raises(OptionError, match=words):
        sample_nuts(moments, priors, **{"seed": 1, **changes})


@pytest.mark.statistics
@pytest.mark.parametrize("name", ["unknown inverse gamma, diagonal", "one sd and one correlation"])
def test_residual_sds_of_groups_are_those_of_the_marginal_engine(name: str) -> None:
    case = named_case(name)
    chains = sample_nuts(case.moments, case.priors, draws=1200, chains=4, warmup=200, seed=1)
    exact = sample_marginal(case.moments, case.priors, draws=8000, chains=4, seed=2)
    assert chains.residual is not None
    assert exact.residual is not None
    assert [name for name, _ in chains.residual.parameters] == [name for name, _ in exact.residual.parameters]
    check_agreement(
        np.concatenate([parameters(chains), np.log(chains.residual.sds)], axis=2),
        np.concatenate([parameters(exact), np.log(exact.residual.sds)], axis=2),
        exact.efficiency,
    )


def test_residual_sds_of_other_groups_are_refused() -> None:
    data = {**made_data(), "h": np.array([f"h{i % 3}" for i in range(len(made_data()["y"]))])}
    case = bound_case("y ~ x + (1 | g)", None, data, residual_groups="h")
    with pytest.raises(DesignError, match="residual sds of other groups"):
        sample_nuts(case.moments, case.priors, seed=1)
