"""A design without rows and its cross-products as plain values and arrays, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from multilevel.data.table import Library
from multilevel.design.design import Alias, Design, EffectsTerm, FixedPart, GroupFactor, RowSummary, Spread
from multilevel.design.recipe import GroupRecipe, Recipe
from multilevel.errors import StorageError
from multilevel.model import Covariance, Model
from multilevel.moments import ColumnScaling, Moments, Pairs, Scaling, TermBlock
from multilevel.results.archive import Archive
from multilevel.results.stored_parts import as_text, numbers

Arrays = dict[str, NDArray[Any]]
Floats = NDArray[np.float64]


def design_out(design: Design, arrays: Arrays) -> dict[str, Any]:
    """Return the words of a design without rows; its numbers are added to ``arrays``."""
    recipe, summary = design.recipe, design.summary
    assert isinstance(recipe, Recipe) and summary is not None
    if design.fixed.intercept is not None:
        arrays["design/intercept"] = design.fixed.intercept
    for i, group in enumerate(recipe.groups):
        arrays[f"design/members/{i}"] = group.members
        for j, labels in enumerate(group.levels):
            arrays[f"design/labels/{i}/{j}"] = np.array(labels, dtype=np.str_)
    for i, spread in enumerate((summary.response, summary.fixed, *summary.terms)):
        arrays[f"design/spread/{i}"] = np.array([spread.mean, spread.sd])
    return {
        "names": list(design.fixed.names),
        "aliased": [
            [alias.name, list(alias.of), [[name, _hex(amount)] for name, amount in alias.amounts]]
            for alias in design.fixed.aliased
        ],
        "factors": [[factor.name, list(factor.columns)] for factor in design.factors],
        "terms": [[term.factor, list(term.names), term.covariance.value] for term in design.terms],
        "given": [
            name
            for name in ("offset", "precision_weights", "frequency_weights")
            if getattr(design, name) is not None
        ],
        "residual_sd": _hex(design.residual_sd),
        "n_input": design.n_input,
        "missing": dict(design.missing),
        "library": design.library,
        "levels": {name: list(labels) for name, labels in recipe.levels.items()},
        "booleans": sorted(recipe.booleans),
        "state": _state_out(recipe.state, arrays),
        "kept": list(recipe.kept),
        "offset": _hex(recipe.offset) if isinstance(recipe.offset, float) else recipe.offset,
        "offset_is_number": isinstance(recipe.offset, float),
        "n_rows": summary.n_rows,
        "n_observations": _hex(summary.n_observations),
        "origin": summary.origin,
        "inverse_weight": _hex(summary.inverse_weight),
    }


def design_in(plain: Mapping[str, Any], archive: Archive, model: Model) -> Design:
    """Return the design without rows of an archive."""
    names = _texts(plain["names"])
    intercept = numbers(archive, "design/intercept") if "design/intercept" in archive.arrays else None
    factors, groups = [], []
    for i, (name, columns) in enumerate(plain["factors"]):
        labels = tuple(_labels(archive, f"design/labels/{i}/{j}") for j in range(len(columns)))
        members = archive.arrays[f"design/members/{i}"]
        if members.dtype != np.int32 or members.ndim != 2 or members.shape[1] != len(labels):
            raise ValueError(f"the levels of {name!r} are not what they should be")
        groups.append(GroupRecipe(labels, members))
        parts = [np.array(own, dtype=object)[at] for own, at in zip(labels, members.T, strict=True)]
        levels = tuple(":".join(pieces) for pieces in zip(*parts, strict=True))
        factors.append(GroupFactor(as_text(name), _texts(columns), np.empty(0, dtype=np.int32), levels))
    terms = tuple(
        EffectsTerm(int(f), _texts(own), np.empty((0, len(own)), order="F"), Covariance(covariance))
        for f, own, covariance in plain["terms"]
    )
    if plain["library"] not in get_args(Library):
        raise ValueError(f"the library {plain['library']!r} is not known")
    aliased = tuple(
        Alias(as_text(name), _texts(of), tuple((as_text(own), float.fromhex(by)) for own, by in amounts))
        for name, of, amounts in plain["aliased"]
    )
    none = np.empty(0)
    recipe = Recipe(
        levels={as_text(name): _texts(labels) for name, labels in plain["levels"].items()},
        booleans=frozenset(_texts(plain["booleans"])),
        state=_state_in(plain["state"], archive),
        kept=tuple(int(at) for at in plain["kept"]),
        groups=tuple(groups),
        offset=_number(plain["offset"]) if plain["offset_is_number"] else plain["offset"],
    )
    return Design(
        model=model,
        y=none,
        offset=none if "offset" in plain["given"] else None,
        fixed=FixedPart(names, np.empty((0, len(names)), order="F"), aliased, intercept),
        factors=tuple(factors),
        terms=terms,
        precision_weights=none if "precision_weights" in plain["given"] else None,
        frequency_weights=none if "frequency_weights" in plain["given"] else None,
        residual_sd=_number(plain["residual_sd"]),
        rows=np.empty(0, dtype=np.int64),
        n_input=int(plain["n_input"]),
        missing={as_text(name): int(count) for name, count in plain["missing"].items()},
        library=plain["library"],
        row_labels=None,
        recipe=recipe,
        summary=_summary_in(plain, archive, len(terms)),
    )


def _summary_in(plain: Mapping[str, Any], archive: Archive, terms: int) -> RowSummary:
    """Return what is known of the rows."""
    spreads = [Spread(*numbers(archive, f"design/spread/{i}", ndim=2)) for i in range(terms + 2)]
    return RowSummary(
        n_rows=int(plain["n_rows"]),
        n_observations=float.fromhex(plain["n_observations"]),
        origin=as_text(plain["origin"]),
        response=spreads[0],
        fixed=spreads[1],
        terms=tuple(spreads[2:]),
        inverse_weight=float.fromhex(plain["inverse_weight"]),
    )


def products_out(moments: Moments, arrays: Arrays) -> dict[str, Any]:
    """Return the words of cross-products; their numbers are added to ``arrays``."""
    scaling = moments.scaling
    arrays |= {"D": moments.D, "constant": scaling.constant}
    for f, (a, c) in enumerate(zip(moments.A, moments.C, strict=True)):
        arrays |= {f"A/{f}": a, f"C/{f}": c}
    for i, pair in enumerate(moments.pairs):
        arrays |= {
            f"pairs/{i}/start": pair.start,
            f"pairs/{i}/index": pair.index,
            f"pairs/{i}/value": pair.value,
        }
    for i, own in enumerate((scaling.fixed, *scaling.terms)):
        arrays |= {f"scaling/{i}": np.array([own.centre, own.factor]), f"scaling/{i}/back": own.back}
        if own.mixture is not None:
            arrays[f"scaling/{i}/mixture"] = own.mixture
    return {
        "p": moments.p,
        "n": _hex(moments.n),
        "order": list(moments.order),
        "pairs": [[pair.f, pair.g] for pair in moments.pairs],
        "blocks": [
            [one.factor, one.start, one.size, one.covariance.value, one.group, list(one.names)]
            for one in moments.blocks
        ],
        "log_weights": _hex(moments.log_weights),
        "known_sigma": _hex(moments.known_sigma),
        "y_centre": _hex(scaling.y_centre),
        "y_scale": _hex(scaling.y_scale),
    }


def products_in(plain: Mapping[str, Any], archive: Archive) -> Moments:
    """Return the cross-products of an archive, their shapes checked."""
    factors = range(len(plain["order"]))
    blocks = tuple(
        TermBlock(int(f), int(start), int(size), Covariance(covariance), as_text(group), _texts(names))
        for f, start, size, covariance, group, names in plain["blocks"]
    )
    own = [_scaling_in(archive, i) for i in range(len(blocks) + 1)]
    moments = Moments(
        p=int(plain["p"]),
        n=float.fromhex(plain["n"]),
        order=tuple(int(f) for f in plain["order"]),
        A=tuple(numbers(archive, f"A/{f}", ndim=3) for f in factors),
        C=tuple(numbers(archive, f"C/{f}", ndim=3) for f in factors),
        D=numbers(archive, "D", ndim=2),
        pairs=tuple(_pairs_in(archive, i, f, g) for i, (f, g) in enumerate(plain["pairs"])),
        blocks=blocks,
        log_weights=float.fromhex(plain["log_weights"]),
        known_sigma=_number(plain["known_sigma"]),
        scaling=Scaling(
            own[0],
            tuple(own[1:]),
            float.fromhex(plain["y_centre"]),
            float.fromhex(plain["y_scale"]),
            numbers(archive, "constant"),
        ),
    )
    _check_shapes(moments)
    return moments


def _check_shapes(moments: Moments) -> None:
    """Raise `ValueError` unless all cross-products belong together."""
    p = moments.p
    shapes = [(a.shape[0], c.shape) for a, c in zip(moments.A, moments.C, strict=True)]
    good = moments.D.shape == (p + 1, p + 1) and moments.scaling.constant.shape == (p,)
    sizes = [sum(one.size for one in moments.blocks if one.factor == f) for f in range(len(shapes))]
    good &= all(
        a.shape == (m, k, k) and c == (m, k, p + 1)
        for a, (m, c), k in zip(moments.A, shapes, sizes, strict=True)
    )
    for pair in moments.pairs:
        good &= pair.start.shape == (shapes[pair.f][0] + 1,) and pair.start[-1] == pair.index.size
        good &= pair.value.shape == (pair.index.size, sizes[pair.f], sizes[pair.g])
        good &= pair.index.size == 0 or 0 <= pair.index.min() <= pair.index.max() < shapes[pair.g][0]
    if not good:
        raise ValueError("the cross-products differ in size")


def _pairs_in(archive: Archive, i: int, f: int, g: int) -> Pairs:
    """Return the table of one pair of factors."""
    start, index = archive.arrays[f"pairs/{i}/start"], archive.arrays[f"pairs/{i}/index"]
    if start.dtype != np.int64 or index.dtype != np.int32 or start.ndim != 1 or index.ndim != 1:
        raise ValueError(f"the pairs {i} hold {start.dtype} and {index.dtype}")
    return Pairs(int(f), int(g), start, index, numbers(archive, f"pairs/{i}/value", ndim=3))


def _scaling_in(archive: Archive, i: int) -> ColumnScaling:
    """Return one of the scalings of columns."""
    centre, factor = numbers(archive, f"scaling/{i}", ndim=2)
    name = f"scaling/{i}/mixture"
    mixture = numbers(archive, name, ndim=2) if name in archive.arrays else None
    back = numbers(archive, f"scaling/{i}/back", ndim=2)
    if back.shape != (centre.size, centre.size):
        raise ValueError(f"{name} has the shape {back.shape}")
    return ColumnScaling(centre.copy(), factor.copy(), back, mixture)


def _state_out(state: Mapping[str, Mapping[str, Any]], arrays: Arrays) -> list[Any]:
    """Return what functions of a formula remember as lists that name the type of every value."""

    def out(value: object) -> list[Any]:
        if isinstance(value, np.generic):
            value = value.item()
        if value is None or isinstance(value, bool | int | str):
            return ["plain", value]
        if isinstance(value, float):
            return ["float", value.hex()]
        if isinstance(value, np.ndarray) and value.dtype.kind in "fiub":
            arrays[f"state/{len(arrays)}"] = value
            return ["array", f"state/{len(arrays) - 1}"]
        if isinstance(value, Mapping):
            return ["dict", [[out(key), out(item)] for key, item in value.items()]]
        if isinstance(value, list | tuple):
            return ["list" if isinstance(value, list) else "tuple", [out(item) for item in value]]
        raise StorageError(f"a function of the formula remembers {type(value).__name__}, which is not saved")

    return out(state)


def _state_in(plain: Sequence[Any], archive: Archive) -> Any:
    """Return what `_state_out` made a list of."""
    kind, value = plain
    if kind == "plain":
        return value
    if kind == "float":
        return float.fromhex(value)
    if kind == "array":
        return archive.arrays[value]
    if kind == "dict":
        return {_state_in(key, archive): _state_in(item, archive) for key, item in value}
    items = [_state_in(item, archive) for item in value]
    return tuple(items) if kind == "tuple" else items


def _labels(archive: Archive, name: str) -> tuple[str, ...]:
    """Return labels stored as an array of texts."""
    values = archive.arrays[name]
    if values.dtype.kind != "U" or values.ndim != 1:
        raise ValueError(f"{name} holds {values.dtype}")
    return tuple(values.tolist())


def _texts(values: Sequence[object]) -> tuple[str, ...]:
    """Return values that must all be texts."""
    return tuple(as_text(value) for value in values)


def _hex(value: float | None) -> str | None:
    """Return a number as a text that holds every bit."""
    return None if value is None else float(value).hex()


def _number(plain: object) -> float | None:
    """Return a number from the text that `_hex` made."""
    return None if plain is None else float.fromhex(as_text(plain))
