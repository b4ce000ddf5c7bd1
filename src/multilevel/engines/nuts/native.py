"""A density that nutpie calls by the address of a C function: chains run side by side, without Python."""

from __future__ import annotations

import dataclasses
import importlib
from types import SimpleNamespace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

KNOWN = ("0.16.",)
"""Releases of nutpie whose calls by address are those of `Native`; under others, Python is called."""

FIELDS = {
    "dims",
    "_n_dim",
    "_shapes",
    "_coords",
    "compiled_logp_func",
    "compiled_expand_func",
    "initial_point_func",
    "shared_data",
    "user_data",
    "n_expanded",
    "shape_info",
    "logp_func",
    "expand_func",
}
"""What these models consist of."""

EMPTY = {"shared_var_keys"}
"""What some of the known releases have besides: tables that are empty without shared data."""


class Native(Protocol):
    """A log density with what nutpie calls: C functions, safe for several threads, that return zero."""

    @property
    def address(self) -> int:
        """Where the density is in memory."""

    @property
    def log_density_address(self) -> int:
        """Of the function of size, vector, gradient, value, and a pointer to ``address``."""

    @property
    def expand_address(self) -> int:
        """Of the function of size, how many are kept, vector, what is kept, and the pointer."""

    @property
    def evaluations(self) -> int:
        """Evaluations so far."""

    @property
    def drawn(self) -> int:
        """Draws kept so far."""


class Addressed(Protocol):
    """What is asked of a target whose density may have an address."""

    @property
    def size(self) -> int:
        """How many coordinates."""

    @property
    def native(self) -> Native | None:
        """The density, if it can be called by address."""

    def first(self, seed: int) -> Floats:
        """Return a first point of a chain."""


def native_model(nutpie: Any, target: Addressed) -> Any | None:
    """Return nutpie's model of a density with an address.

    Parameters
    ----------
    nutpie
        The package.
    target
        The model holds a reference to its density, and to the pointer that the functions are given.

    Returns
    -------
    Any | None
        ``None`` if the density has no address, or this release of nutpie is not known to call it rightly.
    """
    native, model = target.native, _model_class(nutpie)
    if native is None or model is None:
        return None
    size = target.size
    known = {field.name for field in dataclasses.fields(model)}
    return model(
        **{name: {} for name in EMPTY if name in known},
        dims={},
        _n_dim=size,
        _shapes={"x": (size,)},
        _coords={},
        compiled_logp_func=SimpleNamespace(address=native.log_density_address),
        compiled_expand_func=SimpleNamespace(address=native.expand_address),
        initial_point_func=target.first,
        shared_data={},
        user_data=np.array([native.address], dtype=np.uintp),
        n_expanded=size,
        shape_info=(["x"], [slice(0, size)], [(size,)]),
        logp_func=native,
        expand_func=native,
    )


def _model_class(nutpie: Any) -> Any | None:
    """Return nutpie's class of models that consist of addresses, if it is the one that is known."""
    if not str(nutpie.__version__).startswith(KNOWN):
        return None
    found = importlib.import_module("nutpie.compile_pymc").CompiledPyMCModel
    fields = {field.name for field in dataclasses.fields(found)}
    needed = {
        field.name
        for field in dataclasses.fields(found)
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    }
    return found if fields >= FIELDS and needed <= FIELDS | EMPTY else None
