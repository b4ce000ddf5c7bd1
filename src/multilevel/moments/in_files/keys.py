"""Keys of grouping factors as whole numbers that the streaming kernel takes, and their labels again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from multilevel.kernels import core
from multilevel.moments.in_files.batches import FileFacts, Kind
from multilevel.moments.in_files.values import Used
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
    """Texts numbered as they come; a batch's dictionary often begins like that of the batch before."""

    _numbers: Any = field(default_factory=core.TextNumbers)
    _dictionary: Any = None
    _codes: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def codes(self, places: NDArray[np.int32], dictionary: Any) -> NDArray[np.int64]:
        """Return the codes of the texts at some places of a dictionary of Arrow."""
        before = 0 if self._dictionary is None else len(self._dictionary)
        if before == 0 or not dictionary.slice(0, before).equals(self._dictionary):
            before = 0
        if before < len(dictionary):
            more = self._numbers.numbers(*_start_and_bytes(dictionary.slice(before)))
            self._codes = np.concatenate([self._codes[:before], more])
            self._dictionary = dictionary
        return self._codes[places]

    def added(self, other: TextCodes) -> NDArray[np.int64]:
        """Return what each code of another encoder is here, its new texts added."""
        codes: NDArray[np.int64] = self._numbers.numbers(*other._numbers.texts())
        return codes

    def labels(self) -> NDArray[np.object_]:
        """Return the texts in the order of their codes.

        Examples
        --------
        >>> import pyarrow as pa
        >>> texts = TextCodes()
        >>> texts.codes(np.array([1, 0, 1], dtype=np.int32), pa.array(["b", "a"])).tolist()
        [1, 0, 1]
        >>> texts.labels().tolist()
        ['b', 'a']
        """
        start, data = self._numbers.texts()
        text = data.tobytes()
        return np.array(
            [text[i:j].decode() for i, j in zip(start[:-1].tolist(), start[1:].tolist(), strict=True)]
            or [""],
            dtype=object,
        )[: start.size - 1]


def _start_and_bytes(texts: Any) -> tuple[NDArray[Any], NDArray[np.uint8]]:
    """Return where the texts of an Arrow array start in their bytes, and the bytes; nothing is copied."""
    import pyarrow as pa

    if not (pa.types.is_string(texts.type) or pa.types.is_large_string(texts.type)):
        texts = texts.cast(pa.large_string())
    kind = np.int64 if pa.types.is_large_string(texts.type) else np.int32
    _, start, data = texts.buffers()
    if start is None or not len(texts):
        return np.zeros(1, dtype=kind), np.zeros(0, dtype=np.uint8)
    places = np.frombuffer(start, dtype=kind)[texts.offset : texts.offset + len(texts) + 1]
    return places, np.frombuffer(data, dtype=np.uint8) if data is not None else np.zeros(0, dtype=np.uint8)


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
    if kind in ("whole", "unsigned"):
        return used.wholes[name]
    if kind == "boolean":
        return used.numbers[name].astype(np.uint8)
    return np.ascontiguousarray(used.numbers[name] + 0.0).view(np.int64)  # -0.0 is 0.0


def labels_of(keys: NDArray[np.int64], kind: Kind, texts: TextCodes | None) -> Keys:
    """Return the labels of keys of the kernel: whole numbers, numbers, or texts.

    Examples
    --------
    >>> labels_of(np.array([1, 0]), "boolean", None).tolist()
    ['True', 'False']
    """
    if kind == "whole":
        return keys
    if kind == "unsigned":
        return keys.view(np.uint64)
    if kind == "number":
        return keys.view(np.float64)
    return (np.array(["False", "True"], dtype=object) if texts is None else texts.labels())[keys]
