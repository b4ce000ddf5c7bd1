"""Calibration of every sampler: a short one that runs always, the whole one marked slow."""

from __future__ import annotations

import dataclasses

import pytest

import multilevel as ml
from tests.calibration.replicate import KEPT, calibrate, main
from tests.calibration.truths import CASES, Case
from tests.calibration.uniformity import Uniformity, worst

SMALLEST = 0.01
"""Bonferroni's bound below which ranks are called not uniform: one false alarm in a hundred runs."""
SMOKE = {"marginal": 100, "gibbs": 10}
"""Replications of the short run."""
SLOW = 200


def verdict(case: Case, method: str, *, replications: int, seed: int) -> Uniformity:
    found = calibrate(case, method, replications=replications, seed=seed)
    assert found.ranks.shape == (replications, len(found.names))
    return worst(found.names, found.ranks, KEPT, seed=seed)


@pytest.mark.statistics
@pytest.mark.parametrize("method", SMOKE)
def test_ranks_are_uniform_in_a_short_run(method: str) -> None:
    found = verdict(CASES["B1"], method, replications=SMOKE[method], seed=3)
    assert found.bounded > SMALLEST, found


@pytest.mark.statistics
@pytest.mark.parametrize(
    ("priors", "parameter"),
    [
        ({"g": ml.InverseWishart(6, [[8.0, 2.0], [2.0, 4.0]])}, "sd["),
        ({"sigma2": ml.InverseGamma(30, 40)}, "sigma[0]"),
    ],
)
def test_a_wrong_posterior_is_seen_in_the_short_run(priors: dict[str, object], parameter: str) -> None:
    """The harness can fail: the sampler is told another prior than that of the data."""
    case = dataclasses.replace(CASES["B1"], priors={**CASES["B1"].priors, **priors})
    found = verdict(case, "marginal", replications=SMOKE["marginal"], seed=3)
    assert found.bounded < SMALLEST
    assert found.parameter.startswith(parameter)


def test_a_run_prints_its_row(capsys: pytest.CaptureFixture[str]) -> None:
    main(["B6", "marginal", "--replications", "20", "--seed", "4"])
    assert capsys.readouterr().out.startswith("| B6 | marginal | 20 | 4 | 8 | ")


@pytest.mark.slow
@pytest.mark.parametrize("method", ["marginal", "gibbs"])
@pytest.mark.parametrize("name", CASES)
def test_ranks_are_uniform(name: str, method: str) -> None:
    found = verdict(CASES[name], method, replications=SLOW, seed=5)
    assert found.bounded > SMALLEST, found
