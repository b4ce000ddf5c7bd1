"""The drawing that the user holds."""

from __future__ import annotations

import pytest

import multilevel as ml


@pytest.fixture
def drawing():
    return ml.formula("y ~ x + (1 | größe)").draw()


@pytest.mark.parametrize("kind", ["svg", "dot", "SVG"])
def test_saved_as_its_ending_says(drawing, tmp_path, kind):
    drawing.save(tmp_path / f"model.{kind}")
    wanted = drawing.dot if kind == "dot" else drawing.svg
    assert (tmp_path / f"model.{kind}").read_text(encoding="utf-8") == wanted


def test_notebooks_show_it(drawing):
    assert drawing._repr_svg_() == drawing.svg
    assert repr(drawing).startswith("Drawing of 7 quantities")


def test_other_endings_are_refused(drawing, tmp_path):
    with pytest.raises(ml.OptionError, match=r"model\.png' *\n* *allowed: names that end in \.svg or \.dot"):
        drawing.save(tmp_path / "model.png")
    assert not (tmp_path / "model.png").exists()


def test_a_folder_that_is_absent_is_named(drawing, tmp_path):
    with pytest.raises(ml.StorageError, match="No such file"):
        drawing.save(tmp_path / "absent" / "model.svg")
