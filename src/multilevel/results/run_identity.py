"""What makes a sampling run what it is: hashes of its data and priors, its model, options and version."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum

import numpy as np

from multilevel.design.bound_priors import BoundPriors
from multilevel.design.design import Design
from multilevel.moments import Moments
from multilevel.results.posterior_options import SampleOptions
from multilevel.version import __version__

DATA = (
    "y",
    "offset",
    "fixed",
    "factors",
    "terms",
    "precision_weights",
    "frequency_weights",
    "residual_sd",
    "residual_groups",
    "family",
    "trials",
    "inflation",
)
"""The parts of a design that its posterior depends on."""
OPTIONS = ("method", "draws", "chains", "warmup", "seed")


def run_identity(
    design: Design, priors: BoundPriors, options: SampleOptions, moments: Moments | None = None
) -> dict[str, str]:
    """Return the parts of a run's identity by name; two runs with the same parts have the same draws.

    The data of a design without rows are its ``moments``.

    Returns
    -------
    dict
        "data" and "priors" as SHA-256 of every bit; "model", the options and "library version" as texts.
    """
    data = [getattr(design, name) for name in DATA]
    if design.summary is not None:
        data.append(moments)
    return {
        "data": _digest(data),
        "model": design.model.text,
        "priors": _digest(priors),
        **{name: str(getattr(options, name)) for name in OPTIONS},
        "library version": __version__,
    }


def _digest(value: object) -> str:
    """Return the SHA-256 of a value and all that is in it."""
    digest = hashlib.sha256()
    for piece in _pieces(value):
        digest.update(len(piece).to_bytes(8, "little") + piece)
    return f"sha256:{digest.hexdigest()}"


def _pieces(value: object) -> Iterator[bytes]:
    """Yield the bytes that a value is made of: data classes and sequences by their parts, in order.

    Raises
    ------
    TypeError
        If the value is of a kind whose bytes are not known.
    """
    yield type(value).__name__.encode()
    if isinstance(value, np.ndarray | np.generic):
        array = np.asarray(value)
        yield f"{array.dtype.str} {array.shape}".encode()
        yield array.tobytes()
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield field.name.encode()
            yield from _pieces(getattr(value, field.name))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _pieces(key)
            yield from _pieces(item)
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        for item in value:
            yield from _pieces(item)
    elif isinstance(value, float):
        yield value.hex().encode()
    elif isinstance(value, type):
        yield value.__qualname__.encode()
    elif value is None or isinstance(value, str | int | bool | Enum):
        yield str(value).encode()
    else:
        raise TypeError(f"a run cannot be told by {value!r}")
