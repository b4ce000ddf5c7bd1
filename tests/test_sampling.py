"""The door to posteriors: options, agreement with maximum likelihood, saving and loading."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import multilevel as ml

FORMULA = "reaction ~ days + (days | subject)"


@pytest.fixture(scope="module")
def post() -> ml.Posterior:
    return ml.sample(FORMULA, ml.datasets.load("sleepstudy"), seed=1)


def test_the_same_seed_gives_the_same_draws(post: ml.Posterior) -> None:
    again = ml.sample(ml.formula(FORMULA), ml.datasets.load("sleepstudy", library="polars"), seed=1)
    assert np.array_equal(again.draws["days"], post.draws["days"])
    other = ml.sample(FORMULA, ml.datasets.load("sleepstudy"), seed=2)
    assert not np.array_equal(other.draws["days"], post.draws["days"])


@pytest.mark.statistics
def test_flat_priors_give_the_estimates_of_least_squares() -> None:
    data = ml.datasets.load("sleepstudy")
    flat = {"fixed": ml.Flat(), "subject": {"sd": ml.Fixed(1e-6)}, "sigma": ml.Fixed(47.0)}
    posterior = ml.sample("reaction ~ days + (1 | subject)", data, flat, seed=4, draws=20_000)
    fit = ml.fit("reaction ~ days", data, residual_sd=47.0)
    table, ols = posterior.fixed_effects, fit.fixed_effects
    assert table["sd"].to_numpy() == pytest.approx(ols["std_error"].to_numpy(), rel=0.03)
    gap = np.abs(table["mean"].to_numpy() - ols["estimate"].to_numpy())
    assert np.all(gap < 4 * table["mcse"].to_numpy())


def test_named_priors_are_used_and_printed(post: ml.Posterior) -> None:
    assert "LKJ(2)" in str(post)
    held = ml.sample(FORMULA, ml.datasets.load("sleepstudy"), {"days": ml.Normal(0, 0.01)}, seed=1)
    assert abs(held.draws["days"].mean()) < 0.1
    assert "Normal(0, 0.01)" in str(held)


@pytest.mark.statistics
def test_gibbs_agrees_with_the_marginal_engine(post: ml.Posterior) -> None:
    chain = ml.sample(FORMULA, ml.datasets.load("sleepstudy"), method="gibbs", seed=3, warmup=500)
    assert (chain.method, post.method) == ("gibbs", "marginal")
    for question in ("fixed_effects", "variance_components", "correlations"):
        one, other = getattr(chain, question), getattr(post, question)
        error = np.hypot(one["mcse"], other["mcse"]).to_numpy(dtype=float)
        assert np.all(np.abs(one["mean"] - other["mean"]).to_numpy(dtype=float) < 4 * error)


@pytest.mark.statistics
def test_nuts_agrees_with_the_marginal_engine(post: ml.Posterior, tmp_path: Path) -> None:
    chain = ml.sample(FORMULA, ml.datasets.load("sleepstudy"), method="nuts", draws=1600, seed=3, warmup=200)
    assert chain.method == "nuts"
    assert "posterior by NUTS" in str(chain)
    for question in ("fixed_effects", "variance_components", "correlations"):
        one, other = getattr(chain, question), getattr(post, question)
        error = np.hypot(one["mcse"], other["mcse"]).to_numpy(dtype=float)
        assert np.all(np.abs(one["mean"] - other["mean"]).to_numpy(dtype=float) < 4 * error)
    chain.save(tmp_path / "nuts.draws")
    assert ml.load_posterior(tmp_path / "nuts.draws").sentence == chain.sentence


@pytest.mark.filterwarnings("ignore::multilevel.ConvergenceWarning")
@pytest.mark.parametrize(
    ("installed", "method", "words"),
    [
        (
            True,
            "nuts",
            "so that NUTS took over. NUTS on the marginal posterior: 4 chains of 10 draws after 20",
        ),
        (
            False,
            "gibbs",
            'so that Gibbs sampling took over (NUTS needs nutpie: pip install "multilevel[nuts]"). Gibbs',
        ),
    ],
)
def test_the_engine_that_auto_goes_over_to(
    installed: bool, method: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("multilevel.sampling.GOOD_K", -10.0)
    if not installed:
        monkeypatch.setitem(sys.modules, "nutpie", None)
    run: dict[str, Any] = {"seed": 1, "draws": 40, "warmup": 20}
    taken = ml.sample(FORMULA, ml.datasets.load("sleepstudy"), **run)
    assert taken.method == method
    assert taken.sentence.startswith("Importance sampling cannot be trusted here (Pareto k ")
    assert words in taken.sentence
    asked = ml.sample(FORMULA, ml.datasets.load("sleepstudy"), **run, method=method)  # type: ignore[arg-type]
    assert taken.draws["days"].tobytes() == asked.draws["days"].tobytes()


@pytest.mark.statistics
@pytest.mark.filterwarnings("ignore::multilevel.ConvergenceWarning", "ignore::multilevel.GroupingWarning")
def test_auto_goes_over_to_nuts_where_importance_sampling_cannot_be_trusted() -> None:
    """Two crossed factors of five levels, 26 rows: Pareto k was from 0.8 to 1.4 with eight seeds."""
    rng = np.random.default_rng(0)
    n, x = 26, ["x0", "x1", "x2"]
    data = pd.DataFrame(rng.standard_normal((n, 3)), columns=x).assign(y=rng.standard_normal(n))
    data = data.assign(g=[f"g{i % 5}" for i in range(n)], h=[f"h{i * 5 // n}" for i in range(n)])
    prior = {"sd": ml.HalfCauchy(1), "correlation": ml.LKJ(1)}
    effects = " + ".join(x)
    taken = ml.sample(
        f"y ~ 1 + ({effects} | g) + ({effects} | h)",
        data,
        {"g": prior, "h": prior},
        draws=200,
        warmup=30,
        seed=1,
    )
    assert taken.method == "nuts"
    assert "so that NUTS took over. NUTS on the marginal posterior: 4 chains of 50 draws" in taken.sentence


def test_nuts_without_nutpie_names_the_install_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nutpie", None)
    with pytest.raises(ml.OptionError, match=r'pip install "multilevel\[nuts\]"'):
        ml.sample(FORMULA, ml.datasets.load("sleepstudy"), method="nuts", seed=1)


def test_nuts_has_no_checkpoints(tmp_path: Path) -> None:
    with pytest.raises(ml.OptionError, match="which has no checkpoints"):
        ml.sample(FORMULA, ml.datasets.load("sleepstudy"), method="nuts", seed=1, checkpoint=tmp_path / "run")


def test_nuts_can_be_stopped_and_told_of() -> None:
    seen: list[ml.SamplingProgress] = []

    def watch(progress: ml.SamplingProgress) -> bool:
        seen.append(progress)
        return progress.draws < 80

    with pytest.warns(ml.ConvergenceWarning) as warned:
        part = ml.sample(
            FORMULA,
            ml.datasets.load("sleepstudy"),
            method="nuts",
            seed=1,
            draws=10**6,
            warmup=20,
            progress=watch,
        )
    assert part.status == "interrupted"
    assert part.sentence.endswith("The run was stopped by `progress`.")
    assert (seen[-1].method, seen[-1].of) == ("nuts", 10**6)
    assert any(f"after {part.n_draws} of 1000000 draws" in str(warning.message) for warning in warned)


def test_a_saved_posterior_answers_as_before(post: ml.Posterior, tmp_path: Path) -> None:
    path = tmp_path / "sleep.draws"
    post.save(path)
    loaded = ml.load_posterior(path)
    pd.testing.assert_frame_equal(loaded.fixed_effects, post.fixed_effects)
    pd.testing.assert_frame_equal(loaded.random_effects, post.random_effects)


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        ({"method": "hmc"}, "method='hmc' is not known"),
        ({"draws": 0}, "draws=0"),
        ({"seed": -1}, "seed=-1"),
        ({"priors": {"dayz": ml.Normal(0, 1)}}, "'days' for 'dayz'"),
        ({"priors": {"days": ml.LKJ(2)}}, "days"),
    ],
)
def test_wrong_options_are_refused(keywords: dict[str, object], words: str) -> None:
    with pytest.raises(ml.OptionError, match=words):
        ml.sample(FORMULA, ml.datasets.load("sleepstudy"), **keywords)  # type: ignore[arg-type]


def test_a_run_can_be_repeated_with_one_call(tmp_path: Path) -> None:
    """Without a file it begins; with one it goes on, with the seed that was chosen at first."""
    path, sleep = tmp_path / "my.run", ml.datasets.load("sleepstudy")
    with pytest.warns(ml.ConvergenceWarning, match=r"The run was interrupted after \d+ of 4000 draws"):
        first = ml.sample(FORMULA, sleep, checkpoint=path, resume=True, progress=lambda progress: False)
    again = ml.sample(FORMULA, sleep, checkpoint=path, resume=True)
    straight = ml.sample(FORMULA, sleep, seed=first.options.seed)
    assert (first.status, again.status) == ("interrupted", "complete")
    assert again.options.seed == first.options.seed
    assert again.draws["days"].tobytes() == straight.draws["days"].tobytes()
    assert again.sampled.effects[0].tobytes() == straight.sampled.effects[0].tobytes()


def test_the_summary_of_an_interrupted_run_says_so() -> None:
    with pytest.warns(ml.ConvergenceWarning, match="The run was interrupted after"):
        part = ml.sample(FORMULA, ml.datasets.load("sleepstudy"), seed=1, progress=lambda progress: False)
    said = " ".join(str(part).split())
    assert f"Warning: The run was interrupted after {part.n_draws} of 4000 draws" in said
    assert "The run was stopped by `progress`." in said


def test_a_checkpoint_of_other_data_or_priors_is_refused(tmp_path: Path) -> None:
    path, sleep = tmp_path / "my.run", ml.datasets.load("sleepstudy")
    ml.sample(FORMULA, sleep, seed=1, checkpoint=path)
    for data, priors, parts in (
        (sleep, {"days": ml.Normal(0, 10)}, "priors"),
        (sleep.assign(reaction=sleep["reaction"] + 1e-9), None, "data, priors"),
    ):
        with pytest.raises(ml.StorageError, match=f"is of another run; what differs: {parts}\n"):
            ml.sample(FORMULA, data, priors, seed=1, checkpoint=path, resume=True)
    with pytest.raises(ml.OptionError, match="there is a file of this name"):
        ml.sample(FORMULA, sleep, seed=1, checkpoint=path)


@pytest.mark.filterwarnings("ignore::multilevel.ConvergenceWarning")
def test_the_engine_that_auto_went_over_to_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, sleep = tmp_path / "my.run", ml.datasets.load("sleepstudy")
    monkeypatch.setattr("multilevel.sampling.GOOD_K", -10.0)
    run: dict[str, Any] = {"seed": 1, "draws": 800, "warmup": 200}
    straight = ml.sample(FORMULA, sleep, **run, checkpoint=tmp_path / "straight.run")
    with pytest.raises(ml.OptionError, match="before the first draw after warm-up"):
        ml.sample(
            FORMULA, sleep, **run, checkpoint=path, progress=lambda progress: progress.method != "gibbs"
        )
    monkeypatch.delattr("multilevel.sampling.sample_marginal")
    again = ml.sample(FORMULA, sleep, **run, checkpoint=path, resume=True)
    assert (straight.method, again.method) == ("gibbs", "gibbs")
    assert again.sentence == straight.sentence
    assert "so that Gibbs sampling took over (NUTS has no checkpoints). Gibbs" in again.sentence
    assert again.draws["days"].tobytes() == straight.draws["days"].tobytes()


def test_a_limit_of_time_gives_what_there_is() -> None:
    with pytest.warns(ml.ConvergenceWarning) as warned:
        part = ml.sample(
            FORMULA,
            ml.datasets.load("sleepstudy"),
            method="gibbs",
            seed=1,
            draws=10**6,
            warmup=5,
            max_time=5.0,
        )
    assert part.status == "interrupted"
    assert "stopped by max_time=5;" in part.sentence
    assert any(f"after {part.n_draws} of 1000000 draws" in str(warning.message) for warning in warned)


def test_progress_is_told_to_a_function(capsys: pytest.CaptureFixture[str]) -> None:
    seen: list[ml.SamplingProgress] = []
    ml.sample(FORMULA, ml.datasets.load("sleepstudy"), seed=1, progress=seen.append)
    assert (seen[-1].share, seen[-1].draws, seen[-1].of) == (1.0, 4000, 4000)
    ml.sample(FORMULA, ml.datasets.load("sleepstudy"), seed=1)
    assert capsys.readouterr().err == ""
    ml.sample(FORMULA, ml.datasets.load("sleepstudy"), seed=1, progress=True)
    assert capsys.readouterr().err.endswith("marginal: 100% done, 4,000 of 4,000 draws, 0 s left\n")
