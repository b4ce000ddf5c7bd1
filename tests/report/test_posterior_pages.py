"""Pages of a posterior: every page shows tables, priors and remarks."""

from __future__ import annotations

import json

import pytest

from multilevel.report.posterior_pages import (
    posterior_facts,
    posterior_html,
    posterior_latex,
    posterior_markdown,
    posterior_summary,
)
from multilevel.results.posterior import Posterior
from tests.oracle.posteriors import sleep_posterior


@pytest.fixture(scope="module")
def sleep() -> Posterior:
    return sleep_posterior()


@pytest.mark.parametrize("page", [posterior_summary, posterior_latex, posterior_markdown, posterior_html])
def test_every_page_has_the_same_parts(sleep: Posterior, page) -> None:
    text = page(sleep)
    for part in (
        "Linear mixed model: posterior by marginal importance sampling",
        "subject 18 levels",
        "4 chains of 250 draws",
        "Standard deviations",
        "Correlations",
        "Fixed effects",
        "Priors",
        "HalfT(3, 60)",
        "The draws are independent.",
    ):
        assert part in text


def test_the_summary_fits_a_screen(sleep: Posterior) -> None:
    assert max(len(line) for line in posterior_summary(sleep).splitlines()) <= 96
    assert posterior_summary(sleep).splitlines()[:5] == [
        "Linear mixed model: posterior by marginal importance sampling",
        "reaction ~ days + (days | subject)",
        "",
        "180 rows; subject 18 levels",
        "4 chains of 250 draws; log evidence -880.500",
    ]


def test_facts_are_plain(sleep: Posterior) -> None:
    facts = json.loads(json.dumps(posterior_facts(sleep), allow_nan=False))
    assert facts["draws"] == 1000
    assert facts["priors"] == {"Intercept": "Normal(300, 100)", "sigma": "HalfT(3, 60)"}
    assert facts["diagnostics"] == {"evaluations": 812.0}
    assert facts["variance_components"][-1]["group"] == "Residual"
    assert set(facts["fixed_effects"][0]) >= {"term", "mean", "ess_bulk", "rhat"}
    assert facts["warnings"] == []


def test_facts_of_fixed_parameters_have_blanks() -> None:
    rows = posterior_facts(sleep_posterior(spread=0.0))["variance_components"]
    assert rows[0]["rhat"] is None
