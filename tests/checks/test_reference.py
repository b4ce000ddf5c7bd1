"""The reference of the pages: every public name is in it, and an absent one is found."""

from __future__ import annotations

from pathlib import Path

from checks.reference import faults, named, public

PAGES = Path(__file__).resolve().parents[2] / "docs" / "reference"


def test_every_public_name_is_in_the_reference() -> None:
    assert faults(PAGES) == []


def test_absent_and_unknown_names_are_found(tmp_path: Path) -> None:
    text = ".. currentmodule:: multilevel\n\n.. autofunction:: fit\n\n.. autofunction:: gone\n"
    (tmp_path / "page.md").write_text(text, encoding="utf-8")
    assert named(tmp_path) == {"multilevel.fit", "multilevel.gone"}
    found = faults(tmp_path)
    assert len(found) == len(public()) - 1 + 1
    assert any("`multilevel.sample` is public and not in the reference" in fault for fault in found)
    assert any("`multilevel.gone` is in the reference and not public" in fault for fault in found)
