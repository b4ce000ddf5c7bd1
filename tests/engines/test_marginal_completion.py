"""From points to draws: layout by chain, kept effects, residual sds beside the rest."""

from __future__ import annotations

import numpy as np
import pytest

from multilevel.engines.marginal.completion import HowSampled, complete, draws_at
from multilevel.engines.marginal.sampler import density_and_start
from multilevel.errors import DesignError
from tests.engines.varying_cases import bound_case, made_data, named_case

SAID = HowSampled("marginal", 1.0, None, {"evaluations": 3.0}, "As said.")


def test_points_are_laid_out_by_chain_and_effects_kept_where_asked() -> None:
    case = named_case("defaults")
    density, start = density_and_start(case.moments, case.priors, threads=1)
    x = start + 0.1 * np.random.default_rng(1).standard_normal((600, start.size))
    kept = np.array([0, 7, 299])
    draws = draws_at(density, x, kept, SAID, chains=2, seed=4)
    done = complete(density, x, np.array([0, 7, 299, 300, 307, 599]), 4)
    assert draws.residual is not None
    assert done.residual_sds is not None
    assert done.law is not None
    np.testing.assert_array_equal(draws.coefficients.reshape(600, 2), done.coefficients)
    np.testing.assert_array_equal(draws.residual.sds[1, 3], done.residual_sds[303])
    np.testing.assert_array_equal(draws.effects[0].reshape(6, 9, 2), done.effects[0])
    assert draws.residual.law == "log_normal"
    assert [name for name, _ in draws.residual.parameters] == ["mean(log sigma)", "sd(log sigma)"]
    np.testing.assert_array_equal(draws.residual.parameters[1][1][1, :5], done.law[300:305, 1])
    assert (draws.method, draws.efficiency, draws.sentence) == ("marginal", 1.0, "As said.")
    counts = np.bincount(case.design.residual_groups.index)
    pooled = np.sqrt((counts * np.square(draws.residual.sds)).sum(axis=2) / counts.sum())
    np.testing.assert_allclose(draws.sigma, pooled, rtol=1e-13)


def test_draws_of_a_point_do_not_depend_on_which_effects_are_kept() -> None:
    case = named_case("two terms")
    density, start = density_and_start(case.moments, case.priors, threads=1)
    x = np.tile(start, (300, 1))
    few, many = complete(density, x, np.array([280]), 4), complete(density, x, np.arange(300), 4)
    np.testing.assert_array_equal(few.residual_sds, many.residual_sds)
    np.testing.assert_array_equal(few.effects[1][0], many.effects[1][280])


def test_other_structures_are_refused_with_the_engine_that_takes_them() -> None:
    case = bound_case(
        "y ~ x + (1 | g)", {}, {**made_data(), "h": made_data()["x"] > 1.0}, residual_groups="h"
    )
    with pytest.raises(DesignError) as caught:
        density_and_start(case.moments, case.priors)
    assert caught.value.remedy == 'method="gibbs"'
