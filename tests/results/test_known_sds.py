"""Known sds by keyword and graph: names of terms, forms, and what cannot have them."""

from __future__ import annotations

import numpy as np
import pytest

from multilevel.errors import OptionError
from multilevel.language import parse_formula, with_family
from multilevel.language.graph import parse_graph
from multilevel.results.known_sds import check_known, known_sds


def known(model, given, *, method="reml", ddf="satterthwaite"):
    return known_sds(model, given, method=method, ddf=ddf)


@pytest.mark.parametrize(
    ("formula", "given", "wanted"),
    [
        ("y ~ 1 + (1 | g)", None, None),
        ("y ~ 1 + (1 | g) + (1 | h)", {"h": {"sd": 2.0}}, (None, 2.0)),
        ("y ~ x + (1 | g) + (0 + x | g)", {"g[2]": {"sd": 0.5}}, (None, 0.5)),
        ("y ~ 1 + (1 | a/b)", {"a:b": {"sd": 1.0}, "a": {"sd": 3.0}}, (3.0, 1.0)),
    ],
)
def test_terms_have_the_names_of_the_priors(formula, given, wanted) -> None:
    assert known(parse_formula(formula), given) == wanted


def test_graphs_have_numbers() -> None:
    model = parse_graph("A[a] ~ Normal(m, 2); B[b] ~ Normal(0, s); y ~ Normal(A[a] + B[b], 1)")
    assert known(model, None) == (2.0, None)
    assert known(model, {"b": {"sd": 0.5}}) == (2.0, 0.5)
    with pytest.raises(OptionError, match="the graph has its own: 2"):
        known(model, {"a": {"sd": 1.0}})


@pytest.mark.parametrize(
    ("formula", "given", "change", "words"),
    [
        ("y ~ 1 + (1 | g)", {"h": {"sd": 1.0}}, {}, "'h' names no grouped term\n  allowed: 'g'"),
        ("y ~ x + (x | g)", {"g": {"sd": 1.0}}, {}, "has several effects"),
        ("y ~ 1 + ar1(0 + t | g)", {"g": {"sd": 1.0}}, {}, r"beside `ar1\(0 \+ t \| g\)`"),
        ("y ~ 1 + (1 | h) + rw1(0 + t | g)", {"h": {"sd": 1.0}}, {}, r"beside `rw1\(0 \+ t \| g\)`"),
        ("y ~ 1 + (1 | g)", {"g": {"sd": 1.0}}, {"method": "em"}, "with method='em'"),
        ("y ~ 1 + (1 | g)", {"g": {"sd": 1.0}}, {"ddf": "kenward-roger"}, "kenward-roger"),
    ],
)
def test_what_cannot_be_known(formula, given, change, words) -> None:
    with pytest.raises(OptionError, match=words):
        known(parse_formula(formula), given, **change)


def test_other_families_and_vectors_are_refused() -> None:
    poisson = with_family(parse_formula("y ~ 1 + (1 | g)"), "poisson", None)
    with pytest.raises(OptionError, match="poisson family"):
        known(poisson, {"g": {"sd": 1.0}}, method="laplace", ddf="none")
    vector = parse_graph("[a, b][g] ~ MVNormal([m, k], [s, 2], R); y ~ Normal(a[g] + b[g] * x, 1)")
    with pytest.raises(OptionError, match="component of `a, b` is the known number 2"):
        known(vector, None)


def test_forms() -> None:
    assert check_known(None) is None
    assert check_known({"g": {"sd": np.int64(2)}}) == {"g": {"sd": 2.0}}
    for given in [2.0, {}, {1: {"sd": 1.0}}]:
        with pytest.raises(OptionError, match="names no sds"):
            check_known(given)
    for inner in [2.0, {"sd": 0.0}, {"sd": -1}, {"sd": np.inf}, {"sd": True}, {"sd": "1"}, {"var": 1.0}]:
        with pytest.raises(OptionError, match="is no known sd"):
            check_known({"g": inner})
    with pytest.raises(OptionError) as caught:
        check_known({"g": 2.0})
    assert caught.value.remedy == "known={'g': {\"sd\": 2.0}}"
