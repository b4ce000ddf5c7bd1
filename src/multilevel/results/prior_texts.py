"""Priors as a posterior keeps them: at least their texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


class Priors(Protocol):
    """Priors bound to a design, as far as a page needs them."""

    def texts(self) -> Sequence[tuple[str, str]]:
        """Return the parameters, each with the text of its prior."""


@dataclass(frozen=True, slots=True)
class PriorTexts:
    """The priors of a posterior that was loaded from a file: their texts.

    Parameters
    ----------
    pairs
        Parameters, each with the text of its prior.
    """

    pairs: tuple[tuple[str, str], ...]

    def texts(self) -> Sequence[tuple[str, str]]:
        """Return the parameters, each with the text of its prior."""
        return self.pairs
