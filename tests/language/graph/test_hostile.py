"""Whatever a graph's text, reading it opens, imports, runs, connects nothing; only our errors come out."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from multilevel.errors import FormulaError, OptionError
from multilevel.language import parse_formula
from multilevel.language.graph import parse_graph
from multilevel.model import formula_text
from tests.language.test_hostile import FORBIDDEN, HOSTILE

VALID = """P[publisher] ~ Normal(mu + gamma * size, sigma_P)  # publishers
A[app]       ~ Normal(P[publisher], sigma_A)
[a, b][cafe, `my g`] ~ MVNormal([0, b_mean], Sigma); d[k] ~ MVNormal([0, 0], T)
log(wait) ~ Normal(A[app] + a[`my g`, cafe] + b[cafe, `my g`] * x + d[k][0] * z + d[k][1] * w - 2.5, s[cafe])
s[cafe] ~ LogNormal(m, t); m ~ Normal(0, 1); t ~ HalfNormal(1); Sigma ~ InverseWishart(4, [[1, 0], [0, 2]])
"""
PIECES = [
    "y", "x", "g", "A", "A[g]", "b[g][0]", "b[g][1] * x", "[a, b]", "[g]", "[g, h]", "[0]", "~", "Normal(",
    "MVNormal(", "Poisson(exp(", "Binomial(", "LKJ(", "InverseWishart(", ")", "(", "[", "]", ",", ";", "\n",
    "#", "+", "-", "*", "/", "log(x)", "data(x)", "data(", "0", "1", "2.5", "mu", "sigma", "Sigma", "`a b`",
    " ", "=", ":", "exp(", "logistic(",
]  # fmt: skip
PARTS = [
    "m", "0", "1", "b * x", "A[g]", "B[h]", "A[g] * x", "c[g][0]", "c[g][1] * z", "data(x)", "log(z)", "-m",
    "q * x * z",
]  # fmt: skip
LEFTS = ["y", "x", "m", "A[g]", "B[h]", "B[g, h]", "c[g]", "[d, e][h]", "s", "t", "log(y)", "S", "s[g]"]
RIGHTS = [
    "Normal({}, s)", "Normal({}, t)", "Normal({}, 2)", "Normal({}, s[g])", "MVNormal([{}, {}], S)",
    "MVNormal([{}, {}], [s, t], S)", "Poisson(exp({}))", "Bernoulli(logistic({}))", "Binomial(n, Phi({}))",
    "StudentT({}, s, nu)", "HalfNormal({})", "LKJ({})", "LogNormal({}, t)",
    "InverseWishart({}, [[1, 0], [0, 1]])",
]  # fmt: skip

sums = st.lists(st.sampled_from(PARTS), min_size=1, max_size=3).map(" + ".join)
statements = st.builds(
    lambda left, right, one, two: f"{left} ~ {right.replace('{}', one, 1).replace('{}', two)}",
    st.sampled_from(LEFTS),
    st.sampled_from(RIGHTS),
    sums,
    sums,
)
columns = st.sampled_from([None, ("y", "x", "z", "g", "h", "n"), ("y",), ("y", "m", "s", "g", "A")])

_seen: list[str] = []
_listening = False


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if _listening and event.startswith(FORBIDDEN):
        _seen.append(event)


@pytest.fixture(scope="module", autouse=True)
def audit() -> Iterator[None]:
    """Hear the interpreter's audit events; a hook cannot be taken away, so it listens only when told."""
    sys.addaudithook(_hook)
    yield


def _read(text: str, known: tuple[str, ...] | None = None) -> None:
    """Read a graph under the hook; if it is one, its formula must be one too, of the same model."""
    global _listening
    _seen.clear()
    _listening = True
    try:
        model = parse_graph(text, known)
        again = parse_formula(model.text)
    except FormulaError as error:
        assert 0 <= error.position <= len(text)
        assert error.asked
    except OptionError as error:
        assert error.asked
    else:
        assert again.fixed == model.fixed
        assert formula_text(again) == model.text
    finally:
        _listening = False
    assert _seen == []


def test_the_hook_hears() -> None:
    global _listening
    _seen.clear()
    _listening = True
    compile("1", "<test>", "eval")
    _listening = False
    assert "compile" in _seen


@pytest.mark.parametrize("fragment", HOSTILE)
@pytest.mark.parametrize(
    "frame",
    [
        "{}",
        "y ~ {}",
        "{} ~ Normal(m, s)",
        "y ~ Normal({}, s)",
        "y ~ Normal(m, {})",
        "y ~ Normal(A[{}], s)",
        "y ~ Normal(m, s); m ~ {}",
        "y ~ Normal(m, s); m ~ Normal({}, 1)",
        "[{}][g] ~ MVNormal([{}, 0], S)",
    ],
)
def test_fragments_in_every_place(fragment: str, frame: str) -> None:
    _read(frame.replace("{}", fragment))


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PIECES + HOSTILE), max_size=40).map("".join), columns)
def test_soups_of_pieces(text: str, known: tuple[str, ...] | None) -> None:
    _read(text, known)


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60))
def test_any_text(text: str) -> None:
    _read(text)
    _read(f"y ~ Normal({text}, s)")


@settings(max_examples=500, deadline=None)
@given(st.lists(statements, min_size=1, max_size=5).map("\n".join), columns)
@example("y ~ Normal(A[g], s[g])\ns[g] ~ Normal(A[g], t)\nA[g] ~ Normal(0, s)", None)
def test_statements_from_a_grammar(text: str, known: tuple[str, ...] | None) -> None:
    _read(text, known)


def test_the_graph_that_is_mutated_is_one() -> None:
    assert parse_graph(VALID).fixed == "1 + size + x"


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, len(VALID)),
            st.integers(0, 12),
            st.sampled_from([*PIECES, "", "", "\0", "é", "''"]),
        ),
        min_size=1,
        max_size=3,
    )
)
def test_mutations_of_a_graph(changes: list[tuple[int, int, str]]) -> None:
    text = VALID
    for place, length, new in changes:
        text = text[:place] + new + text[place + length :]
    _read(text)


def _chain(length: int) -> str:
    return "\n".join(f"a{i}[g] ~ Normal(a{i + 1}[g], s{i})" for i in range(length))


LONG = {
    "parentheses": "y ~ Normal(" + "(" * 9000 + "m" + ")" * 9000 + ", s)",
    "lists": "y ~ MVNormal(" + "[" * 9000 + "]" * 9000 + ", s)",
    "functions": "y ~ Poisson(" + "exp(" * 3000 + "m" + ")" * 3000 + ")",
    "signs": "y ~ Normal(" + "-" * 19000 + "m, s)",
    "factors": "y ~ Normal(" + "*".join(["x"] * 9000) + ", s)",
    "powers of a sum": "y ~ Normal(" + "*".join(["(a + b)"] * 900) + ", s)",
    "summands": "y ~ Normal(" + " + ".join(f"b{i} * x{i}" for i in range(900)) + ", s)",
    "a chain of nodes": "y ~ Normal(a0[g], s)\n" + _chain(550),
    "a chain of groups": "y ~ Normal(a0[g0], s)\n"
    + "\n".join(f"a{i}[g{i}] ~ Normal(a{i + 1}[g{i + 1}], s{i})" for i in range(450))
    + "\na450[g450] ~ Normal(0, t)",
    "a vector": "b[g] ~ MVNormal([" + ", ".join(["0"] * 900) + "], S)\ny ~ Normal("
    + "+".join(f"b[g][{i}]*x{i}" for i in range(900)) + ", s)",
    "statements": "\n".join(f"a{i} ~ Normal(0,1)" for i in range(1000)),
    "priors": "y ~ Normal(" + " + ".join(f"b{i} * x{i}" for i in range(400)) + ", s)\n"
    + "\n".join(f"b{i} ~ Normal(0, 1)" for i in range(400)),
    "divisions": "y ~ Normal(m" + " / 2" * 4500 + ", s)",
    "too long": "y ~ Normal(m, s)" + "\n" * 30_000,
}  # fmt: skip


@pytest.mark.parametrize("text", LONG.values(), ids=LONG.keys())
def test_long_and_deep_texts_are_read_or_refused_in_time(text: str) -> None:
    start = time.process_time()
    _read(text)
    assert time.process_time() - start < 10.0
