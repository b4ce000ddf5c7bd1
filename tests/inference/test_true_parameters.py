"""Parameters by the graph's names: the list, what is missing or unknown, and values of the wrong kind."""

from __future__ import annotations

import numpy as np
import pytest

from multilevel.errors import OptionError
from multilevel.inference.true_parameters import (
    ascending,
    check_parameters,
    coefficient,
    correlations,
    covariance,
    family_names,
    parameter_names,
    positive,
)
from multilevel.language import parse_formula, with_family
from multilevel.language.graph import parse_graph


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("A[g] ~ Normal(mu + c * x, tau); y ~ Normal(A[g], sigma)", ("mu", "c", "tau", "sigma")),
        ("A[g] ~ Normal(mu, 2); y ~ Normal(A[g], 0.5)", ("mu",)),
        ("A[g] ~ Normal(mu, sqrt(v)); y ~ Normal(A[g], sqrt(w))", ("mu", "v", "w")),
        ("b[g] ~ MVNormal([m, k], S); y ~ Normal(b[g][0] + b[g][1] * x, s)", ("m", "k", "S", "s")),
        (
            "A[g] ~ Normal(mu, tau); s[g] ~ LogNormal(a, 0.3); a ~ Normal(0, 1); y ~ Normal(A[g], s[g])",
            ("mu", "tau", "a"),
        ),
        ("A[g] ~ Normal(mu, tau); y ~ Normal(A[g], s[g])", ("mu", "tau", "s")),
        ("A[g] ~ Normal(mu, tau); y ~ NegativeBinomial(exp(A[g]), size)", ("mu", "tau", "size")),
        ("A[g] ~ Normal(0, tau); y ~ Ordinal(A[g] + b * x)", ("b", "tau", "thresholds")),
    ],
)
def test_names(text, names) -> None:
    model = parse_graph(text)
    assert parameter_names(model) == names
    assert tuple(check_parameters(model, dict.fromkeys(names, 1))) == names


def test_parameters_of_a_family_without_names_have_its_own() -> None:
    model = with_family(parse_formula("y ~ 1 + (1 | g)"), "negative_binomial", None).graph()
    assert family_names(model) == ("theta",)


def test_all_that_is_wrong_is_said_at_once() -> None:
    model = parse_graph("A[g] ~ Normal(mu, tau); y ~ Normal(A[g], sigma)")
    with pytest.raises(OptionError) as caught:
        check_parameters(model, {"mu": 1, "sigm": 2})
    assert str(caught.value) == (
        "parameters missing: 'tau', 'sigma'; not in the graph: 'sigm'\n"
        "  allowed: 'mu', 'tau', 'sigma'\n  try: 'sigma' for 'sigm'"
    )
    with pytest.raises(OptionError, match="the parameters are list"):
        check_parameters(model, [1, 2, 3])


def test_covariance_matrices() -> None:
    wanted = np.array([[4.0, 0.6, 1.2], [0.6, 1.0, 0.6], [1.2, 0.6, 4.0]])
    given = {"sds": [2, 1, 2], "correlation": 0.3}
    np.testing.assert_allclose(covariance("S", given, 3), wanted)
    np.testing.assert_allclose(covariance("S", wanted.tolist(), 3), wanted)
    r = wanted / np.outer([2, 1, 2], [2, 1, 2])
    np.testing.assert_allclose(correlations("R", r, np.array([2.0, 1.0, 2.0])), wanted)


@pytest.mark.parametrize(
    "value",
    [
        1.0,
        [[1, 0], [0, -1]],
        [[1, 0.5], [0.4, 1]],
        np.eye(3),
        {"sds": [1, 1]},
        {"sds": [1, -1], "correlation": 0},
        {"sds": [1, 1], "correlation": 1.5},
        {"sds": [1, 1], "correlation": [[2, 0], [0, 1]]},
        "S",
    ],
)
def test_matrices_that_are_none(value) -> None:
    with pytest.raises(OptionError, match="no covariance matrix of 2 numbers"):
        covariance("S", value, 2)


def test_numbers() -> None:
    assert positive("tau", 0) == 0.0
    assert coefficient("b", 2, ("1",)).tolist() == [2.0]
    assert coefficient("b", {"x[T.b]": 1, "x[T.c]": 2}, ("x[T.b]", "x[T.c]")).tolist() == [1.0, 2.0]
    assert ascending("thresholds", [-1, 0.5]).tolist() == [-1.0, 0.5]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: positive("tau", -1), "tau=-1 is no sd"),
        (lambda: positive("tau", "1"), "tau='1' is no sd"),
        (lambda: positive("tau", True), "tau=True is no sd"),
        (lambda: coefficient("b", np.inf, ("1",)), "b=inf cannot be used"),
        (lambda: coefficient("b", 1, ("x[T.b]", "x[T.c]")), r"2 numbers, of 'x\[T.b\]', 'x\[T.c\]'"),
        (lambda: coefficient("b", {"x": 1}, ("x[T.b]",)), "cannot be used"),
        (lambda: ascending("thresholds", [1, 1]), "ascending"),
    ],
)
def test_values_of_the_wrong_kind(call, words) -> None:
    with pytest.raises(OptionError, match=words):
        call()
