"""The posterior holds facts and passes questions on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from multilevel.results.posterior import Posterior
from multilevel.results.prior_texts import PriorTexts
from tests.oracle.posteriors import sleep_posterior


@pytest.fixture(scope="module")
def posterior() -> Posterior:
    return sleep_posterior()


def test_facts(posterior: Posterior) -> None:
    assert (posterior.n_rows, posterior.n_groups) == (180, {"subject": 18})
    assert (posterior.n_chains, posterior.n_draws) == (4, 1000)
    assert posterior.method == "marginal"
    assert posterior.status == "complete"
    assert sleep_posterior(complete=False).status == "interrupted"
    assert posterior.sentence == "The draws are independent."
    assert posterior.log_evidence == -880.5
    assert posterior.formula == posterior.model.text == "reaction ~ days + (days | subject)"
    assert repr(posterior) == (
        "Posterior('reaction ~ days + (days | subject)', method='marginal', draws=1000)"
    )
    assert PriorTexts((("a", "b"),)).texts() == (("a", "b"),)


def test_tables_arrays_and_pages_are_passed_on(posterior: Posterior, tmp_path: Path) -> None:
    assert list(posterior.fixed_effects["term"]) == ["Intercept", "days"]
    assert list(posterior.variance_components["group"]) == ["subject", "subject", "Residual"]
    assert len(posterior.correlations) == 1
    assert len(posterior.random_effects) == len(posterior.group_coefficients) == 36
    assert posterior.draws["days"].shape == (4, 250)
    assert posterior.draws_table().shape == (1000, 8)
    np.testing.assert_allclose(posterior.fitted + posterior.residuals, posterior.design.y)
    assert posterior.vcov.shape == (2, 2)
    assert list(posterior.predict(interval=0.9)) == ["prediction", "sd", "lower", "upper", "varies"]
    assert posterior.simulate(3, seed=1).shape == (3, 180)
    assert posterior.loo().pointwise.shape == (180,)
    assert str(posterior).startswith("Linear mixed model: posterior by")
    assert posterior.to_latex().startswith(r"\begin{table}")
    assert posterior.to_markdown().startswith("### Linear")
    assert posterior._repr_html_().startswith("<div>")
    assert posterior.to_json()["formula"] == posterior.formula
    posterior.save(tmp_path / "posterior")
    assert (tmp_path / "posterior").is_file()


def test_a_value_is_made_once(posterior: Posterior) -> None:
    made: list[int] = []

    def make() -> int:
        made.append(1)
        return 7

    assert posterior.once("seven", make) == posterior.once("seven", make) == 7
    assert made == [1]
