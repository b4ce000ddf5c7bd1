"""What a refused formula says and where it points; used by the tests of this room."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from multilevel.errors import FormulaError
from multilevel.language import parse_formula


def fault(text: str, read: Callable[[str], object] = parse_formula) -> tuple[str, str]:
    """Return the first line of the error that a text gives, and the piece of the text that it underlines."""
    with pytest.raises(FormulaError) as caught:
        read(text)
    error = caught.value
    return error.asked.split("\n    ")[0], text[error.position : error.position + error.length]
