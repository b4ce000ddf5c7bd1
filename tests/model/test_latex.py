"""Equations of every shape of graph."""

from __future__ import annotations

import re

import pytest

import multilevel as ml
from multilevel.language import with_family

N, L, R = r"\mathcal{N}\left(", r"\left(", r"\right)"
ROW = r" && \text{for each row}"
LINES = [
    (
        "A[app] ~ Normal(P[publisher], sigma_A); P[publisher] ~ Normal(mu + gamma * size, sigma_P);"
        "stars ~ Normal(A[app], sigma)",
        [
            rf"P_{{\text{{publisher}}}} &\sim {N}\mu + \gamma \, \text{{size}},\ \sigma_{{P}}^{{2}}{R}"
            r" && \text{for each publisher}",
            rf"A_{{\text{{app}}}} &\sim {N}P_{{\text{{publisher}}}},\ \sigma_{{A}}^{{2}}{R}"
            r" && \text{for each app}",
            rf"\text{{stars}} &\sim {N}A_{{\text{{app}}}},\ \sigma^{{2}}{R}{ROW}",
        ],
    ),
    (
        "[a, b][g] ~ MVNormal([m, 0], S); y ~ Normal(a[g] + b[g] * x, s); S ~ LKJ(2); m ~ Normal(0, 10)",
        [
            rf"\begin{{pmatrix}} a_{{g}} \\ b_{{g}} \end{{pmatrix}} &\sim {N}"
            rf"\begin{{pmatrix}} m \\ 0 \end{{pmatrix}},\ S{R} && \text{{for each g}}",
            rf"y &\sim {N}a_{{g}} + b_{{g}} \, x,\ s^{{2}}{R}{ROW}",
            r"S &= \begin{pmatrix} s_{a}^{2} & r_{a b} s_{a} s_{b} \\ r_{a b} s_{a} s_{b} & s_{b}^{2} "
            r"\end{pmatrix} && \text{sds } s \text{, correlations } r",
            rf"m &\sim {N}0,\ 10^{{2}}{R}",
            r"\operatorname{cor}(S) &\sim \mathrm{LKJ}(2)",
        ],
    ),
    (
        "[a, b][g] ~ MVNormal([m, 0], [t, 2], R); y ~ Normal(a[g] + b[g] * x, s); R ~ LKJ(2); m ~ Fixed(3);"
        "t ~ HalfNormal(1)",
        [
            rf"\begin{{pmatrix}} a_{{g}} \\ b_{{g}} \end{{pmatrix}} &\sim {N}"
            r"\begin{pmatrix} m \\ 0 \end{pmatrix},\ "
            r"\operatorname{diag}(t,\ 2) \, R \, \operatorname{diag}(t,\ 2)"
            rf"{R} && \text{{for each g}}",
            rf"y &\sim {N}a_{{g}} + b_{{g}} \, x,\ s^{{2}}{R}{ROW}",
            "m &= 3",
            r"t &\sim \mathrm{HalfNormal}(1)",
            r"R &\sim \mathrm{LKJ}(2)",
        ],
    ),
    (
        "y ~ Normal(m, s[g, h]); s[g, h] ~ InverseGamma(3, q); q ~ Exponential(1)",
        [
            rf"s_{{g,\,h}}^{{2}} &\sim \mathrm{{InverseGamma}}{L}3,\ q{R} && \text{{for each g and h}}",
            rf"y &\sim {N}m,\ s_{{g,\,h}}^{{2}}{R}{ROW}",
            r"q &\sim \mathrm{Exponential}(1)",
        ],
    ),
    ("y ~ Normal(m + 2 * data(x) - 1, data(se))", [
        rf"y &\sim {N}m + 2 \, x - 1,\ \text{{se}}^{{2}}{R}{ROW}"
    ]),
    (
        "a[g] ~ Normal(m, sqrt(v)); y ~ Normal(a[g], sqrt(w)); v ~ InverseGamma(2, 1)",
        [
            rf"a_{{g}} &\sim {N}m,\ v{R} && \text{{for each g}}",
            rf"y &\sim {N}a_{{g}},\ w{R}{ROW}",
            r"v &\sim \mathrm{InverseGamma}(2, 1)",
        ],
    ),
    ("log(y) ~ Normal(m, 2.5)", [rf"\log(y) &\sim {N}m,\ 2.5^{{2}}{R}{ROW}"]),
    ("y ~ Normal(exp(m), s)", [rf"y &\sim {N}\exp{L}m{R},\ s^{{2}}{R}{ROW}"]),
    (
        "y ~ Binomial(n, logistic(m))",
        [rf"y &\sim \mathrm{{Binomial}}{L}n,\ \operatorname{{logit}}^{{-1}}{L}m{R}{R}{ROW}"],
    ),
    ("y ~ Bernoulli(Phi(m))", [rf"y &\sim \mathrm{{Bernoulli}}{L}\Phi{L}m{R}{R}{ROW}"]),
    ("y ~ Gamma(inverse(m), phi)", [rf"y &\sim \mathrm{{Gamma}}{L}{L}m{R}^{{-1}},\ \phi{R}{ROW}"]),
    ("y ~ Poisson(square(m))", [rf"y &\sim \mathrm{{Poisson}}{L}{L}m{R}^{{2}}{R}{ROW}"]),
    ("y ~ BetaBinomial(10, logistic(m), k)", [
        rf"y &\sim \mathrm{{BetaBinomial}}{L}10,\ \operatorname{{logit}}^{{-1}}{L}m{R},\ k{R}{ROW}"
    ]),
    ("y ~ Ordinal(b * x)", [rf"y &\sim \mathrm{{Ordinal}}{L}b \, x,\ \text{{thresholds}}{R}{ROW}"]),
    ("y ~ StudentT(m, s, nu)", [rf"y &\sim \mathrm{{StudentT}}{L}m,\ s,\ \nu{R}{ROW}"]),
]  # fmt: skip


@pytest.mark.parametrize(("graph", "wanted"), LINES)
def test_one_line_for_each_statement(graph, wanted):
    first, note, *lines, last = ml.graph(graph).latex().split("\n")
    assert (first, last) == (r"\begin{aligned}", r"\end{aligned}")
    assert note.startswith("% N(mean, variance)")
    assert [line.removesuffix(r" \\") for line in lines] == wanted


def test_matrix_priors_are_matrices_and_wishart_is_of_the_precision():
    text = "b[g] ~ MVNormal([0, 0], S); y ~ Normal(b[g][0] + b[g][1] * x, s); S ~ {}(4, [[1, 0], [0, 2.5]])"
    matrix = r"(4, \begin{pmatrix} 1 & 0 \\ 0 & 2.5 \end{pmatrix})"
    assert (
        ml.graph(text.format("InverseWishart"))
        .latex()
        .endswith(rf"S &\sim \mathrm{{InverseWishart}}{matrix}" + "\n\\end{aligned}")
    )
    assert rf"S^{{-1}} &\sim \mathrm{{Wishart}}{matrix}" in ml.graph(text.format("Wishart")).latex()


def test_no_two_quantities_have_one_symbol():
    text = ml.graph("a[g] ~ Normal(a_g, t); y ~ Normal(a[g], s)").latex()
    assert r"a_{[g]} &\sim \mathcal{N}\left(a_{g}," in text


def test_formulas_are_taken_as_graphs():
    text = ml.formula("y ~ x + (x | g) + (1 | g:h)").latex()
    assert r"\begin{pmatrix} a_{g} \\ b_{x,\,g} \end{pmatrix} &\sim" in text
    assert r"a_{g,\,h} &\sim" in text


def test_zero_inflation_has_its_share():
    model = ml.graph("y ~ Poisson(exp(m + a[g])); a[g] ~ Normal(0, t)")
    lines = with_family(model, model.family, "~ x").latex().splitlines()
    assert lines[3].startswith(rf"y &\sim \mathrm{{ZeroInflatedPoisson}}{L}\pi,\ \exp")
    assert lines[4] == r"\operatorname{logit}(\pi) &= \zeta_{0} + \zeta_{1} \, x" + ROW


@pytest.mark.parametrize("graph", [graph for graph, _ in LINES])
def test_brackets_are_balanced(graph):
    text = ml.graph(graph).latex()
    bare = re.sub(r"\\[{}]", "", text)
    assert bare.count("{") == bare.count("}")
    assert text.count(r"\left") == text.count(r"\right")
    assert text.count(r"\begin") == text.count(r"\end")


def test_names_with_underscores_and_spaces_are_escaped():
    text = ml.graph("a[`my group`] ~ Normal(m, t); wait_time ~ Normal(a[`my group`] + b * `x 1`, s)").latex()
    assert r"\text{wait\_time} &\sim" in text
    assert r"b \, \text{x 1}" in text
    assert "`" not in text
