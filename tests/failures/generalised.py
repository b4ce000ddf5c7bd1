"""Section D: responses that a family has not, likelihoods without a maximum, and sizes that overflow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import multilevel as ml
from tests.failures.cases import GROUPS, ROWS, Case, Data, as_pandas, table

G = np.repeat(np.arange(GROUPS), ROWS // GROUPS)


def responses(base: Data) -> Data:
    """Return a 0/1 response, successes of 8, and counts, that depend on ``x`` and ``g``."""
    random = np.random.default_rng(6)
    eta = 0.3 + base["x"] + 0.6 * random.normal(size=GROUPS)[G]
    mean = 1 / (1 + np.exp(-eta))
    return {
        "b": (random.random(ROWS) < mean).astype(np.float64),
        "s": random.binomial(8, mean),
        "n": np.full(ROWS, 8),
        "c": random.poisson(np.exp(eta)),
        "large": random.poisson(np.exp(20 + 0.3 * eta)),
        "many": random.binomial(10**9, mean),
        "t": np.array(list("abcd"), dtype=object)[np.arange(ROWS) % 4],
    }


def data(**changes: Any) -> Callable[[], Data]:
    """Return a maker of the base data with those responses, some columns replaced or added."""

    def make() -> Data:
        base = table()()
        base |= responses(base)
        return base | {name: value(base) if callable(value) else value for name, value in changes.items()}

    return make


def with_7(name: str, value: float) -> Callable[[Data], Any]:
    """Return a maker of a column with another value in row 7."""
    return lambda base: np.where(np.arange(ROWS) == 7, value, base[name])


def estimates(*expected: float, atol: float) -> Callable[[ml.Fit], None]:
    """Return a check of the coefficients, and of a certified optimum."""

    def check(fit: ml.Fit) -> None:
        assert fit.certificate.holds
        found = as_pandas(fit.fixed_effects)["estimate"].to_numpy(dtype=np.float64)
        np.testing.assert_allclose(found, expected, atol=atol)

    return check


def as_numbers(fit: ml.Fit) -> None:
    """The fit is that of the response coded 0 and 1."""
    other = ml.fit("b ~ x + (1 | g)", data()(), family="bernoulli")
    assert abs(fit.loglik - other.loglik) < 1e-9
    np.testing.assert_allclose(
        as_pandas(fit.fixed_effects)["estimate"], as_pandas(other.fixed_effects)["estimate"], atol=1e-7
    )


def case(
    row: str,
    what: str,
    formula: str,
    family: Any,
    make: Callable[[], Data],
    outcome: Any = None,
    words: tuple[str, ...] = (),
    right: Callable[[ml.Fit], None] = lambda fit: None,
    **options: Any,
) -> Case:
    """Return a case of a family, tried in pandas and as a dictionary."""
    libraries = ("pandas", "dict")
    return Case(row, what, formula, make, outcome, words, right, {"family": family, **options}, libraries)


B, S, C = "b ~ x + (1 | g)", "prop(s, n) ~ x + (1 | g)", "c ~ x + (1 | g)"
DATA, DESIGN, OPTION = ml.DataError, ml.DesignError, ml.OptionError
PRIORS = "ml.sample with proper priors"
LOGIT, PROBIT = ml.families.Bernoulli(), ml.families.Bernoulli(link="probit")

CASES = [
    case("D46", "complete separation", B, LOGIT, data(b=lambda d: (d["x"] > 0).astype(float)), DESIGN,
         ("separation on `x`: it parts the responses `b` perfectly", PRIORS)),
    case("D46", "complete separation, probit", B, PROBIT, data(b=lambda d: (d["x"] > 0) * 1.0), DESIGN,
         ("separation on `x`", PRIORS)),
    case("D46", "a level with successes only", "prop(s, n) ~ t + (1 | g)", "binomial",
         data(s=lambda d: np.where(d["t"] == "c", 8, d["s"])), DESIGN, ("separation on `t[T.c]`", PRIORS)),
    case("D46", "a level with zeros only", "c ~ t + (1 | g)", "poisson",
         data(c=lambda d: np.where(d["t"] == "c", 0, d["c"])), DESIGN, ("separation on `t[T.c]`", PRIORS)),
    case("D46", "separated classes", "o ~ x + (1 | g)", "ordinal",
         data(o=lambda d: 1 + (d["x"] > -0.5) + (d["x"] > 0.7)), DESIGN, ("separation on `x`", PRIORS)),
    case("D46", "groups of one response each", B, LOGIT, data(b=(G % 2).astype(float)), DESIGN,
         ("separation on `g`: each of its 10 levels", PRIORS)),
    case("D46", "separated extra zeros", C, "poisson", data(c=lambda d: np.where(d["t"] == "c", 0, d["c"])),
         DESIGN, ("separation in the zero inflation on `t[T.c]` (plus infinity)", PRIORS),
         zero_inflation="~ t"),
    case("D46", "no extra zeros", C, "poisson", data(c=lambda d: d["c"] + 1), ml.BoundaryWarning,
         ("There are no more zeros than the counts explain",), zero_inflation="~ 1"),
    case("D48", "zeros only", C, "poisson", data(c=np.zeros(ROWS)), DESIGN,
         ("the response `c` is 0 in every row", PRIORS)),
    case("D48", "zeros only, inflated", C, "negative_binomial", data(c=np.zeros(ROWS)), DESIGN,
         ("the response `c` is 0 in every row",), zero_inflation="~ 1"),
    case("D49", "ones only", B, LOGIT, data(b=np.ones(ROWS)), DESIGN,
         ("the response `b` is a success in every trial", PRIORS)),
    case("D49", "successes only", S, "binomial", data(s=lambda d: d["n"]), DESIGN,
         ("the response `s` is a success in every trial",)),
    case("D50", "half a count", C, "poisson", data(c=with_7("c", 2.5)), DATA,
         ("the response `c` is no whole number: 2.5 in row 7", "allowed: counts", "offset()")),
    case("D50", "half a count, NB", C, "negative_binomial", data(c=with_7("c", 2.5)), DATA,
         ("no whole number: 2.5 in row 7",)),
    case("D51", "a negative count", C, "poisson", data(c=with_7("c", -1)), DATA,
         ("the response `c` is negative: -1 in row 7", "allowed: counts")),
    case("D52", "three values", B, LOGIT, data(b=np.arange(ROWS) % 3), DATA,
         ("`b` is neither 0 nor 1 everywhere: 2 in row 2", "and 28 more", "prop(successes, trials)")),
    case("D52", "codes 1 and 2", B, LOGIT, data(b=lambda d: d["b"] + 1), DATA,
         ("neither 0 nor 1 everywhere: 2 in row", "recode")),
    case("D52", "binomial without trials", B, "binomial", data(), OPTION,
         ("the response `b` without trials", "prop(successes, trials)", "family='bernoulli'")),
    case("D52", "booleans", B, LOGIT, data(b=lambda d: d["b"] > 0), right=as_numbers),
    case("D52", "two texts", B, LOGIT,
         data(b=lambda d: np.where(d["b"] > 0, "yes", "no").astype(object)), right=as_numbers),
    case("D52", "four texts", "t ~ x + (1 | g)", LOGIT, data(), DATA,
         ("the response `t` has 4 classes: 'a', 'b'", "family='ordinal'")),
    case("D53", "more successes than trials", S, "binomial", data(s=with_7("s", 11)), DATA,
         ("`s` has more successes than trials: 11 in row 7",)),
    case("D53", "no trials in a row", S, "binomial", data(s=with_7("s", 0), n=with_7("n", 0)), DATA,
         ("impossible numbers of trials: 0 in row 7", "allowed: whole numbers from 1", "try: leave out")),
    case("D53", "missing trials", S, "binomial", data(n=with_7("n", np.nan)), ml.MissingValuesWarning,
         ("1 of 100 rows left out", "n 1 (rows 7)")),
    case("D54", "counts near e^20", "large ~ x + (1 | g)", "poisson", data(),
         right=estimates(20.09, 0.3, atol=0.2)),
    case("D54", "counts near e^20, shaken", "shaken ~ x + (1 | g)", "negative_binomial",
         data(shaken=lambda d: np.rint(d["large"] * np.exp(0.3 * np.sin(np.arange(ROWS))))),
         right=estimates(20.09, 0.3, atol=0.2)),
    case("D54", "a thousand million trials", "prop(many, 1000000000) ~ x + (1 | g)", "binomial", data(),
         right=estimates(0.3, 1.0, atol=0.6)),
    case("D56", "one Bernoulli row in each group", "b ~ x + (1 | u)", LOGIT, data(u=np.arange(ROWS)),
         ml.BoundaryWarning, ("the sd of `Intercept` is estimated as exactly 0",)),
    case("D59", "misspelt family", C, "poison", data(), OPTION,
         ("family='poison' is not known", "allowed: 'gaussian'", "did you mean 'poisson'?")),
    case("D59", "texts as counts", "t ~ x + (1 | g)", "poisson", data(), DATA,
         ("the response `t` is not numeric", "'a', 'b', 'c', 'd'")),
    case("D59", "share of 0", "v ~ x + (1 | g)", "beta", data(v=np.linspace(0, 0.9, ROWS)), DATA,
         ("`v` is not between 0 and 1: 0 in row 0", "prop(successes, trials)")),
    case("D59", "gamma response of 0", "v ~ x + (1 | g)", "gamma", data(v=np.linspace(0, 0.9, ROWS)), DATA,
         ("`v` is not positive: 0 in row 0", "allowed: numbers above 0")),
    case("D59", "constant gamma response", "v ~ x + (1 | g)", "gamma", data(v=np.full(ROWS, 3.0)), DESIGN,
         ("the response `v` is the same in every row (3)", "would send its spread to nothing")),
    case("D59", "gamma response without spread", "v ~ x + (1 | g)", "gamma",
         data(v=lambda d: np.exp(0.2 + d["x"])), DESIGN, ("reproduces the response `v` exactly: `phi`",)),
    case("D59", "constant shares", "v ~ x + (1 | g)", "beta", data(v=np.full(ROWS, 0.3)), DESIGN,
         ("the response `v` is the same in every row (0.3)",)),
    case("D59", "numbers as classes", "y ~ x + (1 | g)", "ordinal", data(), DATA,
         ("the response `y` has no class number", "allowed: classes 1, 2, ...",
          "try: an ordered categorical column")),
    case("D59", "a class left out", "v ~ x + (1 | g)", "ordinal", data(v=1 + 2 * (np.arange(ROWS) % 3)), DATA,
         ("skips a class (3 are seen)",)),
    case("D59", "trials of a Poisson response", S, "poisson", data(), OPTION,
         ("prop(s, n)", "'binomial' and 'beta_binomial'")),
    case("D59", "trials of a linear model", S, None, data(), OPTION, ("prop(s, n)", "family='binomial'")),
    case("D59", "prop on the right", "c ~ prop(s, n) + (1 | g)", "poisson", data(), ml.FormulaError,
         ("`prop` is not a function of formulas", "^", "prop(successes, trials) ~")),
    case("D59", "inflated Bernoulli", B, LOGIT, data(), OPTION,
         ("zero inflation was asked of the bernoulli family", "allowed:"), zero_inflation="~ 1"),
    case("D59", "a column twice", "b ~ x + z + (1 | g)", LOGIT, data(z=lambda d: 2 * d["x"]),
         ml.AliasedWarning, ("`z` = 2 `x`",)),
    case("D59", "one group", B, LOGIT, data(g=np.zeros(ROWS)), DESIGN, ("`g` of `(1 | g)` has 1 level",)),
    case("D59", "an infinite count", C, "poisson", data(c=with_7("c", np.inf)), DATA,
         ("the column `c` is inf in row 7",)),
    case("D59", "a missing response", B, LOGIT, data(b=with_7("b", np.nan)), ml.MissingValuesWarning,
         ("b 1 (rows 7)",)),
]  # fmt: skip
