"""`multilevel explain` prints the table or the facts of an explanation."""

from __future__ import annotations

import json

import pytest

from multilevel.cli.main import main


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["explain", "reaction ~ days + (1 | subject)", "sleepstudy"]
    assert main(words) == 0
    assert capsys.readouterr().out.startswith("fit  reaction ~ days + (1 | subject)\nrows ")
    assert main([*words, "--format", "json", "--method", "gibbs", "--draws", "100"]) == 0
    assert json.loads(capsys.readouterr().out)["engine"] == "posterior, by Gibbs sampling"
