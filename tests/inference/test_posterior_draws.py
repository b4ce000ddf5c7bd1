"""Draws by name and as a table; names do not collide."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from multilevel.errors import OptionError
from multilevel.inference.posterior_draws import covariances, draws_columns, named_draws
from multilevel.inference.posterior_residual import row_sds
from multilevel.results.posterior import Posterior
from tests.oracle import designs
from tests.oracle.posteriors import made_up_draws, posterior_of, sleep_posterior, varying_posterior

PARAMETERS = [
    "Intercept",
    "days",
    "sd(subject, Intercept)",
    "sd(subject, days)",
    "correlation(subject, Intercept, days)",
    "sigma",
]


@pytest.fixture(scope="module")
def sleep() -> Posterior:
    return sleep_posterior()


def test_names_and_their_draws(sleep: Posterior) -> None:
    found, sampled = named_draws(sleep), sleep.sampled
    assert list(found) == [*PARAMETERS, "effects(subject, Intercept)", "effects(subject, days)"]
    for name, values in {
        "days": sampled.coefficients[:, :, 1],
        "sd(subject, days)": sampled.sds[0][:, :, 1],
        "correlation(subject, Intercept, days)": sampled.correlations[0][:, :, 1, 0],
        "sigma": sampled.sigma,
        "effects(subject, days)": sampled.effects[0][:, :, :, 1],
    }.items():
        np.testing.assert_array_equal(found[name], values)


def test_one_correlation_has_a_name_for_every_pair() -> None:
    design = designs.alike()
    found = named_draws(posterior_of(design, made_up_draws(design, sds=((0.8, 0.8, 0.8),))))
    pairs = [name for name in found if name.startswith("correlation")]
    assert pairs == ["correlation(g, a, b)", "correlation(g, a, c)", "correlation(g, b, c)"]


def test_axes_have_labels(sleep: Posterior) -> None:
    found = named_draws(sleep).coordinates
    assert {name: len(labels) for name, labels in found["days"].items()} == {"chain": 4, "draw": 250}
    axes = found["effects(subject, days)"]
    assert tuple(len(labels) for labels in axes.values()) == (4, 250, 18)
    assert axes["subject"][0] == "308"


def test_a_name_that_no_parameter_has(sleep: Posterior) -> None:
    with pytest.raises(OptionError, match="there are no draws of 'Days'\n  allowed: 'Intercept', 'days'"):
        named_draws(sleep)["Days"]
    with pytest.raises(KeyError):
        named_draws(sleep)["Days"]
    assert "Days" not in named_draws(sleep)
    assert len(named_draws(sleep)) == 8
    assert repr(named_draws(sleep)).startswith("NamedDraws('Intercept', 'days', ")


def test_the_table_has_a_row_for_each_draw(sleep: Posterior) -> None:
    table = draws_columns(sleep)
    assert list(table) == ["chain", "draw", *PARAMETERS]
    assert {len(values) for values in table.values()} == {1000}
    at = (table["chain"] == 2) & (table["draw"] == 17)
    assert table["sigma"][at].tolist() == [sleep.sampled.sigma[2, 17]]


def test_coefficients_with_the_names_of_other_columns() -> None:
    design = designs.least_squares()
    fixed = dataclasses.replace(design.fixed, names=("sigma", "chain", *design.fixed.names[2:]))
    design = dataclasses.replace(design, fixed=fixed)
    posterior = posterior_of(design, made_up_draws(design, sds=()))
    table = draws_columns(posterior)
    assert "coefficient chain" in table
    np.testing.assert_array_equal(table["residual sigma"], posterior.sampled.sigma.ravel())
    np.testing.assert_array_equal(table["sigma"], posterior.sampled.coefficients[:, :, 0].ravel())


def test_covariances_are_sds_times_correlations(sleep: Posterior) -> None:
    found = covariances(sleep, 0)
    sds, R = sleep.sampled.sds[0][1, 2], sleep.sampled.correlations[0][1, 2]
    np.testing.assert_allclose(found[1, 2], np.diag(sds) @ R @ np.diag(sds))


def test_sigma_at_the_draws_that_were_kept(sleep: Posterior) -> None:
    some = dataclasses.replace(sleep.sampled, kept=np.array([0, 5]))
    posterior = dataclasses.replace(sleep, sampled=some, memory={})
    kept_sigma = row_sds(posterior, None, posterior.sampled.kept)[:, 0]
    np.testing.assert_array_equal(kept_sigma, sleep.sampled.sigma[:, [0, 5]].ravel())


def test_residual_sds_of_groups_have_their_levels() -> None:
    posterior = varying_posterior()
    draws = named_draws(posterior)
    assert list(draws)[5:] == [
        "sigma",
        "mean(log sigma)",
        "sd(log sigma)",
        "effects(subject, Intercept)",
        "effects(subject, days)",
        "sigma[subject]",
    ]
    assert draws["sigma[subject]"].shape == (4, 250, 18)
    assert draws.coordinates["sigma[subject]"]["subject"] == posterior.design.factors[0].levels
    assert draws["mean(log sigma)"].shape == (4, 250)
    assert list(draws_columns(posterior))[-3:] == ["sigma", "mean(log sigma)", "sd(log sigma)"]
