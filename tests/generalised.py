"""One small table with a response for every family, drawn from a fixed seed, and the fits to it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

import multilevel as ml

GROUPS, ROWS = 12, 12
CLASSES = ("low", "middle", "high")


@cache
def table() -> pd.DataFrame:
    """Return 144 rows: ``x``, the group ``g``, an exposure, trials, and a response for each family."""
    rng = np.random.default_rng(20261121)
    n = GROUPS * ROWS
    group = np.repeat(np.arange(GROUPS), ROWS)
    x = rng.normal(size=n)
    eta = 0.3 + 0.5 * x + rng.normal(0.0, 0.6, GROUPS)[group]
    mu, p = np.exp(eta), 1.0 / (1.0 + np.exp(-eta))
    size = rng.integers(2, 9, n)
    shared = rng.beta(6 * p, 6 * (1 - p))
    latent = eta + rng.logistic(size=n)
    exposure = rng.uniform(0.5, 3.0, n)
    yes = rng.random(n) < p
    return pd.DataFrame(
        {
            "x": x,
            "g": [f"g{j:02d}" for j in group],
            "exposure": exposure,
            "size": size,
            "yes": yes.astype(int),
            "answer": np.where(yes, "yes", "no"),
            "successes": rng.binomial(size, p),
            "clumped": rng.binomial(size, shared),
            "count": rng.poisson(mu * exposure),
            "spread": rng.poisson(mu * rng.gamma(2.0, 0.5, n)),
            "zeros": rng.poisson(2.0 * mu) * (rng.random(n) > 0.3),
            "time": mu * rng.gamma(4.0, 0.25, n),
            "speed": rng.wald(mu, 4.0),
            "share": rng.beta(8 * p, 8 * (1 - p)),
            "heavy": eta + 0.5 * rng.standard_t(3.0, n),
            "level": pd.Categorical.from_codes(
                (latent[:, None] > [-0.5, 1.0]).sum(axis=1), CLASSES, ordered=True
            ),
        }
    )


CASES: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "bernoulli": ("yes ~ x + (1 | g)", {"family": "bernoulli"}),
    "bernoulli of text": ("answer ~ x + (1 | g)", {"family": ml.families.Bernoulli(link="probit")}),
    "binomial": ("prop(successes, size) ~ x + (1 | g)", {"family": ml.families.Binomial(link="cloglog")}),
    "poisson with exposure": ("count ~ x + offset(log(exposure)) + (1 | g)", {"family": "poisson"}),
    "negative binomial": ("spread ~ x + (1 | g)", {"family": "negative_binomial"}),
    "negative binomial, linear": ("spread ~ x + (1 | g)", {"family": "negative_binomial_linear"}),
    "zero-inflated": ("zeros ~ x + (1 | g)", {"family": "poisson", "zero_inflation": "~ x"}),
    "gamma": ("time ~ x + (1 | g)", {"family": ml.families.Gamma(link="log")}),
    "inverse gaussian": ("speed ~ x + (1 | g)", {"family": "inverse_gaussian"}),
    "beta": ("share ~ x + (1 | g)", {"family": "beta"}),
    "beta-binomial": ("prop(clumped, size) ~ x + (1 | g)", {"family": "beta_binomial"}),
    "student": ("heavy ~ x + (1 | g)", {"family": "student"}),
    "ordinal": ("level ~ x + (1 | g)", {"family": "ordinal"}),
    "gaussian with log link": ("time ~ x + (1 | g)", {"family": ml.families.Gaussian(link="log")}),
}
"""Formula and keywords of `multilevel.fit` for each family."""


@cache
def fitted(case: str) -> ml.Fit:
    """Return the fit of a case to the table."""
    formula, keywords = CASES[case]
    return ml.fit(formula, table(), **keywords)
