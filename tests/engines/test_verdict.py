"""Status, sentence and certificate of the ends of a native search."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from multilevel.engines.likelihood.verdict import SENTENCES, certificate_of, is_singular, status_of
from multilevel.engines.solution import Status

INNER, FLAT = np.array([[2.0, 0.5], [0.5, 1.0]]), np.array([[4.0, 2.0], [2.0, 1.0]])


def found(end: int = 0, saturated: bool = False) -> dict[str, Any]:
    """Return the part of a native outcome that says how it ended."""
    numbers = {"decrement": 1e-12, "dual": -1e-9, "complementarity": 1e-10, "evaluations": 5}
    return {"end": end, "saturated": saturated, **numbers}


@pytest.mark.parametrize(
    ("end", "saturated", "T", "status", "holds"),
    [
        (0, False, INNER, Status.OPTIMAL, True),
        (0, False, FLAT, Status.BOUNDARY, True),
        (0, True, INNER, Status.SATURATED, False),
        (1, False, FLAT, Status.EVALUATION_LIMIT, False),
        (1, True, INNER, Status.SATURATED, False),
        (2, False, INNER, Status.STALLED, False),
        (3, False, INNER, Status.INTERRUPTED, False),
    ],
)
def test_every_end_has_a_status_a_sentence_and_a_certificate(
    end: int, saturated: bool, T: np.ndarray, status: Status, holds: bool
) -> None:
    assert status_of(found(end, saturated), [INNER, T]) == (status, SENTENCES[status])
    certificate = certificate_of(found(end, saturated))
    assert certificate.holds is holds
    assert (certificate.decrement, certificate.dual, certificate.evaluations) == (1e-12, -1e-9, 5)


def test_every_status_has_a_sentence() -> None:
    assert set(SENTENCES) == set(Status)
    assert all(sentence.endswith(".") for sentence in SENTENCES.values())


@pytest.mark.parametrize(
    ("T", "singular"),
    [
        (np.eye(3), False),
        (INNER * 1e-20, False),
        (np.diag([1e-12, 1e12]), False),
        (np.zeros((1, 1)), True),
        (np.diag([1.0, 0.0]), True),
        (FLAT, True),
        (np.array([[1.0, 1.0 - 1e-6], [1.0 - 1e-6, 1.0]]), False),
    ],
)
def test_singular_is_a_direction_without_variance_in_any_units(T: np.ndarray, singular: bool) -> None:
    assert is_singular(T) is singular
