"""Fits of every family through the doors: tables, pages, files, other responses, comparison."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import multilevel as ml
from multilevel.model import families
from tests.generalised import CASES, fitted, table

PARAMETERS = {
    "negative binomial": ["theta"],
    "negative binomial, linear": ["phi"],
    "gamma": ["phi"],
    "inverse gaussian": ["phi"],
    "beta": ["phi"],
    "beta-binomial": ["phi"],
    "student": ["sigma", "nu"],
    "gaussian with log link": ["sigma"],
    "ordinal": ["low|middle", "middle|high"],
}


@pytest.mark.parametrize("case", CASES)
def test_every_family_has_its_tables(case: str) -> None:
    fit = fitted(case)
    assert fit.certificate.holds
    own = fit.family_parameters
    assert own["term"].tolist() == PARAMETERS.get(case, [])
    assert list(own) == ["term", "estimate", "std_error", "lower", "upper"]
    assert (own["lower"] < own["estimate"]).all()
    assert (own["estimate"] < own["upper"]).all()
    assert list(fit.zero_inflation) == list(fit.fixed_effects)
    assert fit.zero_inflation["term"].tolist() == (["Intercept", "x"] if case == "zero-inflated" else [])
    assert fit.fixed_effects["df"].isna().all()
    assert fit.fixed_effects["term"].tolist() == (["x"] if case == "ordinal" else ["Intercept", "x"])
    groups = fit.variance_components["group"].tolist()
    assert groups == (["g", "Residual"] if case == "student" else ["g"])
    assert fit.df == len(fit.fixed_effects) + len(fit.zero_inflation) + len(own) + 1


@pytest.mark.parametrize("case", CASES)
def test_every_family_has_its_pages(case: str) -> None:
    fit = fitted(case)
    inflated = "zero-inflated " if case == "zero-inflated" else ""
    head = f"Generalised linear mixed model, {inflated}{fit.family}, by ML (Laplace)"
    titles = ["Fixed effects (normal tests)", "Variance components"]
    titles += ["Thresholds"] * (case == "ordinal")
    titles += [f"Family parameters ({fit.design.family.spread})"] * (case in PARAMETERS and case != "ordinal")
    titles += ["Zero inflation (logit of the share of extra zeros, normal tests)"] * bool(inflated)
    pages = [str(fit), fit.to_markdown(), fit._repr_html_(), fit.to_latex()]
    for page in pages:
        assert head in page.replace(r"\_", "_")
        assert "nan" not in page.lower().replace("nanoseconds", "")
    for title in titles:
        assert title in pages[0]
        assert title in pages[2]
        assert f"**{title}**".replace("_", r"\_") in pages[1]
    assert pages[2].count("<table>") == pages[3].count(r"\begin{tabular}") == len(titles)


@pytest.mark.parametrize("case", CASES)
def test_every_family_is_plain_values(case: str) -> None:
    fit = fitted(case)
    facts = json.loads(json.dumps(fit.to_json(), allow_nan=False))
    assert (facts["family"], facts["link"]) == (fit.design.family.name, fit.design.family.link)
    assert [row["term"] for row in facts["family_parameters"]] == PARAMETERS.get(case, [])
    assert len(facts["zero_inflation"]) == len(fit.zero_inflation)


@pytest.mark.parametrize("case", CASES)
def test_every_family_is_saved_and_loaded(case: str, tmp_path: Path) -> None:
    fit = fitted(case)
    fit.save(tmp_path / "fit")
    again = ml.load_fit(tmp_path / "fit")
    assert again.model == fit.model
    assert again.deviance == pytest.approx(fit.deviance, abs=1e-9)
    assert again.design.classes == fit.design.classes
    for name in ("fixed_effects", "variance_components", "family_parameters", "zero_inflation"):
        ours, theirs = getattr(fit, name), getattr(again, name)
        # Standard errors come from differences of the gradient whose steps depend on how the search went.
        pd.testing.assert_frame_equal(theirs, ours, rtol=1e-4)
    np.testing.assert_allclose(again.random_effects["estimate"], fit.random_effects["estimate"], atol=1e-6)
    assert again.status is fit.status


@pytest.mark.parametrize("case", CASES)
def test_every_family_is_refitted(case: str, tmp_path: Path) -> None:
    formula, keywords = CASES[case]
    fit = fitted(case)
    y = fit.design.y[::-1].copy()
    if fit.design.trials is not None:
        y = np.minimum(y, fit.design.trials)
    again = fit.refit(y)
    changed = table().copy()
    column = fit.model.response
    changed[column] = (
        y
        if case != "ordinal"
        else pd.Categorical.from_codes((y - 1).astype(int), fit.design.classes, ordered=True)
    )
    if case == "bernoulli of text":
        changed[column] = np.where(y == 1, "yes", "no")
    anew = ml.fit(formula, changed, **keywords)
    assert again.deviance == pytest.approx(anew.deviance, abs=1e-5)
    again.save(tmp_path / "fit")
    assert ml.load_fit(tmp_path / "fit").deviance == pytest.approx(again.deviance, abs=1e-9)


@pytest.mark.parametrize(
    ("case", "change", "error", "message"),
    [
        ("bernoulli", lambda y: y * 2, ml.DataError, "is neither 0 nor 1 everywhere"),
        ("bernoulli", lambda y: y * 0 + 1, ml.MultilevelError, "constant"),
        ("binomial", lambda y: y + 9, ml.DataError, "has more successes than trials"),
        ("binomial", "trials", ml.DesignError, "is a success in every trial"),
        ("gamma", lambda y: y - 5, ml.DataError, "is not positive"),
        ("zero-inflated", lambda y: y + 0.5, ml.DataError, "is no whole number"),
        ("ordinal", lambda y: np.minimum(y, 2), ml.DataError, "has 2 classes; the fit has 3"),
        ("ordinal", lambda y: np.where(y == 2, 3, y), ml.DataError, "skips a class"),
    ],
)
def test_another_response_must_suit_the_family(
    case: str, change: Callable[[Any], Any] | str, error: type[Exception], message: str
) -> None:
    fit = fitted(case)
    y = fit.design.trials if isinstance(change, str) else change(fit.design.y)
    with pytest.raises(error) as caught:
        fit.refit(y)
    assert message in str(caught.value)


def test_tables_come_in_the_library_of_the_data() -> None:
    formula, keywords = CASES["zero-inflated"]
    fit = ml.fit(formula, pl.from_pandas(table()), **keywords)
    assert isinstance(fit.family_parameters, pl.DataFrame)
    assert fit.zero_inflation["term"].to_list() == ["Intercept", "x"]
    assert fit.deviance == fitted("zero-inflated").deviance


def test_a_model_carries_its_family() -> None:
    model = ml.formula("spread ~ x + (1 | g)", family="negative_binomial")
    fit = ml.fit(model, table())
    assert fit.family == "negative_binomial (log link)"
    assert fit.deviance == fitted("negative binomial").deviance
    assert ml.fit(model, table(), family="poisson").family == "poisson (log link)"


def test_sigma_is_one_where_there_is_none() -> None:
    assert fitted("gamma").sigma == 1.0
    assert fitted("student").sigma == fitted("student").family_parameters["estimate"][0]
    assert fitted("student").family == "student (identity link)"


@pytest.mark.filterwarnings("ignore:theta is estimated at the end:multilevel.BoundaryWarning")
@pytest.mark.parametrize(
    ("small", "large", "df"),
    [
        ({"family": "poisson"}, {"family": "negative_binomial"}, 1),
        ({"family": "poisson"}, {"family": "negative_binomial_linear"}, 1),
        ({"family": "poisson"}, {"family": "poisson", "zero_inflation": "~ 1"}, 1),
        ({"family": "poisson", "zero_inflation": "~ 1"}, {"family": "poisson", "zero_inflation": "~ x"}, 1),
        ({"family": "poisson"}, {"family": "negative_binomial", "zero_inflation": "~ x"}, 3),
        ({"family": ml.families.Poisson(link="sqrt")}, {"family": "negative_binomial"}, None),
        (
            {"family": "poisson", "zero_inflation": "~ x"},
            {"family": "negative_binomial", "zero_inflation": "~ 1"},
            None,
        ),
    ],
)
def test_families_are_compared(small: dict[str, Any], large: dict[str, Any], df: int | None) -> None:
    first = ml.fit("zeros ~ x + (1 | g)", table(), **small)
    second = ml.fit("zeros ~ x + (1 | g)", table(), **large)
    found = ml.compare(second, first)
    assert found["method"].tolist() == ["laplace", "laplace"]
    assert set(found["aic"]) == {first.aic, second.aic}
    assert len(set(found["model"])) == 2
    assert any(text.startswith(f"zeros ~ x + (1 | g), {first.family}") for text in found["model"])
    if df is None:
        assert found["df"].isna().all()
    else:
        assert found["df"].iloc[1] == df
        assert found["chi_square"].iloc[1] == pytest.approx(first.deviance - second.deviance)


def test_linear_and_other_fits_are_compared_by_ml() -> None:
    linear = ml.fit("heavy ~ x + (1 | g)", table())
    found = ml.compare(linear, fitted("student"))
    assert found["method"].tolist() == ["ml (refitted)", "laplace"]
    assert found["df"].iloc[1] == 1  # gaussian is Student with infinite degrees of freedom


def test_other_trials_are_other_data() -> None:
    more = ml.fit("prop(successes, I(size + 1)) ~ x + (1 | g)", table(), family="binomial")
    with pytest.raises(ml.ComparisonError, match="they differ in the trials"):
        ml.compare(fitted("binomial"), more)


def test_thresholds_span_the_constant() -> None:
    with_levels = ml.fit(
        "level ~ cut + (1 | g)", table().assign(cut=lambda d: (d["size"] // 3).astype(str)), family="ordinal"
    )
    with pytest.warns(ml.AliasedWarning, match="left out"):
        without = ml.fit(
            "level ~ 0 + cut + (1 | g)",
            table().assign(cut=lambda d: (d["size"] // 3).astype(str)),
            family="ordinal",
        )
    assert without.deviance == pytest.approx(with_levels.deviance, abs=1e-6)
    assert len(without.fixed_effects) == len(with_levels.fixed_effects) == 2


def test_the_page_lists_every_family_with_its_links() -> None:
    page = Path(__file__).resolve().parents[1] / "docs" / "generalised.md"
    rows = re.findall(r"^\| `(\w+)` \|.*\| ([\w, ]+) \|$", page.read_text(encoding="utf-8"), re.MULTILINE)
    listed = {name: tuple(links.split(", ")) for name, links in rows if name in families.REGISTRY}
    assert listed == {name: family.links for name, family in families.REGISTRY.items()}


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"start": np.zeros(2)}, "start=array([0., 0.]) cannot be start values of this model\n  allowed: 3"),
        ({"start": np.full(3, np.nan)}, "cannot be start values of this model"),
        ({"start": "a"}, "start='a' cannot be start values of this model"),
        ({"max_evaluations": 0}, "max_evaluations=0 is not a number of evaluations"),
        ({"progress": 3}, "progress=3 cannot be called"),
    ],
)
@pytest.mark.parametrize("method", ["laplace", "quadrature"])
def test_searches_that_cannot_begin(method: Any, keywords: dict[str, Any], message: str) -> None:
    with pytest.raises(ml.OptionError) as caught:
        ml.fit("count ~ x + (1 | g)", table(), family="poisson", method=method, **keywords)
    assert message in str(caught.value)


@pytest.mark.filterwarnings("ignore::multilevel.ConvergenceWarning")
@pytest.mark.parametrize(
    ("keywords", "status"),
    [({"max_evaluations": 1}, "evaluation_limit"), ({"progress": lambda progress: False}, "interrupted")],
)
def test_a_search_that_was_cut_short_is_loaded_as_it_ended(
    keywords: dict[str, Any], status: str, tmp_path: Path
) -> None:
    fit = ml.fit("count ~ x + (1 | g)", table(), family="poisson", **keywords)
    fit.save(tmp_path / "fit")
    again = ml.load_fit(tmp_path / "fit")
    assert fit.status.value == again.status.value == status
    assert again.sentence == fit.sentence


PROPER = {
    "fixed": ml.Normal(0, 0.5),
    "g": {"sd": ml.HalfNormal(0.5)},
    "zero_inflation": ml.Normal(0, 1),
    "theta": ml.Gamma(4, 2),
    "phi": ml.Gamma(4, 2),
    "sigma": ml.HalfNormal(1),
    "nu": ml.Gamma(20, 2),
    "thresholds": ml.Normal(0, 2),
}


@pytest.mark.parametrize("case", CASES)
def test_every_family_has_responses_before_the_data(case: str) -> None:
    formula, keywords = CASES[case]
    words = {"fixed", "g", *PARAMETERS.get(case, [])} | (
        {"zero_inflation"} if case == "zero-inflated" else set()
    )
    words |= {"thresholds"} if case == "ordinal" else set()
    priors = {name: prior for name, prior in PROPER.items() if name in words}
    before = ml.prior_predictive(formula, table(), priors, draws=50, seed=1, **keywords)
    assert before.responses.shape == (50, 144)
    design = fitted(case).design
    for y in before.responses:
        if case != "ordinal":  # not every class need be drawn
            design.family.check(y, design.trials, "y", design.rows)
    assert np.isin(before.responses, [1, 2, 3]).all() or case != "ordinal"
    assert {name for name in before.draws if "(" not in name and name not in design.fixed.names} == set(
        PARAMETERS.get(case, [])
    )


@pytest.mark.parametrize("question", ["curvature", "kenward_roger"])
def test_degrees_of_freedom_are_those_of_linear_models(question: str) -> None:
    with pytest.raises(ml.OptionError, match="degrees of freedom were asked of a generalised linear model"):
        getattr(fitted("gamma").solution.groups, question)()
