"""One raw column of any library turned into a `Column`: numbers as float64, texts as codes into levels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from multilevel.data.table import Column
from multilevel.errors import DataError

EXACT = 2.0**53
"""Whole numbers beyond this are not all exact in float64; such a column may hold ids, and becomes codes."""


def numbers(name: str, values: NDArray[Any], *, boolean: bool = False) -> Column:
    """Return a numeric column; contiguous float64 is not copied."""
    if values.dtype == np.float64:
        return Column(name, values, boolean=boolean)
    if values.dtype.kind in "iu" and values.dtype.itemsize == 8 and values.size and _beyond_exact(values):
        return replace(coded(name, *_factorized(values)), whole=True)
    return Column(name, values.astype(np.float64), boolean=boolean)


def _whole_numbers(name: str, values: NDArray[Any], missing: NDArray[np.bool_]) -> Column:
    """Return a column of whole numbers some of which are missing (0 in ``values``)."""
    if not missing.any():
        return numbers(name, values)
    if values.dtype.itemsize == 8 and _beyond_exact(values):
        codes, distinct = pd.factorize(values[~missing], sort=True)
        every = np.full(values.shape, -1, dtype=np.int32)
        every[~missing] = codes
        return replace(coded(name, every, [str(value) for value in distinct]), whole=True)
    return Column(name, np.where(missing, np.nan, values.astype(np.float64)))


def _beyond_exact(values: NDArray[Any]) -> bool:
    return bool(values.max() > EXACT or values.min() < -EXACT)


def _factorized(values: NDArray[Any]) -> tuple[NDArray[np.int32], list[str]]:
    """Return codes and sorted labels of an array of one sortable type; -1 where missing."""
    codes, levels = pd.factorize(values, sort=True)
    return codes.astype(np.int32), [str(level) for level in levels]


def coded(name: str, codes: NDArray[Any], labels: Sequence[object], *, ordered: bool = False) -> Column:
    """Return a column of codes into labels, in the order given.

    Raises
    ------
    DataError
        Two labels read the same as text.
    """
    levels = tuple(label_of(label) for label in labels)
    if len(set(levels)) < len(levels):
        twice = next(level for level in levels if levels.count(level) > 1)
        raise DataError(
            f"the column `{name}` has two different categories that both read {twice!r}",
            remedy="rename one of the categories, or make them all text",
        )
    return Column(name, codes.astype(np.int32, copy=False), levels=levels, ordered=ordered)


def label_of(value: object) -> str:
    """Return the text of a label; whole numbers lose their decimal point."""
    if isinstance(value, str):
        return value
    if isinstance(value, (float, np.floating)):
        number = float(value)
        return str(int(number)) if number.is_integer() and abs(number) < EXACT else repr(number)
    return str(value)


def from_array(name: str, values: NDArray[Any]) -> Column:
    """Return a column from a NumPy array.

    Raises
    ------
    DataError
        The array is not one-dimensional, or its type is none of number, boolean, text.
    """
    if values.ndim != 1:
        raise DataError(
            f"the column `{name}` is matrix-valued, of shape {values.shape}",
            allowed="one number or label in each row",
            remedy="give each of its columns its own name",
        )
    kind = values.dtype.kind
    if kind == "b":
        return numbers(name, values, boolean=True)
    if kind in "iuf":
        return numbers(name, values)
    if kind in "UT":
        return coded(name, *_factorized(values.astype(object)))
    if kind == "O":
        return _from_objects(name, values)
    raise refused(name, str(values.dtype))


_NUMERIC = ("integer", "floating", "mixed-integer-float", "decimal")


def _from_objects(name: str, values: NDArray[Any]) -> Column:
    """Return a column from Python objects that are all texts, all numbers, all booleans, or missing."""
    kind = pd.api.types.infer_dtype(values, skipna=True)
    if kind in ("string", "empty"):
        if kind == "empty":
            return Column(name, np.full(values.shape, np.nan))
        return coded(name, *_factorized(values))
    if kind in (*_NUMERIC, "boolean"):
        missing = np.asarray(pd.isna(values))
        if kind == "integer" and any(abs(int(value)) > EXACT for value in values[~missing]):
            return replace(coded(name, *_factorized(values)), whole=True)
        out = np.full(values.shape, np.nan)
        out[~missing] = [float(value) for value in values[~missing]]
        return Column(name, out, boolean=kind == "boolean")
    raise refused(name, kind)


def from_pandas(name: str, series: pd.Series) -> Column:
    """Return a column from a pandas Series of any dtype."""
    dtype: Any = series.dtype
    if isinstance(dtype, np.dtype):
        return from_array(name, series.to_numpy())
    if isinstance(dtype, pd.CategoricalDtype):
        return coded(name, series.cat.codes.to_numpy(), list(dtype.categories), ordered=bool(dtype.ordered))
    if isinstance(dtype, pd.SparseDtype):
        return from_array(name, series.sparse.to_dense().to_numpy())
    if isinstance(dtype, pd.StringDtype) and dtype.storage == "pyarrow":
        return from_arrow(name, series.array.__arrow_array__())
    if isinstance(dtype, pd.StringDtype):
        return coded(name, *_factorized(series.array))
    if isinstance(dtype, pd.ArrowDtype):
        return from_arrow(name, series.array.__arrow_array__())
    if pd.api.types.is_bool_dtype(dtype) or pd.api.types.is_numeric_dtype(dtype):
        boolean = bool(pd.api.types.is_bool_dtype(dtype))
        if dtype.kind in "iu":
            missing = series.isna().to_numpy()
            whole = np.int64 if dtype.kind == "i" else np.uint64
            return _whole_numbers(name, series.to_numpy(dtype=whole, na_value=0), missing)
        return Column(name, series.to_numpy(dtype=np.float64, na_value=np.nan), boolean=boolean)
    raise refused(name, str(dtype))


def from_polars(name: str, series: Any) -> Column:
    """Return a column from a polars Series of any type."""
    kind = series.dtype
    text = str(kind)
    if kind.is_numeric() or text in ("Boolean", "Null"):
        import polars as pl

        if series.null_count() and kind.is_integer():
            return _whole_numbers(name, series.fill_null(0).to_numpy(), series.is_null().to_numpy())
        if series.null_count() or not (kind.is_integer() or text in ("Float32", "Float64")):
            series = series.cast(pl.Float64)
        return replace(numbers(name, series.to_numpy()), boolean=text == "Boolean")
    if text.startswith(("String", "Categorical", "Enum")):
        return _from_polars_texts(name, series, declared=text.startswith("Enum"))
    if text == "Object":
        return _from_objects(name, np.array(series.to_list(), dtype=object))
    raise refused(name, text)


def _from_polars_texts(name: str, series: Any, *, declared: bool) -> Column:
    """Return codes of a polars Series of texts; sorted levels unless an Enum declares their order."""
    import polars as pl

    if declared:
        levels = series.dtype.categories
    else:
        series = series.cast(pl.String)
        levels = series.drop_nulls().unique().sort()
        series = series.cast(pl.Enum(levels))
    codes = series.to_physical().cast(pl.Int32).fill_null(-1)
    return coded(name, codes.to_numpy(), levels.to_list(), ordered=declared)


def from_arrow(name: str, values: Any) -> Column:
    """Return a column from a pyarrow Array or ChunkedArray of any type."""
    import pyarrow as pa

    kind = values.type
    types = pa.types
    if getattr(values, "num_chunks", 0) == 1:
        values = values.chunk(0)  # on which Arrow starts no threads
    if types.is_floating(kind) or types.is_integer(kind) or types.is_decimal(kind) or types.is_null(kind):
        if values.null_count and types.is_integer(kind):
            missing = np.asarray(values.is_null().to_numpy(zero_copy_only=False))
            return _whole_numbers(name, _arrow_numpy(values.fill_null(0)), missing)
        if values.null_count or not (types.is_float64(kind) or types.is_integer(kind)):
            values = values.cast(pa.float64())
        return numbers(name, _arrow_numpy(values))
    if types.is_boolean(kind):
        return replace(numbers(name, _arrow_numpy(values.cast(pa.uint8()).cast(pa.float64()))), boolean=True)
    if types.is_dictionary(kind):
        return _from_dictionary(name, values)
    if types.is_string(kind) or types.is_large_string(kind) or str(kind) == "string_view":
        return _from_dictionary(name, _large(values).dictionary_encode())
    raise refused(name, str(kind))


def _large(values: Any) -> Any:
    """Return texts with 64-bit offsets, as they are if they have them."""
    import pyarrow as pa

    return values if pa.types.is_large_string(values.type) else values.cast(pa.large_string())


def _arrow_numpy(values: Any) -> NDArray[Any]:
    """Return numbers as NumPy, without a copy where there is one chunk and nothing is missing."""
    if hasattr(values, "num_chunks"):
        if values.num_chunks != 1:
            return np.asarray(values.to_numpy())
        values = values.chunk(0)
    return np.asarray(values.to_numpy(zero_copy_only=False))


def _from_dictionary(name: str, values: Any) -> Column:
    """Return codes of dictionary-encoded texts; sorted levels unless the dictionary is declared ordered."""
    import pyarrow as pa

    if hasattr(values, "num_chunks"):
        values = values.unify_dictionaries().combine_chunks()
    if hasattr(values, "num_chunks"):
        values = values.chunk(0)
    labels = values.dictionary.to_pylist()
    codes = values.indices
    if codes.null_count:
        codes = codes.cast(pa.int32()).fill_null(-1)
    codes = codes.to_numpy(zero_copy_only=False)
    if values.type.ordered:
        return coded(name, codes, labels, ordered=True)
    order = sorted((at for at, label in enumerate(labels) if label is not None), key=labels.__getitem__)
    rank = np.full(len(labels) + 1, -1, dtype=np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    return coded(name, rank[codes], [labels[at] for at in order])


_REMEDIES = (
    (("date", "time", "duration"), "turn it into a number first, such as the days since the first date"),
    (("list", "array", "struct", "map"), "give each of its values a column of its own"),
    (("complex",), "split it into its real and imaginary parts"),
    (("mixed",), "make all its values numbers, or all texts"),
    (("bytes", "binary"), "decode it to text first"),
)


def refused(name: str, kind: str) -> DataError:
    """Return the error for a column of a type that no model can use."""
    lowered = kind.lower()
    remedy = next((hint for words, hint in _REMEDIES if any(word in lowered for word in words)), "")
    return DataError(
        f"the column `{name}` holds values of type {kind}, which a model cannot use",
        allowed="numbers, booleans, texts and categories",
        remedy=remedy or "turn it into numbers or texts first",
    )
