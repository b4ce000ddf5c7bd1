"""Log-normal residual sds and their law against SciPy's densities and quadrature."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special
import scipy.stats

from multilevel.engines.gibbs.varying_law import SdState
from multilevel.engines.gibbs.varying_log_normal import LogNormalLaw
from multilevel.errors import DesignError
from multilevel.model.priors import (
    Fixed,
    Flat,
    HalfNormal,
    InverseGamma,
    Normal,
    RootOf,
    ScalarPrior,
    StudentT,
)
from tests.engines.gibbs_varying_cases import (
    COUNTS,
    GROUPS,
    LOG_SDS,
    RESIDUALS,
    SQUARES,
    batch_errors,
    grid_moments,
    log_residuals,
    normal_priors,
)

NAMES = ("mu", "sigma")
NODES = np.linspace(-7.0, 7.0, 201)
LOG_WEIGHTS = scipy.stats.norm.logpdf(NODES)
HYPER: dict[str, tuple[ScalarPrior, ScalarPrior]] = {
    "conjugate": (Normal(0.2, 0.7), RootOf(InverseGamma(3, 1))),
    "no conjugate part": (StudentT(4, 0, 0.5), HalfNormal(1)),
    "known sd": (Normal(0.2, 0.7), Fixed(0.4)),
    "known mean": (Fixed(0.1), HalfNormal(1)),
    "known": (Fixed(0.1), Fixed(0.4)),
}


def law_of(name: str) -> LogNormalLaw:
    """Return the law of a case."""
    return LogNormalLaw(normal_priors(*HYPER[name]), COUNTS)


def log_joint(law: LogNormalLaw, x: np.ndarray, mean: float, sd: float) -> float:
    """Return the log density of residuals, log sds and parameters."""
    total = sum(float(log_residuals(np.exp(x[j]), j)) for j in range(GROUPS))
    total += float(scipy.stats.norm(mean, sd).logpdf(x).sum())
    for prior, value in ((law.first, mean), (law.second, sd)):
        total += 0.0 if isinstance(prior, Fixed) else float(prior.logpdf(value))
    return total


def points(n: int) -> list[tuple[np.ndarray, float, float]]:
    """Return random log sds, means and sds."""
    rng = np.random.default_rng(4)
    return [
        (rng.normal(0, 0.6, GROUPS), float(rng.normal(0, 0.5)), float(rng.uniform(0.2, 1.5)))
        for _ in range(n)
    ]


@pytest.mark.parametrize("name", HYPER)
def test_every_conditional_is_a_slice_of_the_joint_density(name: str) -> None:
    """Differences between 30 pairs of points: one log sd, the mean, the log of the sd; 1e-8 is rounding."""
    law = law_of(name)
    for (x, mean, sd), (z, mean_z, sd_z) in zip(points(30), points(60)[30:], strict=True):
        here = log_joint(law, x, mean, sd)
        each = law.log_density(x, SQUARES, mean, sd) - law.log_density(z, SQUARES, mean, sd)
        for j in range(GROUPS):
            other = x.copy()
            other[j] = z[j]
            assert each[j] == pytest.approx(here - log_joint(law, other, mean, sd), abs=1e-8)
        if law.free[0]:
            found = law.log_mean(mean, x, sd) - law.log_mean(mean_z, x, sd)
            assert found == pytest.approx(here - log_joint(law, x, mean_z, sd), abs=1e-8)
        if law.free[1]:
            found = law.log_sd(np.log(sd), x, mean) - law.log_sd(np.log(sd_z), x, mean)
            expected = here - log_joint(law, x, mean, sd_z) + np.log(sd / sd_z)
            assert found == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("name", ["conjugate", "known sd", "flat"])
def test_exact_laws_of_the_parameters_are_slices_of_the_joint_density(name: str) -> None:
    """Normal law of the mean, inverse-gamma law of the variance; differences between 30 pairs."""
    law = LogNormalLaw(normal_priors(Flat(), Flat()), COUNTS) if name == "flat" else law_of(name)
    for (x, mean, sd), (_, mean_z, sd_z) in zip(points(30), points(60)[30:], strict=True):
        here = log_joint(law, x, mean, sd)
        centre, precision = law.mean_law(x, sd)
        normal = scipy.stats.norm(centre, precision**-0.5)
        found = normal.logpdf(mean) - normal.logpdf(mean_z)
        assert found == pytest.approx(here - log_joint(law, x, mean_z, sd), abs=1e-8)
        if law.free[1]:
            shape, scale = law.variance_law(x, mean)
            gamma = scipy.stats.invgamma(shape, scale=scale)
            found = gamma.logpdf(sd**2) - gamma.logpdf(sd_z**2) + np.log(sd / sd_z)
            assert found == pytest.approx(here - log_joint(law, x, mean, sd_z), abs=1e-8)


@pytest.mark.parametrize("name", [name for name in HYPER if name != "known"])
def test_the_ratio_of_a_joint_move_is_that_of_density_and_volume(name: str) -> None:
    """The volume is the determinant of the (linear) map of log sds, mean and sd, by differences."""
    law, rng = law_of(name), np.random.default_rng(8)
    for x, mean, sd in points(30):
        parameters = tuple(
            prior.value if isinstance(prior, Fixed) else value
            for prior, value in zip(HYPER[name], (mean, sd), strict=True)
        )
        step = rng.normal(0, 0.5, int(law.free.sum()))
        other = law.moved(x, parameters, step)
        moving = [*range(GROUPS), *(GROUPS + np.flatnonzero(law.free))]
        start = np.array([*x, *parameters])

        def image(at: np.ndarray, step: np.ndarray = step) -> np.ndarray:
            log_sds, first, second = law.moved(at[:GROUPS], tuple(at[GROUPS:]), step)
            return np.array([*log_sds, first, second])

        unit = np.eye(start.size)
        jacobian = np.array([image(start + unit[i]) - image(start) for i in moving])[:, moving]
        expected = log_joint(law, *other) - log_joint(law, x, *parameters)
        expected += np.linalg.slogdet(jacobian)[1]
        found = law.log_along(*other, SQUARES) - law.log_along(x, *parameters, SQUARES)
        assert found == pytest.approx(expected, abs=1e-8)
        back = law.moved(other[0], other[1:], -step)
        np.testing.assert_allclose(back[0], x, atol=1e-12)
        np.testing.assert_allclose(back[1:], parameters, atol=1e-12)


@pytest.mark.statistics
@pytest.mark.parametrize("name", HYPER)
def test_draws_have_the_distribution_of_quadrature(name: str) -> None:
    """Means and variances of mean, log of the sd, and the first log sd; 4.5 standard errors."""
    law, rng = law_of(name), np.random.default_rng(2)
    walks = law.walks()
    state = SdState(np.ones(GROUPS), *(getattr(prior, "value", 0.5) for prior in HYPER[name]))
    seen = []
    for i in range(7000):
        if i == 1000:
            for walk in walks.named(NAMES).values():
                walk.freeze()
        state = law.draw(state, SQUARES, rng, walks)
        seen.append([state.first, np.log(state.second), np.log(state.sds[0])])
    draws = np.array(seen[1000:])

    def log_density(mean: np.ndarray, log_sd: np.ndarray) -> np.ndarray:
        sds = np.exp(mean[..., None] + np.exp(log_sd)[..., None] * NODES)
        each = [scipy.special.logsumexp(LOG_WEIGHTS + log_residuals(sds, j), axis=-1) for j in range(GROUPS)]
        found = np.asarray(sum(each))
        for prior, value, volume in ((law.first, mean, 0.0), (law.second, np.exp(log_sd), log_sd)):
            if not isinstance(prior, Fixed):
                found = found + prior.logpdf(value) + volume
        return found

    axes = [
        np.array([value]) if isinstance(prior, Fixed) else np.linspace(x.min() - 1.0, x.max() + 1.0, 31)
        for prior, value, x in zip(HYPER[name], draws[0], draws.T, strict=False)
    ]
    for (mean, sd), x, prior in zip(
        grid_moments(log_density, *axes).values(), draws.T, HYPER[name], strict=False
    ):
        if isinstance(prior, Fixed):
            np.testing.assert_allclose(x, mean)
        else:
            assert max(batch_errors(x, mean, sd)) < 4.5
    if name == "known":
        logs = scipy.stats.norm(0.1, 0.4).logpdf(LOG_SDS) + log_residuals(np.exp(LOG_SDS), 0)
        own = np.exp(logs) / np.exp(logs).sum()
        mean = float(own @ LOG_SDS)
        assert max(batch_errors(draws[:, 2], mean, float(np.sqrt(own @ (LOG_SDS - mean) ** 2)))) < 4.5
    assert all(0.1 < walk.rate < 0.6 for walk in walks.named(NAMES).values())


def test_walks_are_named_by_what_they_draw() -> None:
    named = {name: list(law_of(name).walks().named(NAMES)) for name in HYPER}
    assert named == {
        "conjugate": ["residual sds", "law of residual sds"],
        "no conjugate part": ["residual sds", "law of residual sds", "mu", "sigma"],
        "known sd": ["residual sds", "law of residual sds"],
        "known mean": ["residual sds", "law of residual sds", "sigma"],
        "known": ["residual sds"],
    }


def test_a_group_without_residuals_left_is_no_error() -> None:
    """A sum of squares of zero: the sd falls towards the law's own lower end and stays positive."""
    law, rng, state = law_of("known"), np.random.default_rng(1), SdState(np.ones(GROUPS), 0.1, 0.4)
    walks = law.walks()
    for _ in range(200):
        state = law.draw(state, np.zeros(GROUPS), rng, walks)
    assert (state.sds > 0.0).all()
    assert RESIDUALS[0].size == COUNTS[0]


def test_a_flat_prior_of_one_group_is_refused() -> None:
    with pytest.raises(DesignError, match="the posterior of sigma is improper: a flat prior and 1 groups"):
        LogNormalLaw(normal_priors(Normal(0, 1), Flat()), np.array([5.0]))


def test_an_sd_out_of_range_has_no_density() -> None:
    assert law_of("conjugate").log_sd(400.0, np.zeros(GROUPS), 0.0) == -np.inf
