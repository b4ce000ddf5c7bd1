"""Tests of priors read against the names of a design."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from multilevel.design.default_priors import brms_priors, rstanarm_priors, scaled_priors
from multilevel.design.design import Design
from multilevel.design.priors import bind_priors
from multilevel.errors import OptionError
from multilevel.model.priors import (
    LKJ,
    Exponential,
    Fixed,
    FixedMatrix,
    HalfCauchy,
    HalfNormal,
    HalfT,
    InverseGamma,
    InverseWishart,
    MVNormal,
    Normal,
    RootOf,
    ScaledInverseWishart,
    StudentT,
    Uniform,
    Wishart,
)
from tests.design.cases import base, bound, bound_with_warnings, cycled

DATA = base(h=cycled("pqrst"), **{"wait time": np.linspace(0, 1, 100) ** 2})
SLOPES = bound("y ~ x + (x | g)", DATA)
NESTED = bound("y ~ x + `wait time` + (1 | g:h)", DATA)
TWO = bound("y ~ x + (1 | g) + (0 + x | g) + (1 | h)", DATA)


def test_words_are_the_defaults() -> None:
    assert bind_priors(SLOPES).texts() == scaled_priors(SLOPES).texts()
    assert bind_priors(SLOPES, "default").texts() == bind_priors(SLOPES, {}).texts()
    assert bind_priors(SLOPES, "brms").texts() == brms_priors(SLOPES).texts()


def test_a_dictionary_completes_the_defaults_that_it_names() -> None:
    brms, rstanarm = brms_priors(SLOPES), rstanarm_priors(SLOPES)
    assert bind_priors(SLOPES, {"default": "brms"}).texts() == brms.texts()
    assert bind_priors(SLOPES, {"default": "default"}).texts() == scaled_priors(SLOPES).texts()
    found = bind_priors(SLOPES, {"default": "brms", "x": Normal(0, 1)})
    assert found.coefficients == (brms.coefficients[0], Normal(0, 1))  # type: ignore[index]
    assert found.lift.tolist() == brms.lift.tolist()
    assert (found.terms, found.sigma) == (brms.terms, brms.sigma)
    found = bind_priors(SLOPES, {"default": "rstanarm", "g": {"sd": HalfNormal(1)}})
    assert (found.coefficients, found.sigma) == (rstanarm.coefficients, rstanarm.sigma)
    assert (found.terms[0].sds, found.terms[0].correlation) == ((HalfNormal(1),) * 2, LKJ(1))


@pytest.mark.parametrize("prior", [{"sd": HalfNormal(1)}, {"variance": Fixed(4)}, FixedMatrix(np.eye(2))])
def test_sds_that_were_given_are_not_relative_to_sigma(prior: Any) -> None:
    term = bind_priors(SLOPES, {"default": "rstanarm", "g": prior}).terms[0]
    assert not term.relative
    assert "times sigma" not in str(term.texts())


def test_one_sd_cannot_be_given_beside_others_that_are_relative_to_sigma() -> None:
    design = bound("y ~ x + (x || g)", DATA)
    with pytest.raises(OptionError, match="has no prior for 'Intercept'\n  allowed: one for each effect"):
        bind_priors(design, {"default": "rstanarm", "g": {"sd": {"x": HalfNormal(1)}}})


def test_a_column_named_default() -> None:
    column = np.linspace(0, 1, 100)
    design = bound("y ~ default + (1 | g)", base(default=column))
    priors = bind_priors(design, {"default": "brms", "`default`": Normal(0, 3)})
    assert priors.coefficients[1] == Normal(0, 3)  # type: ignore[index]
    message = "is Normal\\(0, 3\\)\n .*\n  try: \"fixed\" for .*; '`default`' for the coefficient"
    with pytest.raises(OptionError, match=message):
        bind_priors(design, {"default": Normal(0, 3)})
    design = bound("y ~ 1 + (1 | default)", base(default=cycled("pqrst")))
    with pytest.raises(OptionError, match="try: rename the column `default`"):
        bind_priors(design, {"default": {"sd": HalfNormal(1)}})


def test_coefficients_by_name_and_the_rest() -> None:
    priors = bind_priors(SLOPES, {"fixed": Normal(0, 10), "x": Normal(1, 2)})
    assert priors.coefficients == (Normal(0, 10), Normal(1, 2))
    assert not priors.centred
    only_slope = bind_priors(SLOPES, {"x": StudentT(3, 0, 1)})
    assert only_slope.centred
    assert only_slope.coefficients[1] == StudentT(3, 0, 1)  # type: ignore[index]
    only_intercept = bind_priors(SLOPES, {"Intercept": Normal(5, 2)})
    assert only_intercept.coefficients[0] == Normal(5, 2)  # type: ignore[index]
    assert not only_intercept.centred
    joint = MVNormal(np.zeros(2), np.eye(2))
    assert bind_priors(SLOPES, {"fixed": joint}).coefficients == joint


def test_names_in_backticks() -> None:
    name = NESTED.fixed.names[2]
    for key in (name, "`wait time`"):
        assert bind_priors(NESTED, {key: Fixed(3)}).coefficients[2] == Fixed(3)  # type: ignore[index]
    sigma = bound("y ~ sigma + (1 | g)", base(sigma=np.linspace(0, 1, 100)))
    priors = bind_priors(sigma, {"sigma": HalfNormal(1), "`sigma`": Normal(0, 3)})
    assert priors.sigma == HalfNormal(1)
    assert priors.coefficients[1] == Normal(0, 3)  # type: ignore[index]


def test_residual_sd_or_variance() -> None:
    assert bind_priors(SLOPES, {"sigma": Exponential(1)}).sigma == Exponential(1)
    assert bind_priors(SLOPES, {"sigma2": InverseGamma(1, 2)}).sigma == RootOf(InverseGamma(1, 2))
    assert bind_priors(SLOPES, {"sigma2": Fixed(4)}).sigma == Fixed(2)


@pytest.mark.parametrize(
    ("given", "sds", "correlation"),
    [
        ({"sd": HalfCauchy(1), "correlation": LKJ(4)}, (HalfCauchy(1), HalfCauchy(1)), LKJ(4)),
        ({"sd": {"x": HalfT(3, 1), "Intercept": Fixed(0)}}, (Fixed(0), HalfT(3, 1)), LKJ(2)),
        ({"variance": InverseGamma(1, 2)}, (RootOf(InverseGamma(1, 2)),) * 2, LKJ(2)),
        ({"sd": Uniform(0, 5), "correlation": Uniform(-1, 1)}, (Uniform(0, 5),) * 2, LKJ(1)),
        ({"sd": Uniform(0, 5), "correlation": Fixed(-0.5)}, (Uniform(0, 5),) * 2, Fixed(-0.5)),
    ],
)
def test_sds_and_correlations_of_a_term(given: Any, sds: Any, correlation: Any) -> None:
    term = bind_priors(SLOPES, {"g": given}).terms[0]
    assert (term.covariance, term.sds, term.correlation) == (None, sds, correlation)


def test_unnamed_effects_have_their_defaults() -> None:
    term = bind_priors(SLOPES, {"g": {"variance": {"x": InverseGamma(2, 3)}}}).terms[0]
    default = scaled_priors(SLOPES).terms[0].sds
    assert term.sds == (default[0], RootOf(InverseGamma(2, 3)))  # type: ignore[index]


@pytest.mark.parametrize(
    ("given", "law"),
    [
        (InverseWishart(5, np.eye(2)), InverseWishart(5, np.eye(2))),
        (Wishart(5, 0.5 * np.eye(2)), InverseWishart(5, 2 * np.eye(2))),
        (ScaledInverseWishart(5, np.eye(2)), InverseWishart(5, 5 * np.eye(2))),
        (FixedMatrix(np.eye(2)), FixedMatrix(np.eye(2))),
    ],
)
def test_a_prior_of_the_whole_matrix(given: Any, law: Any) -> None:
    term = bind_priors(SLOPES, {"g": given}).terms[0]
    assert isinstance(term.covariance, type(law))
    assert term.covariance.text() == law.text()
    assert (term.sds, term.correlation) == ((), None)


@pytest.mark.parametrize("key", ["g:h", "h:g"])
def test_columns_of_a_factor_in_any_order(key: str) -> None:
    assert bind_priors(NESTED, {key: {"sd": HalfNormal(1)}}).terms[0].sds == (HalfNormal(1),)


def test_several_terms_on_one_factor() -> None:
    by_list = bind_priors(TWO, {"g": [None, {"sd": HalfNormal(1)}]})
    by_number = bind_priors(TWO, {"g[2]": {"sd": HalfNormal(1)}})
    assert by_list.terms == by_number.terms
    assert [term.label for term in by_list.terms] == ["g[1]", "g[2]", "h"]
    assert by_list.terms[1].sds == (HalfNormal(1),)
    assert by_list.terms[0] == scaled_priors(TWO).terms[0]


KNOWN = bound("y ~ x + (1 | g)", DATA, residual_sd=1.0)
DIAGONAL = bound("y ~ x + (x || g)", DATA)
SHARED = bound("y ~ x + homdiag(x | g)", DATA)
EMPTY = bound("y ~ 0 + (1 | g)", DATA)


@pytest.mark.parametrize(
    ("design", "priors", "message"),
    [
        (SLOPES, "stan", 'priors=\'stan\'\n  allowed: "default", "brms", "rstanarm"'),
        (SLOPES, [Normal(0, 1)], "priors is a list"),
        (SLOPES, {"default": "stan"}, 'priors\\["default"\\] is \'stan\'\n  allowed: "default", "brms"'),
        (
            SLOPES,
            {"xx": Normal(0, 1), 3: 4},
            "priors: 'xx', 3 name nothing in this model\n  allowed: 'Intercept', 'x',",
        ),
        (SLOPES, {"sigmaa": HalfT(3, 1)}, "try: 'sigma' for 'sigmaa'"),
        (SLOPES, {"g[1]": LKJ(1)}, "'g\\[1\\]' names nothing"),
        (SLOPES, {"x": 3}, 'priors\\["x"\\] is 3\n  allowed: a prior of one number\n  try: Fixed\\(3\\)'),
        (
            SLOPES,
            {"x": LKJ(2)},
            'priors\\["x"\\] is LKJ\\(2\\)\n  allowed: a prior of one number\n  try: Normal',
        ),
        (SLOPES, {"fixed": MVNormal(np.zeros(3), np.eye(3))}, "MVNormal of 3 numbers\n  allowed: .* all 2"),
        (
            SLOPES,
            {"fixed": MVNormal(np.zeros(2), np.eye(2)), "x": Normal(0, 1)},
            "MVNormal beside priors of x",
        ),
        (SLOPES, {"x": MVNormal(np.zeros(2), np.eye(2))}, "allowed: a prior of one number"),
        (EMPTY, {"fixed": Normal(0, 1)}, "the model has no coefficients"),
        (SLOPES, {"sigma": Normal(0, 2)}, "allows negative numbers\n  allowed: .*\n  try: HalfNormal\\(2\\)"),
        (SLOPES, {"sigma": StudentT(3, 0, 2)}, "try: HalfT\\(3, 2\\)"),
        (SLOPES, {"sigma": Fixed(0)}, "holds the residual sd at zero"),
        (SLOPES, {"sigma": Fixed(-2)}, "try: Fixed\\(2\\)"),
        (SLOPES, {"sigma": HalfT(3, 1), "sigma2": InverseGamma(1, 1)}, 'both "sigma" and "sigma2"'),
        (KNOWN, {"sigma2": InverseGamma(1, 1)}, "beside a known residual sd, 1"),
        (SLOPES, {"g": HalfCauchy(1)}, 'is HalfCauchy\\(1\\)\n .*\n  try: {"sd": HalfCauchy\\(1\\)}'),
        (SLOPES, {"g": LKJ(2)}, 'try: {"correlation": LKJ\\(2\\)}'),
        (SLOPES, {"g": {}}, 'priors\\["g"\\] is empty'),
        (SLOPES, {"g": {"sds": HalfT(3, 1)}}, "has the key 'sds'\n .*\n  try: 'sd'"),
        (SLOPES, {"g": {"sd": HalfT(3, 1), "variance": HalfT(3, 1)}}, 'both "sd" and "variance"'),
        (
            SLOPES,
            {"g": {"sd": {"xx": HalfT(3, 1)}}},
            "names 'xx', which is no effect\\D*\n  allowed: 'Intercept', 'x'",
        ),
        (SLOPES, {"g": {"sd": {"x": Normal(0, 1)}}}, 'priors\\["g"\\]\\["sd"\\]\\[\'x\'\\] is Normal'),
        (SLOPES, {"g": {"correlation": HalfT(3, 1)}}, "allowed: LKJ\\(eta\\); for two effects also Uniform"),
        (SLOPES, {"g": {"correlation": Fixed(1)}}, "r between -1 and 1"),
        (
            SLOPES,
            {"g": InverseWishart(3, 1.0)},
            "of a 1 by 1 matrix\n  allowed: 2 by 2, for the effects Intercept, x",
        ),  # type: ignore[arg-type]
        (DIAGONAL, {"g": InverseWishart(4, np.eye(2))}, 'is diagonal\n .*\n  try: {"variance": InverseGamma'),
        (DIAGONAL, {"g": {"correlation": LKJ(2)}}, "are not correlated"),
        (SHARED, {"g": {"sd": {"x": HalfT(3, 1)}}}, "one sd for all"),
        (TWO, {"g": {"sd": HalfT(3, 1)}}, 'has 1 priors and 2 terms\n .*\n  try: "g\\[1\\]", "g\\[2\\]"'),
        (TWO, {"h": [None, None]}, "has 2 priors and 1 terms"),
        (TWO, {"g": [None, {"sd": HalfT(3, 1)}], "g[2]": {"sd": HalfT(3, 1)}}, 'the term "g\\[2\\]" twice'),
        (NESTED, {"g:h": {"sd": HalfT(3, 1)}, "h:g": {"sd": HalfT(3, 1)}}, "`g:h` twice"),
        (SLOPES, {"x": Normal(0, 1), "`x`": Normal(0, 1)}, "`x` twice"),
    ],
)
def test_errors(design: Design, priors: Any, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        bind_priors(design, priors)


def test_a_column_that_was_left_out_is_said_to_have_no_coefficient() -> None:
    design, _ = bound_with_warnings("y ~ x + x2 + (1 | g)", {**DATA, "x2": 2 * DATA["x"]})
    with pytest.raises(OptionError, match="leave 'x2' out: its column is a combination of others"):
        bind_priors(design, {"x2": Normal(0, 1)})


def test_a_name_that_is_both_a_coefficient_and_a_group_is_refused() -> None:
    design = bound("y ~ k + (1 | k)", {**DATA, "k": np.tile(np.arange(5.0), 20)})
    with pytest.raises(OptionError, match="may be the coefficient or the grouping factor `k`"):
        bind_priors(design, {"k": Normal(0, 1)})
    assert bind_priors(design, {"`k`": Normal(0, 1)}).coefficients[1] == Normal(0, 1)  # type: ignore[index]
