"""Posteriors of generalised models through the door: engines, options, pages, files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import multilevel as ml
from multilevel.errors import OptionError
from tests.engines.joint_cases import table

QUICK: dict[str, Any] = {"seed": 1, "draws": 400, "warmup": 150, "chains": 4, "progress": False}
quiet = pytest.mark.filterwarnings("ignore::multilevel.errors.ConvergenceWarning")


@pytest.mark.statistics
@quiet
def test_nuts_and_gibbs_agree() -> None:
    """Means within five standard errors, sds within a fifth."""
    given = {**QUICK, "draws": 2000, "warmup": 400}
    one, two = (
        ml.sample("prop(hits, trials) ~ x + (1 | g)", table(), family="binomial", method=method, **given)
        for method in ("nuts", "gibbs")
    )
    assert (one.method, two.method) == ("nuts", "gibbs")
    for question in ("fixed_effects", "variance_components"):
        a, b = getattr(one, question), getattr(two, question)
        error = np.hypot(a["mcse"].astype(float), b["mcse"].astype(float))
        assert (np.abs(a["mean"] - b["mean"]) < 5.0 * error).all()
        assert a["sd"].to_numpy() == pytest.approx(b["sd"].to_numpy(), rel=0.2)


@quiet
@pytest.mark.parametrize("stop", [0.02, 0.4])
def test_marginal_goes_on_with_a_checkpoint(tmp_path: Path, stop: float) -> None:
    """Bit for bit, whatever the number of threads and wherever the run was stopped."""
    given: dict[str, Any] = {**QUICK, "family": "poisson", "method": "marginal", "draws": 800}
    whole = ml.sample("count ~ x + (1 | g)", table(), **given)
    path = tmp_path / "run"
    with pytest.warns(ml.ConvergenceWarning, match="The run was interrupted after"):
        part = ml.sample(
            "count ~ x + (1 | g)",
            table(),
            **{**given, "progress": lambda at: at.share < stop},
            checkpoint=path,
            threads=1,
        )
    assert part.status == "interrupted" and "stopped by `progress`" in part.sentence
    assert part.draws["x"].size < 800
    size = path.stat().st_size
    done = ml.sample("count ~ x + (1 | g)", table(), **given, checkpoint=path, resume=True, threads=2)
    assert path.stat().st_size > size
    assert done.status == "complete" and done.log_evidence == whole.log_evidence
    for name, values in whole.draws.items():
        assert np.array_equal(done.draws[name], values)
    assert np.array_equal(done.sampled.effects[0], whole.sampled.effects[0])


@pytest.mark.statistics
@quiet
def test_marginal_and_nuts_agree_on_crossed_factors() -> None:
    """Means within five standard errors, sds within a fifth; the marginal engine's draws are independent."""
    given = {**QUICK, "draws": 2000, "warmup": 400}
    one, two = (
        ml.sample("count ~ x + (x | g) + (1 | i)", table(), family="poisson", method=method, **given)
        for method in ("nuts", "marginal")
    )
    assert (one.method, two.method) == ("nuts", "marginal")
    for question in ("fixed_effects", "variance_components"):
        a, b = getattr(one, question), getattr(two, question)
        error = np.hypot(a["mcse"].astype(float), b["mcse"].astype(float))
        assert (np.abs(a["mean"] - b["mean"]) < 5.0 * error).all()
        assert a["sd"].to_numpy() == pytest.approx(b["sd"].to_numpy(), rel=0.2)


@pytest.mark.parametrize("name", ["precision_weights", "residual_sd", "residual_groups"])
def test_what_generalised_models_do_not_have(name: str) -> None:
    with pytest.raises(OptionError, match=f"{name} was given to the poisson family"):
        ml.sample("count ~ x + (1 | g)", table(), family="poisson", seed=1, **{name: "g"})


@quiet
def test_pages_and_files(tmp_path: Path) -> None:
    post = ml.sample(
        "zeros ~ x + (1 | g)", table(), family="negative_binomial", zero_inflation="~ 1", **QUICK
    )
    text = str(post)
    for piece in (
        "Generalised linear mixed model, zero-inflated negative_binomial (log link): posterior by NUTS",
        "Family parameters",
        "Zero inflation",
        "zero inflation: Intercept  StudentT(3, 0, 2.5)",
    ):
        assert piece in text
    assert "Residual" not in text and "sigma" not in text
    assert list(post.draws)[-3:-1] == ["theta", "zero_inflation(Intercept)"]
    assert json.loads(json.dumps(post.to_json()))["family_parameters"][0]["term"] == "theta"
    assert post.zero_inflation["term"].tolist() == ["Intercept"]
    post.save(tmp_path / "post.draws")
    again = ml.load_posterior(tmp_path / "post.draws")
    assert str(again) == text
    assert np.array_equal(again.draws["theta"], post.draws["theta"])
    assert again.predict()["prediction"].equals(post.predict()["prediction"])


@quiet
def test_thresholds_and_classes_are_kept() -> None:
    post = ml.sample("class ~ x + (1 | g)", table(), family="ordinal", **QUICK)
    assert post.family_parameters["term"].tolist() == ["1|2", "2|3"]
    assert "Thresholds" in str(post)


@pytest.mark.parametrize("method", ["nuts", "gibbs", "marginal"])
@pytest.mark.filterwarnings("ignore::multilevel.errors.ConvergenceWarning")
def test_zeros_alone_leave_the_mean_to_the_priors(method: str) -> None:
    """20 rows of zeros, one mean: with no group effects the posterior is that of numerical integration."""
    data = {"y": np.zeros(20), "g": np.repeat(np.arange(5), 4)}
    given = {"Intercept": ml.Normal(0, 2), "g": {"sd": ml.Fixed(0.01)}}
    run: dict[str, Any] = {**QUICK, "draws": 4000, "method": method}
    words = "the response `y` is 0 in every row: how far its mean lies"
    with pytest.warns(ml.InformationWarning, match=words):
        post = ml.sample("y ~ 1 + (1 | g)", data, given, family="poisson", **run)
    b = np.linspace(-14, 4, 4001)
    w = np.exp(-0.5 * (b / 2) ** 2 - 20 * np.exp(b))
    mean = float(b @ w / w.sum())
    sd = float(np.sqrt((b - mean) ** 2 @ w / w.sum()))
    row = post.fixed_effects.iloc[0]
    assert row["mean"] == pytest.approx(mean, abs=5 * row["mcse"] + 0.01)
    assert row["sd"] == pytest.approx(sd, rel=0.15)


def test_zeros_alone_need_proper_priors() -> None:
    data = {"y": np.zeros(20), "g": np.repeat(np.arange(5), 4)}
    with pytest.raises(ml.DesignError, match="is 0 in every row"):
        ml.sample("y ~ 1 + (1 | g)", data, {"Intercept": ml.Flat()}, family="poisson", seed=1)


@pytest.mark.statistics
@quiet
def test_separation_is_no_obstacle_to_priors() -> None:
    """A predictor that parts the responses: both engines give the same finite coefficient."""
    data = table()
    data["parts"] = (np.asarray(data["yes"]) > 0).astype(float)
    given = {**QUICK, "draws": 2000, "warmup": 400}
    priors = {"Intercept": ml.Normal(0, 2), "parts": ml.Normal(0, 2), "g": {"sd": ml.HalfNormal(0.5)}}
    one, two = (
        ml.sample("yes ~ parts + (1 | g)", data, priors, family="bernoulli", method=method, **given)
        for method in ("nuts", "gibbs")
    )
    a, b = one.fixed_effects, two.fixed_effects
    error = np.hypot(a["mcse"].astype(float), b["mcse"].astype(float))
    assert (np.abs(a["mean"] - b["mean"]) < 5.0 * error).all()
    assert a["sd"].to_numpy() == pytest.approx(b["sd"].to_numpy(), rel=0.2)


@quiet
def test_the_marginal_engine_says_what_it_did_and_is_saved(tmp_path: Path) -> None:
    post = ml.sample("count ~ x + (1 | g)", table(), family="poisson", method="marginal", **QUICK)
    assert str(post).startswith(
        "Generalised linear mixed model, poisson (log link): posterior by corrected importance sampling\n"
    )
    assert "its correction to the exact posterior" in " ".join(str(post).split())
    path = tmp_path / "counts.draws"
    post.save(path)
    loaded = ml.load_posterior(path)
    assert str(loaded) == str(post)
    assert loaded.log_evidence == post.log_evidence
    assert loaded.draws["x"].tobytes() == post.draws["x"].tobytes()
