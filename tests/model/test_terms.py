"""Tests of the grouped term."""

from __future__ import annotations

import pytest

from multilevel.model import Covariance, GroupTerm


@pytest.mark.parametrize(("factors", "group"), [(("subject",), "subject"), (("batch", "cask"), "batch:cask")])
def test_the_group_is_named_by_its_columns(factors: tuple[str, ...], group: str) -> None:
    assert GroupTerm("1", factors).group == group


@pytest.mark.parametrize(
    ("covariance", "one_sd", "correlated"),
    [
        (Covariance.UNSTRUCTURED, False, True),
        (Covariance.DIAGONAL, False, False),
        (Covariance.SCALAR, True, False),
        (Covariance.COMPOUND_SYMMETRIC, True, True),
    ],
)
def test_what_the_effects_of_a_structure_share(
    covariance: Covariance, one_sd: bool, correlated: bool
) -> None:
    assert (covariance.one_sd, covariance.correlated) == (one_sd, correlated)
