"""Models that the tests of equations and drawings share, and graphs made by a seed."""

from __future__ import annotations

import random

import multilevel as ml
from multilevel.model import Model

TEXTS = {
    "apps": """
        P[publisher] ~ Normal(mu + gamma * size, sigma_P)
        A[app]       ~ Normal(P[publisher], sigma_A)
        D[device]    ~ Normal(0, sigma_D)
        stars        ~ Normal(A[app] + D[device], sigma)
    """,
    "cafes": """
        [a, b][cafe] ~ MVNormal([a_mean, b_mean], Sigma)
        wait ~ Normal(a[cafe] + b[cafe] * afternoon, sigma)
        Sigma ~ LKJ(2)
    """,
    "schools": "t[school] ~ Normal(mu, tau); effect ~ Normal(t[school], data(se)); mu ~ Normal(0, 9)",
    "five levels": """
        S[state] ~ Normal(mu, sigma_state);        D[district] ~ Normal(S[state], sigma_district)
        C[school] ~ Normal(D[district], sigma_school); K[room] ~ Normal(C[school], sigma_room)
        T[student] ~ Normal(K[room], sigma_student); B[background] ~ Normal(0, sigma_background)
        score ~ Normal(T[student] + B[background] + b_age * age + b_sex * sex, sigma)
    """,
    "ticks": """
        L[location] ~ Normal(mu, sigma_location)
        B[brood] ~ Normal(L[location] + b_h * height, sigma_brood)
        I[index] ~ Normal(0, sigma_index)
        ticks ~ Poisson(exp(B[brood] + I[index] + b_year * year))
        mu ~ Normal(0, 10); b_h ~ Normal(0, 1); sigma_brood ~ HalfNormal(1)
    """,
    "two ways": """
        a[state] ~ Normal(mu, sigma_a)
        c[state, district] ~ Normal(0, sigma_c)
        d[state] ~ Normal(b + e * log(size), sigma_d)
        y ~ Normal(a[state] + c[state, district] + d[state] * x + g * log(size), sigma)
    """,
    "group sds": """
        b[school] ~ MVNormal([a0 + a1 * size, b0], [s0, 2], R)
        math ~ Normal(b[school][0] + b[school][1] * ses, s[school])
        s[school] ~ LogNormal(mu_s, tau_s); mu_s ~ Normal(0, 1); tau_s ~ HalfNormal(1)
    """,
    "two parents": """
        U[subject] ~ Normal(S[school] + N[area], su)
        S[school] ~ Normal(m + c * z, ss); N[area] ~ Normal(0, sn)
        y ~ Normal(U[subject] + b * x + c * w, s)
    """,
    "branches": """
        a[g] ~ Normal(m, s); b[g, h] ~ Normal(0, t); c[g, k] ~ Normal(0, u)
        y ~ Normal(a[g] + b[g, h] + c[g, k], sigma)
    """,
    "no nodes": "y ~ Normal(a + b * x + c * `wait time`, sigma)",
    "one mean": "y ~ Bernoulli(logistic(m))",
    "trials": "h[herd] ~ Normal(m, s); incidence ~ Binomial(size, logistic(h[herd] + b * period))",
    "classes": "h[g] ~ Normal(0, 1.5); y ~ Ordinal(Phi(h[g] + b * x))",
    "long names": """
        productivity_of_the_region[region_of_residence] ~ Normal(average_productivity, sigma_region)
        logarithm_of_wages ~ Normal(productivity_of_the_region[region_of_residence], sigma)
    """,
    "signs": """
        größe[`a < b & c`] ~ Normal(m, s)
        y ~ Normal(größe[`a < b & c`] + k * `x "1" & <2>`, t)
    """,
}  # fmt: skip
FORMULAS = (
    "y ~ x + z + (x | g) + (1 | g:h) + (0 + z | k)",
    "reaction ~ days + (days || subject)",
    "y ~ 1 + (1 | a/b/c) + (1 | d) + (1 | e) + (1 | f)",
)


def drawn_models() -> dict[str, Model]:
    """Return the models by name."""
    graphs = {name: ml.graph(text) for name, text in TEXTS.items()}
    return {**graphs, **{text: ml.formula(text) for text in FORMULAS}}


def random_graph(seed: int) -> Model:
    """Return a graph with up to six nodes, some nested, some crossed, some columns used in several places."""
    chance = random.Random(seed)
    nodes: list[str] = []
    lines, response = [], ["m0"]
    for place in range(chance.randint(1, 6)):
        mean = [f"c{place} * size{place}"] if chance.random() < 0.4 else []
        for parent in nodes[-2:]:
            if parent in response and chance.random() < 0.4:
                mean.append(parent)
                response.remove(parent)
        index = f"g{place}" if chance.random() < 0.7 else f"g{place}, shared"
        name = f"n{place}[{index}]"
        spread = f"sd{place}" if chance.random() < 0.8 else "2.5"
        lines.append(f"{name} ~ Normal({' + '.join(mean) or '0'}, {spread})")
        nodes.append(name)
        response.append(name)
    response += [f"b{place} * x{place}" for place in range(chance.randint(0, 4))]
    if chance.random() < 0.4:
        response.append(f"k * {chance.choice(['x0', 'z'])} * w")
    return ml.graph("\n".join([*lines, f"y ~ Normal({' + '.join(response)}, sigma)"]))
