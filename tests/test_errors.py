"""Errors in four parts; warnings that point at the caller's line."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

import multilevel as ml
from multilevel import errors


def test_an_error_says_what_was_asked_what_is_allowed_and_what_to_try() -> None:
    assert str(ml.DataError("asked")) == "asked"
    error = ml.DataError("asked", allowed="this", remedy="that")
    assert str(error) == "asked\n  allowed: this\n  try: that"
    assert isinstance(error, ml.MultilevelError)
    assert isinstance(error, ValueError)


@pytest.mark.parametrize(
    ("text", "position", "length", "shown"),
    [
        ("y ~ x", 2, 1, "    y ~ x\n      ^"),
        ("y ~ x", 4, 9, "    y ~ x\n        ^"),
        ("y ~\nabc", 4, 3, "    abc\n    ^^^"),
        ("a" * 200 + "!", 200, 1, "    " + "a" * 50 + "!\n    " + " " * 50 + "^"),
    ],
)
def test_a_formula_error_shows_the_line_with_a_caret(
    text: str, position: int, length: int, shown: str
) -> None:
    assert str(ml.FormulaError("no", text=text, position=position, length=length)) == f"no\n{shown}"


@pytest.mark.parametrize("name", [name for name in vars(errors) if name.endswith(("Error", "Warning"))])
def test_every_class_has_a_public_name_and_one_ancestor(name: str) -> None:
    kind = getattr(errors, name)
    assert getattr(ml, name) is kind
    assert issubclass(kind, ml.MultilevelError if name.endswith("Error") else ml.MultilevelWarning)


def test_a_warning_points_at_the_line_that_called_the_library() -> None:
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        ml.fit("yield ~ 1 + (1 | batch)", ml.datasets.load("dyestuff2"))
    assert [Path(warning.filename).name for warning in heard] == [Path(__file__).name]
    assert "ml.fit(" in Path(__file__).read_text().splitlines()[heard[0].lineno - 1]
