"""Hostile and degenerate input: the right answer, one warning that says what, or an error that helps.

One parametrised test of every case in `tests/failures/`; the numbering is that of the sections there.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import multilevel as ml
from tests.failures import columns, generalised, grouping, matrices
from tests.failures.cases import ROWS, Case, as_pandas, judge, require_finite, require_words, table
from tests.oracle.dense import dense
from tests.oracle.optimum import optimum, profiled

CASES = [*grouping.CASES, *columns.CASES, *matrices.CASES, *generalised.CASES]
RUNS = [
    pytest.param(case, library, id=f"{case.row} {case.what} ({library})")
    for case in CASES
    for library in case.libraries
]


@pytest.mark.parametrize(("case", "library"), RUNS)
def test_failure(case: Case, library: str) -> None:
    judge(case, library)


@pytest.mark.parametrize("formula", ["y ~ x + (1 | g)", "ys ~ x + (x | g)"])
def test_the_models_that_cases_are_compared_with_are_at_the_dense_optimum(formula: str) -> None:
    fit = ml.fit(formula, table()())
    problem = dense(fit.design)
    value, _, sigma = profiled(problem, optimum(problem, "reml"), "reml")
    assert abs(fit.deviance - value) < 1e-8
    assert abs(fit.sigma - sigma) < 1e-5


def test_a_variable_of_the_caller_is_never_used() -> None:
    nope = np.random.default_rng(1).normal(size=ROWS)
    with pytest.raises(ml.DataError, match="no column `nope`"):
        ml.fit("y ~ nope + (1 | g)", table()())
    assert nope.size == ROWS


NEW = {"x": [0.0, 1.0], "g": ["g1", "newcomer"]}


def test_a_new_level_is_refused_by_name_and_each_answer_is_told_apart() -> None:
    """Row 57: the peers predict the population mean without a word."""
    fit = ml.fit("y ~ x + (1 | g)", table()())
    with pytest.raises(ml.MultilevelError) as refused:
        fit.predict(NEW)
    require_words(str(refused.value), ("`g`: newcomer", "allowed:", "try: groups='new'", "groups='typical'"))
    beta = as_pandas(fit.fixed_effects)["estimate"].to_numpy()
    means = [beta[0], beta[0] + beta[1]]
    answers = {groups: fit.predict(NEW, groups=groups, interval=0.9) for groups in ("new", "typical")}
    for answer in answers.values():
        np.testing.assert_allclose(answer["prediction"], means, rtol=1e-12)
    sd = as_pandas(fit.variance_components)["sd"][0]
    wider = answers["new"]["std_error"] ** 2 - answers["typical"]["std_error"] ** 2
    np.testing.assert_allclose(wider, sd**2, rtol=1e-9)
    known = fit.predict({"x": [0.0], "g": ["g1"]})["prediction"][0]
    effects = fit.random_effects.set_index("level")["estimate"]
    np.testing.assert_allclose(known, beta[0] + effects["g1"], rtol=1e-9)


@pytest.mark.parametrize(
    ("new", "words"),
    [
        ({"x": [np.nan], "g": ["g1"]}, ("`x` is missing in 1 of 1 new rows",)),
        ({"x": [np.inf], "g": ["g1"]}, ("`x` is inf in row 0",)),
        ({"x": ["a"], "g": ["g1"]}, ("`x` was numeric", "'a'")),
        ({"z": [1.0], "g": ["g1"]}, ("no column `x`",)),
        ({"x": [1.0]}, ("no column `g`",)),
        ({"x": [1.0, 2.0], "g": ["g1"]}, ("differ in length",)),
        ({"x": [], "g": []}, ("no rows",)),
    ],
)
def test_new_rows_that_cannot_be_predicted_are_refused_by_name(new: object, words: tuple[str, ...]) -> None:
    fit = ml.fit("y ~ x + (1 | g)", table()())
    with pytest.raises(ml.DataError) as refused:
        fit.predict(new)
    require_words(str(refused.value), words)


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_a_search_that_reaches_its_limit_says_so_and_never_claims_an_optimum(limit: int) -> None:
    """Row 81."""
    with pytest.warns(ml.ConvergenceWarning, match=r"reached its limit .* raise max_evaluations"):
        fit = ml.fit("ys ~ x + (x | g)", table()(), max_evaluations=limit)
    assert fit.status.value == "evaluation_limit"
    assert not fit.certificate.holds
    assert fit.sentence in " ".join(str(fit).split())
    require_finite(fit)


SCALES = {  # rows 66 to 68: formula, rows, levels, options
    "as many levels as rows": ("y ~ x + (1 | a)", 50_000, 50_000, {"residual_sd": 1.0}),
    "125066 levels": ("y ~ x + (1 | a)", 400_000, 125_066, {}),
    "a million levels": ("y ~ x + (1 | a)", 1_500_000, 1_000_000, {}),
    "nested levels": ("y ~ x + (1 | b/a)", 400_000, 50_000, {}),
}


@pytest.mark.parametrize("kind", SCALES)
def test_many_levels_are_fitted_and_predicted(kind: str) -> None:
    """Peers take minutes or allocate a dense matrix of rows by levels, 50,000 squared or 20 GB."""
    formula, n, m, options = SCALES[kind]
    random = np.random.default_rng(1)
    a = np.concatenate([np.arange(m), random.integers(0, m, n - m)])
    x = random.normal(size=n)
    y = (
        1
        + 2 * x
        + random.normal(size=m)[a]
        + random.normal(size=1 + m // 100)[a // 100]
        + random.normal(size=n)
    )
    fit = ml.fit(formula, pd.DataFrame({"y": y, "x": x, "a": a, "b": a // 100}), **options)
    assert fit.certificate.holds
    np.testing.assert_allclose(fit.fixed_effects["estimate"], [1, 2], atol=0.2)
    assert len(fit.random_effects) == sum(fit.n_groups.values())
    new = fit.predict(pd.DataFrame({"x": x[:9], "a": a[:9], "b": a[:9] // 100}), interval=0.9)
    assert np.isfinite(new[["prediction", "std_error"]].to_numpy()).all()
