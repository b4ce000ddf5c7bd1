"""A posterior of a generalised model with made draws, so that every answer can be had by hand."""

from __future__ import annotations

from typing import Any

import numpy as np

from multilevel.data import read_table
from multilevel.design import bind, columns_needed
from multilevel.design.priors import bind_priors
from multilevel.engines.draws import Draws, FamilyDraws
from multilevel.language import given_model
from multilevel.posterior_answers import POSTERIOR_ANSWERS
from multilevel.results.posterior import Posterior
from multilevel.results.posterior_options import SampleOptions

CHAINS, DRAWS = 2, 150


def made(
    formula: str, data: Any, family: str, *, zero_inflation: str | None = None, seed: int = 1
) -> Posterior:
    """Return a posterior whose draws are random numbers near 0.3 (coefficients, effects) and 1 (the rest)."""
    model, _ = given_model(formula, lme4_compat=False, family=family, zero_inflation=zero_inflation)
    table = read_table(data, columns_needed(model))
    design = bind(model, table)
    rng = np.random.default_rng(seed)
    priors = bind_priors(design)
    assert priors.family is not None
    names, zeros = priors.family.names, tuple(name for name, _ in priors.family.inflation)

    def normal(*shape: int) -> np.ndarray:
        return 0.2 * rng.standard_normal((CHAINS, DRAWS, *shape))

    values = np.exp(normal(len(names)))
    if family == "ordinal":
        values = np.cumsum(values, axis=2) - 1.0
    sizes = [(len(design.factors[t.factor].levels), len(t.names)) for t in design.terms]
    drawn = Draws(
        method="nuts",
        coefficients=0.3 + normal(len(design.fixed.names)),
        sigma=np.ones((CHAINS, DRAWS)),
        sds=tuple(np.exp(normal(k)) for _, k in sizes),
        correlations=tuple(np.broadcast_to(np.eye(k), (CHAINS, DRAWS, k, k)).copy() for _, k in sizes),
        effects=tuple(normal(m, k) for m, k in sizes),
        kept=np.arange(DRAWS),
        efficiency=None,
        log_evidence=None,
        family=FamilyDraws(names, values, zeros, normal(len(zeros))),
    )
    options = SampleOptions(
        seed=3,
        draws=CHAINS * DRAWS,
        chains=CHAINS,
        family=family,
        link=str(model.family.link),
        zero_inflation=zero_inflation,
    )
    return Posterior(design, None, drawn, priors, table, options, POSTERIOR_ANSWERS)
