"""The table of agreement: its numbers are those of the results' own tables, and engines agree in it."""

from __future__ import annotations

import numpy as np
import pytest

import multilevel as ml
from multilevel.errors import ComparisonError
from multilevel.inference.agreement import agreement, numbers

FORMULA = "wait ~ afternoon + (afternoon | cafe)"
NAMES = [
    "Intercept",
    "afternoon",
    "sd(cafe, Intercept)",
    "sd(cafe, afternoon)",
    "sigma",
    "correlation(cafe, Intercept, afternoon)",
]


def test_parameters_have_the_names_of_the_draws() -> None:
    cafes = ml.datasets.load("cafes")
    fit = ml.fit(FORMULA, cafes)
    post = ml.sample(FORMULA, cafes, draws=1000, seed=1)
    assert list(numbers(fit)) == list(numbers(post)) == NAMES
    assert set(numbers(post)) == {name for name in post.draws if not name.startswith("effects")}
    for name, number in numbers(post).items():
        assert number.value == pytest.approx(post.draws[name].mean())
        assert number.sd == pytest.approx(post.draws[name].std(ddof=1))


@pytest.mark.parametrize(
    ("formula", "data", "keywords"),
    [
        ("ticks ~ cheight + (1 | brood)", "grouseticks", {"family": "negative_binomial"}),
        ("ticks ~ cheight + (1 | brood)", "grouseticks", {"family": "poisson", "zero_inflation": "~ 1"}),
    ],
)
def test_parameters_of_families_have_the_names_of_the_draws(
    formula: str, data: str, keywords: dict[str, str]
) -> None:
    rows = ml.datasets.load(data)
    fit = ml.fit(formula, rows, **keywords)
    with pytest.warns(ml.ConvergenceWarning):  # so few draws: names alone are looked at
        post = ml.sample(formula, rows, method="gibbs", draws=40, warmup=20, chains=2, seed=1, **keywords)
    assert list(numbers(fit)) == list(numbers(post))
    assert set(numbers(post)) == {name for name in post.draws if not name.startswith("effects")}


def test_differences_are_in_sds_of_the_first_posterior() -> None:
    cafes = ml.datasets.load("cafes")
    fit = ml.fit(FORMULA, cafes)
    post = ml.sample(FORMULA, cafes, draws=1000, seed=1)
    table = agreement({"fit": fit, "post": post})
    assert table["parameter"] == NAMES
    sds = np.array([post.draws[name].std(ddof=1) for name in NAMES])
    means = np.array([post.draws[name].mean() for name in NAMES])
    np.testing.assert_allclose(np.array(table["sd"], dtype=float), sds)
    expected = (means - np.array(table["fit"], dtype=float)) / sds
    np.testing.assert_allclose(np.array(table["post: difference"], dtype=float), expected)
    mcse = np.array(post.fixed_effects["mcse"], dtype=float) / sds[:2]  # a fit has no Monte Carlo error
    np.testing.assert_allclose(np.array(table["post: error"], dtype=float)[:2], mcse)


def test_two_engines_for_one_posterior_agree_within_their_errors() -> None:
    cafes = ml.datasets.load("cafes")
    priors = {"cafe": {"sd": ml.Exponential(1), "correlation": ml.LKJ(2)}, "sigma": ml.Exponential(1)}
    marginal = ml.sample(FORMULA, cafes, priors, seed=1)
    gibbs = ml.sample(FORMULA, cafes, priors, method="gibbs", seed=2)
    table = agreement({"marginal": marginal, "gibbs": gibbs})
    gaps = np.array(table["gibbs: difference"], dtype=float)
    errors = np.array(table["gibbs: error"], dtype=float)
    assert (np.abs(gaps) < 4.5 * errors).all()  # six differences, each beyond with probability 7e-6
    assert (errors < 0.1).all()


def test_where_nothing_has_an_sd_differences_are_blank() -> None:
    cafes = ml.datasets.load("cafes")
    fits = {method: ml.fit(FORMULA, cafes, method=method) for method in ("reml", "ml")}
    table = agreement(fits)
    assert [value is None for value in table["sd"]] == [False, False, True, True, True, True]
    assert table["ml: difference"][2] is None
    wald = numbers(fits["reml"])["Intercept"]
    assert table["ml: difference"][0] == pytest.approx(
        (numbers(fits["ml"])["Intercept"].value - wald.value) / wald.sd
    )


def test_fixed_parameters_have_no_differences() -> None:
    cafes = ml.datasets.load("cafes")
    priors = {"sigma": ml.Fixed(0.47), "cafe": {"sd": ml.Fixed(0.9), "correlation": ml.Fixed(-0.5)}}
    table = agreement({"post": ml.sample(FORMULA, cafes, priors, seed=1), "fit": ml.fit(FORMULA, cafes)})
    assert [value is None for value in table["fit: difference"]] == [False, False, True, True, True, True]
    assert table["sd"][2:] == [0.0] * 4


def test_parameters_of_one_result_alone_are_blank_in_the_other() -> None:
    cafes = ml.datasets.load("cafes")
    table = agreement({"all": ml.fit(FORMULA, cafes), "few": ml.fit("wait ~ afternoon + (1 | cafe)", cafes)})
    assert table["few"][NAMES.index("sd(cafe, afternoon)")] is None
    assert table["few: difference"][NAMES.index("sd(cafe, afternoon)")] is None


def test_other_data_are_refused() -> None:
    cafes = ml.datasets.load("cafes")
    with pytest.raises(ComparisonError, match="results of different data"):
        agreement({"a": ml.fit(FORMULA, cafes), "b": ml.fit(FORMULA, cafes.head(150))})
