"""Random numbers by name: repeated, different between names, from whole numbers and generators only."""

from __future__ import annotations

import numpy as np
import pytest

from multilevel.design.streams import seed_number, stream
from multilevel.errors import OptionError


def test_names_have_their_own_numbers() -> None:
    assert stream(1, "a", "b").normal() == stream(1, "a", "b").normal()
    others = {stream(*key).normal() for key in [(1, "a", "b"), (1, "ab"), (1, "b", "a"), (2, "a", "b")]}
    assert len(others) == 4


def test_a_generator_gives_a_seed_and_is_advanced() -> None:
    rng = np.random.default_rng(1)
    assert seed_number(rng) != seed_number(rng)
    assert seed_number(np.int64(3)) == 3


@pytest.mark.parametrize("seed", [True, -1, 1.5, "1", None])
def test_others_are_refused(seed: object) -> None:
    with pytest.raises(OptionError, match="is not a seed"):
        seed_number(seed)
