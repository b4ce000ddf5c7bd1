"""Tests of what the samplers read of bound priors: densities, gradients, the normal part, texts."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy import stats

from multilevel.design.bound_priors import (
    RESIDUAL_NAMES,
    BoundPriors,
    ResidualPriors,
    TermPriors,
    sds_of_groups,
)
from multilevel.model.priors import (
    LKJ,
    Decov,
    Exponential,
    Fixed,
    Flat,
    HalfCauchy,
    HalfT,
    InverseWishart,
    MVNormal,
    Normal,
    ScalarPrior,
    StudentT,
)


def bound_priors(coefficients: tuple[ScalarPrior, ...] | MVNormal, *, centred: bool = True) -> BoundPriors:
    """Return priors of three coefficients, the first of them a constant."""
    lift = np.array([1.0, 0.0, 0.0]) * centred
    return BoundPriors(("Intercept", "x", "z"), coefficients, np.array([0, 2.0, -3.0]), lift, HalfT(3, 1), ())


MIXED = bound_priors((StudentT(3, 1, 2), Normal(0.5, 2), Flat()))
NORMAL = bound_priors((Normal(1, 2), Normal(0.5, 3), Flat()))


def test_the_intercept_is_that_of_centred_columns() -> None:
    beta = np.array([1.0, 4.0, 5.0])
    gamma = MIXED.to_centred @ beta
    np.testing.assert_allclose(gamma, [1 + 2 * 4 - 3 * 5, 4, 5])
    np.testing.assert_allclose((2 * np.eye(3) - MIXED.to_centred) @ gamma, beta)
    expected = StudentT(3, 1, 2).logpdf(-6) + Normal(0.5, 2).logpdf(4)
    np.testing.assert_allclose(MIXED.log_coefficients(beta), expected)
    assert MIXED.centred
    assert not bound_priors((Flat(),) * 3, centred=False).centred


@pytest.mark.parametrize(
    "priors", [MIXED, NORMAL, bound_priors(MVNormal(np.ones(3), np.eye(3)), centred=False)]
)
def test_gradient_of_the_coefficients(priors: BoundPriors) -> None:
    beta = np.random.default_rng(1).normal(size=(50, 3))
    h = 1e-6
    difference = [
        (priors.log_coefficients(beta + h * e) - priors.log_coefficients(beta - h * e)) / (2 * h)
        for e in np.eye(3)
    ]
    np.testing.assert_allclose(priors.dlog_coefficients(beta), np.stack(difference, -1), atol=1e-7)


def test_the_normal_part_is_the_whole_density_but_for_a_constant() -> None:
    beta = np.random.default_rng(2).normal(size=(50, 3)) * 4
    for priors in (NORMAL, bound_priors(MVNormal(np.ones(3), np.diag([1.0, 2, 3])), centred=False)):
        mean, precision, mask = priors.coefficient_normal()
        assert mask.all()
        quadratic = -0.5 * np.einsum("ni,ij,nj->n", beta - mean, precision, beta - mean)
        assert np.ptp(priors.log_coefficients(beta) - quadratic) < 1e-11


def test_what_is_not_normal_is_left_to_the_sampler() -> None:
    beta = np.random.default_rng(3).normal(size=(50, 3)) * 4
    mean, precision, mask = MIXED.coefficient_normal()
    assert mask.tolist() == [False, True, True]
    quadratic = -0.5 * np.einsum("ni,ij,nj->n", beta - mean, precision, beta - mean)
    rest = MIXED.log_coefficients(beta) - StudentT(3, 1, 2).logpdf((beta @ MIXED.to_centred.T)[:, 0])
    assert np.ptp(rest - quadratic) < 1e-12
    assert bound_priors((Fixed(1), Flat(), Flat())).coefficient_normal()[2].tolist() == [False, True, True]


@pytest.mark.parametrize("relative", [False, True])
@pytest.mark.parametrize("sds", [(HalfCauchy(1), Exponential(2)), Decov(1, 2, 0.5)])
def test_gradient_of_the_sds(sds: tuple[ScalarPrior, ...] | Decov, relative: bool) -> None:
    term = TermPriors("g", ("Intercept", "x"), None, sds, LKJ(2), relative)
    rng = np.random.default_rng(4)
    s, sigma, h = rng.uniform(0.5, 2, (50, 2)), rng.uniform(0.5, 2, 50), 1e-6
    by_sds, by_sigma = term.dlog_sds(s, sigma)
    difference = [
        (term.log_sds(s + h * e, sigma) - term.log_sds(s - h * e, sigma)) / (2 * h) for e in np.eye(2)
    ]
    np.testing.assert_allclose(by_sds, np.stack(difference, -1), rtol=1e-6, atol=1e-7)
    change = (term.log_sds(s, sigma + h) - term.log_sds(s, sigma - h)) / (2 * h)
    np.testing.assert_allclose(by_sigma, change, rtol=1e-6, atol=1e-7)
    assert np.shape(term.log_sds(s[0], sigma[0])) == ()
    if not relative:
        assert (by_sigma == 0).all()


def test_a_relative_sd_has_mass_one_in_its_own_unit() -> None:
    term = TermPriors("g", ("Intercept",), None, (Exponential(1),), None, relative=True)
    s = np.linspace(0, 200, 400_001)[:, None]
    density = np.exp(term.log_sds(s, np.full(s.shape[0], 5.0)))
    steps = 0.5 * (density[1:] + density[:-1]) * np.diff(s[:, 0])
    assert abs(steps.sum() - 1) < 1e-6


def test_texts() -> None:
    terms = (
        TermPriors("g", ("Intercept", "x"), None, (HalfT(3, 1), HalfCauchy(2)), LKJ(2)),
        TermPriors("h[1]", ("x",), InverseWishart(3, 1.0), (), None),  # type: ignore[arg-type]
        TermPriors("h[2]", ("a", "b"), None, (Exponential(1),), None, relative=True),
    )
    priors = BoundPriors(
        ("Intercept", "x"), (Normal(1, 2), Flat()), np.array([0, 3.0]), np.array([1.0, 0]), HalfT(3, 1), terms
    )
    assert priors.texts() == [
        ("Intercept", "Normal(1, 2) with the other columns at their means"),
        ("x", "Flat()"),
        ("g: sd(Intercept)", "HalfT(3, 1)"),
        ("g: sd(x)", "HalfCauchy(2)"),
        ("g: correlation", "LKJ(2)"),
        ("h[1]: covariance", "InverseWishart(3, [[1]])"),
        ("h[2]: sd(all effects)", "Exponential(1) times sigma"),
        ("sigma", "HalfT(3, 1)"),
    ]
    joint = bound_priors(MVNormal(np.ones(3), np.eye(3)), centred=False)
    assert joint.texts()[0][0] == "Intercept, x, z"


LAWS = [
    (
        ResidualPriors("inverse_gamma", RESIDUAL_NAMES["inverse_gamma"], Fixed(3), Fixed(4)),
        [("sigma2 of each group", "InverseGamma(3, 4)")],
    ),
    (
        ResidualPriors("inverse_gamma", RESIDUAL_NAMES["inverse_gamma"], HalfT(3, 1), Fixed(4)),
        [("sigma2 of each group", "InverseGamma(shape, 4)"), ("shape(sigma2)", "HalfT(3, 1)")],
    ),
    (
        ResidualPriors("log_normal", RESIDUAL_NAMES["log_normal"], Normal(0, 2), Exponential(1)),
        [
            ("sigma of each group", "LogNormal(mean, sd)"),
            ("mean(log sigma)", "Normal(0, 2)"),
            ("sd(log sigma)", "Exponential(1)"),
        ],
    ),
]


@pytest.mark.parametrize(("law", "texts"), LAWS)
def test_texts_of_the_law_of_residual_sds(law: ResidualPriors, texts: list[tuple[str, str]]) -> None:
    assert law.texts() == texts
    priors = dataclasses.replace(MIXED, sigma=Fixed(1), residual=law)
    assert priors.texts()[-len(texts) :] == texts
    assert "sigma" not in dict(priors.texts())


def test_residual_sds_are_drawn_from_their_law() -> None:
    rng = np.random.default_rng(1)
    shape, scale = np.array([2.5, 4.0]), np.array([3.0, 0.5])
    found = sds_of_groups("inverse_gamma", shape, scale, m=2000, rng=rng)
    assert found.shape == (2, 2000)
    for row, a, b in zip(found, shape, scale, strict=True):
        assert stats.kstest(row**2, stats.invgamma(a, scale=b).cdf).pvalue > 0.01
    found = sds_of_groups("log_normal", np.array([[0.5], [-1.0]]), np.array([[0.3], [2.0]]), m=2000, rng=rng)
    assert found.shape == (2, 1, 2000)
    for row, mean, sd in ((found[0, 0], 0.5, 0.3), (found[1, 0], -1.0, 2.0)):
        assert stats.kstest(np.log(row), stats.norm(mean, sd).cdf).pvalue > 0.01
    far = sds_of_groups("inverse_gamma", 1e-3, 1.0, m=1000, rng=rng)
    assert np.isfinite(far**2).all()
    assert (far**2 > 0).all()
