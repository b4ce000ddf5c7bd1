"""The numbers that correlations walk as: the way there and back, and their prior densities."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from multilevel.design.priors import bind_priors
from multilevel.engines.gibbs.correlations import (
    CommonCorrelation,
    Correlations,
    KnownCorrelations,
    PartialCorrelations,
    correlations_of,
    log_sech2,
)
from multilevel.engines.marginal.coordinates import coordinates_of
from multilevel.model.priors import LKJ, Fixed, Uniform
from multilevel.model.priors.one_correlation import OneCorrelation
from multilevel.moments import summarise
from tests.engines.structures import by_name, design_of

CASES: dict[str, tuple[str, Any, type, int]] = {
    "no correlations": ("k=3 diagonal", None, KnownCorrelations, 0),
    "a known one": ("k=2", {"g": {"correlation": Fixed(0.3)}}, KnownCorrelations, 0),
    "unstructured": ("k=3", {"g": {"correlation": LKJ(2)}}, PartialCorrelations, 3),
    "one for all": ("k=3 symmetric", {"g": {"correlation": LKJ(2)}}, CommonCorrelation, 1),
    "one, bounded": ("k=2 symmetric", {"g": {"correlation": Uniform(-0.5, 0.2)}}, CommonCorrelation, 1),
}


def case(name: str) -> tuple[Correlations, Any]:
    """Return how the correlations of a case walk, and their prior."""
    structure, given, _, _ = CASES[name]
    design = design_of(by_name(structure))
    priors = bind_priors(design, given)
    place = coordinates_of(summarise(design), priors).terms[0]
    return correlations_of(priors.terms[0], place), priors.terms[0].correlation


@pytest.mark.parametrize("name", CASES)
def test_the_prior_decides_how_they_walk(name: str) -> None:
    found, _ = case(name)
    assert (type(found), found.size) == CASES[name][2:]


@pytest.mark.parametrize("name", CASES)
def test_numbers_stand_for_a_correlation_matrix_and_back(name: str) -> None:
    found, _ = case(name)
    for z in np.random.default_rng(1).normal(0.0, 1.5, (20, found.size)):
        L = found.factor(z)
        np.testing.assert_allclose(np.diagonal(L @ L.T), 1.0, atol=1e-12)
        np.testing.assert_allclose(np.triu(L, 1), 0.0)
        np.testing.assert_allclose(found.numbers(L), z, atol=1e-9)


@pytest.mark.parametrize("name", [name for name, row in CASES.items() if row[3]])
def test_the_density_is_that_of_the_matrix_times_the_volume(name: str) -> None:
    """Differences of log densities at 50 points; the volume from finite differences of the entries."""
    found, prior = case(name)
    values, expected = [], []
    for z in np.random.default_rng(2).normal(size=(50, found.size)):

        def entries(z: np.ndarray) -> np.ndarray:
            L = found.factor(z)
            R = L @ L.T
            return np.asarray(R[np.tril_indices_from(R, -1)])[: found.size]

        h = 1e-6 * np.eye(found.size)
        jacobian = [(entries(z + e) - entries(z - e)) / 2e-6 for e in h]
        L = found.factor(z)
        density = prior.logpdf(entries(z)[0]) if isinstance(prior, OneCorrelation) else prior.logpdf(L @ L.T)
        expected.append(float(density) + np.linalg.slogdet(np.array(jacobian))[1])
        values.append(found.log_density(z))
    np.testing.assert_allclose(np.diff(values), np.diff(expected), atol=1e-6)


def test_correlations_of_one_are_cut_off() -> None:
    partial, _ = case("unstructured")
    assert np.isfinite(partial.numbers(np.array([[1.0, 0.0], [1.0, 0.0]]))).all()
    common, _ = case("one, bounded")
    limits = [common.numbers(np.linalg.cholesky(np.array([[1.0, r], [r, 1.0]])))[0] for r in (-0.6, 0.3)]
    assert np.isfinite(limits).all()
    assert limits[0] < -20.0
    assert limits[1] > 20.0


def test_log_sech2_keeps_its_digits() -> None:
    np.testing.assert_allclose(
        log_sech2(np.array([0.0, 0.5, -30.0])), [0, np.log(1 - np.tanh(0.5) ** 2), -60 + np.log(4)]
    )
