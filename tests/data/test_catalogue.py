"""Tests of the catalogue: every file has an entry, every entry a file and a line in the sources."""

from __future__ import annotations

from importlib.resources import files

from multilevel.data.catalogue import CATALOGUE

BUNDLED = files("multilevel.data").joinpath("bundled")


def test_files_and_entries_agree() -> None:
    found = {file.name for file in BUNDLED.iterdir() if file.name != "SOURCES.md"}
    assert found == {entry.file for entry in CATALOGUE.values()}


def test_the_sources_name_every_data_set() -> None:
    text = BUNDLED.joinpath("SOURCES.md").read_text(encoding="utf-8")
    for name, entry in CATALOGUE.items():
        assert name == entry.name
        assert f"- **{name}** (" in text
        assert entry.source in text
