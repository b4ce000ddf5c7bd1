"""Words of the command line become the values that the library is called with."""

from __future__ import annotations

import inspect

import pytest

import multilevel as ml
from multilevel.cli.options import build_parser, number_or_name


@pytest.mark.parametrize(
    ("text", "value"), [("2", 2.0), ("1e-3", 1e-3), ("std_error", "std_error"), ("", "")]
)
def test_a_number_or_the_name_of_a_column(text: str, value: float | str) -> None:
    assert number_or_name(text) == value


def test_defaults_of_fit_are_those_of_the_library() -> None:
    options = vars(build_parser().parse_args(["fit", "y ~ x", "d.csv"]))
    options.pop("run")
    assert options == {
        "formula": "y ~ x",
        "data": "d.csv",
        "family": None,
        "link": None,
        "zero_inflation": None,
        "method": None,
        "nodes": None,
        "solver": "auto",
        "mc_error": 0.01,
        "mc_seed": 0,
        "save": None,
        "format": "table",
        "ddf": None,
        "level": 0.95,
        "missing": "report",
        "precision_weights": None,
        "frequency_weights": None,
        "residual_sd": None,
        "offset": None,
        "lme4_compat": False,
    }
    library = inspect.signature(ml.fit).parameters
    shared = set(options) & set(library)
    assert {name: options[name] for name in shared if name != "data"} == {
        name: library[name].default for name in shared if name != "data"
    }


@pytest.mark.parametrize("method", ["auto", "marginal", "nuts", "gibbs"])
def test_every_method_of_sampling_can_be_asked_for(method: str) -> None:
    options = build_parser().parse_args(["sample", "y ~ x", "d.csv", "--method", method])
    assert options.method == method


def test_defaults_of_sample_are_those_of_the_library() -> None:
    options = vars(build_parser().parse_args(["sample", "y ~ x", "d.csv"]))
    own = {"run", "formula", "data", "save", "format", "prior", "priors", "link"}
    library = {
        name: parameter.default
        for name, parameter in inspect.signature(ml.sample).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    }
    assert {name: value for name, value in options.items() if name not in own} == library
    assert {name: options[name] for name in own - {"run"}} == {
        "formula": "y ~ x",
        "data": "d.csv",
        "save": None,
        "format": "table",
        "prior": [],
        "priors": "default",
        "link": None,
    }


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["fit"],
        ["fit", "y ~ x"],
        ["fit", "y ~ x", "d.csv", "--method", "newton"],
        ["fit", "y ~ x", "d.csv", "--meth", "ml"],
        ["fit", "y ~ x", "d.csv", "--level", "high"],
        ["fit", "y ~ x", "d.csv", "--weights", "w"],
        ["fit", "y ~ x", "d.csv", "--family", "tweedie"],
        ["fit", "y ~ x", "d.csv", "--family", "poisson", "--link", "log2"],
        ["sample", "y ~ x"],
        ["sample", "y ~ x", "d.csv", "--method", "hmc"],
        ["sample", "y ~ x", "d.csv", "--priors", "flat"],
        ["sample", "y ~ x", "d.csv", "--draws", "1.5"],
        ["predict", "a.fit"],
        ["predict", "a.fit", "d.csv", "--groups", "all"],
        ["unknown"],
    ],
)
def test_wrong_usage_leaves_with_two(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        build_parser().parse_args(words)
    assert stop.value.code == 2
    assert "usage: multilevel" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [["-h"], ["fit", "-h"], ["sample", "-h"], ["predict", "--help"], ["datasets", "-h"]]
)
def test_help_leaves_with_zero(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        build_parser().parse_args(words)
    assert stop.value.code == 0
    assert "usage: multilevel" in capsys.readouterr().out
