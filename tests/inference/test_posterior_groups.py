"""Leaving out groups agrees with quadrature, and with the evidence of the data without the group."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.special import logsumexp

import multilevel as ml
from multilevel.errors import OptionError
from multilevel.inference.posterior_groups import leave_group_out
from tests.oracle import designs
from tests.oracle.posteriors import made_up_draws, posterior_of

DYE = {
    "Intercept": ml.Normal(1500, 60),
    "batch": {"sd": ml.HalfNormal(50)},
    "sigma": ml.HalfNormal(60),
}


def evidence(y: np.ndarray, batch: np.ndarray) -> float:
    """Return ``log p(y)`` of `DYE` by the trapezoidal rule over both sds, the mean integrated exactly.

    The integrand and its slopes are nought or negligible at the ends of the grid but at sds of zero, where
    its slope is nought by symmetry; doubling the grid changes the sum by less than 1e-6.
    """
    tau, sigma = np.linspace(0, 300, 121), np.linspace(15, 160, 117)
    same = batch[:, None] == batch
    terms = []
    for t in tau:
        values, vectors = np.linalg.eigh(t**2 * same + 60.0**2)
        rotated = vectors.T @ (y - 1500)
        variances = values + sigma[:, None] ** 2
        loglik = -0.5 * (np.log(2 * np.pi * variances) + rotated**2 / variances).sum(axis=1)
        prior = stats.halfnorm.logpdf(t, scale=50) + stats.halfnorm.logpdf(sigma, scale=60)
        terms.append(loglik + prior + np.log(0.5 if t == 0 else 1.0))
    return float(logsumexp(terms) + np.log((tau[1] - tau[0]) * (sigma[1] - sigma[0])))


def test_one_factor_against_quadrature() -> None:
    data = ml.datasets.load("dyestuff")
    post = ml.sample("yield ~ 1 + (1 | batch)", data, DYE, seed=1, draws=20_000)
    found = post.loo(group="batch")
    y, batch = data["yield"].to_numpy(float), data["batch"].astype(str).to_numpy()
    whole = evidence(y, batch)
    assert post.log_evidence == pytest.approx(whole, abs=0.02)
    expected = [whole - evidence(y[batch != level], batch[batch != level]) for level in found.levels]
    assert found.pareto_k.max() < 0.7
    np.testing.assert_allclose(found.pointwise, expected, atol=0.02)  # Monte Carlo error of 20,000 draws
    assert found.elpd == pytest.approx(found.pointwise.sum())
    assert found.std_error == pytest.approx(np.sqrt(6) * np.std(found.pointwise))
    assert found.group == "batch"
    assert found.levels == tuple("ABCDEF")
    assert found.untrusted == 0
    assert (
        found.sentence == "The Pareto k of every level of `batch` is below 0.70: the estimate can be trusted."
    )
    assert str(found).startswith("elpd_loo -")


def nested_data() -> pd.DataFrame:
    """Return 6 schools of 3 classes of 4 pupils, and 5 items that cut across them."""
    rng = np.random.default_rng(3)
    school, cls = np.repeat(np.arange(6), 12), np.repeat(np.arange(18), 4)
    item = np.tile(np.arange(5), 15)[:72]
    y = (
        rng.normal(0, 1, 6)[school]
        + rng.normal(0, 0.7, 18)[cls]
        + np.array([-1.0, 0.5, 1.2, -0.8, 0.1])[item]
    )
    words = {
        "school": [f"s{i}" for i in school],
        "class": [f"c{i:02d}" for i in cls],
        "item": [f"i{i}" for i in item],
    }
    return pd.DataFrame({"y": 2 + y + rng.normal(0, 0.8, 72), **words})


ITEMS = {"item": {"sd": ml.LogNormal(0, 0.5)}}
NESTED = {
    "Intercept": ml.Normal(2, 2),
    "school": {"sd": ml.LogNormal(0, 0.5)},
    "school:class": {"sd": ml.LogNormal(0, 0.5)},
    "sigma": ml.HalfNormal(1),
}


@pytest.mark.parametrize(
    ("formula", "priors", "group", "levels"),
    [
        ("y ~ 1 + (1 | school/class)", NESTED, "school", ("s1",)),
        ("y ~ 1 + (1 | school/class)", NESTED, "class:school", ("s5:c17",)),
        ("y ~ 1 + (1 | school/class) + (1 | item)", {**NESTED, **ITEMS}, "item", ("i4",)),
        ("y ~ 1 + (1 | school/class) + (1 | item)", {**NESTED, **ITEMS}, "school", ("s1",)),
    ],
)
def test_several_factors_against_the_evidence_without_the_group(
    formula: str, priors: Any, group: str, levels: tuple[str, ...]
) -> None:
    data = nested_data()
    post = ml.sample(formula, data, priors, seed=1, draws=3000, method="marginal")
    found = post.loo(group=group)
    column = data["school"] + ":" + data["class"] if ":" in group else data[group]
    assert post.log_evidence is not None
    for level in levels:
        at = found.levels.index(level)
        assert found.pareto_k[at] < 0.7
        without = ml.sample(formula, data[column != level], priors, seed=2, draws=3000, method="marginal")
        assert without.log_evidence is not None
        # both evidences have errors of about 0.01, and the weights of 3,000 draws one of about 0.03
        assert found.pointwise[at] == pytest.approx(post.log_evidence - without.log_evidence, abs=0.1)


HERDS = {"Intercept": ml.Normal(-1, 1), "fixed": ml.Normal(-1, 1), "herd": {"sd": ml.HalfNormal(1)}}


def test_a_generalised_model_against_the_evidence_without_the_group() -> None:
    herds, formula = ml.datasets.load("cbpp"), "prop(incidence, size) ~ period + (1 | herd)"

    def sampled(rows: pd.DataFrame, seed: int) -> ml.Posterior:
        return ml.sample(formula, rows, HERDS, family="binomial", seed=seed, draws=2000, method="marginal")

    post = sampled(herds, 1)
    found = post.loo(group="herd")
    assert found.sentence.endswith("Effects of `herd` are integrated out by adaptive quadrature.")
    assert found.untrusted == 0
    assert post.log_evidence is not None
    for level in ("3", "11"):
        without = sampled(herds[herds["herd"].astype(str) != level], 2)
        assert without.log_evidence is not None
        # both evidences have errors of about 0.02, and the weights one of about 0.03
        expected = post.log_evidence - without.log_evidence
        assert found.pointwise[found.levels.index(level)] == pytest.approx(expected, abs=0.1)


def test_generalised_nested_factors_against_the_evidence_without_the_group() -> None:
    data = nested_data().assign(count=lambda table: np.rint(np.exp(0.5 * table["y"])))
    formula = "count ~ 1 + (1 | school/class)"
    priors = {name: prior for name, prior in NESTED.items() if name != "sigma"}

    def sampled(rows: pd.DataFrame, seed: int) -> ml.Posterior:
        return ml.sample(formula, rows, priors, family="poisson", seed=seed, draws=1000, method="marginal")

    post = sampled(data, 1)
    found = post.loo(group="school")
    assert found.sentence.endswith(
        "Effects of `school` and `school:class` are integrated out by adaptive quadrature."
    )
    assert post.log_evidence is not None
    without = sampled(data[data["school"] != "s1"], 2)
    assert without.log_evidence is not None
    at = found.levels.index("s1")
    assert found.pareto_k[at] < 0.7
    assert found.pointwise[at] == pytest.approx(post.log_evidence - without.log_evidence, abs=0.15)


def test_levels_whose_weights_have_heavy_tails_are_named() -> None:
    sleep = ml.datasets.load("sleepstudy")
    post = ml.sample("reaction ~ days + (days | subject)", sleep, seed=1, draws=2000)
    found = post.loo(group="subject")
    bad = np.flatnonzero(found.pareto_k > found.threshold)
    assert found.untrusted == bad.size > 0  # subject 332 has a day that no one else has
    assert "332" in found.sentence
    assert f"of {bad.size} of 18 levels of `subject` is above 0.70 (" in found.sentence
    assert "Try: more draws, or sample again without those levels." in found.sentence


def test_answers_are_kept() -> None:
    design = designs.nested()
    post = posterior_of(design, made_up_draws(design, sds=((1.2,), (0.8,)), sigma=0.5))
    assert leave_group_out(post, "a") is leave_group_out(post, "a")
    assert leave_group_out(post, "b:a") is leave_group_out(post, "a:b")
    assert leave_group_out(post, "a") is not leave_group_out(post, "a:b")


@pytest.mark.parametrize(
    ("group", "draws", "message"),
    [
        ("aa", 250, "the model has no such grouping factor\n  allowed: 'a', 'a:b'\n  try: group='a'"),
        (3, 250, "the model has no such grouping factor"),
        ("a", 20, "loo was asked of 80 draws\n  allowed: at least 100\n  try: sample again with more"),
    ],
)
def test_errors(group: Any, draws: int, message: str) -> None:
    design = designs.nested()
    post = posterior_of(design, made_up_draws(design, sds=((1.2,), (0.8,)), sigma=0.5, draws=draws))
    with pytest.raises(OptionError, match=message):
        leave_group_out(post, group)


def test_one_level_cannot_be_left_out() -> None:
    design = designs.slopes(m=1, size=40)
    post = posterior_of(design, made_up_draws(design, sds=((1.0, 1.0),), sigma=0.5))
    with pytest.raises(OptionError, match="`g` has one level, and nothing is left without it"):
        leave_group_out(post, "g")
