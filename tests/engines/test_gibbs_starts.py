"""Starts name the parameter whose prior, or the chain whose likelihood, is not finite."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from multilevel.engines.gibbs.starts import check_likelihood, dispersed_start
from multilevel.engines.marginal.sampler import start_point
from multilevel.errors import DesignError
from multilevel.model.priors import HalfNormal, InverseWishart, Uniform
from tests.engines.gibbs_cases import chain_at, model_of, plan_of, some_terms

SLEEP, DATA = "reaction ~ days + (days | subject)", "sleepstudy"


def starts(priors: Any, number: int = 0) -> Any:
    """Return a start under some priors."""
    moments, bound = model_of(SLEEP, DATA, priors)
    plan = plan_of(moments, bound)
    return dispersed_start(plan, bound, start_point(moments, bound, plan.at), seed=1, number=number)


@pytest.mark.parametrize(
    ("priors", "named"),
    [
        (
            {"sigma": Uniform(0, 1e-12)},
            "the prior of sigma, Uniform(0, 1e-12), has no finite log density at ",
        ),
        (
            {"subject": {"sd": {"days": Uniform(1e6, 1e7)}}},
            "the prior of sd(subject, days), Uniform(1e+06, 1e+07), has no finite log density at ",
        ),
    ],
)
def test_the_prior_that_excludes_the_data_is_named(priors: Any, named: str) -> None:
    with pytest.raises(DesignError) as caught:
        starts(priors)
    text = str(caught.value)
    assert text.startswith(
        f"no point of the posterior near the estimates has a positive prior density: {named}"
    )
    assert "nor in 100 of 100 points tried\n  try: priors that allow" in text
    assert text.count("has no finite log density") == 1


def test_a_prior_of_the_matrix_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(InverseWishart, "logpdf", lambda self, D: np.full(D.shape[0], np.nan))
    with pytest.raises(DesignError, match="the prior of the covariance matrix of subject"):
        starts({"subject": InverseWishart(4, [[600.0, 0.0], [0.0, 40.0]])})


def test_starts_differ_between_chains() -> None:
    one, other = (starts({"sigma": HalfNormal(30)}, number=number) for number in (0, 1))
    assert one.sigma != other.sigma


def test_a_likelihood_that_is_not_finite_is_an_error_of_the_chain() -> None:
    moments, bound = model_of(SLEEP, DATA)
    plan = plan_of(moments, bound)
    check_likelihood(chain_at(plan, some_terms(moments), 1.0))
    with pytest.raises(DesignError) as caught:
        check_likelihood(chain_at(plan, some_terms(moments), np.nan, number=3))
    assert str(caught.value).startswith(
        "the likelihood is not finite at the start of chain 4: sigma nan, sds "
    )
