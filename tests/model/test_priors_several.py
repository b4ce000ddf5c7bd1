"""Tests of equality, hash and text of priors that hold arrays."""

from __future__ import annotations

import numpy as np

from multilevel.model.priors import InverseWishart, Wishart


def test_equal_means_same_law_and_same_numbers() -> None:
    prior = InverseWishart(4, np.eye(2))
    assert prior == InverseWishart(4.0, np.eye(2).copy())
    assert prior != InverseWishart(5, np.eye(2))
    assert prior != InverseWishart(4, np.eye(3))
    assert prior != Wishart(4, np.eye(2))
    assert prior != "InverseWishart"
    assert len({prior, InverseWishart(4, np.eye(2)), Wishart(4, np.eye(2))}) == 2


def test_text() -> None:
    assert InverseWishart(4, 0.5 * np.eye(2)).text() == "InverseWishart(4, [[0.5, 0], [0, 0.5]])"
    assert InverseWishart(9, np.eye(5)).text() == "InverseWishart(9, <5 by 5 matrix>)"
