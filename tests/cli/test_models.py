"""`multilevel model` prints what the library says of a model."""

from __future__ import annotations

from pathlib import Path

import pytest

import multilevel as ml
from multilevel.cli.main import main

SCHOOLS = "theta[school] ~ Normal(mu, tau); effect ~ Normal(theta[school], sd)"


def run(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Run the command, which must succeed; return its output."""
    assert main(["model", *words]) == 0
    return capsys.readouterr().out


def test_formula_graph_and_quantities(capsys: pytest.CaptureFixture[str]) -> None:
    model = ml.formula("y ~ x + (x | g)").graph()
    assert run(["y ~ x + (x | g)"], capsys) == (
        f"y ~ 1 + x + (1 + x | g)\n\n{model.dag.text}\n\n{model.quantities()}\n"
    )


def test_equations_and_drawings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = ml.graph(SCHOOLS)
    assert run([SCHOOLS, "--latex"], capsys) == f"{model.latex()}\n"
    assert run([SCHOOLS, "--dot"], capsys) == f"{model.draw().dot}\n"
    assert run([SCHOOLS, "--svg", str(tmp_path / "schools.svg")], capsys) == ""
    assert (tmp_path / "schools.svg").read_text(encoding="utf-8") == model.draw().svg


def test_data_tell_columns(capsys: pytest.CaptureFixture[str]) -> None:
    known = ml.graph(SCHOOLS, ml.datasets.load("eight_schools"))
    assert run([SCHOOLS, "--data", "eight_schools"], capsys).endswith(f"{known.quantities()}\n")
    assert known.quantities() != ml.graph(SCHOOLS).quantities()


def test_families_reach_the_model(capsys: pytest.CaptureFixture[str]) -> None:
    text = run(["y ~ x + (1 | g)", "--family", "poisson", "--link", "sqrt", "--latex"], capsys)
    assert r"\mathrm{Poisson}" in text
    assert "^{2}" in text
    split = run(["y ~ x + (x || g)", "--lme4-compat"], capsys)
    assert split.startswith("y ~ 1 + x + (1 | g) + (0 + x | g)")


REFUSED = [
    (["y ~ x + (1 | g)", "--data", "cafes"], "--data was given with a formula"),
    (["y ~ x + cs(x | g)"], "has no graph in this version"),
    (["y ~ x + (1 | g)", "--svg", "picture.png"], "names that end in .svg or .dot"),
    (["y ~ x + (1 | g"], "^"),
]


@pytest.mark.parametrize(("words", "wanted"), REFUSED)
def test_refusals(words: list[str], wanted: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["model", *words]) == 1
    assert wanted in capsys.readouterr().err


def test_one_form_at_a_time() -> None:
    with pytest.raises(SystemExit):
        main(["model", "y ~ 1", "--latex", "--dot"])
