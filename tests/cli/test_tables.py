"""Tables of each library are written in each form."""

from __future__ import annotations

import io
import json

import pandas
import polars
import pyarrow
import pytest

from multilevel.cli.tables import columns_of, write_table

COLUMNS = {"term": ["Intercept", "a,b"], "estimate": [251.4051048, -1.5], "df": [17, None]}


def written(form: str) -> str:
    """Return the table written in a form."""
    out = io.StringIO()
    write_table(COLUMNS, form, out)
    return out.getvalue()


@pytest.mark.parametrize("make", [pandas.DataFrame, polars.DataFrame, pyarrow.table])
def test_every_library_gives_plain_columns(make: type) -> None:
    assert columns_of(make({"a": [1, 2], "b": ["x", "y"]})) == {"a": [1, 2], "b": ["x", "y"]}


def test_csv_keeps_every_digit() -> None:
    assert written("csv") == 'term,estimate,df\nIntercept,251.4051048,17\n"a,b",-1.5,\n'


def test_json_is_a_list_of_objects() -> None:
    assert json.loads(written("json")) == [
        {"term": "Intercept", "estimate": 251.4051048, "df": 17},
        {"term": "a,b", "estimate": -1.5, "df": None},
    ]


def test_markdown() -> None:
    assert written("markdown") == (
        "| term      | estimate |  df |\n"
        "| --------- | -------: | --: |\n"
        "| Intercept |  251.405 |  17 |\n"
        "| a,b       |     -1.5 |     |\n"
    )


def test_aligned_text() -> None:
    assert written("table") == "term       estimate  df\nIntercept   251.405  17\na,b            -1.5\n"


@pytest.mark.parametrize("form", ["csv", "json", "markdown", "table"])
def test_a_table_without_rows(form: str) -> None:
    out = io.StringIO()
    write_table({"a": [], "b": []}, form, out)
    assert out.getvalue()
