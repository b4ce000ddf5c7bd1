"""The parts of a page: headline, sizes, remarks, grids."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import multilevel as ml
from multilevel.design.design import Alias
from multilevel.model import Covariance
from multilevel.report.sections import (
    coefficient_grid,
    family_grid,
    grids,
    headline,
    inflation_grid,
    measures,
    remarks,
    sizes,
    variance_grid,
)
from tests.generalised import fitted, table
from tests.oracle import designs
from tests.oracle.fits import fit_design


def test_headline_and_sizes() -> None:
    fit = fit_design(designs.nested(), method="ml")
    assert headline(fit) == "Linear mixed model by ML"
    assert sizes(fit) == "72 rows; a 8 levels; a:b 24 levels"
    assert measures(fit).startswith("-2 log-likelihood 150.698; AIC 158.698;")
    assert headline(fit_design(designs.least_squares())) == "Linear model by REML"


def test_remarks_say_what_was_left_out() -> None:
    design = designs.friends()
    fixed = dataclasses.replace(design.fixed, aliased=(Alias("z", ("x",)), Alias("w", ())))
    fit = fit_design(dataclasses.replace(design, fixed=fixed, n_input=75, missing={"rating": 4, "mood": 2}))
    assert remarks(fit) == [
        "The optimum is certified.",
        "5 of 75 rows were left out (missing values: rating 4, mood 2).",
        "The column z was left out of the fixed part, a combination of x.",
        "The column w was left out of the fixed part.",
        "The residual sd was given, not estimated.",
    ]


def test_a_column_of_known_residual_sds_is_named() -> None:
    known = remarks(fit_design(designs.friends(), residual_sd="se"))
    assert known[-1] == "The residual sds of the rows were given by the column `se`, not estimated."
    by_rows = remarks(fit_design(designs.friends(), residual_sd=np.ones(75)))
    assert by_rows[-1] == "The residual sd was given, not estimated."


def test_variances_name_each_group_once_and_show_correlations() -> None:
    grid = variance_grid(fit_design(designs.slopes()))
    assert grid.heads == ("group", "term", "sd", "variance", "share", "correlation")
    assert [row[0] for row in grid.rows] == ["g", "", "Residual"]
    assert [row[5] for row in grid.rows] == ["", "-0.424", ""]
    assert variance_grid(fit_design(designs.crossed())).heads[-1] == "share"


def test_correlations_of_wide_terms_are_left_to_their_table() -> None:
    design = designs.slopes()
    names = tuple("abcdef")
    rng = np.random.default_rng(0)
    term = dataclasses.replace(
        design.terms[0], names=names, Z=rng.normal(size=(70, 6)), covariance=Covariance.UNSTRUCTURED
    )
    fit = fit_design(design)
    T = np.eye(6) + 0.3
    wide = dataclasses.replace(
        fit,
        design=dataclasses.replace(design, terms=(term,)),
        solution=dataclasses.replace(fit.solution, covariances=(T,)),
        memory={},
    )
    assert variance_grid(wide).heads[-1] == "share"


@pytest.mark.parametrize(
    ("ddf", "title"),
    [
        ("satterthwaite", "Fixed effects (t tests with Satterthwaite's degrees of freedom)"),
        (
            "kenward-roger",
            "Fixed effects (t tests with Kenward and Roger's standard errors and degrees of freedom)",
        ),
        ("none", "Fixed effects (normal tests)"),
    ],
)
def test_coefficients_say_how_they_were_tested(ddf: str, title: str) -> None:
    grid = coefficient_grid(fit_design(designs.slopes(), ddf=ddf, level=0.9))
    assert grid.title == title
    assert grid.heads[-2:] == ("lower 90%", "upper 90%")
    assert ("df" in grid.heads) == (ddf != "none")


@pytest.mark.parametrize(
    ("formula", "keywords", "head"),
    [
        ("count ~ x + (1 | g)", {}, "Generalised linear mixed model, poisson (log link), by ML (Laplace)"),
        (
            "count ~ x + (1 | g)",
            {"zero_inflation": "~ 1"},
            "Generalised linear mixed model, zero-inflated poisson (log link), by ML (Laplace)",
        ),
        ("count ~ x", {}, "Generalised linear model, poisson (log link), by ML"),
    ],
)
def test_headlines_of_generalised_fits(formula: str, keywords: dict[str, str], head: str) -> None:
    assert headline(ml.fit(formula, table(), family="poisson", **keywords)) == head


def test_family_parameters_and_zero_inflation_have_grids() -> None:
    fit = fitted("zero-inflated")
    assert [grid.title for grid in grids(fit)] == [
        "Fixed effects (normal tests)",
        "Variance components",
        "Zero inflation (logit of the share of extra zeros, normal tests)",
    ]
    found = inflation_grid(fit)
    assert found.heads == coefficient_grid(fit).heads
    assert [row[0] for row in found.rows] == ["Intercept", "x"]
    own = family_grid(fitted("negative binomial"))
    assert own.title == "Family parameters (variance mu + mu^2 / theta)"
    assert own.heads == ("term", "estimate", "std error", "lower 95%", "upper 95%")
    assert family_grid(fitted("ordinal")).title == "Thresholds"
    assert [len(grids(fit_design(make()))) for make in (designs.slopes, designs.least_squares)] == [2, 2]


def test_a_model_without_groups_has_no_variances_to_show() -> None:
    fit = ml.fit("count ~ x", table(), family="poisson")
    assert [grid.title for grid in grids(fit)] == ["Fixed effects (normal tests)"]


def test_remarks_on_classes_come_after_the_end_of_the_search() -> None:
    assert remarks(fitted("bernoulli of text"))[1:] == ['answer is 1 where it is "yes", 0 where it is "no".']
