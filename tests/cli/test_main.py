"""Exit codes, and what is said on which stream."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from multilevel.cli import commands
from multilevel.cli.main import main
from multilevel.version import __version__

PROGRAM = [sys.executable, "-c", "import sys; from multilevel.cli.main import main; sys.exit(main())"]

CLEAR_ERRORS = {
    "unknown data": (["y ~ x", "nowhere"], "neither a file here nor a bundled data set"),
    "absent file": (["y ~ x", "nowhere.csv"], "nowhere.csv"),
    "unknown column": (["reaction ~ dyas + (1 | subject)", "sleepstudy"], "days"),
    "formula": (["reaction ~ days + (days | ", "sleepstudy"], "^"),
    "code in a formula": (['reaction ~ __import__("os") + (1 | subject)', "sleepstudy"], "^"),
    "one level": (["y ~ 1 + (1 | g)", "one_level.csv"], "`g`"),
    "level": (["reaction ~ days", "sleepstudy", "--level", "95"], "level=95"),
    "place to save": (["reaction ~ days", "sleepstudy", "--save", "no/such/folder/a.fit"], "no/such/folder"),
}


@pytest.mark.parametrize(("words", "said"), CLEAR_ERRORS.values(), ids=CLEAR_ERRORS)
def test_an_error_of_ours_is_one_message(
    words: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "one_level.csv").write_text("y,g\n1,a\n2,a\n4,a\n", encoding="utf-8")
    assert main(["fit", *words]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("error: ")
    assert said in printed.err
    assert "Traceback" not in printed.err


SAMPLE_ERRORS = {
    "prior": (["--prior", "days=Normal(0)"], "allowed: Normal(mean, sd)"),
    "name": (["--prior", "dyas=Normal(0, 1)"], "'dyas' names nothing in this model"),
    "two sources": (
        ["--prior", "default=rstanarm", "--priors", "brms"],
        "--prior default=rstanarm beside --priors brms",
    ),
    "draws": (["--draws", "0"], "draws=0"),
    "place to save": (["--save", "no/such/folder/a.draws"], "no/such/folder"),
}


@pytest.mark.parametrize(("words", "said"), SAMPLE_ERRORS.values(), ids=SAMPLE_ERRORS)
def test_an_error_in_sampling_is_one_message(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sample", "reaction ~ days + (1 | subject)", "sleepstudy", *words]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("error: ")
    assert said in printed.err
    assert "Traceback" not in printed.err


def test_a_file_that_is_not_a_saved_fit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.fit").write_bytes(b"not a fit")
    assert main(["predict", str(tmp_path / "a.fit"), "sleepstudy"]) == 1
    assert capsys.readouterr().err.startswith("error: ")


def test_warnings_are_lines_on_the_error_stream(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [f"{x + 10 * (x % 3) + x % 2},{x},{'abc'[x % 3]}" for x in range(30)]
    (tmp_path / "gaps.csv").write_text("\n".join(["y,x,g", *rows, "1,,a", ""]), encoding="utf-8")
    assert main(["fit", "y ~ x + (1 | g)", str(tmp_path / "gaps.csv")]) == 0
    printed = capsys.readouterr()
    assert printed.err.startswith("warning: 1 of 31 rows left out")
    assert printed.err.count("\n") == 1
    assert "warning" not in printed.out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert stop.value.code == 0
    assert capsys.readouterr().out == f"multilevel {__version__}\n"


def test_interrupt_leaves_with_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(commands.api, "fit", interrupted)
    assert main(["fit", "reaction ~ days", "sleepstudy"]) == 130
    assert capsys.readouterr().err == "interrupted\n"


def test_a_reader_that_goes_away_is_no_error_message() -> None:
    process = subprocess.Popen(
        [*PROGRAM, "datasets", "insteval"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    with process.stderr as stream:
        assert stream.read() == ""
    assert process.wait() == 141


def test_wrong_usage_leaves_with_2() -> None:
    done = subprocess.run([*PROGRAM, "fit"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "usage:" in done.stderr
