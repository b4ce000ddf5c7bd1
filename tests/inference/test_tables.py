"""Tables by name, each made once."""

from __future__ import annotations

import pytest

from multilevel.inference.tables import TABLES, table
from multilevel.results.questions import Question
from tests.oracle import designs
from tests.oracle.fits import fit_design


@pytest.mark.parametrize("question", TABLES)
def test_a_table_is_kept_and_its_columns_have_one_length(question: Question) -> None:
    fit = fit_design(designs.crossed())
    found = table(fit, question)
    assert table(fit, question) is found
    assert len({len(column) for column in found.values()}) == 1
