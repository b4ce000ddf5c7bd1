"""The parts of a posterior's page: headline, measures, remarks, grids."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from multilevel.report.posterior_sections import (
    posterior_grids,
    posterior_headline,
    posterior_measures,
    posterior_remarks,
)
from multilevel.results.posterior import Posterior
from tests.oracle import designs
from tests.oracle.posteriors import made_up_draws, posterior_of, sleep_posterior, varying_posterior


@pytest.fixture(scope="module")
def sleep() -> Posterior:
    return sleep_posterior(level=0.9)


def test_headline_and_measures(sleep: Posterior) -> None:
    assert posterior_headline(sleep) == "Linear mixed model: posterior by marginal importance sampling"
    assert posterior_measures(sleep) == "4 chains of 250 draws; log evidence -880.500"
    design = designs.least_squares()
    draws = made_up_draws(design, sds=(), method="gibbs", log_evidence=None, chains=1)
    assert posterior_headline(posterior_of(design, draws)) == "Linear model: posterior by Gibbs sampling"
    assert posterior_measures(posterior_of(design, draws)) == "1 chain of 250 draws"


def test_grids(sleep: Posterior) -> None:
    sds, pairs, coefficients, priors = posterior_grids(sleep)
    tail = ("mean", "sd", "lower 90%", "upper 90%", "bulk ess", "tail ess", "R-hat")
    assert sds.heads == ("group", "term", *tail)
    assert [row[:2] for row in sds.rows] == [("subject", "Intercept"), ("", "days"), ("Residual", "")]
    assert pairs.heads == ("group", "term 1", "term 2", *tail)
    assert pairs.rows[0][3] == "0.101"
    assert coefficients.heads == ("term", *tail)
    assert [row[0] for row in coefficients.rows] == ["Intercept", "days"]
    assert coefficients.rows[0][-1].startswith(("0.99", "1.00"))
    assert priors.rows == (("Intercept", "Normal(300, 100)"), ("sigma", "HalfT(3, 60)"))


def test_grids_that_are_empty_are_left_out() -> None:
    design = designs.least_squares()
    posterior = posterior_of(design, made_up_draws(design, sds=(), spread=0.0))
    sds, *others = posterior_grids(posterior)
    assert [grid.title for grid in others] == ["Fixed effects", "Priors"]
    assert sds.rows[0][-3:] == ("", "", "")


def test_remarks_warn_and_say_what_was_left_out(sleep: Posterior) -> None:
    design = dataclasses.replace(sleep.design, n_input=182, missing={"days": 2})
    sampled = dataclasses.replace(sleep.sampled, sigma=sleep.sampled.sigma + np.arange(4.0)[:, None] * 50)
    found = posterior_remarks(dataclasses.replace(sleep, design=design, sampled=sampled, memory={}))
    assert found[0] == "The draws are independent."
    assert found[1].startswith("Warning: The chains disagree on sigma (R-hat ")
    assert found[-1] == "2 of 182 rows were left out (missing values: days 2)."


def test_a_column_of_known_residual_sds_is_named(sleep: Posterior) -> None:
    options = dataclasses.replace(sleep.options, residual_sd="se")
    found = posterior_remarks(dataclasses.replace(sleep, options=options, memory={}))
    assert found[-2:] == [
        "The residual sds of the rows were given by the column `se`, not estimated.",
        "The row Residual is in units of that column.",
    ]


def test_the_law_of_residual_sds_stands_behind_the_sds() -> None:
    titles = [grid.title for grid in posterior_grids(varying_posterior())]
    assert titles[:2] == ["Standard deviations", "Law of the residual sds"]
    assert posterior_remarks(varying_posterior())[1].startswith(
        "Residual sds differ between the 18 levels of"
    )


def test_known_parameters_of_the_law_are_left_to_the_priors() -> None:
    made = varying_posterior().sampled.residual
    assert made is not None
    (first, _), (second, values) = made.parameters
    known = (first, np.full((4, 250), 3.0))
    for law, rows in (
        ((known, (second, values)), ["sd(log sigma)"]),
        ((known, (second, np.ones((4, 250)))), []),
    ):
        posterior = varying_posterior(residual=dataclasses.replace(made, parameters=law))
        found = [grid for grid in posterior_grids(posterior) if grid.title == "Law of the residual sds"]
        assert [row[0] for grid in found for row in grid.rows] == rows
