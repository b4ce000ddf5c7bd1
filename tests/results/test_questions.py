"""The words for tables and pages are those that the rooms below know."""

from __future__ import annotations

from typing import get_args

from multilevel.inference import posterior_tables
from multilevel.inference.tables import TABLES
from multilevel.results.questions import Groups, Page, PosteriorQuestion, Question
from tests.oracle.fits import PAGES


def test_every_question_has_a_table() -> None:
    assert set(get_args(Question)) == set(TABLES)


def test_every_question_to_a_posterior_has_a_table() -> None:
    fits, own = get_args(PosteriorQuestion)
    assert {*get_args(fits), *get_args(own)} == set(posterior_tables.TABLES)


def test_every_page_can_be_written() -> None:
    assert set(get_args(Page)) == set(PAGES)


def test_kinds_of_groups() -> None:
    assert get_args(Groups) == ("known", "new", "typical", "average")
