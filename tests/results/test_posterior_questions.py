"""Named draws are a mapping; leave-one-out prints its numbers."""

from __future__ import annotations

import numpy as np
import pytest

from multilevel.errors import OptionError
from multilevel.results.posterior_questions import LeaveOneOut, NamedDraws


def test_named_draws_are_a_mapping() -> None:
    draws = NamedDraws({"a": np.zeros((2, 3))}, {"a": {"chain": range(2), "draw": range(3)}})
    assert dict(draws).keys() == {"a"}
    assert draws.get("b") is None
    assert repr(draws) == "NamedDraws('a')"
    with pytest.raises(OptionError, match=r"^there are no draws of 'b'\n  allowed: 'a'$"):
        draws["b"]


def test_leave_one_out_prints_its_numbers() -> None:
    found = LeaveOneOut(-3.14159, 1.0, 2.0, np.zeros(1), np.zeros(1), 0.7, "All is well.")
    assert str(found) == "elpd_loo -3.14 (standard error 1.00), p_loo 2.00\nAll is well."
