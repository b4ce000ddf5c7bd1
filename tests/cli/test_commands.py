"""Each subcommand prints what the library answers, and finds files and bundled data sets."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any, Literal

import pytest

import multilevel as ml
from multilevel.cli import commands
from multilevel.cli.commands import find_data
from multilevel.cli.main import main
from multilevel.errors import DataError

SLEEP = ["fit", "reaction ~ days + (days | subject)", "sleepstudy"]


def run(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Run the command, which must succeed without a word on standard error; return its output."""
    assert main(words) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    return printed.out


def test_fit_prints_the_summary(capsys: pytest.CaptureFixture[str]) -> None:
    fit = ml.fit("reaction ~ days + (days | subject)", ml.datasets.load("sleepstudy"))
    assert run(SLEEP, capsys) == f"{fit}\n"


@pytest.mark.parametrize(("form", "page"), [("markdown", "to_markdown"), ("latex", "to_latex")])
def test_fit_prints_pages(form: str, page: str, capsys: pytest.CaptureFixture[str]) -> None:
    fit = ml.fit("reaction ~ days + (days | subject)", ml.datasets.load("sleepstudy"), method="ml")
    assert run([*SLEEP, "--method", "ml", "--format", form], capsys) == f"{getattr(fit, page)()}\n"


def test_fit_takes_the_solver(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["fit", "diameter ~ 1 + (1 | plate) + (1 | sample)", "penicillin"]
    chance = ["--solver", "monte_carlo", "--mc-error", "0.2", "--mc-seed", "3"]
    fit = ml.fit(words[1], ml.datasets.load("penicillin"), solver="monte_carlo", mc_error=0.2, mc_seed=3)
    assert run([*words, *chance], capsys) == f"{fit}\n"
    assert "Monte Carlo" in str(fit)


def test_fit_prints_json(capsys: pytest.CaptureFixture[str]) -> None:
    facts = json.loads(run([*SLEEP, "--format", "json"], capsys))
    assert facts["formula"] == "reaction ~ days + (days | subject)"
    assert facts["deviance"] == pytest.approx(1743.628272, abs=1e-6)  # lme4 1.1-31


def test_options_reach_the_library(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sleep = ml.datasets.load("sleepstudy").assign(
        w=lambda d: 1 + d["days"] % 3, f=2, o=lambda d: 3 * d["days"]
    )
    path = tmp_path / "sleep.csv"
    sleep.to_csv(path, index=False)
    words = ["--method", "ml", "--ddf", "none", "--level", "0.5", "--missing", "error", "--lme4-compat"]
    words += ["--precision-weights", "w", "--frequency-weights", "f", "--offset", "o", "--residual-sd", "25"]
    words += ["--format", "json"]
    fit = ml.fit(
        "reaction ~ days + (days || subject)",
        sleep,
        method="ml",
        ddf="none",
        level=0.5,
        precision_weights="w",
        frequency_weights="f",
        offset="o",
        residual_sd=25.0,
    )
    facts = json.loads(run(["fit", "reaction ~ days + (days || subject)", str(path), *words], capsys))
    assert facts["deviance"] == pytest.approx(fit.deviance, rel=1e-12)
    assert (facts["method"], facts["ddf"], facts["level"]) == ("ml", "none", 0.5)


HERDS = ("prop(incidence, size) ~ period + (1 | herd)", "cbpp")
TICKS = ("ticks ~ year + (1 | brood)", "grouseticks")


@pytest.mark.parametrize(
    ("model", "words", "keywords"),
    [
        (HERDS, "--family binomial", {"family": "binomial"}),
        (HERDS, "--family binomial --link probit", {"family": ml.families.Binomial(link="probit")}),
        (
            HERDS,
            "--family binomial --method quadrature --nodes 9",
            {"family": "binomial", "method": "quadrature", "nodes": 9},
        ),
        (TICKS, "--family negative_binomial --level 0.8", {"family": "negative_binomial", "level": 0.8}),
        (TICKS, "--family poisson --zero-inflation ~1", {"family": "poisson", "zero_inflation": "~ 1"}),
    ],
)
def test_families_reach_the_library(
    model: tuple[str, str], words: str, keywords: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    fit = ml.fit(model[0], ml.datasets.load(model[1]), **keywords)
    assert run(["fit", *model, *words.split()], capsys) == f"{fit}\n"
    facts = json.loads(run(["fit", *model, *words.split(), "--format", "json"], capsys))
    assert facts == fit.to_json()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--link", "log"], "--link log without --family"),
        (["--family", "gamma", "--link", "logit"], "the gamma family has no link 'logit'"),
        (["--family", "poisson", "--method", "reml"], "method='reml' was asked of the poisson family"),
        (["--family", "poisson", "--ddf", "satterthwaite"], "ddf='satterthwaite' was asked of the poisson"),
        (["--family", "poisson", "--residual-sd", "2"], "residual_sd was given to the poisson family"),
        (
            ["--family", "student", "--zero-inflation", "~ 1"],
            "zero inflation was asked of the student family",
        ),
        (["--nodes", "9"], "nodes=9 was given to method='reml'"),
        (["--method", "laplace"], "method='laplace' was asked of the gaussian family with identity link"),
        (["--zero-inflation", "~ 1"], "zero inflation was asked of the gaussian family"),
        (["--family", "binomial"], "the binomial family was given the response `ticks` without trials"),
    ],
)
def test_what_a_family_does_not_have_is_refused(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["fit", "ticks ~ cheight + (1 | brood)", "grouseticks"]
    assert main([*command, *words]) == 1
    printed = capsys.readouterr()
    assert message in printed.err
    assert printed.out == ""


def test_saved_fits_predict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    saved, new = tmp_path / "sleep.fit", tmp_path / "new.csv"
    new.write_text("days,subject\n0,308\n10,309\n", encoding="utf-8")
    run([*SLEEP, "--save", str(saved)], capsys)
    rows = list(csv.DictReader(io.StringIO(run(["predict", str(saved), str(new)], capsys))))
    fit = ml.fit("reaction ~ days + (days | subject)", ml.datasets.load("sleepstudy"))
    expected = list(fit.predict(str(new))["prediction"])
    assert [float(row["prediction"]) for row in rows] == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("groups", ["known", "new", "typical"])
def test_predictions_have_intervals_on_request(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], groups: str
) -> None:
    saved = str(tmp_path / "sleep.fit")
    run([*SLEEP, "--save", saved], capsys)
    words = ["predict", saved, "sleepstudy", "--groups", groups, "--interval", "0.9", "--format", "json"]
    first = json.loads(run(words, capsys))[0]
    assert first["lower"] < first["prediction"] < first["upper"]
    wider = json.loads(run([*words, "--observation"], capsys))[0]
    assert wider["upper"] - wider["lower"] > first["upper"] - first["lower"]


@pytest.mark.parametrize("scale", ["response", "link"])
@pytest.mark.parametrize("groups", ["known", "typical", "average"])
def test_generalised_fits_predict(
    groups: Literal["known", "typical", "average"],
    scale: Literal["response", "link"],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    saved = str(tmp_path / "ticks.fit")
    run(["fit", *TICKS, "--family", "poisson", "--save", saved], capsys)
    words = ["predict", saved, "grouseticks", "--groups", groups, "--scale", scale, "--format", "json"]
    ticks = ml.datasets.load("grouseticks")
    expected = ml.fit(TICKS[0], ticks, family="poisson").predict(ticks, groups=groups, scale=scale)
    found = [row["prediction"] for row in json.loads(run(words, capsys))]
    assert found == pytest.approx(list(expected["prediction"]), rel=1e-6)


def test_posteriors_predict_on_both_scales(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    saved = str(tmp_path / "sleep.draws")
    run([*DRAWS, *PRIORS, "--save", saved], capsys)
    link = run(["predict", saved, "sleepstudy", "--scale", "link"], capsys)
    assert link == run(["predict", saved, "sleepstudy"], capsys)  # the same in linear models


DRAWS = ["sample", "reaction ~ days + (days | subject)", "sleepstudy", "--seed", "1", "--draws", "1000"]
PRIORS = ["--prior", "days=Normal(0, 10)", "--prior", "subject.sd=HalfCauchy(30)"]


def sleep_posterior() -> ml.Posterior:
    """Return the posterior that `DRAWS` and `PRIORS` ask for."""
    return ml.sample(
        "reaction ~ days + (days | subject)",
        ml.datasets.load("sleepstudy"),
        {"days": ml.Normal(0.0, 10.0), "subject": {"sd": ml.HalfCauchy(30.0)}},
        seed=1,
        draws=1000,
    )


@pytest.mark.parametrize(
    ("form", "page"), [("table", "__str__"), ("markdown", "to_markdown"), ("latex", "to_latex")]
)
def test_sample_prints_pages(form: str, page: str, capsys: pytest.CaptureFixture[str]) -> None:
    expected = getattr(sleep_posterior(), page)()
    assert run([*DRAWS, *PRIORS, "--format", form], capsys) == f"{expected}\n"


def test_sample_prints_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert json.loads(run([*DRAWS, *PRIORS, "--format", "json"], capsys)) == sleep_posterior().to_json()


def test_options_of_sampling_reach_the_library(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: dict[str, object] = {}

    def sample(formula: str, data: object, priors: object, **options: object) -> ml.Posterior:
        asked.update(options, priors=priors)
        return sleep_posterior()

    monkeypatch.setattr(commands.sampling, "sample", sample)
    words = ["--method", "gibbs", "--chains", "2", "--warmup", "50", "--level", "0.5", "--missing", "error"]
    words += ["--precision-weights", "w", "--frequency-weights", "f", "--offset", "o", "--residual-sd", "25"]
    words += ["--residual-groups", "s:c", "--family", "gamma", "--link", "inverse", "--zero-inflation", "~ x"]
    words += ["--checkpoint", "my.run", "--resume", "--max-time", "60", "--threads", "2", "--no-progress"]
    run([*DRAWS, *words, "--lme4-compat", "--priors", "brms"], capsys)
    assert asked == {
        "priors": "brms",
        "family": ml.families.Gamma(link="inverse"),
        "zero_inflation": "~ x",
        "method": "gibbs",
        "draws": 1000,
        "chains": 2,
        "warmup": 50,
        "seed": 1,
        "residual_sd": 25.0,
        "residual_groups": "s:c",
        "precision_weights": "w",
        "frequency_weights": "f",
        "offset": "o",
        "missing": "error",
        "level": 0.5,
        "lme4_compat": True,
        "threads": 2,
        "progress": False,
        "checkpoint": "my.run",
        "resume": True,
        "max_time": 60.0,
    }


@pytest.mark.parametrize(
    "words",
    [
        ["--priors", "brms", "--prior", "days=Normal(0, 1)"],
        ["--prior", "default=brms", "--prior", "days=Normal(0, 1)"],
    ],
)
def test_single_priors_are_completed_by_the_defaults_that_are_named(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[object] = []

    def sample(formula: str, data: object, priors: object, **options: object) -> ml.Posterior:
        asked.append(priors)
        return sleep_posterior()

    monkeypatch.setattr(commands.sampling, "sample", sample)
    run([*DRAWS, *words], capsys)
    assert asked == [{"default": "brms", "days": ml.Normal(0.0, 1.0)}]


def test_saved_posteriors_predict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    saved, new = tmp_path / "sleep.draws", tmp_path / "new.csv"
    new.write_text("days,subject\n0,308\n10,309\n", encoding="utf-8")
    run([*DRAWS, *PRIORS, "--save", str(saved)], capsys)
    words = ["predict", str(saved), str(new), "--interval", "0.9"]
    rows = list(csv.DictReader(io.StringIO(run(words, capsys))))
    assert list(rows[0]) == ["prediction", "sd", "lower", "upper", "varies"]
    expected = list(sleep_posterior().predict(str(new))["prediction"])
    assert [float(row["prediction"]) for row in rows] == pytest.approx(expected, rel=1e-8)


def test_data_sets_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    lines = run(["datasets"], capsys).splitlines()
    assert [line.split()[0] for line in lines] == list(ml.datasets.names())


def test_a_data_set_is_printed_as_csv(capsys: pytest.CaptureFixture[str]) -> None:
    rows = list(csv.DictReader(io.StringIO(run(["datasets", "sleepstudy"], capsys))))
    assert len(rows) == 180
    assert rows[0] == {"reaction": "249.56", "days": "0", "subject": "308"}


def test_a_file_goes_before_a_bundled_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sleepstudy").write_text("a\n1\n", encoding="utf-8")
    assert find_data("sleepstudy") == "sleepstudy"


@pytest.mark.parametrize("path", ["nope.csv", "folder/nope", "rows/*.parquet"])
def test_what_looks_like_a_path_is_left_to_the_reader(path: str) -> None:
    assert find_data(path) == path


def test_a_word_that_names_nothing_is_an_error() -> None:
    with pytest.raises(DataError) as caught:
        find_data("sleepstud")
    assert str(caught.value) == (
        "`sleepstud` is neither a file here nor a bundled data set\n"
        "  allowed: the path of a CSV or Parquet file, a folder of Parquet files or a pattern, or a name that"
        " `multilevel datasets` lists\n"
        "  try: `sleepstudy`"
    )
