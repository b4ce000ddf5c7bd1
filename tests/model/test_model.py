"""Tests of the model noun."""

from __future__ import annotations

import dataclasses

import pytest

from multilevel.model import GroupTerm, Model


def test_a_model_is_frozen_and_comparable() -> None:
    model = Model("y ~ x", "y", "1 + x", (GroupTerm("1", ("g",)),))
    assert model == Model("y ~ x", "y", "1 + x", (GroupTerm("1", ("g",)),))
    assert hash(model) == hash(dataclasses.replace(model))
    with pytest.raises(dataclasses.FrozenInstanceError):
        model.fixed = "0"  # type: ignore[misc]
