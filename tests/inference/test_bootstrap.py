"""The parametric bootstrap: names, tables, refusals; its distribution against refits of simulated rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

import multilevel as ml
from multilevel.errors import OptionError
from multilevel.inference.agreement import numbers
from multilevel.inference.bootstrap import bootstrap, bootstrap_intervals, bootstrap_replicates

CASES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "slopes": ("reaction ~ days + (days | subject)", "sleepstudy", {}),
    "no correlation": ("reaction ~ days + (days || subject)", "sleepstudy", {"method": "ml"}),
    "nested": ("strength ~ 1 + (1 | batch/cask)", "pastes", {}),
    "crossed": ("diameter ~ 1 + (1 | plate) + (1 | sample)", "penicillin", {}),
    "known residual sds": ("effect ~ 1 + (1 | school)", "eight_schools", {"residual_sd": "sd"}),
    "em": ("yield ~ 1 + (1 | batch)", "dyestuff", {"method": "em"}),
}


def fitted(case: str) -> ml.Fit:
    """Return the fit of a case."""
    formula, name, options = CASES[case]
    return ml.fit(formula, ml.datasets.load(name), **options)


@pytest.mark.filterwarnings("ignore::multilevel.BoundaryWarning")
@pytest.mark.parametrize("case", CASES)
def test_parameters_have_the_names_and_values_of_other_tables(case: str) -> None:
    fit = fitted(case)
    found = bootstrap(fit, 5, seed=1)
    expected = {name: one.value for name, one in numbers(fit).items()}
    if case == "known residual sds":
        del expected["sigma"]
    assert list(found.estimates) == list(expected) == list(found.draws)
    np.testing.assert_allclose(list(found.estimates.values()), list(expected.values()), rtol=1e-12, atol=1e-9)
    assert all(values.shape == (5,) for values in found.draws.values())
    assert set(found.statuses) <= {"optimal", "boundary"}


def test_intervals_are_quantiles_of_the_replicates() -> None:
    found = bootstrap(fitted("slopes"), 200, seed=2)
    table = bootstrap_intervals(found, 0.8)
    assert list(table) == ["parameter", "estimate", "bias", "std_error", "lower", "upper", "replicates"]
    days = found.draws["days"]
    row = [table[name][1] for name in table]
    expected = [days.mean() - found.estimates["days"], days.std(ddof=1), *np.quantile(days, [0.1, 0.9])]
    assert (row[0], row[6]) == ("days", 200)
    np.testing.assert_allclose(np.array(row[2:6], dtype=float), expected)


def test_a_correlation_without_variance_is_blank() -> None:
    found = bootstrap(fitted("slopes"), 400, seed=3)
    values = found.draws["correlation(subject, Intercept, days)"]
    missing = int(np.isnan(values).sum())
    table, rows = bootstrap_intervals(found, 0.95), bootstrap_replicates(found)
    assert table["replicates"][-1] == 400 - missing
    assert sum(value is None for value in rows["value"]) == missing
    assert len(rows["parameter"]) == 400 * 6
    assert rows["replicate"][-1] == 400


def test_the_door_gives_tables_in_the_library_of_the_data_and_repeats_with_the_seed() -> None:
    pl = pytest.importorskip("polars")
    fit = ml.fit("yield ~ 1 + (1 | batch)", pl.from_pandas(ml.datasets.load("dyestuff")), level=0.5)
    first, second = fit.bootstrap(20, seed=1), fit.bootstrap(20, seed=1)
    assert isinstance(first.intervals, pl.DataFrame)
    assert first.replicates.equals(second.replicates)
    assert first.level == 0.5
    assert repr(first) == "Bootstrap('yield ~ 1 + (1 | batch)', n=20, seed=1)"
    assert fit.bootstrap(20, seed=2, level=0.9).level == 0.9


@pytest.mark.filterwarnings("ignore::multilevel.BoundaryWarning")
@pytest.mark.parametrize("case", ["slopes", "nested", "crossed"])
def test_a_fit_from_moments_has_the_replicates_of_one_from_rows(case: str) -> None:
    formula, name, options = CASES[case]
    held = ml.fit(ml.moments(formula, ml.datasets.load(name)), **options)
    first, second = fitted(case).bootstrap(10, seed=1), held.bootstrap(10, seed=1)
    for parameter, values in first.draws.items():
        np.testing.assert_allclose(second.draws[parameter], values, rtol=1e-5, atol=1e-6)
    assert list(second.intervals.columns) == list(first.intervals.columns)


def test_a_fit_by_monte_carlo_is_bootstrapped_exactly() -> None:
    formula, name, options = CASES["crossed"]
    fit = ml.fit(formula, ml.datasets.load(name), solver="monte_carlo", **options)
    again = fit.bootstrap(20, seed=1)
    assert set(again.replicates["status"]) <= {"optimal", "boundary"}
    assert abs(again.draws["sigma"].mean() / fit.sigma - 1) < 0.2


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"n": 1, "seed": 1}, "n=1 is not a number of replicates"),
        ({"n": 10, "seed": "x"}, "seed='x' is not a seed"),
        ({"n": 10, "seed": 1, "level": 2}, "level=2 is not a coverage"),
    ],
)
def test_refusals(keywords: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError) as caught:
        fitted("em").bootstrap(**keywords)
    assert message in str(caught.value)


def test_generalised_models_are_refused_with_another_way() -> None:
    fit = ml.fit("prop(incidence, size) ~ period + (1 | herd)", ml.datasets.load("cbpp"), family="binomial")
    with pytest.raises(OptionError, match=r"(?s)binomial.*fit\.simulate and fit\.refit"):
        fit.bootstrap(10, seed=1)


@pytest.mark.statistics
@pytest.mark.filterwarnings("ignore::multilevel.MultilevelWarning")
@pytest.mark.parametrize("case", ["slopes", "nested", "crossed", "known residual sds"])
def test_it_has_the_distribution_of_refits_of_simulated_rows(case: str) -> None:
    """Kolmogorov-Smirnov of 600 against 600 for each parameter: p above 0.001 over their number."""
    fit = fitted(case)
    found = bootstrap(fit, 600, seed=4)
    rows = [numbers(fit.refit(y)) for y in fit.simulate(600, seed=5)]
    for name, values in found.draws.items():
        other = np.array([row[name].value for row in rows if name in row])
        test = stats.ks_2samp(values[np.isfinite(values)], other)
        assert test.pvalue > 0.001 / len(found.draws), (name, test.pvalue)
