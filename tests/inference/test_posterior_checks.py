"""Warnings name the parameter, the number and the remedy; good draws raise none."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest

from multilevel.errors import ConvergenceWarning
from multilevel.inference.posterior_checks import check_draws, complaints
from multilevel.results.posterior import Posterior
from tests.oracle.posteriors import sleep_posterior, varying_posterior


def changed(posterior: Posterior, **changes: object) -> Posterior:
    """Return a posterior with other draws."""
    return dataclasses.replace(
        posterior, sampled=dataclasses.replace(posterior.sampled, **changes), memory={}
    )


@pytest.fixture(scope="module")
def good() -> Posterior:
    return sleep_posterior(draws=500)


def test_good_draws_raise_no_warning(good: Posterior) -> None:
    assert complaints(good) == ()
    check_draws(good)
    check_draws(changed(good, efficiency=0.9))


def test_chains_that_disagree_are_named(good: Posterior) -> None:
    beta = good.sampled.coefficients.copy()
    beta[0, :, 1] += 3
    posterior = changed(good, coefficients=beta)
    with pytest.warns(ConvergenceWarning) as caught:
        check_draws(posterior)
    first, second = (str(warning.message) for warning in caught)
    assert re.match(r"The chains disagree on days \(R-hat 1\.\d{3}\); R-hat should be at most 1.01\.", first)
    assert first.endswith("Try: more draws, or narrower priors on the parameters named.")
    assert second.startswith("Too few effective draws of days (")


def test_few_effective_draws_come_with_a_number_that_is_enough() -> None:
    rng = np.random.default_rng(0)
    posterior = sleep_posterior(draws=500)
    walk = np.empty((4, 500))
    walk[:, 0] = rng.standard_normal(4)
    for t in range(1, 500):
        walk[:, t] = 0.8 * walk[:, t - 1] + 0.6 * rng.standard_normal(4)
    (sentence,) = [s for s in complaints(changed(posterior, sigma=np.exp(walk / 10))) if "Too few" in s]
    assert sentence.startswith("Too few effective draws of sigma (")
    wanted = int(sentence.split("draws=")[1].rstrip("."))
    assert 2500 < wanted < 10000
    assert wanted % 100 == 0


def test_importance_sampling_with_few_effective_draws(good: Posterior) -> None:
    assert complaints(changed(good, efficiency=0.1)) == (
        "Importance sampling left 200 effective draws of every parameter; 400 are needed for the intervals."
        " Try: draws=4800, or method='gibbs'.",
    )


def test_importance_sampling_with_heavy_weights(good: Posterior) -> None:
    for shape in (0.95, np.nan):
        (sentence,) = complaints(changed(good, efficiency=0.9, diagnostics={"pareto_k": shape}))
        assert sentence.startswith(f"The weights of the importance sampling have Pareto k {shape:.2f};")
        assert sentence.endswith("Try: more informative priors for the sds, or method='gibbs'.")
    assert complaints(changed(good, efficiency=0.9, diagnostics={"pareto_k": 0.3})) == ()


@pytest.mark.parametrize(
    ("diagnostics", "start", "end"),
    [
        (
            {"divergences": 12.0, "divergent at log sd(g, x)": -1.9, "divergent at log sigma": 2.3},
            "12 transitions diverged, about log sigma (+2.3 sds from its mean), log sd(g, x) (-1.9 sds",
            "Try: more informative priors for the parameters named, or method='gibbs'.",
        ),
        ({"divergences": 1.0, "divergent at log sigma": 0.1}, "1 transition diverged, about log sigma", "."),
        ({"longest_paths": 100.0}, "5% of the paths were cut at their greatest length", "'gibbs'."),
        ({"energy_information": 0.21}, "E-BFMI is 0.21; it should be at least 0.3", "priors for the sds."),
    ],
)
def test_paths_that_broke_are_placed(
    good: Posterior, diagnostics: dict[str, float], start: str, end: str
) -> None:
    (sentence,) = complaints(changed(good, diagnostics=diagnostics))
    assert sentence.startswith(start)
    assert sentence.endswith(end)


def test_paths_that_held_raise_no_warning(good: Posterior) -> None:
    assert (
        complaints(
            changed(good, diagnostics={"divergences": 0.0, "longest_paths": 20.0, "energy_information": 0.9})
        )
        == ()
    )


def test_an_interrupted_run_says_so(good: Posterior) -> None:
    posterior = dataclasses.replace(
        changed(good, complete=False), options=dataclasses.replace(good.options, draws=4000)
    )
    with pytest.warns(ConvergenceWarning, match="interrupted after 2000 of 4000 draws"):
        check_draws(posterior)


def test_a_fixed_parameter_is_no_fault() -> None:
    assert complaints(sleep_posterior(draws=500, spread=0.0)) == ()


def test_many_parameters_are_not_all_named(good: Posterior) -> None:
    shift = np.arange(4.0)[:, None] * 100
    every = changed(
        good,
        coefficients=good.sampled.coefficients + shift[:, :, None],
        sds=(good.sampled.sds[0] + shift[:, :, None],),
        sigma=good.sampled.sigma + shift,
    )
    assert " and 1 more; R-hat should" in complaints(every)[0]


def test_residual_sds_of_groups_are_judged_too() -> None:
    posterior = varying_posterior()
    assert posterior.sampled.residual is not None
    sds = posterior.sampled.residual.sds.copy()
    sds[0, :, 1] *= 2
    law = (
        ("mean(log sigma)", np.sort(posterior.sampled.sigma, axis=1)),
        *posterior.sampled.residual.parameters[1:],
    )
    residual = dataclasses.replace(posterior.sampled.residual, sds=sds, parameters=law)
    first = complaints(changed(posterior, residual=residual))[0]
    assert "mean(log sigma) (R-hat" in first
    assert "sigma[subject 309] (R-hat" in first
    assert "sigma[subject 308]" not in first
