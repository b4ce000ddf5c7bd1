"""Tests of the grouped term."""

from __future__ import annotations

import pytest

from multilevel.model import GroupTerm


@pytest.mark.parametrize(("factors", "group"), [(("subject",), "subject"), (("batch", "cask"), "batch:cask")])
def test_the_group_is_named_by_its_columns(factors: tuple[str, ...], group: str) -> None:
    assert GroupTerm("1", factors).group == group
