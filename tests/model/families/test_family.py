"""Links and their inverses, means and variances against SciPy, draws against variances, and start values."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import multilevel as ml
from multilevel.model.families import (
    ELSEWHERE,
    REGISTRY,
    Family,
    Ordinal,
    family_of,
    inverse_link,
    link_of,
    slope,
)
from multilevel.model.families.family import LINKS
from tests.oracle.families import COUNTS, INVERSE, POSITIVE, every_family_and_link, random_rows

FAMILIES = every_family_and_link()
every = pytest.mark.parametrize("family", FAMILIES, ids=[f"{f.name} {f.link}" for f in FAMILIES])
AT = {
    "identity": np.linspace(-5, 5, 41),
    "log": np.linspace(-30, 30, 41),
    "logit": np.linspace(-30, 16, 41),
    "probit": np.linspace(-8, 5, 41),
    "cloglog": np.linspace(-30, 2.5, 41),
    "inverse": np.linspace(0.01, 9, 41),
    "sqrt": np.linspace(0.0, 9, 41),
}


@pytest.mark.parametrize("link", LINKS)
def test_links_and_means_are_inverse_of_each_other(link: str) -> None:
    eta = AT[link]
    mu = inverse_link(link, eta)
    np.testing.assert_allclose(mu, INVERSE[link](eta), rtol=1e-13)
    np.testing.assert_allclose(link_of(link, mu), eta, rtol=1e-7, atol=1e-8)
    h = 1e-5
    rise = (inverse_link(link, eta + h) - inverse_link(link, eta - h)) / (2 * h)
    np.testing.assert_allclose(slope(link, eta), rise, rtol=1e-6, atol=1e-9 * np.abs(mu).max())


def law(family: Family, mu: float, parameters: list[float], n: int) -> object:
    """Return SciPy's distribution of a family at a mean."""
    a, b = [*parameters, 1.0, 1.0][:2]
    return {
        "bernoulli": lambda: stats.bernoulli(mu),
        "binomial": lambda: stats.binom(n, mu),
        "poisson": lambda: stats.poisson(mu),
        "negative_binomial": lambda: stats.nbinom(a, a / (a + mu)),
        "negative_binomial_linear": lambda: stats.nbinom(mu / a, 1 / (1 + a)),
        "gamma": lambda: stats.gamma(1 / a, scale=mu * a),
        "inverse_gaussian": lambda: stats.invgauss(mu * a, scale=1 / a),
        "beta": lambda: stats.beta(mu * a, (1 - mu) * a),
        "beta_binomial": lambda: stats.betabinom(n, mu * a, (1 - mu) * a),
        "gaussian": lambda: stats.norm(mu, a),
        "student": lambda: stats.t(b, mu, a),
    }[family.name]()


@pytest.mark.parametrize("name", [name for name in REGISTRY if name != "ordinal"])
def test_variances_and_draws_are_those_of_the_distribution(name: str) -> None:
    family = family_of(name)
    positive = name in COUNTS or name in POSITIVE or name in ("gaussian", "student")
    for mu in (0.4, 3.0) if positive else (0.2, 0.7):
        for parameters in ([0.3, 12.0], [1.7, 7.0]):
            given = np.array(parameters[: len(family.parameters)])
            expected, means = law(family, mu, parameters, 5), np.full(40_000, mu)
            trials = np.full(means.size, 5.0) if family.trials else None
            variance = family.variance(means[:3], given, None if trials is None else trials[:3])
            np.testing.assert_allclose(variance, expected.var(), rtol=1e-12)
            y = family.draw(np.random.default_rng(1), means, given, trials)
            error = np.sqrt(expected.var() / means.size)
            assert abs(y.mean() - expected.mean()) < 5 * error
            centred = (y - expected.mean()) ** 2
            assert abs(centred.mean() - expected.var()) < 5 * centred.std() / np.sqrt(means.size) + 1e-12


@pytest.mark.parametrize("link", ["logit", "probit"])
def test_classes_of_an_ordinal_response(link: str) -> None:
    family, thresholds = Ordinal(link=link), np.array([-1.0, 0.3, 2.0])
    eta = np.linspace(-6, 6, 25)
    p = family.probabilities(eta, thresholds)
    np.testing.assert_allclose(p.sum(axis=-1), 1.0, rtol=1e-14)
    assert (p > 0).all()
    below = stats.logistic.cdf if link == "logit" else stats.norm.cdf
    np.testing.assert_allclose(p[:, 0], below(-1.0 - eta), rtol=1e-12)
    number = np.arange(1, 5)
    spread = (p * (number - (p @ number)[:, None]) ** 2).sum(axis=-1)
    np.testing.assert_allclose(family.variance(eta, thresholds, None), spread, rtol=1e-9)
    drawn = family.draw(np.random.default_rng(2), np.full(40_000, 0.5), thresholds, None)
    counts = np.bincount(drawn.astype(int), minlength=5)[1:]
    shares = family.probabilities(np.array([0.5]), thresholds)[0]
    assert stats.chisquare(counts, shares * counts.sum()).pvalue > 1e-4


@every
def test_start_values_are_inside_the_range_of_the_family(family: Family) -> None:
    for seed in range(3):
        rows = random_rows(family, np.random.default_rng(seed))
        mu = family.start(rows.y, rows.trials)
        eta = family.predictor(mu)
        assert np.isfinite(eta).all()
        parameters = family.start_parameters(rows.y, mu, rows.trials)
        assert parameters.shape == (len(family.parameters),)
        assert (parameters > 0).all() and np.isfinite(parameters).all()
        np.testing.assert_allclose(family.mean(eta), mu, rtol=1e-8)


def test_draws_hold_at_the_ends_of_the_range() -> None:
    rng = np.random.default_rng(3)
    ends = np.array([0.0, 1e-300, 1.0 - 2.0**-53, 1.0])
    shares = ml.families.Beta().draw(rng, ends, np.array([2.0]), None)
    assert ((shares > 0) & (shares < 1)).all()
    one = np.ones(4)
    np.testing.assert_array_equal(
        ml.families.BetaBinomial().draw(rng, ends, np.array([2.0]), 9 * one), [0, 0, 9, 9]
    )
    huge = np.array([1e14, 1e17, 1e25])
    for family in (ml.families.Poisson(), ml.families.NegativeBinomial()):
        y = family.draw(rng, huge, np.array([1e12]), None)
        np.testing.assert_allclose(y, huge, rtol=1e-5)
        assert (y == np.floor(y)).all()


ROWS = np.array([3, 8, 11])
WRONG = [
    ("bernoulli", [0, 1, 2], None, ("2 in row 11", "neither 0 nor 1", "allowed: 0 and 1")),
    ("binomial", [1, 5, 2], [3, 4, 2], ("more successes than trials: 5 in row 8", "prop(successes, trials)")),
    ("binomial", [0, 1, 0], [0, 4, 2.5], ("numbers of trials: 0 in row 3, 2.5 in row 11",)),
    ("binomial", [0.5, -1, 0], [1, 4, 2], ("numbers of successes: 0.5 in row 3, -1 in row 8",)),
    ("poisson", [1, -2, 3], None, ("is negative: -2 in row 8", "allowed: counts")),
    ("poisson", [1, 2.5, 3], None, ("no whole number: 2.5 in row 8", "try:", "offset()")),
    ("negative_binomial", [1, 2.5, 3], None, ("no whole number: 2.5 in row 8",)),
    ("gamma", [1, 0, -3], None, ("is not positive: 0 in row 8, -3 in row 11",)),
    ("inverse_gaussian", [1, 0, 3], None, ("is not positive: 0 in row 8",)),
    ("beta", [0.1, 0, 1], None, ("not between 0 and 1: 0 in row 8, 1 in row 11",)),
    ("beta_binomial", [1, 5, 2], [3, 4, 2], ("more successes than trials: 5 in row 8",)),
    ("ordinal", [1, 2.5, 2], None, ("no class number: 2.5 in row 8",)),
    ("ordinal", [1, 2, 4], None, ("skips a class (3 are seen): 4 in row 11",)),
]


@pytest.mark.parametrize(("name", "y", "trials", "words"), WRONG)
def test_responses_that_a_family_has_not_are_refused_by_row(
    name: str, y: list[float], trials: list[float] | None, words: tuple[str, ...]
) -> None:
    n = None if trials is None else np.array(trials, dtype=np.float64)
    with pytest.raises(ml.DataError) as refused:
        family_of(name).check(np.array(y, dtype=np.float64), n, "y", ROWS)
    assert "`y`" in str(refused.value)
    for piece in words:
        assert piece in str(refused.value)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("poison", ("family='poison'", "did you mean 'poisson'?", "allowed: 'gaussian'")),
        ("Binomial", ("did you mean 'binomial'?",)),
        ("nbinom2", ("try: family='negative_binomial'",)),
        ("nbinom1()", ("try: family='negative_binomial_linear'",)),
        ("quasipoisson", ("try: family='negative_binomial_linear'",)),
        ("t_family", ("try: family='student'",)),
        ("nb", ("family='nb'", "allowed:")),
        (3, ("family=3", "allowed:")),
        (None, ("family=None",)),
    ],
)
def test_families_that_are_not_there_are_refused(given: object, words: tuple[str, ...]) -> None:
    with pytest.raises(ml.OptionError) as refused:
        family_of(given)
    for piece in words:
        assert piece in str(refused.value)


def test_links_that_a_family_has_not_are_refused() -> None:
    with pytest.raises(
        ml.OptionError, match=r"no link 'lgit'(?s:.)*allowed: 'logit'(?s:.)*did you mean 'logit'"
    ):
        ml.families.Binomial(link="lgit")
    with pytest.raises(ml.OptionError, match=r"gamma family has no link 'probit'"):
        ml.families.Gamma(link="probit")


def test_names_of_other_programs_stand_for_families_that_are_there() -> None:
    assert set(ELSEWHERE.values()) <= set(REGISTRY) and not set(ELSEWHERE) & set(REGISTRY)
