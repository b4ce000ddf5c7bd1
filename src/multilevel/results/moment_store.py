"""Saved moments: written to a file of their own, or with a fit or posterior of them; never code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from multilevel.design.design import Design
from multilevel.errors import MultilevelError, StorageError
from multilevel.model import Model
from multilevel.moments import Moments as CrossProducts
from multilevel.results.archive import Archive, Kind, damaged, read_archive, write_archive
from multilevel.results.moment_parts import design_in, design_out, products_in, products_out
from multilevel.results.moments import MomentOptions, Moments
from multilevel.results.stored_parts import as_text, check_format, options_in, options_out
from multilevel.version import __version__

MOMENTS_FORMAT = "multilevel moments"
VERSION = 1


@dataclass(frozen=True, slots=True, eq=False)
class StoredMoments:
    """Moments as they lie in a file, before their model is read.

    Parameters
    ----------
    path, kind
        The file, and what it holds.
    columns
        Columns of the model, to read its graph.
    plain, archive
        Words and numbers.
    """

    path: Path
    kind: Kind
    columns: tuple[str, ...]
    plain: Mapping[str, Any]
    archive: Archive

    def bound(self, model: Model) -> tuple[Design, CrossProducts]:
        """Return the design without rows and the cross-products, for the model that was saved.

        Raises
        ------
        StorageError
            They are not what was written.
        """
        try:
            design = design_in(self.plain["design"], self.archive, model)
            return design, products_in(self.plain["products"], self.archive)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            reason = error.asked if isinstance(error, MultilevelError) else f"{type(error).__name__}: {error}"
            raise damaged(self.path, reason, self.kind) from error


def moments_out(design: Design, products: CrossProducts, arrays: dict[str, NDArray[Any]]) -> dict[str, Any]:
    """Return the words of moments; their numbers are added to ``arrays``."""
    return {
        "columns": list(design.model.variables),
        "design": design_out(design, arrays),
        "products": products_out(products, arrays),
    }


def stored_in(path: Path, header: Mapping[str, Any], archive: Archive, kind: Kind) -> StoredMoments | None:
    """Return the moments of an archive that has some."""
    plain = header.get("moments")
    if plain is None:
        return None
    columns = tuple(as_text(name) for name in plain["columns"])
    return StoredMoments(path, kind, columns, plain, archive)


@dataclass(frozen=True, slots=True, eq=False)
class SavedMoments:
    """Moments of a file of their own.

    Parameters
    ----------
    text, graph
        Text of the formula, and of the graph or "".
    options
        What the caller chose.
    stored
        The moments.
    """

    text: str
    graph: str
    options: MomentOptions
    stored: StoredMoments


def save_moments(moments: Moments, path: str | Path) -> None:
    """Write moments to a file: a zip of plain arrays and JSON with checksums, no pickle.

    Raises
    ------
    StorageError
        If the file cannot be written.
    """
    arrays: dict[str, NDArray[Any]] = {}
    model = moments.model
    header = {
        "format": MOMENTS_FORMAT,
        "format_version": VERSION,
        "library_version": __version__,
        "text": model.text,
        "graph": model.dag.text if model.dag is not None else "",
        "options": options_out(moments.options, arrays),
        "moments": moments_out(moments.design, moments.products, arrays),
    }
    write_archive(_path(path), Archive(header, arrays))


def _path(path: object) -> Path:
    """Return a path, or raise `StorageError` if it is not one."""
    if not isinstance(path, str | PathLike):
        raise StorageError(f"{path!r} is not a path", allowed="a text or a pathlib.Path")
    return Path(path)


def read_moments(path: str | Path) -> SavedMoments:
    """Read saved moments.

    Raises
    ------
    StorageError
        If the file is absent, damaged, truncated, changed, of another version, or not saved moments.
    """
    path = _path(path)
    archive = read_archive(path, "moments")
    header = archive.header
    check_format(path, header, MOMENTS_FORMAT, VERSION, "moments")
    try:
        stored = stored_in(path, header, archive, "moments")
        if stored is None:
            raise KeyError("moments")
        options = MomentOptions(**options_in(header["options"], archive))
        return SavedMoments(as_text(header["text"]), as_text(header.get("graph", "")), options, stored)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise damaged(path, f"{type(error).__name__}: {error}", "moments") from error
