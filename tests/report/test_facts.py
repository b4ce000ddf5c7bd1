"""The fit as plain values."""

from __future__ import annotations

import dataclasses
import json

import pytest

from multilevel.report import facts
from multilevel.report.facts import records
from tests.generalised import fitted
from tests.oracle import designs
from tests.oracle.fits import fit_design


@pytest.mark.parametrize("make", designs.ALL)
def test_everything_is_json_without_nan(make: designs.Maker) -> None:
    fit = fit_design(make(), ddf="none")
    found = json.loads(json.dumps(facts(fit), allow_nan=False))
    assert found["formula"] == fit.formula
    assert found["fixed_effects"][0]["estimate"] == fit.solution.beta[0]
    assert found["fixed_effects"][0]["df"] is None
    assert found["variance_components"][-1]["group"] == "Residual"
    assert found["certificate"]["holds"] is True
    assert (found["family"], found["link"]) == ("gaussian", "identity")
    assert found["family_parameters"] == found["zero_inflation"] == []


def test_numbers_that_json_does_not_know_are_none() -> None:
    fit = fit_design(designs.least_squares())
    fit = dataclasses.replace(fit, solution=dataclasses.replace(fit.solution, criterion=float("-inf")))
    assert facts(fit)["aic"] is None


def test_generalised_fits_have_their_numbers() -> None:
    found = facts(fitted("ordinal"))
    assert (found["family"], found["link"], found["method"]) == ("ordinal", "logit", "laplace")
    assert [row["term"] for row in found["family_parameters"]] == ["low|middle", "middle|high"]
    zero = facts(fitted("zero-inflated"))["zero_inflation"][1]
    assert (zero["term"], zero["df"]) == ("x", None)


def test_records_are_rows() -> None:
    assert records({"a": ["x", "y"], "b": [1, None]}) == [{"a": "x", "b": 1}, {"a": "y", "b": None}]
