"""The comparison of posteriors: exact differences where they are known, and what is refused."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from scipy import stats

import multilevel as ml
from multilevel.design.design import Design
from multilevel.errors import ComparisonError, ConvergenceWarning, OptionError
from multilevel.inference.compare_posteriors import _name, _numbered, compare_posteriors
from multilevel.model.families import NegativeBinomial
from multilevel.results.posterior import Posterior
from tests.design.generalised_cases import counts, generalised
from tests.oracle import designs
from tests.oracle.posteriors import made_up_draws, posterior_of, with_frequencies, with_rows

SIGMA = 0.8


def smaller(design: Design) -> Design:
    """Return a least-squares design without its last column."""
    fixed = dataclasses.replace(design.fixed, names=design.fixed.names[:-1], X=design.fixed.X[:, :-1])
    return dataclasses.replace(design, fixed=fixed, model=dataclasses.replace(design.model, text="y ~ less"))


def posterior(design: Design, **changes: Any) -> Posterior:
    """Return the posterior under flat priors and a known residual sd."""
    draws = made_up_draws(design, sds=(), sigma=SIGMA, spread=0.0, draws=4000, **changes)
    return posterior_of(design, draws)


def exact_terms(design: Design) -> np.ndarray:
    """Return the log density of each row given the others, in closed form."""
    X, y, found = design.fixed.X, design.y, []
    for i in range(design.n_rows):
        rest = np.delete(np.arange(design.n_rows), i)
        C = np.linalg.inv(X[rest].T @ X[rest])
        sd = SIGMA * np.sqrt(1 + X[i] @ C @ X[i])
        found.append(stats.norm.logpdf(y[i], X[i] @ C @ X[rest].T @ y[rest], sd))
    return np.array(found)


BIG = designs.least_squares()
SMALL = smaller(BIG)


def test_differences_are_those_of_the_exact_densities() -> None:
    found = compare_posteriors(
        posterior(SMALL, log_evidence=-50.0),
        posterior(BIG, log_evidence=None),
        posterior(SMALL, log_evidence=-48.0),
    )
    big, small = exact_terms(BIG), exact_terms(SMALL)
    assert big.sum() > small.sum()
    assert found["model"] == [BIG.model.text, "y ~ less [1]", "y ~ less [2]"]
    np.testing.assert_allclose(found["elpd_loo"][:2], [big.sum(), small.sum()], atol=0.1)  # of 16,000 draws
    np.testing.assert_allclose(found["difference"][:2], [0, (small - big).sum()], atol=0.15)
    np.testing.assert_allclose(found["difference_se"][:2], [0, np.sqrt(30) * np.std(small - big)], atol=0.05)
    np.testing.assert_allclose(
        found["elpd_se"][:2], np.sqrt(30) * np.array([big.std(), small.std()]), atol=0.1
    )
    np.testing.assert_array_equal(found["high_k"], 0)
    assert found["log_evidence"] == [None, -50.0, -48.0]
    assert found["log_bayes_factor"] == [None, -2.0, 0.0]


def test_families_of_generalised_models_are_named() -> None:
    """Two families of one formula are told apart by their names, not by numbers."""
    few = generalised("y ~ x + (1 | g)", counts(), "poisson", zero_inflation="~ x")
    many = dataclasses.replace(few, family=NegativeBinomial(link="sqrt"))
    names = [_name(dataclasses.replace(posterior(BIG), design=design)) for design in (few, many)]
    assert names[0] == "y ~ x + (1 | g), poisson (log link), zero inflation ~ 1 + x"
    assert names[1].startswith("y ~ x + (1 | g), negative_binomial (sqrt link)")
    assert _numbered(["a", "b", "a"]) == ["a [1]", "b", "a [2]"]


def test_no_evidence_no_bayes_factor() -> None:
    one = posterior(BIG, log_evidence=None)
    assert compare_posteriors(one, one)["log_bayes_factor"] == [None, None]


def test_rows_that_one_table_has_not_do_not_matter() -> None:
    longer = dataclasses.replace(SMALL, n_input=33)
    found = compare_posteriors(posterior(BIG), posterior(longer))
    again = compare_posteriors(posterior(BIG), posterior(SMALL))
    np.testing.assert_array_equal(found["difference_se"], again["difference_se"])


def with_groups(design: Design, *, sd: float = 1.0) -> Posterior:
    """Return a posterior of a nested design."""
    return posterior_of(design, made_up_draws(design, sds=((1.2,), (sd,)), sigma=0.5, draws=1000))


def test_groups_are_left_out_if_asked_for() -> None:
    one, two = with_groups(designs.nested()), with_groups(designs.nested(), sd=0.6)
    found = compare_posteriors(one, two, group="a")
    loos = [one.loo(group="a"), two.loo(group="a")]
    best = int(np.argmax([loo.elpd for loo in loos]))
    terms = loos[1 - best].pointwise - loos[best].pointwise
    assert terms.shape == (8,)
    assert found["difference"][1] == pytest.approx(terms.sum())
    assert found["difference_se"][1] == pytest.approx(np.sqrt(8) * terms.std())


@pytest.mark.filterwarnings("ignore::multilevel.ConvergenceWarning")
def test_terms_that_cannot_be_trusted_are_counted_and_warned_of() -> None:
    X = BIG.fixed.X.copy()
    X[3, 1] = 40.0  # a row of leverage: its weights have a variance without end
    one = posterior(dataclasses.replace(BIG, fixed=dataclasses.replace(BIG.fixed, X=X)))
    assert one.loo().untrusted == 1
    with pytest.warns(ConvergenceWarning, match=r"^`y ~ x \[1\]`: The Pareto k of 1 of 30 rows .*\(rows 3,"):
        found = compare_posteriors(one, one)
    assert found["high_k"].tolist() == [1, 1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda d: {"y": d.y + 1},
            "posteriors of different data cannot be compared; they differ in the response:",
        ),
        (lambda d: {"rows": d.rows + 1}, "they differ in the rows used \\(30 and 30\\)"),
        (lambda d: {"frequency_weights": np.full(30, 2.0)}, "they differ in the frequency weights"),
    ],
)
def test_different_data_are_refused(change: Any, message: str) -> None:
    other = dataclasses.replace(BIG, n_input=31, **change(BIG))
    with pytest.raises(ComparisonError, match=message) as caught:
        compare_posteriors(posterior(BIG), posterior(other))
    assert caught.value.allowed == "the same response, rows and weights in every posterior"
    assert caught.value.remedy.startswith("sample every model from one table")


def test_other_levels_are_refused() -> None:
    design = designs.nested()
    factor = dataclasses.replace(design.factors[0], index=design.factors[0].index[::-1].copy())
    other = dataclasses.replace(design, factors=(factor, design.factors[1]))
    with pytest.raises(ComparisonError, match="the levels of `a` have different rows"):
        compare_posteriors(with_groups(design), with_groups(other), group="a")


def test_one_posterior_is_refused() -> None:
    with pytest.raises(ComparisonError, match="compare was given 1 posterior\n"):
        compare_posteriors(posterior(BIG))


def test_the_door_takes_fits_or_posteriors() -> None:
    dye = ml.datasets.load("dyestuff")
    fit = ml.fit("yield ~ 1 + (1 | batch)", dye)
    post = ml.sample("yield ~ 1 + (1 | batch)", dye, seed=1)
    with pytest.raises(
        OptionError, match="1 fitted and 2 sampled models\n  allowed: fits alone, or posteriors"
    ):
        ml.compare(fit, post, post)
    with pytest.raises(
        OptionError, match=r"compare was given str\n  allowed: fits made by multilevel\.fit, or post"
    ):
        ml.compare(fit, "yield ~ 1")  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="of fits\n  allowed: group= with posteriors"):
        ml.compare(fit, fit, group="batch")
    assert list(ml.compare(post, post)["model"]) == [
        "yield ~ 1 + (1 | batch) [1]",
        "yield ~ 1 + (1 | batch) [2]",
    ]


def test_frequency_weights_are_rows_written_so_often() -> None:
    times = np.tile([1, 3, 2], 10)
    pair = posterior(SMALL), posterior(BIG)
    found = compare_posteriors(*(with_frequencies(one, times) for one in pair))
    repeated = compare_posteriors(*(with_rows(one, np.repeat(range(30), times)) for one in pair))
    for name in ("elpd_loo", "elpd_se", "difference", "difference_se", "p_loo"):
        np.testing.assert_allclose(found[name], repeated[name], rtol=1e-9, err_msg=name)
