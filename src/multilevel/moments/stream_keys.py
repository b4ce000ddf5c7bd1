"""Keys of grouping factors as whole numbers that the streaming kernel takes, and their labels again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from multilevel.moments.batch_values import Used
from multilevel.moments.parquet_batches import FileFacts, Kind
from multilevel.moments.products import Keys

KeyPlan = tuple[Literal["range", "codes", "hashed"], int, int]
"""How the kernel numbers the values of a key column; of a range the least value and its length."""

DENSE = 1 << 16
"""A range of so many keys is always taken as it is."""


def key_plan(name: str, facts: FileFacts) -> KeyPlan:
    """Return how values of a key column become numbers: by their distance from the least if they are dense.

    Examples
    --------
    >>> facts = FileFacts((), {"g": "whole"}, frozenset(), {}, {"g": 5}, {"g": 9})
    >>> key_plan("g", facts)
    ('range', 5, 5)
    """
    kind = facts.kinds[name]
    if kind == "text":
        return ("codes", 0, 0)
    if kind == "boolean":
        return ("range", 0, 2)
    if kind == "whole" and name in facts.low:
        low, size = int(facts.low[name]), int(facts.high[name]) - int(facts.low[name]) + 1
        if size <= min(2 * facts.n_rows + DENSE, 2**31 - 1):
            return ("range", low, size)
    return ("hashed", 0, 0)


@dataclass(slots=True, eq=False)
class TextCodes:
    """Texts numbered in the order in which they come; dictionaries of batches are often one and the same.

    Parameters
    ----------
    labels
        Each label and its code; it grows.
    """

    labels: dict[str, int]
    _dictionary: Any = None
    _codes: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def codes(self, places: NDArray[np.int32], dictionary: Any) -> NDArray[np.int64]:
        """Return the codes of the texts at some places of a dictionary of Arrow."""
        if self._dictionary is None or not self._dictionary.equals(dictionary):
            self._codes, self._dictionary = added(self.labels, dictionary.to_pylist()), dictionary
        return self._codes[places]


def added(labels: dict[str, int], more: list[str]) -> NDArray[np.int64]:
    """Return the codes of some labels, new ones among them added.

    Examples
    --------
    >>> added({"a": 0}, ["b", "a"]).tolist()
    [1, 0]
    """
    return np.array([labels.setdefault(label, len(labels)) for label in more], dtype=np.int64)


def keys_of(name: str, used: Used, encoder: TextCodes | None) -> NDArray[Any]:
    """Return the keys of the used rows of a batch as whole numbers; numbers by their bits.

    Parameters
    ----------
    name
        Key column.
    used
        The rows.
    encoder
        Of the column, if it holds texts.
    """
    kind = used.kinds[name]
    if encoder is not None:
        return encoder.codes(used.texts[name].codes, used.texts[name].dictionary)
    if kind == "whole":
        return used.wholes[name]
    if kind == "boolean":
        return used.numbers[name].astype(np.uint8)
    return np.ascontiguousarray(used.numbers[name] + 0.0).view(np.int64)  # -0.0 is 0.0


def labels_of(keys: NDArray[np.int64], kind: Kind, labels: dict[str, int] | None) -> Keys:
    """Return the labels of keys of the kernel: whole numbers, numbers, or texts.

    Examples
    --------
    >>> labels_of(np.array([1, 0]), "boolean", None).tolist()
    ['True', 'False']
    """
    if kind == "whole":
        return keys
    if kind == "number":
        return keys.view(np.float64)
    texts = ["False", "True"] if labels is None else list(labels)
    return np.array(texts, dtype=object)[keys]
