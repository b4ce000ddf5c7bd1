"""Agreement with recorded numbers of glmmTMB, glmer, clmm and dense algebra: tests/golden/generalised.

Every peer's log-likelihood was computed again in R from the densities alone, at the peer's estimates; ours is
held to that number. Tolerances:

- our likelihood at the peer's estimates: 1e-6 of the one by dense algebra, whose derivatives are differences;
- log-likelihood at the optimum: at most 1e-6 below the peer's and 1e-4 above it, since peers stop early;
- coefficients, numbers of the family, thresholds: 1e-3 standard errors; standard errors: 1e-3 relative, those
  of thresholds 1e-2; where glmer is the second opinion 2e-2, as its Hessian is a difference of values (1.5%
  off for the uncentred height of grouseticks);
- sds: 1e-3 relative; correlations: 1e-3; modes: 1e-3 of their conditional sd; sums of their squares: 2e-3;
- quadrature against integration: 1e-6 in the log-likelihood, 1e-3 standard errors in the coefficients.
"""

from __future__ import annotations

import functools
import json
import warnings
from collections import Counter
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

import multilevel as ml
from multilevel.engines.laplace.problem import LaplaceProblem
from multilevel.engines.laplace.quadrature import DEFAULT_NODES, QuadratureProblem
from multilevel.engines.solution import Status
from multilevel.model.families import REGISTRY
from multilevel.moments import layout_of

Floats = NDArray[np.float64]
GOLDEN = Path(__file__).parent / "golden" / "generalised"
RECORDS: dict[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text())["model"] for path in sorted(GOLDEN.glob("numbers/*.json"))
}
ALL = sorted(RECORDS)
INSIDE = [name for name in ALL if not RECORDS[name]["singular"]]
EXACT = [name for name in ALL if "exact" in RECORDS[name]]
MAXIMISED = [name for name in EXACT if "loglik" in RECORDS[name]["exact"]]


def frame_of(record: dict[str, Any]) -> pd.DataFrame:
    """Return a record's data: its set, with the columns and missing values that the record adds."""
    simulated = GOLDEN / f"{record['data']}.csv"
    frame = pd.read_csv(simulated) if simulated.exists() else ml.datasets.load(record["data"])
    for name, values in record.get("extra_columns", {}).items():
        frame[name] = values
    for name, rows in record.get("missing", {}).items():
        frame[name] = frame[name].astype(float)
        frame.loc[rows, name] = np.nan
    return frame


@functools.cache
def fitted(name: str, method: Literal["laplace", "quadrature"] = "laplace") -> ml.Fit:
    """Return our fit of a record's model."""
    record = RECORDS[name]
    with warnings.catch_warnings():
        if record["singular"]:
            warnings.simplefilter("ignore", ml.BoundaryWarning)
        return ml.fit(
            record["formula"],
            frame_of(record),
            family=REGISTRY[record["family"]](link=record["link"]),
            zero_inflation=record.get("zero_inflation"),
            frequency_weights=record.get("frequency_weights"),
            method=method,
            missing="drop",
        )


def values(rows: list[dict[str, Any]], column: str) -> Floats:
    """Return one column of a recorded table; NaN where the peer has none."""
    return np.array([row.get(column, np.nan) for row in rows], float)


def vector_of(problem: LaplaceProblem, record: dict[str, Any]) -> Floats:
    """Return our coordinates of a peer's estimates."""
    here, scaling = problem.places, problem.layout.scaling
    x = np.zeros(here.size)
    beta = values(record["fixed"], "estimate")
    x[here.coefficients] = np.linalg.solve(scaling.fixed.back, beta)
    if "inflation" in record:
        zi = values(record["inflation"], "estimate")
        x[here.inflation] = np.linalg.solve(problem.layout.inflation.back, zi)
    numbers = values(record.get("numbers", []), "value")
    if record["family"] == "ordinal":
        numbers = numbers - float(scaling.fixed.centre @ beta)
        x[here.auxiliary] = np.concatenate([numbers[:1], np.log(np.diff(numbers))])
    else:
        x[here.auxiliary] = np.log(numbers)
    return problem.with_relative(x, relative_of(problem, record))


def relative_of(problem: LaplaceProblem, record: dict[str, Any]) -> list[Floats]:
    """Return a peer's covariance matrices in our scaled columns."""
    sds = {(row["group"], row["term"]): row["sd"] for row in record["sds"]}
    correlations = {
        (row["group"], frozenset((row["term_1"], row["term_2"]))): row["correlation"]
        for row in record["correlations"]
    }
    relative = []
    for term, scaling in zip(problem.design.terms, problem.layout.scaling.terms, strict=True):
        group = problem.design.factors[term.factor].name
        D = np.array(
            [
                [
                    sds[group, a]
                    * sds[group, b]
                    * (1.0 if a == b else correlations.get((group, frozenset((a, b))), 0.0))
                    for b in term.names
                ]
                for a in term.names
            ]
        )
        front = np.linalg.inv(scaling.back)
        relative.append(front @ D @ front.T)
    return relative


@pytest.mark.parametrize("name", INSIDE)
def test_our_likelihood_is_that_of_dense_algebra_at_the_peers_estimates(name: str) -> None:
    design = fitted(name).design
    problem = LaplaceProblem(design, layout_of(design))
    found = problem.at(vector_of(problem, RECORDS[name]), gradient=False).value
    assert -found / 2 == pytest.approx(RECORDS[name]["dense_loglik"], abs=1e-6)


@pytest.mark.parametrize("name", ALL)
def test_log_likelihood_is_the_peers_or_better(name: str) -> None:
    fit, record = fitted(name), RECORDS[name]
    assert -1e-6 < fit.loglik - record["loglik"] < 1e-4
    assert fit.certificate.holds
    assert fit.df == record["parameters"]
    assert fit.n_rows == record["n_rows"]
    assert (fit.status is Status.BOUNDARY) == record["singular"]


@pytest.mark.parametrize("name", ALL)
def test_coefficients_agree(name: str) -> None:
    record, table = RECORDS[name], fitted(name).fixed_effects
    assert list(table["term"]) == [row["term"] for row in record["fixed"]]
    off = np.abs(table["estimate"] - values(record["fixed"], "estimate"))
    assert np.all(off <= 1e-3 * table["std_error"])
    if "std_error" in record["fixed"][0]:
        np.testing.assert_allclose(table["std_error"], values(record["fixed"], "std_error"), rtol=1e-3)


@pytest.mark.parametrize("name", [n for n in ALL if "inflation" in RECORDS[n]])
def test_zero_inflation_agrees(name: str) -> None:
    rows, table = RECORDS[name]["inflation"], fitted(name).zero_inflation
    assert list(table["term"]) == [row["term"] for row in rows]
    assert np.all(np.abs(table["estimate"] - values(rows, "estimate")) <= 1e-3 * table["std_error"])
    np.testing.assert_allclose(table["std_error"], values(rows, "std_error"), rtol=1e-3)


@pytest.mark.parametrize("name", [n for n in ALL if "numbers" in RECORDS[n]])
def test_dispersions_and_thresholds_agree(name: str) -> None:
    rows, table = RECORDS[name]["numbers"], fitted(name).family_parameters
    assert list(table["term"]) == [row["name"] for row in rows]
    assert np.all(np.abs(table["estimate"] - values(rows, "value")) <= 1e-3 * table["std_error"])
    if "std_error" in rows[0]:
        np.testing.assert_allclose(table["std_error"], values(rows, "std_error"), rtol=1e-2)


@pytest.mark.parametrize("name", ALL)
def test_variance_components_agree(name: str) -> None:
    table = fitted(name).variance_components
    ours = {(row.group, row.term): row.sd for row in table[table["group"] != "Residual"].itertuples()}
    peers = {(row["group"], row["term"]): row["sd"] for row in RECORDS[name]["sds"]}
    assert ours.keys() == peers.keys()
    for key, sd in peers.items():
        assert ours[key] == pytest.approx(sd, rel=1e-3, abs=1e-3 if RECORDS[name]["singular"] else 0), key


@pytest.mark.parametrize("name", [n for n in INSIDE if RECORDS[n]["correlations"]])
def test_correlations_agree(name: str) -> None:
    table = fitted(name).correlations
    ours = {(row.group, frozenset((row.term_1, row.term_2))): row.correlation for row in table.itertuples()}
    peers = {
        (row["group"], frozenset((row["term_1"], row["term_2"]))): row["correlation"]
        for row in RECORDS[name]["correlations"]
    }
    assert ours == pytest.approx(peers, abs=1e-3)


@pytest.mark.parametrize("name", INSIDE)
def test_modes_of_the_group_effects_agree(name: str) -> None:
    table = fitted(name).random_effects
    table = table.assign(level=table["level"].astype(str))
    assert set(table["group"]) == {part["group"] for part in RECORDS[name]["modes"]}
    for part in RECORDS[name]["modes"]:
        for j, term in enumerate(part["terms"]):
            ours = table[(table["group"] == part["group"]) & (table["term"] == term)].set_index("level")
            assert len(ours) == part["n_levels"]
            off = np.abs(ours.loc[part["levels"], "estimate"] - np.array(part["mode"])[:, j])
            assert np.all(off <= 1e-3 * ours.loc[part["levels"], "sd"])
            assert (ours["estimate"] ** 2).sum() == pytest.approx(part["sum_squares"][j], rel=2e-3)


@pytest.mark.parametrize("name", [n for n in ALL if "glmer" in RECORDS[n]])
def test_glmer_gives_the_same_second_opinion(name: str) -> None:
    opinion, fit = RECORDS[name]["glmer"], fitted(name)
    assert -1e-6 < fit.loglik - opinion["loglik"] < 1e-4
    table = fit.fixed_effects
    assert np.all(np.abs(table["estimate"] - opinion["estimate"]) <= 1e-3 * table["std_error"])
    np.testing.assert_allclose(table["std_error"], opinion["std_error"], rtol=2e-2)


@pytest.mark.parametrize("name", EXACT)
def test_quadrature_is_the_integrated_likelihood_at_the_peers_estimates(name: str) -> None:
    design, record = fitted(name).design, RECORDS[name]
    layout = layout_of(design)
    problem = QuadratureProblem(design, layout, DEFAULT_NODES[layout.effects[0]])
    found = problem.at(vector_of(problem, record), gradient=False).value
    assert -found / 2 == pytest.approx(record["exact"]["loglik_at_estimates"], abs=1e-6)


@pytest.mark.parametrize("name", MAXIMISED)
def test_quadrature_finds_the_maximum_of_the_integrated_likelihood(name: str) -> None:
    expected, fit = RECORDS[name]["exact"], fitted(name, "quadrature")
    assert fit.loglik == pytest.approx(expected["loglik"], abs=1e-6)
    table = fit.fixed_effects
    assert np.all(np.abs(table["estimate"] - expected["estimate"]) <= 1e-3 * table["std_error"])
    np.testing.assert_allclose(table["std_error"], expected["std_error"], rtol=1e-2)
    numbers = fit.family_parameters
    assert np.all(np.abs(numbers["estimate"] - expected["numbers"]) <= 1e-3 * numbers["std_error"])
    sds = fit.variance_components
    sds = sds.loc[sds["group"] != "Residual", "sd"].to_numpy()
    np.testing.assert_allclose(sds, values(expected["sds"], "sd"), rtol=1e-3)


def test_enough_models_of_every_family_are_recorded() -> None:
    assert len(RECORDS) >= 60
    families = Counter(record["family"] for record in RECORDS.values())
    assert set(families) == set(REGISTRY)
    assert all(count >= 2 for family, count in families.items() if family != "gaussian")
