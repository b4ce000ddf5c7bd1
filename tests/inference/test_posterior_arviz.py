"""Draws for ArviZ: what is handed to each of its two worlds, by name, axis and coordinate."""

from __future__ import annotations

import dataclasses
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from multilevel.errors import OptionError
from multilevel.inference.posterior_arviz import to_arviz
from multilevel.inference.posterior_simulate import log_likelihood
from multilevel.results.posterior import Posterior
from tests.oracle import designs
from tests.oracle.posteriors import made_up_draws, posterior_of, sleep_posterior, varying_posterior

ALL = ("log_likelihood", "observed_data", "posterior_predictive")


def stand_in(version: str) -> SimpleNamespace:
    """Return a module with ArviZ's `from_dict`, by version, that gives back what it was given."""

    def before(
        posterior: Any = None,
        *,
        posterior_predictive: Any = None,
        log_likelihood: Any = None,
        observed_data: Any = None,
        coords: Any = None,
        dims: Any = None,
        attrs: Any = None,
    ) -> SimpleNamespace:
        groups = {
            "posterior": posterior,
            "posterior_predictive": posterior_predictive,
            "log_likelihood": log_likelihood,
            "observed_data": observed_data,
        }
        return SimpleNamespace(groups=groups, coords=coords, dims=dims, attrs=attrs)

    def now(data: Any, *, coords: Any = None, dims: Any = None, attrs: Any = None) -> SimpleNamespace:
        assert set(attrs) <= {"/", *data}  # by group; ArviZ 1.x warns of other names
        return SimpleNamespace(groups=data, coords=coords, dims=dims, attrs=attrs["/"])

    return SimpleNamespace(__version__=version, from_dict=before if version.startswith("0.") else now)


@pytest.fixture(scope="module")
def sleep() -> Posterior:
    return sleep_posterior()


@pytest.fixture(params=["0.23.4", "1.0.0"])
def arviz(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "arviz", stand_in(request.param))


@pytest.mark.usefixtures("arviz")
def test_every_array_has_the_axes_that_it_names(sleep: Posterior) -> None:
    found = to_arviz(sleep, include=ALL, seed=1)
    assert set(found.groups) == {"posterior", *ALL}
    assert list(found.groups["posterior"]) == [
        "coefficients",
        "sigma",
        "sd(subject)",
        "correlation(subject)",
        "effects(subject)",
    ]
    for group, variables in found.groups.items():
        for name, values in variables.items():
            sampled = () if group == "observed_data" else (4, 250)
            lengths = tuple(len(found.coords[axis]) for axis in found.dims.get(name, []))
            assert values.shape == (*sampled, *lengths), (group, name)
    assert found.coords["subject pair"] == ["Intercept, days"]
    assert found.coords["subject level"][0] == "308"
    assert found.attrs["modeling_interface"] == "multilevel"


@pytest.mark.usefixtures("arviz")
def test_values(sleep: Posterior) -> None:
    found = to_arviz(sleep, include=("log_likelihood", "observed_data")).groups
    sampled = sleep.sampled
    np.testing.assert_array_equal(found["posterior"]["sd(subject)"], sampled.sds[0])
    np.testing.assert_array_equal(
        found["posterior"]["correlation(subject)"][..., 0], sampled.correlations[0][..., 0, 1]
    )
    np.testing.assert_array_equal(found["posterior"]["effects(subject)"], sampled.effects[0])
    density = found["log_likelihood"]["reaction"].reshape(1000, 180)
    np.testing.assert_array_equal(density, log_likelihood(sleep))
    np.testing.assert_array_equal(found["observed_data"]["reaction"], sleep.design.y)
    assert found.get("posterior_predictive") is None


@pytest.mark.usefixtures("arviz")
def test_draws_whose_effects_were_kept(sleep: Posterior) -> None:
    kept = np.array([1, 7, 9])
    some = dataclasses.replace(sleep.sampled, kept=kept, effects=(sleep.sampled.effects[0][:, kept],))
    found = to_arviz(dataclasses.replace(sleep, sampled=some, memory={}), include=ALL).groups
    np.testing.assert_array_equal(found["posterior"]["sigma"], sleep.sampled.sigma[:, kept])
    assert {values.shape[:2] for values in found["posterior"].values()} == {(4, 3)}
    assert found["posterior_predictive"]["reaction"].shape == (4, 3, 180)


@pytest.mark.usefixtures("arviz")
def test_two_terms_of_a_factor_and_a_response_of_the_same_name() -> None:
    posterior = sleep_posterior()
    term, sampled = posterior.design.terms[0], posterior.sampled
    parts = [dataclasses.replace(term, names=(name,), Z=term.Z[:, [i]]) for i, name in enumerate(term.names)]
    model = dataclasses.replace(posterior.model, response="sigma")
    split = dataclasses.replace(
        sampled,
        sds=tuple(sampled.sds[0][:, :, [i]] for i in (0, 1)),
        correlations=(np.ones((4, 250, 1, 1)),) * 2,
        effects=tuple(sampled.effects[0][:, :, :, [i]] for i in (0, 1)),
    )
    design = dataclasses.replace(posterior.design, terms=tuple(parts), model=model)
    found = to_arviz(
        dataclasses.replace(posterior, design=design, sampled=split, memory={}), include=("observed_data",)
    )
    assert {"sd(subject)", "sd(subject 2)", "effects(subject)", "effects(subject 2)"} < set(
        found.groups["posterior"]
    )
    assert list(found.groups["observed_data"]) == ["response sigma"]


@pytest.mark.usefixtures("arviz")
def test_a_model_without_groups() -> None:
    design = designs.least_squares()
    found = to_arviz(posterior_of(design, made_up_draws(design, sds=())), include=ALL)
    assert list(found.groups["posterior"]) == ["coefficients", "sigma"]


def test_refusals(sleep: Posterior, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OptionError, match="include='prior' is not known"):
        to_arviz(sleep, include=("prior",))  # type: ignore[arg-type]
    monkeypatch.setitem(sys.modules, "arviz", None)
    with pytest.raises(OptionError, match="to_arviz needs ArviZ") as caught:
        to_arviz(sleep, include=())
    assert "try: pip install arviz" in str(caught.value)


@pytest.mark.usefixtures("arviz")
def test_residual_sds_of_groups() -> None:
    posterior = varying_posterior("late")
    found = to_arviz(posterior, include=ALL, seed=1)
    variables = found.groups["posterior"]
    assert variables["sigma[late]"].shape == (4, 250, 2)
    assert found.dims["sigma[late]"] == ["late level"]
    assert found.coords["late level"] == ["early", "late"]
    assert variables["sd(log sigma)"].shape == (4, 250)
