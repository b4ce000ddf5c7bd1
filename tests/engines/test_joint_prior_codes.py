"""Codes of priors: shapes by hand, constants by SciPy; the kernels read them in test_joint_native.py."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from multilevel.engines.joint.prior_codes import (
    FLAT,
    GAMMA,
    INVERSE_GAMMA,
    LOG_NORMAL,
    NORMAL,
    STUDENT,
    WIDTH,
    code_of,
    codes_of,
)
from multilevel.model import priors as p

REAL, POSITIVE = (-math.inf, math.inf), (0.0, math.inf)
HALF = math.log(2.0)
SHAPES = [
    (p.Normal(1, 2), (NORMAL, 0, *REAL, 1, 0.25, 0), stats.norm(1, 2).logpdf(1)),
    (p.HalfNormal(2), (NORMAL, 0, *POSITIVE, 0, 0.25, 0), stats.halfnorm(0, 2).logpdf(0)),
    (p.StudentT(3, 1, 2), (STUDENT, 0, *REAL, 1, 12, 2), stats.t(3, 1, 2).logpdf(1)),
    (p.HalfT(3, 2), (STUDENT, 0, *POSITIVE, 0, 12, 2), HALF + stats.t(3, 0, 2).logpdf(0)),
    (p.HalfCauchy(2), (STUDENT, 0, *POSITIVE, 0, 4, 1), stats.halfcauchy(0, 2).logpdf(0)),
    (p.Exponential(2), (GAMMA, 0, *POSITIVE, 0, 2, 0), math.log(2)),
    (p.Gamma(3, 2), (GAMMA, 0, *POSITIVE, 2, 2, 0), math.log(8 / math.gamma(3))),
    (p.InverseGamma(3, 2), (INVERSE_GAMMA, 0, *POSITIVE, 4, 2, 0), math.log(8 / math.gamma(3))),
    (p.LogNormal(1, 2), (LOG_NORMAL, 0, *POSITIVE, 1, 0.25, 0), -math.log(2 * math.sqrt(2 * math.pi))),
    (p.Uniform(1, 3), (FLAT, 0, 1, 3, 0, 0, 0), -math.log(2)),
    (p.Flat(), (FLAT, 0, *REAL, 0, 0, 0), 0.0),
    (p.RootOf(p.Gamma(3, 2)), (GAMMA, 1, *POSITIVE, 2, 2, 0), math.log(8 / math.gamma(3))),
    (p.Fixed(3), (FLAT, 0, *REAL, 0, 0, 0), 0.0),
]


@pytest.mark.parametrize(("prior", "shape", "top"), SHAPES, ids=lambda one: str(one)[:20])
def test_code(prior: p.ScalarPrior, shape: tuple[float, ...], top: float) -> None:
    code = code_of(prior)
    assert code is not None
    assert code == pytest.approx(np.array([*shape, top]), abs=1e-13)


class Strange(p.ScalarPrior):
    """A prior that the kernels do not know."""

    support = "real"
    mean = None

    def draw(self, rng: np.random.Generator, size: Any) -> Any:
        return rng.logistic(size=size)

    def _log(self, x: Any) -> Any:
        return stats.logistic.logpdf(x)

    def _slope(self, x: Any) -> Any:
        return -np.tanh(x / 2)


def test_several() -> None:
    found = codes_of([p.Normal(0, 1), p.Flat()])
    assert found is not None
    assert found.shape == (2, WIDTH)
    none = codes_of([])
    assert none is not None
    assert none.shape == (0, WIDTH)
    assert code_of(Strange()) is None
    assert codes_of([p.Normal(0, 1), Strange()]) is None
