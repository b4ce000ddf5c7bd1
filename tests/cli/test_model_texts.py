"""Which words of the command line are formulas, graphs and files."""

from __future__ import annotations

from pathlib import Path

import pytest

import multilevel as ml
from multilevel.cli.main import main
from multilevel.cli.model_texts import is_graph, read_model

GRAPH = "a[cafe] ~ Normal(mu, tau)\nwait ~ Normal(a[cafe], sigma)\n"
KINDS = [
    ("y ~ x + (x | g)", False),
    ("y ~ log(x) + (1 | g)", False),
    ("y ~ Normality + (1 | g)", False),
    ("prop(n, m) ~ 1 + us(x | g)", False),
    ("y ~ Normal(mu, sigma)", True),
    ("y ~  Poisson (exp(mu))", True),
    ("a[g] ~ Normla(0, t); y ~ Normla(a[g], s)", True),
    (GRAPH, True),
    ("apps.graph", False),
]


@pytest.mark.parametrize(("text", "wanted"), KINDS)
def test_graphs_are_told_from_formulas(text: str, wanted: bool) -> None:
    assert is_graph(text) is wanted


@pytest.mark.parametrize(
    ("name", "word"), [("cafes.graph", "{}"), ("cafes.graph", "@{}"), ("cafes.txt", "@{}")]
)
def test_files_hold_graphs(tmp_path: Path, name: str, word: str) -> None:
    path = tmp_path / name
    path.write_text(GRAPH, encoding="utf-8")
    assert read_model(word.format(path)) == ml.graph(GRAPH)


def test_formulas_stay_texts() -> None:
    assert read_model("y ~ x + (x || g)") == "y ~ x + (x || g)"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ml.OptionError, match=r"absent\.graph' cannot be read: No such file"):
        read_model(str(tmp_path / "absent.graph"))
    (tmp_path / "bytes.graph").write_bytes(b"\xff\xfe\x00y ~")
    with pytest.raises(ml.OptionError, match="it is not UTF-8 text"):
        read_model(str(tmp_path / "bytes.graph"))


def test_graphs_are_fitted_and_sampled(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "cafes.graph").write_text(GRAPH, encoding="utf-8")
    assert main(["fit", str(tmp_path / "cafes.graph"), "cafes"]) == 0
    fit = ml.fit(ml.graph(GRAPH), ml.datasets.load("cafes"))
    assert capsys.readouterr().out == f"{fit}\n"
    assert main(["sample", GRAPH, "cafes", "--seed", "1"]) == 0
    post = ml.sample(ml.graph(GRAPH), ml.datasets.load("cafes"), seed=1)
    assert capsys.readouterr().out == f"{post}\n"


def test_faults_of_graphs_keep_their_caret(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", "a[cafe] ~ Normal(mu, tau)\nwait ~ Normal(b[cafe], sigma)", "cafes"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("error: `b[cafe]` has no statement of its own")
    assert [line.index("b[cafe]") for line in lines[1:] if "wait" in line] == [lines[2].index("^")]
