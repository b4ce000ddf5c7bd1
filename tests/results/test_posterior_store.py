"""Saved posteriors come back with every draw; anything else is refused with the reason."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from multilevel.errors import StorageError
from multilevel.results import save
from multilevel.results.archive import Archive, read_archive, write_archive
from multilevel.results.posterior import Posterior
from multilevel.results.posterior_store import read_posterior, save_posterior, verify_posterior
from tests.oracle import designs
from tests.oracle.fits import fit_design
from tests.oracle.posteriors import sleep_posterior, varying_posterior


@pytest.fixture(scope="module")
def posterior() -> Posterior:
    return sleep_posterior(draws=50, efficiency=0.7, complete=False)


def test_round_trip(posterior: Posterior, tmp_path: Path) -> None:
    options = dataclasses.replace(posterior.options, level=0.8, offset=np.arange(180.0), seed=7)
    save_posterior(dataclasses.replace(posterior, options=options), tmp_path / "a")
    saved = read_posterior(str(tmp_path / "a"))
    assert saved.text == posterior.formula
    assert saved.priors.texts() == posterior.priors.texts()
    assert (saved.options.level, saved.options.seed, saved.options.offset.shape) == (0.8, 7, (180,))
    assert list(saved.table.columns) == list(posterior.table.columns)
    for field in dataclasses.fields(posterior.sampled):
        ours, theirs = getattr(posterior.sampled, field.name), getattr(saved.sampled, field.name)
        if isinstance(ours, tuple):
            for one, other in zip(ours, theirs, strict=True):
                np.testing.assert_array_equal(one, other)
        elif isinstance(ours, np.ndarray):
            np.testing.assert_array_equal(ours, theirs)
            assert ours.dtype == theirs.dtype
        else:
            assert ours == theirs, field.name
    verify_posterior(saved, posterior.design)


def test_no_evidence_and_no_efficiency(tmp_path: Path) -> None:
    save_posterior(sleep_posterior(draws=5, log_evidence=None), tmp_path / "a")
    saved = read_posterior(tmp_path / "a").sampled
    assert (saved.log_evidence, saved.efficiency, saved.complete) == (None, None, True)


def test_saving_twice_gives_the_same_bytes(posterior: Posterior, tmp_path: Path) -> None:
    for name in "ab":
        save_posterior(posterior, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_fit_is_not_a_posterior(tmp_path: Path) -> None:
    save(fit_design(designs.slopes()), tmp_path / "fit")
    with pytest.raises(StorageError, match="its format is 'multilevel fit'") as caught:
        read_posterior(tmp_path / "fit")
    assert "not a saved posterior" in caught.value.asked
    assert (caught.value.allowed, caught.value.remedy) == (
        "a file written by posterior.save",
        "save the posterior again",
    )


def test_an_absent_file_is_asked_for_by_its_kind(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="give the path of a saved posterior"):
        read_posterior(tmp_path / "none")


def test_a_cut_file_is_damaged(posterior: Posterior, tmp_path: Path) -> None:
    path = tmp_path / "a"
    save_posterior(posterior, path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(StorageError, match="is damaged or not a saved posterior"):
        read_posterior(path)


def rewritten(
    posterior: Posterior, path: Path, header: dict[str, Any] | None = None, **arrays: np.ndarray
) -> None:
    """Save a posterior with another header or other arrays, and read it."""
    save_posterior(posterior, path)
    archive = read_archive(path)
    named = {name.replace("__", "/"): values for name, values in arrays.items()}
    write_archive(path, Archive({**archive.header, **(header or {})}, {**archive.arrays, **named}))
    read_posterior(path)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ({"format_version": 2}, "has format version 2, written by multilevel"),
        ({"text": 3}, "3 is not a text"),
        ({"sampled": {"method": "guess"}}, "the method 'guess' is not known"),
        ({"sampled": {"method": "gibbs"}}, "KeyError"),
        ({"priors": [["a"]]}, "ValueError"),
        ({"options": {}}, "KeyError"),
    ],
)
def test_headers_that_make_no_sense(
    posterior: Posterior, tmp_path: Path, header: dict[str, Any], message: str
) -> None:
    with pytest.raises(StorageError) as caught:
        rewritten(posterior, tmp_path / "a", header)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"sigma": np.zeros(3)}, "sigma holds 1-dimensional float64"),
        ({"coefficients": np.zeros((4, 7, 2))}, "the draws of the parameters differ in number"),
        ({"effects__0": np.zeros((4, 7, 18, 2))}, "the draws of the group effects differ in number"),
        ({"kept": np.arange(50.0)}, "kept holds 1-dimensional float64"),
        ({"kept": np.arange(50) + 10}, "group effects were kept of draws that do not exist"),
    ],
)
def test_arrays_that_make_no_sense(
    posterior: Posterior, tmp_path: Path, arrays: dict[str, np.ndarray], message: str
) -> None:
    with pytest.raises(StorageError) as caught:
        rewritten(posterior, tmp_path / "a", **arrays)
    assert message in str(caught.value)


def test_draws_of_another_design_are_refused(posterior: Posterior, tmp_path: Path) -> None:
    save_posterior(posterior, tmp_path / "a")
    saved = read_posterior(tmp_path / "a")
    sampled = dataclasses.replace(saved.sampled, sds=(saved.sampled.sds[0][:, :, :1],))
    for wrong, design in (
        (saved, designs.slopes()),
        (dataclasses.replace(saved, sampled=sampled), posterior.design),
    ):
        with pytest.raises(StorageError, match="the saved posterior of `reaction ~ days"):
            verify_posterior(wrong, design)


def test_residual_sds_of_groups_come_back(tmp_path: Path) -> None:
    posterior = varying_posterior("late")
    save_posterior(posterior, tmp_path / "a")
    saved = read_posterior(tmp_path / "a")
    assert saved.options.residual_groups == "late"
    ours, theirs = posterior.sampled.residual, saved.sampled.residual
    assert ours is not None
    assert theirs is not None
    np.testing.assert_array_equal(ours.sds, theirs.sds)
    for (name, values), (other, found) in zip(ours.parameters, theirs.parameters, strict=True):
        assert name == other
        np.testing.assert_array_equal(values, found)
    verify_posterior(saved, posterior.design)
    cut = dataclasses.replace(saved.sampled, residual=dataclasses.replace(theirs, sds=theirs.sds[:, :, :1]))
    for wrong, design in (
        (saved, sleep_posterior().design),
        (dataclasses.replace(saved, sampled=cut), posterior.design),
    ):
        with pytest.raises(StorageError, match="the saved posterior of `reaction ~ days"):
            verify_posterior(wrong, design)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"residual__sds": np.zeros((4, 7, 2))}, "the draws of the residual sds differ in number"),
        ({"residual__1": np.zeros((4, 7))}, "the draws of the residual sds differ in number"),
        ({"residual__0": np.zeros(3)}, "residual/0 holds 1-dimensional float64"),
    ],
)
def test_residual_sds_that_make_no_sense(tmp_path: Path, arrays: dict[str, np.ndarray], message: str) -> None:
    posterior = varying_posterior("late")
    with pytest.raises(StorageError, match=message):
        rewritten(posterior, tmp_path / "a", **arrays)
    sampled = read_archive(tmp_path / "a").header["sampled"]
    sampled["residual"]["law"] = "guess"
    with pytest.raises(StorageError, match="the law 'guess' of"):
        rewritten(posterior, tmp_path / "a", {"sampled": sampled})
