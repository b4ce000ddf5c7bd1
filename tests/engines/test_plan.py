"""Predicted memory: what it grows with, the core of the exact engine, and the refusal."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from multilevel.data import read_table
from multilevel.design import bind, columns_needed
from multilevel.design.counts import FactorSize, Job, PairSize, job_of
from multilevel.engines.likelihood.problem import native_problem
from multilevel.engines.monte_carlo.choice import choice_for
from multilevel.engines.plan import (
    choice_of,
    core_effects,
    parts_of,
    predicted_memory,
    require_memory,
    size,
)
from multilevel.errors import DesignError
from multilevel.language import parse_formula
from multilevel.moments import summarise
from tests.engines.structures import STRUCTURES, Structure, design_of, names_of

ONE = Job(10**6, 2, 1, 8, (FactorSize("g", 1000, 1),), {})
CROSSED = Job(
    10**7, 2, 2, 16, (FactorSize("a", 100_000, 1), FactorSize("b", 50_000, 1)), {(0, 1): PairSize(10**7)}
)


def test_memory_grows_with_what_there_is_more_of() -> None:
    base = predicted_memory(ONE).total
    more = [
        replace(ONE, rows=2 * 10**6),
        replace(ONE, columns=3),
        replace(ONE, linear=False),
        replace(ONE, factors=(FactorSize("g", 100_000, 1),)),
        replace(ONE, factors=(FactorSize("g", 1000, 2),), effects=2),
    ]
    assert all(predicted_memory(job).total > base for job in more)
    streamed = [replace(ONE, rows=rows, streamed=True) for rows in (10**6, 10**9)]
    assert predicted_memory(streamed[0]) == predicted_memory(streamed[1])
    assert [words for words, _ in parts_of(streamed[0], predicted_memory(streamed[0]))] == [
        "for rows under way"
    ]
    assert predicted_memory(ONE, draws=4000).draws > 0


def test_merged_rows_take_less() -> None:
    plain = replace(ONE, linear=False)
    few, most = replace(plain, distinct=10_000), replace(plain, distinct=900_000)
    assert predicted_memory(ONE).rows < predicted_memory(few).rows < predicted_memory(plain).rows
    assert predicted_memory(most) == predicted_memory(plain)


def test_draws_are_kept_up_to_a_limit() -> None:
    many = replace(ONE, factors=(FactorSize("g", 10**6, 1),))
    assert predicted_memory(many, draws=4000).draws < 2 * 10**9
    assert predicted_memory(many, draws=4000) == predicted_memory(many, draws=8000)


def test_monte_carlo_makes_no_square_matrix() -> None:
    assert predicted_memory(CROSSED).core == 3 * 8 * 50_000**2
    assert predicted_memory(CROSSED, solver="monte_carlo").core < 2000 * 50_000


@pytest.mark.parametrize(
    "text", ["y ~ 1 + (1 | a) + (1 | b)", "y ~ 1 + (1 | a/c) + (1 | b)", "y ~ x + (1 | a/c) + (x | b/d)"]
)
def test_the_core_is_that_of_the_native_elimination(text: str) -> None:
    rng, n = np.random.default_rng(2), 4000
    rows = {"y": rng.normal(size=n), "x": rng.normal(size=n)}
    rows |= {name: rng.integers(0, m, n) for name, m in {"a": 60, "b": 30, "c": 4, "d": 3}.items()}
    model = parse_formula(text)
    table = read_table(rows, columns_needed(model))
    problem = native_problem(summarise(bind(model, table)), "reml")
    assert core_effects(job_of(model, table)) == problem.structure()["core_size"]


@pytest.mark.parametrize("structure", STRUCTURES, ids=names_of(STRUCTURES))
def test_exact_or_monte_carlo_is_what_a_fit_chooses(structure: Structure) -> None:
    moments = summarise(design_of(structure))
    factors = tuple(
        FactorSize(str(f), m, k) for f, (m, k) in enumerate(zip(moments.levels, moments.effects, strict=True))
    )
    pairs = {(pair.f, pair.g): PairSize(pair.index.size) for pair in moments.pairs}
    found = choice_of(Job(int(moments.n), moments.p, 0, 0, factors, pairs))
    expected = choice_for(moments)
    assert found.solver == expected.solver
    if len(factors) > 1 and "No factor crosses" not in found.sentence:
        assert found.sentence == expected.sentence


def test_what_was_asked_is_taken() -> None:
    found = choice_of(CROSSED, "exact")
    assert found.solver == "exact"
    assert found.sentence.startswith("As asked; by itself it would be: Monte Carlo")


def test_a_job_that_does_not_fit_is_refused_with_the_numbers() -> None:
    memory = predicted_memory(CROSSED)
    with pytest.raises(DesignError) as caught:
        require_memory(CROSSED, memory, what="the fit", limit=23 * 10**9, in_use=10**9)
    text = str(caught.value)
    assert "the fit needs about 62 GB of memory (60 GB for 50,000 effects that are solved together)" in text
    assert "this machine has 23 GB, of which 1.0 GB are in use" in text
    assert "solver='monte_carlo'" in text
    require_memory(CROSSED, memory, what="the fit", limit=90 * 10**9, in_use=10**9)


def test_parts_are_told_in_words() -> None:
    words = dict(parts_of(CROSSED, predicted_memory(CROSSED, solver="monte_carlo")))
    assert list(words) == ["for 10,000,000 rows", "for 10,000,000 pairs of levels"]


@pytest.mark.parametrize(
    ("value", "words"),
    [(0, "0 bytes"), (9.96e6, "10.0 MB"), (10e6, "10 MB"), (23.4e9, "23 GB"), (1500, "1.5 kB")],
)
def test_sizes_in_words(value: float, words: str) -> None:
    assert size(value) == words
