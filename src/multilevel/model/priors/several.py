"""What the priors of vectors and matrices share: equality, text, dimension."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np

from multilevel.model.priors.arguments import shown


class SeveralPrior:
    """A prior with arrays among its fields; two are equal if they have the same class and numbers."""

    __slots__ = ()

    def text(self) -> str:
        """Return the prior as it may be printed, ``InverseWishart(4, [[1, 0], [0, 1]])``."""
        return f"{type(self).__name__}({', '.join(shown(value) for value in self._values())})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SeveralPrior) or type(self) is not type(other):
            return NotImplemented
        return all(np.array_equal(a, b) for a, b in zip(self._values(), other._values(), strict=True))

    def __hash__(self) -> int:
        return hash((type(self), *(np.asarray(value).tobytes() for value in self._values())))

    def _values(self) -> list[Any]:
        """Return the values of the fields in their order."""
        return [getattr(self, field.name) for field in fields(self)]  # type: ignore[arg-type]
