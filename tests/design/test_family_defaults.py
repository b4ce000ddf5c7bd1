"""Default priors of generalised models: those of other programs as they print them, ours by their rule."""

from __future__ import annotations

import numpy as np
import pytest

import multilevel as ml
from multilevel.design.family_defaults import threshold_names
from multilevel.design.priors import bind_priors
from multilevel.errors import OptionError
from tests.design.generalised_cases import CBPP, counts, generalised


@pytest.mark.parametrize(
    ("word", "texts"),
    [
        # rstanarm's prior_summary of cbpp: 5.72, 5.72, 5.87
        ("rstanarm", ["Normal(0, 2.5)", "Normal(0, 5.722)", "Normal(0, 5.722)", "Normal(0, 5.868)"]),
        ("brms", ["StudentT(3, 0, 2.5)", "Flat()", "Flat()", "Flat()"]),
        ("default", ["StudentT(3, -2.098, 2.5)", "Normal(0, 5.722)", "Normal(0, 5.722)", "Normal(0, 5.868)"]),
    ],
)
def test_binomial(word: str, texts: list[str]) -> None:
    bound = bind_priors(generalised(CBPP, ml.datasets.load("cbpp"), "binomial"), word)  # type: ignore[arg-type]
    found = [text.removesuffix(" with the other columns at their means") for _, text in bound.texts()]
    assert found[:4] == texts
    assert found[4] == ("Exponential(1)" if word == "rstanarm" else "HalfT(3, 2.5)")
    assert bound.family is not None and bound.family.parameters == ()


@pytest.mark.parametrize(
    ("family", "word", "text"),
    [
        ("negative_binomial", "default", "InverseGamma(0.4, 0.3)"),
        ("negative_binomial", "brms", "InverseGamma(0.4, 0.3)"),
        ("negative_binomial", "rstanarm", "Exponential(1)"),
        ("negative_binomial_linear", "default", "HalfT(3, 2.5)"),
        ("gamma", "brms", "InverseGamma(0.01, 0.01)"),
        ("gamma", "rstanarm", "InverseGamma(1, 1)"),
        ("inverse_gaussian", "default", "InverseGamma(0.01, 0.01)"),
        ("student", "default", "Gamma(2, 0.1)"),
    ],
)
def test_parameters(family: str, word: str, text: str) -> None:
    data = counts()
    data["y"] = data["y"] + (family in ("gamma", "inverse_gaussian"))
    bound = bind_priors(generalised("y ~ x + (1 | g)", data, family), word)  # type: ignore[arg-type]
    assert bound.texts()[-1][1] == text


def test_brms_takes_median_and_mad_on_the_link_scale() -> None:
    data = counts()
    bound = bind_priors(generalised("y ~ x + (1 | g)", data, "poisson"), "brms")
    eta = np.log(np.where(data["y"] == 0, 0.1, data["y"]))
    spread = max(2.5, round(1.4826 * float(np.median(np.abs(eta - np.median(eta)))), 1))
    assert bound.texts()[0][1].startswith(f"StudentT(3, {round(float(np.median(eta)), 1):.4g}, {spread:.4g})")


def test_offset_and_identity_link() -> None:
    data = counts(t=np.full(100, np.e))
    plain = bind_priors(generalised("y ~ x + (1 | g)", data, "poisson"))
    moved = bind_priors(generalised("y ~ x + offset(log(t)) + (1 | g)", data, "poisson"))
    assert plain.coefficients[0].location == pytest.approx(moved.coefficients[0].location + 1.0)  # type: ignore[index,union-attr]
    student = bind_priors(generalised("y ~ x + (1 | g)", data, "student"))
    assert student.coefficients[0].scale == pytest.approx(2.5 * np.std(data["y"], ddof=1))  # type: ignore[index,union-attr]


def test_thresholds_and_zero_inflation() -> None:
    data = counts()
    data["y"] = np.minimum(data["y"], 2) + 1
    design = generalised("y ~ x + (1 | g)", data, "ordinal")
    assert threshold_names(design) == ("1|2", "2|3")
    texts = bind_priors(design).texts()
    assert texts[-1] == ("2|3", "StudentT(3, 0, 2.5) with the columns at their means")
    inflated = bind_priors(generalised("y ~ x + (1 | g)", counts(), "poisson", zero_inflation="~ x"))
    assert [name for name, _ in inflated.texts()[-2:]] == ["zero inflation: Intercept", "zero inflation: x"]


@pytest.mark.parametrize(
    ("family", "word"),
    [("student", "rstanarm"), ("negative_binomial_linear", "rstanarm"), ("negative_binomial_linear", "brms")],
)
def test_families_that_a_program_does_not_have(family: str, word: str) -> None:
    with pytest.raises(OptionError, match=f'priors of "{word}" were asked for with the {family} family'):
        bind_priors(generalised("y ~ x + (1 | g)", counts(), family), word)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("family", "formula", "y", "location"),
    [
        # logit of 200.5 of 201 trials or of 1,000.5 of 1,001, log of half a count in 200 rows
        ("bernoulli", "y ~ x + (1 | g)", 1.0, np.log(200.5 / 0.5)),
        ("bernoulli", "y ~ x + (1 | g)", 0.0, -np.log(200.5 / 0.5)),
        ("binomial", "prop(y, 5) ~ x + (1 | g)", 5.0, np.log(1000.5 / 0.5)),
        ("beta_binomial", "prop(y, 5) ~ x + (1 | g)", 0.0, -np.log(1000.5 / 0.5)),
        ("poisson", "y ~ x + (1 | g)", 0.0, np.log(0.5 / 200)),
        ("negative_binomial", "y ~ x + (1 | g)", 0.0, np.log(0.5 / 200)),
        ("poisson", "y ~ x + (1 | g)", 1.0, 0.0),
    ],
)
def test_intercepts_where_the_mean_is_at_an_end(family: str, formula: str, y: float, location: float) -> None:
    data = {
        "y": np.full(200, y),
        "x": np.random.default_rng(1).normal(size=200),
        "g": np.repeat(np.arange(20), 10),
    }
    bound = bind_priors(generalised(formula, data, family), "default")
    assert bound.texts()[0][1].startswith(f"StudentT(3, {location:.4g}, 2.5)")
