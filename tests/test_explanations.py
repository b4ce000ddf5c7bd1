"""Explanations: facts, their table, the command, refusals before allocation, and peaks of fresh processes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import multilevel as ml
from multilevel.engines import refusals
from multilevel.errors import DataError, DesignError, OptionError

CASES: dict[str, tuple[str, str, dict[str, Any], dict[str, Any]]] = {
    "one factor": (
        "reaction ~ days + (days | subject)",
        "sleepstudy",
        {},
        {
            "call": "fit",
            "rows": 180,
            "groups": {"subject": 18},
            "effects": 36,
            "core_effects": 0,
            "passes": 1,
        },
    ),
    "crossed": (
        "diameter ~ 1 + (1 | plate) + (1 | sample)",
        "penicillin",
        {"method": "ml"},
        {"method": "ml", "pairs": {"plate x sample": 144}, "core_effects": 6, "columns": 1},
    ),
    "nested": (
        "strength ~ 1 + (1 | batch/cask)",
        "pastes",
        {"method": "em"},
        {"groups": {"batch:cask": 30, "batch": 10}, "core_effects": 0},
    ),
    "generalised": (
        "prop(incidence, size) ~ period + (1 | herd)",
        "cbpp",
        {"family": "binomial"},
        {"method": "laplace", "passes": None, "columns": 4},
    ),
    "posterior": (
        "reaction ~ days + (days | subject)",
        "sleepstudy",
        {"method": "auto"},
        {"call": "sample", "method": "marginal"},
    ),
    "least squares": ("reaction ~ days", "sleepstudy", {}, {"groups": {}, "pairs": {}, "effects": 0}),
}


@pytest.mark.parametrize("case", CASES)
def test_facts(case: str) -> None:
    formula, name, options, expected = CASES[case]
    found = ml.explain(formula, ml.datasets.load(name), **options)
    assert {key: found.facts[key] for key in expected} == expected
    assert found.facts["fits"]
    assert found.facts["rows_given"] >= found.facts["rows"]
    assert found.facts["reason"].endswith(".")
    assert set(found.facts["memory_parts"]) <= {text for text in found.facts["memory_parts"] if "for" in text}


def test_the_table() -> None:
    shown = str(ml.explain("diameter ~ 1 + (1 | plate) + (1 | sample)", ml.datasets.load("penicillin")))
    lines = shown.splitlines()
    assert lines[0] == "fit  diameter ~ 1 + (1 | plate) + (1 | sample)"
    words = [line.split()[0] for line in lines[1:]]
    assert words == ["rows", "read", "groups", "pairs", "memory", "engine", "solver", "why"]
    assert "plate 24 levels; sample 6 levels" in shown
    assert "Exact: 6 effects are solved together" in shown


def test_exact_or_monte_carlo() -> None:
    """Sizes of 1e5 x 5e4 levels are taken from few rows: levels are counted, so that codes alone decide."""
    rng, n = np.random.default_rng(1), 400_000
    rows = {"y": rng.normal(size=n), "a": rng.integers(0, 90_000, n), "b": rng.integers(0, 60_000, n)}
    formula = "y ~ 1 + (1 | a) + (1 | b)"
    found = ml.explain(formula, rows).facts
    assert found["solver"] == "monte_carlo"
    assert found["reason"].startswith("Monte Carlo: an exact solution of 59,")
    assert found["fits"]
    exact = ml.explain(formula, rows, solver="exact").facts
    assert exact["memory"] > found["memory"] + 24 * 59_000**2
    assert not exact["fits"] or exact["memory_limit"] > 80e9
    assert ml.explain(formula, rows, method="em").facts["solver"] == "exact"


def test_moments() -> None:
    penicillin = ml.datasets.load("penicillin")
    formula = "diameter ~ 1 + (1 | plate) + (1 | sample)"
    moments = ml.moments(formula, penicillin)
    alone, both, table = ml.explain(moments), ml.explain(formula, moments), ml.explain(formula, penicillin)
    assert alone.facts["memory"] == both.facts["memory"] < table.facts["memory"]
    for name in ("rows", "groups", "pairs", "columns", "effects", "solver", "reason"):
        assert alone.facts[name] == table.facts[name]
    assert "summed before" in repr(alone)
    assert "no rows" in repr(alone)


def test_rows_that_are_left_out_are_told() -> None:
    rows = {"y": [1.0, 2.0, np.nan, 4.0, 5.0, 7.0], "g": ["a", "b", "a", "b", "a", "b"]}
    found = ml.explain("y ~ 1 + (1 | g)", rows)
    assert (found.facts["rows"], found.facts["rows_given"]) == (5, 6)
    assert "5 of 6" in repr(found)


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "sleep.csv"
    ml.datasets.load("sleepstudy").to_csv(path, index=False)
    found = ml.explain("reaction ~ days + (1 | subject)", path)
    assert (found.facts["source"], found.facts["bytes"]) == ("file", path.stat().st_size)


@pytest.mark.parametrize(
    ("formula", "options", "error", "message"),
    [
        ("reaction ~ dyas + (1 | subject)", {}, DataError, "days"),
        ("reaction ~ days + (1 | subject)", {"method": "lasso"}, OptionError, "method='lasso' is not known"),
        ("reaction ~ days", {"method": "em", "solver": "monte_carlo"}, OptionError, "solver='monte_carlo'"),
        ("reaction ~ days + (1 | subject)", {"solver": "fast"}, OptionError, "solver='fast' is not known"),
        ("reaction ~ days + (1 | subject)", {"method": "laplace"}, OptionError, "of the gaussian family"),
        ("days ~ 1 + (1 | subject)", {"family": "poisson", "method": "ml"}, OptionError, "of the poisson"),
        (
            "reaction ~ days + (1 | subject)",
            {"method": "gibbs", "draws": "many"},
            OptionError,
            "draws='many'",
        ),
    ],
)
def test_refusals(formula: str, options: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        ml.explain(formula, ml.datasets.load("sleepstudy"), **options)
    assert message in str(caught.value)


@pytest.fixture
def small_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that has 2 kB beside what the process uses."""
    monkeypatch.setattr(refusals, "memory_limit", lambda: 12_000)
    monkeypatch.setattr(refusals, "memory_in_use", lambda: 10_000)


@pytest.mark.usefixtures("small_machine")
def test_jobs_that_do_not_fit_are_refused() -> None:
    sleep = ml.datasets.load("sleepstudy")
    with pytest.raises(DesignError) as caught:
        ml.fit("reaction ~ days + (days | subject)", sleep)
    text = str(caught.value)
    assert re.search(
        r"the fit needs about 1\d kB of memory \(\d.\d kB for 180 rows, \d.\d kB for 18 levels\)", text
    )
    assert "this machine has 12 kB, of which 10 kB are in use" in text
    with pytest.raises(DesignError, match="for draws of group effects"):
        ml.sample("reaction ~ days + (days | subject)", sleep, seed=1)


@pytest.mark.usefixtures("small_machine")
def test_what_is_wrong_with_a_model_comes_first() -> None:
    rows = {"y": np.arange(200.0), "text": ["a", "b"] * 100, "g": [1, 2, 3, 4] * 50}
    with pytest.raises(DataError, match="text"):
        ml.fit("y ~ log(text) + (1 | g)", rows)


CHILD = """
import json, sys, warnings
import numpy as np
import multilevel as ml
warnings.simplefilter("ignore")
formula, method, n, m = json.loads(sys.argv[1])
def rows(n):
    rng = np.random.default_rng(1)
    g, h = rng.integers(0, m, n), rng.integers(0, 300, n)
    y = rng.normal(size=m)[g] + rng.normal(size=n)
    return {"y": (y > 0) * 1.0 if method == "laplace" else y, "x": rng.normal(size=n), "g": g, "h": h}
def solve(data):
    if method == "marginal":
        ml.sample(formula, data, seed=1, draws=1000)
    else:
        ml.fit(formula, data, method=method, family="bernoulli" if method == "laplace" else None)
def status(name):
    lines = open("/proc/self/status").read().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(name))
m, full = 50, m
solve(rows(2000))
m = full
data = rows(n)
open("/proc/self/clear_refs", "w").write("5")
before = status("VmRSS")
solve(data)
print(status("VmHWM") - before, ml.explain(formula, data, method=method, draws=1000,
      family="bernoulli" if method == "laplace" else None).facts["memory"])
"""


@pytest.mark.parametrize(
    ("formula", "method", "n", "m"),
    [
        ("y ~ x + (1 | g)", "reml", 600_000, 1000),
        ("y ~ x + (x | g)", "ml", 400_000, 100_000),
        ("y ~ x + (1 | g) + (1 | h)", "reml", 300_000, 50_000),
        ("y ~ x + (1 | g)", "laplace", 200_000, 2000),
        ("y ~ x + (1 | g)", "marginal", 100_000, 8000),
    ],
)
def test_predicted_memory_is_near_the_peak_of_a_fresh_process(
    formula: str, method: str, n: int, m: int
) -> None:
    """Never below by more than 20%, above by at most half; 5 MB is what allocators round up to."""
    words = json.dumps([formula, method, n, m])
    found = subprocess.run(
        [sys.executable, "-c", CHILD, words], capture_output=True, text=True, check=True, timeout=300
    )
    peak, predicted = map(float, found.stdout.split())
    assert predicted > 0.8 * peak - 5e6
    assert predicted < 1.5 * peak + 5e6


def test_sources_are_counted_by_their_engines(tmp_path: Path) -> None:
    pl = pytest.importorskip("polars")
    sleep = ml.datasets.load("sleepstudy")
    sleep["slow"] = (sleep["reaction"] > 300).astype(int)
    for part in range(3):
        sleep[60 * part : 60 * (part + 1)].to_parquet(tmp_path / f"{part}.parquet")
    formula = "reaction ~ days + (days | subject)"
    for data, source in (
        (tmp_path, "3 Parquet files, streamed"),
        (pl.from_pandas(sleep).lazy(), "summed by polars"),
    ):
        facts = ml.explain(formula, data).facts
        assert (facts["source"], facts["rows"], facts["groups"]) == (source, 180, {"subject": 18})
        assert "for 180 rows" not in facts["memory_parts"]
    merged = ml.explain("slow ~ 1 + (1 | subject)", tmp_path, family="bernoulli").facts
    assert (merged["source"], merged["rows_given"], merged["passes"]) == ("read from DuckDB", 180, None)
    assert merged["rows"] == 180  # so few are not merged
    many = {"slow": np.arange(250_000) % 2, "subject": np.arange(250_000) // 4 % 50}
    merged = ml.explain("slow ~ 1 + (1 | subject)", pl.LazyFrame(many), family="bernoulli").facts
    assert (merged["source"], merged["rows"], merged["rows_given"]) == ("merged by polars", 100, 250_000)
