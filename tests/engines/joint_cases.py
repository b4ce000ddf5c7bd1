"""Generalised designs of many kinds that the tests of the joint density share."""

from __future__ import annotations

from typing import Any

import numpy as np

from multilevel.design import Design
from multilevel.model import priors as p
from tests.design.generalised_cases import generalised


def table() -> dict[str, Any]:
    """Return 120 rows in 12 groups ``g`` nested in 4 ``h`` and crossed with 6 ``i``, with many responses."""
    rng = np.random.default_rng(8)
    n = 120
    g, i = np.repeat(np.arange(12), 10), np.tile(np.arange(6), 20)
    x = rng.normal(size=n) + 0.5
    eta = 0.6 + 0.4 * x + 0.7 * rng.normal(size=12)[g] + 0.4 * rng.normal(size=6)[i]
    mu = np.exp(eta)
    share = 1.0 / (1.0 + np.exp(-eta))
    count = rng.poisson(mu).astype(float)
    trials = rng.integers(3, 9, size=n).astype(float)
    return {
        "g": g,
        "h": g // 3,
        "i": i,
        "x": x,
        "count": count,
        "zeros": count * (rng.random(n) > 0.3),
        "yes": (rng.random(n) < share).astype(float),
        "trials": trials,
        "hits": rng.binomial(trials.astype(int), share).astype(float),
        "positive": rng.gamma(2.0, mu / 2.0) + 0.01,
        "share": np.clip(rng.beta(4 * share, 4 * (1 - share)), 0.01, 0.99),
        "class": np.minimum(count // 2, 2) + 1,
        "real": eta + rng.standard_t(4, size=n),
        "exposure": np.log(rng.uniform(0.5, 2.0, size=n)),
    }


CASES: dict[str, tuple[str, str, str | None, Any]] = {
    "one factor": ("yes ~ x + (1 | g)", "bernoulli", None, None),
    "nested, offset": ("count ~ x + offset(exposure) + (1 | g) + (1 | h)", "poisson", None, None),
    "crossed, a slope": ("prop(hits, trials) ~ x + (x | g) + (1 | i)", "binomial", None, None),
    "two terms of a factor": ("count ~ x + (1 | g) + (0 + x | g)", "negative_binomial", None, None),
    "zero inflation": ("zeros ~ x + (1 | g)", "poisson", "~ x", None),
    "inflated, with theta": ("zeros ~ x + (x | g)", "negative_binomial_linear", "~ 1", None),
    "gamma": ("positive ~ x + (1 + x || g)", "gamma", None, None),
    "inverse Gaussian": ("positive ~ x + (1 | g)", "inverse_gaussian", None, None),
    "beta": ("share ~ x + (1 | g)", "beta", None, None),
    "ordinal": ("class ~ x + (1 | g)", "ordinal", None, None),
    "ordinal, own thresholds": ("class ~ x + (x | g)", "ordinal", None, {"thresholds": p.Normal(0, 2)}),
    "Student": ("real ~ x + (1 | g)", "student", None, {"nu": p.Fixed(4)}),
    "one correlation": ("prop(hits, trials) ~ x + cs(x | g)", "beta_binomial", None, None),
    "covariance matrix": (
        "count ~ x + (x | g)",
        "poisson",
        None,
        {"g": p.InverseWishart(4, np.eye(2)), "fixed": p.MVNormal([0, 0], np.eye(2))},
    ),
    "held": (
        "count ~ x + (x | g)",
        "poisson",
        None,
        {"x": p.Fixed(0.3), "g": {"sd": {"Intercept": p.Fixed(0.5)}}},
    ),
    "rstanarm": ("count ~ x + (x | g)", "poisson", None, "rstanarm"),
}


def design_of(name: str) -> Design:
    """Return the design of a case."""
    formula, family, inflation, _ = CASES[name]
    return generalised(formula, table(), family, zero_inflation=inflation)
