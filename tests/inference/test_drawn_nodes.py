"""Nodes and responses drawn at known parameters: laws of nodes and families, exact means, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from multilevel.data import read_table
from multilevel.errors import DataError, DesignError, OptionError
from multilevel.inference.drawn_nodes import draw_nodes
from multilevel.language.graph import parse_graph

M, N = 2000, 20_000


def table(**more):
    rng = np.random.default_rng(1)
    g = np.concatenate([np.arange(M), rng.integers(0, M, N - M)])
    columns = {"g": g, "h": g % 10, "x": rng.normal(size=N), "size": np.cos(g % 10), **more}
    return read_table(columns, list(columns))


def drawn(text, parameters, columns=("g", "h", "x", "size", "y"), *, seed=1, **more):
    return draw_nodes(parse_graph(text, [*columns, *more]), table(**more), parameters, seed=seed)


def node(found, name):
    return found.nodes["value"][np.array(found.nodes["node"]) == name]


def test_without_spread_everything_is_its_mean() -> None:
    found = drawn(
        "P[h] ~ Normal(m + c * size, s); A[g] ~ Normal(P[h] + 2, t); "
        "y ~ Normal(A[g] + A[g] * 0 + b * x:size + data(x), 0.5)".replace(" + A[g] * 0", "").replace(
            "x:size", "x * size"
        ),
        {"m": 3, "c": 2, "s": 0, "t": 0, "b": -1},
    )
    data = table().columns
    x, size = data["x"].values, data["size"].values
    np.testing.assert_allclose(node(found, "P"), 3 + 2 * np.cos(np.arange(10)))
    noise = found.response - (5 + 2 * size - x * size + x)
    assert stats.kstest(noise, stats.norm(0, 0.5).cdf).pvalue > 0.001


def test_laws_of_nodes() -> None:
    found = drawn(
        "P[h] ~ Normal(m, 3); [a, b][g] ~ MVNormal([P[h], k], S); y ~ Normal(a[g] + b[g] * x, s)",
        {"m": 1, "k": -1, "S": {"sds": [2, 0.5], "correlation": -0.7}, "s": 1},
    )
    own = node(found, "a") - node(found, "P")[np.arange(M) % 10]
    pair = np.column_stack([own, node(found, "b") + 1]) @ np.linalg.inv(
        np.linalg.cholesky([[4, -0.7], [-0.7, 0.25]]).T
    )
    for part in (*pair.T, pair.sum(axis=1) / np.sqrt(2)):
        assert stats.kstest(part, stats.norm.cdf).pvalue > 0.001


def test_vectors_of_sds_and_a_correlation_are_those_of_their_covariance() -> None:
    vector = "[a, b][g] ~ MVNormal([0, k], {}); y ~ Normal(a[g] + b[g] * x, 1)"
    one = drawn(vector.format("S"), {"k": 1, "S": {"sds": [2, 0.5], "correlation": 0.3}})
    two = drawn(vector.format("[s, 0.5], R"), {"k": 1, "s": 2, "R": 0.3})
    np.testing.assert_allclose(two.nodes["value"], one.nodes["value"])


def test_variances_are_squares_of_sds() -> None:
    text = "A[g] ~ Normal(0, {}); y ~ Normal(A[g], {})"
    one = drawn(text.format("s", "t"), {"s": 3, "t": 2})
    two = drawn(text.format("sqrt(v)", "sqrt(w)"), {"v": 9, "w": 4})
    np.testing.assert_array_equal(two.response, one.response)


@pytest.mark.parametrize(
    ("law", "parameters", "wanted"),
    [
        ("LogNormal(a, t); a ~ Normal(0, 1); t ~ HalfNormal(1)", {"a": -0.5, "t": 0.4},
         stats.lognorm(0.4, scale=np.exp(-0.5))),
        ("LogNormal(-0.5, 0.4)", {}, stats.lognorm(0.4, scale=np.exp(-0.5))),
        ("InverseGamma(q, 2); q ~ HalfNormal(1)", {"q": 3}, None),
    ],
)  # fmt: skip
def test_residual_sds_of_groups(law, parameters, wanted) -> None:
    text = f"A[h] ~ Normal(m, 1); s[g] ~ {law}; y ~ Normal(A[h], s[g])"
    found = drawn(text, {"m": 0, **parameters})
    sds = node(found, "s")
    if wanted is None:
        assert stats.kstest(sds**2, stats.invgamma(3, scale=2).cdf).pvalue > 0.001
    else:
        assert stats.kstest(sds, wanted.cdf).pvalue > 0.001
    data = table().columns
    noise = found.response - node(found, "A")[data["h"].values.astype(int)]
    assert stats.kstest(noise / sds[data["g"].values.astype(int)], stats.norm.cdf).pvalue > 0.001


def test_known_residual_sds_by_group_and_column() -> None:
    sds = np.linspace(0.1, 2, 10)
    text = "A[h] ~ Normal(m, 1); y ~ Normal(A[h], s[h])"
    found = drawn(text, {"m": 0, "s": sds})
    np.testing.assert_array_equal(node(found, "s"), sds)
    se = np.linspace(0.1, 2, N)
    found = drawn("A[h] ~ Normal(m, 1); y ~ Normal(A[h], se)", {"m": 0}, se=se)
    noise = found.response - node(found, "A")[table().columns["h"].values.astype(int)]
    assert stats.kstest(noise / se, stats.norm.cdf).pvalue > 0.001
    with pytest.raises(OptionError, match="10 numbers from 0"):
        drawn(text, {"m": 0, "s": [1, 2]})
    with pytest.raises(DataError, match="negative or labels"):
        drawn("A[h] ~ Normal(m, 1); y ~ Normal(A[h], se)", {"m": 0}, se=-se)


@pytest.mark.parametrize(
    ("response", "parameters", "law"),
    [
        ("Poisson(exp({}))", {}, stats.poisson(np.exp(0.5))),
        ("Bernoulli(logistic({}))", {}, stats.bernoulli(1 / (1 + np.exp(-0.5)))),
        ("Binomial(10, Phi({}))", {}, stats.binom(10, stats.norm.cdf(0.5))),
        ("Binomial(n, logistic({}))", {}, stats.binom(7, 1 / (1 + np.exp(-0.5)))),
        ("NegativeBinomial(exp({}), k)", {"k": 2}, stats.nbinom(2, 2 / (2 + np.exp(0.5)))),
        ("Ordinal({} + m * one)", {"thresholds": [0.0, 1.0]}, None),
    ],
)
def test_discrete_families(response, parameters, law) -> None:
    text = f"A[h] ~ Normal({'0' if law is None else 'm'}, s); y ~ {response.format('A[h]')}"
    y = drawn(text, {"m": 0.5, "s": 0, **parameters}, n=np.full(N, 7.0), one=np.ones(N)).response
    values, counts = np.unique(y, return_counts=True)
    if law is None:
        below = 1 / (1 + np.exp(-(np.array([0.0, 1.0]) - 0.5)))
        wanted = np.diff([0, *below, 1])
    else:
        wanted = law.pmf(values)
    keep = wanted * N > 5
    p = stats.chisquare(counts[keep], wanted[keep] / wanted[keep].sum() * counts[keep].sum()).pvalue
    assert p > 0.001


def test_a_category_has_a_coefficient_for_each_level_but_the_first() -> None:
    f = np.array(["a", "b", "c"])[np.arange(N) % 3]
    text = "A[h] ~ Normal(m, s); y ~ Normal(A[h] + b * f, 0.001)"
    y = drawn(text, {"m": 1, "s": 0, "b": [2, 4]}, f=f).response
    np.testing.assert_allclose(y, 1 + 2 * (np.arange(N) % 3), atol=0.01)
    with pytest.raises(OptionError, match=r"2 numbers, of 'f\[T.b\]', 'f\[T.c\]'"):
        drawn(text, {"m": 1, "s": 0, "b": 2}, f=f)


def test_what_cannot_be_drawn() -> None:
    with pytest.raises(DesignError, match="varies inside g"):
        drawn("A[g] ~ Normal(m + b * x, s); y ~ Normal(A[g], 1)", {"m": 0, "b": 1, "s": 1})
    with pytest.raises(OptionError, match="drew a mean of"):
        drawn("A[h] ~ Normal(m, s); y ~ Poisson(A[h])", {"m": 0, "s": 1})
    with pytest.raises(OptionError, match="linear predictor of 800"):
        drawn("A[h] ~ Normal(m, s); y ~ Poisson(exp(A[h]))", {"m": 800, "s": 0})
    with pytest.raises(DataError, match="whole numbers"):
        drawn("A[h] ~ Normal(m, 1); y ~ Binomial(n, logistic(A[h]))", {"m": 0}, n=np.full(N, 0.5))
