"""The Gibbs engine of generalised models: quadrature over hyperparameters, NUTS, checkpoints, refusals."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import logsumexp
from scipy.stats import bernoulli, nbinom, norm, poisson

from multilevel.design.bound_priors import BoundPriors
from multilevel.design.design import Design
from multilevel.design.priors import bind_priors
from multilevel.engines.checkpoint import open_checkpoint
from multilevel.engines.draws import Draws
from multilevel.engines.gibbs_generalised import sample_gibbs_generalised
from multilevel.engines.joint import sample_joint
from multilevel.engines.pace import Pace
from multilevel.errors import DesignError, OptionError
from multilevel.inference.convergence import ess_mean
from multilevel.model.priors import LKJ, Fixed, HalfNormal, LogNormal, Normal
from tests.design.generalised_cases import counts, generalised

Floats = NDArray[np.float64]
Rows = Callable[[Floats, Floats, Floats], Floats]

GRID: dict[str, tuple[str, Rows]] = {
    "Poisson": ("poisson", lambda y, eta, a: poisson.logpmf(y, np.exp(eta))),
    "Bernoulli": ("bernoulli", lambda y, eta, a: bernoulli.logpmf(y, 1.0 / (1.0 + np.exp(-eta)))),
    "negative binomial": (
        "negative_binomial",
        lambda y, eta, a: nbinom.logpmf(y, np.exp(a), 1.0 / (1.0 + np.exp(eta - a))),
    ),
}
"""Family, and log densities of responses at linear predictors and the log of the parameter, by SciPy."""
GROUPS, EACH = 7, 5


def one_factor(name: str) -> tuple[Design, BoundPriors]:
    """Return 35 rows in 7 groups with an intercept and an sd."""
    rng = np.random.default_rng(6)
    g = np.repeat(np.arange(GROUPS), EACH)
    mu = np.exp(0.4 + 0.6 * rng.normal(size=GROUPS)[g])
    y = (rng.poisson(mu) > 1) * 1.0 if name == "Bernoulli" else rng.poisson(mu * rng.gamma(2.0, 0.5, g.size))
    priors: dict[str, Any] = {"Intercept": Normal(0.2, 1), "g": {"sd": HalfNormal(1)}}
    if name == "negative binomial":
        priors["theta"] = LogNormal(0.5, 0.5)
    design = generalised("y ~ 1 + (1 | g)", {"y": y, "g": g}, GRID[name][0])
    return design, bind_priors(design, priors)


def posterior_by_quadrature(name: str, y: Floats) -> dict[str, tuple[float, float]]:
    """Return means and sds of intercept, log sd and log parameter: a grid, Gauss-Hermite nodes inside."""
    beta, log_sd = np.linspace(-2.5, 3.0, 45), np.linspace(-5.0, 1.6, 45)
    log_a = np.linspace(-1.5, 2.5, 17) if name == "negative binomial" else np.zeros(1)
    nodes, weights = np.polynomial.hermite_e.hermegauss(21)
    table = np.empty((beta.size, log_sd.size, log_a.size))
    for k, a in enumerate(log_a):
        for j, s in enumerate(log_sd):
            eta = beta[:, None] + np.exp(s) * nodes
            rows = GRID[name][1](y, eta[:, :, None], np.full(1, a))
            by_group = rows.reshape(*eta.shape, GROUPS, EACH).sum(axis=3)
            table[:, j, k] = logsumexp(by_group + np.log(weights)[:, None], axis=1).sum(axis=1)
            table[:, j, k] += norm.logpdf(beta, 0.2, 1.0) + norm.logpdf(np.exp(s)) + s
        table[:, :, k] += norm.logpdf(a, 0.5, 0.5)
    share = np.exp(table - table.max())
    share /= share.sum()
    found = {}
    for at, (key, values) in enumerate({"beta": beta, "log sd": log_sd, "log a": log_a}.items()):
        weight = share.sum(axis=tuple(i for i in range(3) if i != at))
        mean = float(weight @ values)
        found[key] = (mean, float(np.sqrt(weight @ (values - mean) ** 2)))
    return found


def agree(values: Floats, mean: float, sd: float) -> None:
    """Check mean and variance of draws ``(chains, draws)`` within four Monte Carlo standard errors."""
    for power, target in ((1, 0.0), (2, sd * sd)):
        x = (values - mean) ** power
        error = x.std() / np.sqrt(ess_mean(x[:, :, None])[0])
        assert abs(x.mean() - target) < 4.0 * error


@pytest.mark.statistics
@pytest.mark.parametrize("name", GRID)
def test_posteriors_are_those_of_quadrature(name: str) -> None:
    design, priors = one_factor(name)
    drawn = sample_gibbs_generalised(design, priors, draws=3000, chains=2, warmup=300, seed=2)
    exact = posterior_by_quadrature(name, design.y)
    agree(drawn.coefficients[:, :, 0], *exact["beta"])
    agree(np.log(drawn.sds[0][:, :, 0]), *exact["log sd"])
    if name == "negative binomial":
        assert drawn.family is not None and drawn.family.names == ("theta",)
        agree(np.log(drawn.family.values[:, :, 0]), *exact["log a"])


def ordered() -> tuple[Design, BoundPriors]:
    """Return an ordinal response in 10 groups whose slopes vary."""
    table = counts()
    table["y"] = np.clip(table["y"], 0, 3) + 1.0
    design = generalised("y ~ x + (x | g)", table, "ordinal")
    given = {"fixed": Normal(0, 1), "g": {"sd": HalfNormal(1), "correlation": LKJ(2)}}
    return design, bind_priors(design, given)


def numbers(drawn: Draws) -> Floats:
    """Return ``(chains, draws, numbers)``: coefficients, log sds, family, the effects of one level."""
    assert drawn.family is not None
    sds = [np.log(s) for s in drawn.sds]
    R = [C[:, :, 0, 1:] for C in drawn.correlations]
    family = [drawn.family.values, drawn.family.inflation]
    return np.concatenate(
        [drawn.coefficients, *sds, *R, *family, *(b[:, :, 0] for b in drawn.effects)], axis=2
    )


def inflated() -> tuple[Design, BoundPriors]:
    """Return counts with extra zeros in two crossed factors."""
    table = counts(h=np.arange(100) % 6)
    table["y"] = np.where(np.random.default_rng(1).random(100) < 0.25, 0.0, table["y"])
    design = generalised("y ~ x + (1 | g) + (1 | h)", table, "poisson", zero_inflation="1")
    given = {"fixed": Normal(0, 1), "g": {"sd": HalfNormal(1)}, "h": {"sd": HalfNormal(0.5)}}
    return design, bind_priors(design, given)


@pytest.mark.statistics
@pytest.mark.parametrize("case", [ordered, inflated])
def test_posteriors_are_those_of_nuts(case: Callable[[], tuple[Design, BoundPriors]]) -> None:
    """Means of everything within four Monte Carlo standard errors of both engines."""
    design, priors = case()
    ours = numbers(sample_gibbs_generalised(design, priors, draws=2400, chains=2, warmup=300, seed=2))
    theirs = numbers(sample_joint(design, priors, draws=1600, chains=2, warmup=300, seed=3))
    for power in (1, 2):
        x, y = (ours - theirs.mean((0, 1))) ** power, (theirs - theirs.mean((0, 1))) ** power
        error = np.sqrt(x.var((0, 1)) / ess_mean(x) + y.var((0, 1)) / ess_mean(y))
        assert (np.abs(x.mean((0, 1)) - y.mean((0, 1))) / error).max() < 4.0


@pytest.mark.parametrize("stops", [(10,), (3, 4, 5)])
def test_a_run_in_pieces_has_the_same_bits(tmp_path: Path, stops: tuple[int, ...]) -> None:
    design, priors = inflated()
    options: dict[str, Any] = {"draws": 60, "chains": 2, "warmup": 20, "seed": 9}
    whole, path = sample_gibbs_generalised(design, priors, **options), tmp_path / "run.ckpt"
    for tells in stops:
        told = iter([True] * tells)
        pace = Pace(watch=lambda progress, told=told: next(told, False))
        with open_checkpoint(path, {}, resume=True) as store:
            try:
                sample_gibbs_generalised(design, priors, **options, pace=pace, checkpoint=store)
            except OptionError:
                assert pace.reason == "progress"
    with open_checkpoint(path, {}, resume=True) as store:
        found = sample_gibbs_generalised(design, priors, **options, checkpoint=store)
    assert numbers(found).tobytes() == numbers(whole).tobytes()
    assert found.diagnostics == whole.diagnostics


def test_draws_do_not_depend_on_the_number_of_threads() -> None:
    design, priors = ordered()
    one, two = (
        sample_gibbs_generalised(design, priors, draws=60, chains=3, warmup=10, seed=4, threads=threads)
        for threads in (1, 2)
    )
    assert numbers(one).tobytes() == numbers(two).tobytes()
    other = sample_gibbs_generalised(design, priors, draws=60, chains=3, warmup=10, seed=5)
    assert numbers(one).tobytes() != numbers(other).tobytes()


def test_draws_say_how_they_came_about() -> None:
    """Shapes, acceptance rates by name, zeros of an effect that is held at zero, a value that is held."""
    design = generalised("y ~ x + (1 + x || g)", counts(), "negative_binomial")
    given = {"x": Fixed(0.4), "g": {"sd": {"Intercept": HalfNormal(1), "x": Fixed(0)}}, "theta": Fixed(3)}
    drawn = sample_gibbs_generalised(
        design, bind_priors(design, given), draws=80, chains=2, warmup=30, seed=1
    )
    assert drawn.family is not None
    assert (drawn.method, drawn.complete, drawn.sigma.shape) == ("gibbs", True, (2, 40))
    (b,), (sds,) = drawn.effects, drawn.sds
    assert b.shape == (2, 40, 10, 2)
    assert not b[..., 1].any() and (sds[:, :, 1] == 0.0).all() and b[..., 0].all()
    np.testing.assert_allclose(drawn.coefficients[:, :, 1], 0.4, rtol=1e-12)
    assert (drawn.family.values == 3.0).all()
    assert 0.5 < drawn.diagnostics["acceptance effects(g)"] < 1.0
    assert "2 chains of 40 sweeps after 30 of warm-up" in drawn.sentence


@pytest.mark.parametrize(
    ("options", "words"),
    [({"draws": 1, "chains": 2}, "draws=1"), ({"chains": 0}, "chains=0"), ({"warmup": -1}, "warmup=-1")],
)
def test_numbers_that_make_no_run_are_refused(options: dict[str, int], words: str) -> None:
    with pytest.raises(OptionError, match=words):
        sample_gibbs_generalised(*inflated(), **({"seed": 1} | options))  # type: ignore[arg-type]


def test_thresholds_of_which_some_are_held_are_refused() -> None:
    design, priors = ordered()
    assert priors.family is not None
    (first, _), *others = priors.family.parameters
    family = dataclasses.replace(priors.family, parameters=((first, Fixed(-1.0)), *others))
    with pytest.raises(DesignError, match="some thresholds are held") as refused:
        sample_gibbs_generalised(design, dataclasses.replace(priors, family=family), seed=1)
    assert "nuts" in str(refused.value)
