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
from tests.oracle.posteriors import sleep_posterior, varying_posterior


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


def test_residual_sds_of_groups() -> None:
    posterior = varying_posterior("late")
    text = posterior_summary(posterior)
    assert "Law of the residual sds" in text
    assert "mean(log sigma)" in text
    assert (
        "Residual sds differ between the 2 levels of late; the row Residual is their root mean square" in text
    )
    facts = json.loads(json.dumps(posterior_facts(posterior), allow_nan=False))
    assert facts["residual_groups"] == "late"
    assert [row["level"] for row in facts["residual_sds"]] == ["early", "late"]
    assert [row["parameter"] for row in facts["residual_law"]] == ["mean(log sigma)", "sd(log sigma)"]
    assert "residual_groups" not in posterior_facts(sleep_posterior())
