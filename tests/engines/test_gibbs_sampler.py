"""The Gibbs engine against the marginal engine, which shares none of its conditionals; threads; refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from multilevel.design.bound_priors import BoundPriors
from multilevel.engines.draws import Draws
from multilevel.engines.gibbs import sample_gibbs
from multilevel.engines.gibbs.sampler import dispersed_start
from multilevel.engines.marginal import sample_marginal
from multilevel.engines.marginal.sampler import start_point
from multilevel.errors import DesignError, OptionError
from multilevel.inference.convergence import ess_mean
from multilevel.model.priors import (
    LKJ,
    Fixed,
    FixedMatrix,
    Gamma,
    HalfCauchy,
    HalfNormal,
    InverseGamma,
    InverseWishart,
    LogNormal,
    Normal,
    StudentT,
    Uniform,
)
from multilevel.moments import Moments
from tests.engines.gibbs_cases import Floats, model_of, plan_of, schools

SLEEP, DATA = "reaction ~ days + (days | subject)", "sleepstudy"
IW = InverseWishart(4, [[600.0, 0.0], [0.0, 40.0]])

CASES: dict[str, tuple[str, str, Any]] = {
    "inverse-Wishart": (SLEEP, DATA, {"subject": IW, "sigma2": InverseGamma(1, 100)}),
    "half-Cauchy, LKJ": (SLEEP, DATA, {"subject": {"sd": HalfCauchy(20), "correlation": LKJ(2)}}),
    "in units of sigma": (SLEEP, DATA, "rstanarm"),
    "independent": (
        "reaction ~ days + (days || subject)",
        DATA,
        {"subject": {"variance": InverseGamma(2, 100)}, "sigma2": InverseGamma(1, 100)},
    ),
    "one sd": (
        "reaction ~ days + homdiag(days | subject)",
        DATA,
        {"subject": {"variance": InverseGamma(2, 100)}},
    ),
    "one sd and correlation, conjugate": (
        "score ~ machine + cs(0 + machine | worker)",
        "machines",
        {"worker": {"variance": InverseGamma(2, 20)}, "sigma2": InverseGamma(2, 2)},
    ),
    "one sd and correlation, walks": (
        "wait ~ afternoon + cs(afternoon | cafe)",
        "cafes",
        {"cafe": {"sd": HalfNormal(1), "correlation": LKJ(2)}},
    ),
    "one sd and correlation, bounded": (
        "reaction ~ days + cs(days | subject)",
        DATA,
        {"subject": {"sd": HalfCauchy(10), "correlation": Uniform(0, 1)}},
    ),
    "one sd, a known correlation": (
        "score ~ machine + cs(0 + machine | worker)",
        "machines",
        {"worker": {"variance": InverseGamma(2, 20), "correlation": Fixed(0.5)}},
    ),
    "a known sd, one correlation": (
        "wait ~ afternoon + cs(afternoon | cafe)",
        "cafes",
        {"cafe": {"sd": Fixed(0.8)}},
    ),
    "crossed": (
        "diameter ~ 1 + (1 | plate) + (1 | sample)",
        "penicillin",
        {"plate": {"variance": InverseGamma(2, 1)}, "sigma2": InverseGamma(1, 0.3)},
    ),
    "nested": (
        "strength ~ 1 + (1 | batch/cask)",
        "pastes",
        {"batch": {"sd": HalfNormal(3)}, "batch:cask": {"variance": InverseGamma(2, 9)}},
    ),
    "no variance in sight": ("yield ~ 1 + (1 | batch)", "dyestuff2", {"batch": {"sd": HalfCauchy(2)}}),
    "known sigma": ("", "", {"Intercept": Normal(0, 5), "school": {"sd": HalfCauchy(5)}}),
    "known coefficient and sd": (SLEEP, DATA, {"days": Fixed(10), "subject": {"sd": {"days": Fixed(6)}}}),
    "known noise": (SLEEP, DATA, {"sigma": Fixed(25), "subject": {"correlation": Fixed(0.1)}}),
    "known matrix": (SLEEP, DATA, {"subject": FixedMatrix([[600, 10], [10, 40]])}),
    "coefficient under Student's t": (SLEEP, DATA, {"days": StudentT(3, 0, 3), "subject": IW}),
    "coefficients that are positive": (SLEEP, DATA, {"Intercept": Gamma(20, 0.1), "days": LogNormal(2, 0.5)}),
}


def case(name: str) -> tuple[Moments, BoundPriors]:
    """Return moments and priors of a case."""
    formula, data, priors = CASES[name]
    return model_of(formula, data, priors) if formula else schools(priors)


def numbers_of(draws: Draws) -> Floats:
    """Return ``(chains, draws, numbers)``: everything but the effects, and those of two groups."""
    columns = [draws.coefficients, draws.sigma[:, :, None], *draws.sds]
    for R, b in zip(draws.correlations, draws.effects, strict=True):
        columns += [R[:, :, 0, 1:], b[:, :, 0], b[:, :, -1]]
    return np.concatenate(columns, axis=2)


@pytest.mark.statistics
@pytest.mark.parametrize("name", CASES)
def test_the_two_engines_agree(name: str) -> None:
    """Means and sds within four Monte Carlo standard errors of both; what is known is known."""
    moments, priors = case(name)
    exact = sample_marginal(moments, priors, draws=8000, seed=5)
    chains = sample_gibbs(moments, priors, draws=1400, chains=2, warmup=300, seed=6)
    a, b = numbers_of(exact), numbers_of(chains)
    varies = b.std(axis=(0, 1)) > 1e-9 * (1.0 + np.abs(b).max(axis=(0, 1)))
    np.testing.assert_allclose(a[0, 0, ~varies], b[0, 0, ~varies], rtol=1e-9, atol=1e-9)
    a, b = a[:, :, varies], b[:, :, varies]
    centre, sd = a.mean(axis=(0, 1)), a.std(axis=(0, 1))
    size = a.shape[0] * a.shape[1] * (exact.efficiency or 1.0)
    for power in (1, 2):
        x, y = ((a - centre) / sd) ** power, ((b - centre) / sd) ** power
        error = np.sqrt(x.var(axis=(0, 1)) / size + y.var(axis=(0, 1)) / ess_mean(y))
        assert (np.abs(x.mean(axis=(0, 1)) - y.mean(axis=(0, 1))) < 4.0 * error).all()


def test_the_draws_do_not_depend_on_the_threads() -> None:
    moments, priors = case("half-Cauchy, LKJ")
    one, two, other = (
        sample_gibbs(moments, priors, draws=90, chains=3, warmup=20, seed=seed, threads=threads)
        for seed, threads in ((1, 1), (1, 2), (2, 2))
    )
    np.testing.assert_array_equal(numbers_of(one), numbers_of(two))
    assert dict(one.diagnostics) == dict(two.diagnostics)
    assert (numbers_of(one)[:, :, 0] != numbers_of(other)[:, :, 0]).all()
    assert len(np.unique(one.sigma)) > 45, "every chain has its own random numbers"


def test_a_run_tells_how_it_went() -> None:
    moments, priors = case("half-Cauchy, LKJ")
    draws = sample_gibbs(moments, priors, draws=200, chains=2, warmup=300, seed=1)
    assert draws.method == "gibbs"
    assert draws.efficiency is None
    assert draws.log_evidence is None
    assert draws.complete
    assert [a.shape for a in (draws.coefficients, draws.sigma, draws.sds[0], draws.correlations[0])] == [
        (2, 100, 2),
        (2, 100),
        (2, 100, 2),
        (2, 100, 2, 2),
    ]
    assert draws.effects[0].shape == (2, 100, 18, 2)
    assert draws.diagnostics["sweeps"] == 800
    rates = {name: rate for name, rate in draws.diagnostics.items() if name.startswith("acceptance")}
    assert list(rates) == [
        "acceptance sd(subject, Intercept, days)",
        "acceptance scale(subject, Intercept)",
        "acceptance scale(subject, days)",
        "acceptance sigma",
    ]
    assert all(0.1 < rate < 0.6 for rate in rates.values())
    assert draws.sentence.startswith(
        "Gibbs sampling: 2 chains of 100 sweeps after 300 of warm-up; Metropolis"
    )


def test_a_run_without_random_walks_says_that_every_draw_is_exact() -> None:
    priors = {"subject": FixedMatrix([[600, 10], [10, 40]]), "sigma2": InverseGamma(1, 100)}
    draws = sample_gibbs(*model_of(SLEEP, DATA, priors), draws=4, chains=2, warmup=0, seed=1)
    assert draws.sentence == "Gibbs sampling: 2 chains of 2 sweeps after 0 of warm-up, every draw exact."


def test_starts_are_dispersed_and_inside_the_priors() -> None:
    moments, priors = model_of(SLEEP, DATA, {"sigma": Uniform(0, 27)})
    plan = plan_of(moments, priors)
    centre = start_point(moments, priors, plan.at)
    sigmas = [dispersed_start(plan, priors, centre, seed=1, number=i).sigma for i in range(20)]
    assert max(sigmas) <= 27.0
    assert min(sigmas) < 20.0


def test_priors_without_density_at_the_data_are_refused() -> None:
    with pytest.raises(
        DesignError, match="no point of the posterior near the estimates has a positive prior"
    ):
        sample_gibbs(*model_of(SLEEP, DATA, {"sigma": Uniform(0, 1e-12)}), seed=1)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"chains": 0}, "chains=0\n  allowed: a whole number, 1 or more"),
        ({"draws": 3}, "draws=3\n  allowed: a whole number, 4 or more"),
        ({"warmup": -1}, "warmup=-1\n  allowed: a whole number, 0 or more"),
        ({"threads": 0}, "threads=0\n  allowed: a whole number, 1 or more"),
        ({"seed": -1}, "seed=-1\n  allowed: a whole number from 0 to 2^64 - 1"),
    ],
)
def test_numbers_that_make_no_run_are_refused(options: dict[str, int], said: str) -> None:
    moments, priors = case("known matrix")
    with pytest.raises(OptionError) as caught:
        sample_gibbs(moments, priors, **{"seed": 1, **options})
    assert str(caught.value) == said
