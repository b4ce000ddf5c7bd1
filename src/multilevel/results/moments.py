"""The moments that a user holds: a design without rows and its cross-products, and how large they are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, Protocol

from numpy.typing import NDArray

from multilevel.data.table import Library
from multilevel.design.design import Design
from multilevel.model import Model
from multilevel.moments import Moments as CrossProducts
from multilevel.results.archive import not_pickled
from multilevel.results.options import Given, Missing


@dataclass(frozen=True, slots=True, eq=False)
class MomentOptions:
    """What the caller chose when the moments were made; fits of them keep it.

    Parameters
    ----------
    precision_weights, frequency_weights, offset, residual_sd
        As given: a column name or a number; an empty array stands for an array.
    missing
        "report", "drop" or "error".
    lme4_compat
        Whether ``||`` was split term by term.
    library
        Library in which tables are given back.
    """

    precision_weights: Given = None
    frequency_weights: Given = None
    offset: Given = None
    residual_sd: Given = None
    missing: Missing = "report"
    lme4_compat: bool = False
    library: Library = "pandas"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Moments:
    """Cross-products by group: all that the likelihood of a linear model needs of its rows.

    `multilevel.fit` and `multilevel.sample` take them in place of data. Their size grows with the levels of
    the grouping factors, not with the rows.

    Parameters
    ----------
    design
        The design, without rows.
    products
        Its cross-products, in shifted and scaled columns.
    options
        What the caller chose.
    verbs
        The functions that save and merge.

    Examples
    --------
    >>> import multilevel as ml
    >>> moments = ml.moments("reaction ~ days + (days | subject)", ml.datasets.load("sleepstudy"))
    >>> moments
    Moments('reaction ~ days + (days | subject)', 180 rows, subject: 18 levels, 1.5 kB)
    >>> round(ml.fit(moments).deviance, 3)
    1743.628
    """

    design: Design
    products: CrossProducts
    options: MomentOptions
    verbs: MomentVerbs

    @property
    def model(self) -> Model:
        """The model whose columns they are."""
        return self.design.model

    @property
    def formula(self) -> str:
        """Its formula as it was written."""
        return self.design.model.text

    @property
    def n_rows(self) -> int:
        """Rows that were summed."""
        return self.design.n_rows

    @property
    def n_observations(self) -> float:
        """The same, each row counted as often as its frequency weight says."""
        return self.design.n_observations

    @property
    def missing(self) -> dict[str, int]:
        """Missing values by column, of the columns with some; their rows are left out."""
        return dict(self.design.missing)

    @property
    def groups(self) -> dict[str, int]:
        """Levels of each grouping factor."""
        return {factor.name: len(factor.levels) for factor in self.design.factors}

    @property
    def size(self) -> int:
        """Bytes of the cross-products in memory."""
        products = self.products
        arrays: list[NDArray[Any]] = [products.D, *products.A, *products.C]
        arrays += [array for pair in products.pairs for array in (pair.start, pair.index, pair.value)]
        return sum(int(array.nbytes) for array in arrays)

    def merge(self, *others: Moments) -> Moments:
        """Return the moments of all rows together; see `multilevel.merge_moments`."""
        return self.verbs.merge(self, *others)

    def save(self, path: str | Path) -> None:
        """Write them to a file that `multilevel.load_moments` reads; nothing in it is executable."""
        self.verbs.save(self, path)

    def __deepcopy__(self, memo: object) -> Moments:
        return self

    def __reduce__(self) -> NoReturn:
        raise not_pickled("load_moments")

    def __repr__(self) -> str:
        groups = "".join(f", {name}: {m} level{'' if m == 1 else 's'}" for name, m in self.groups.items())
        return f"Moments({self.formula!r}, {self.n_rows} rows{groups}, {_bytes(self.size)})"


class MomentVerbs(Protocol):
    """What moments do, handed to them by the door."""

    def merge(self, *several: Moments) -> Moments:
        """Return the moments of all rows together."""

    def save(self, moments: Moments, path: str | Path) -> None:
        """Write moments to a file."""


def _bytes(size: int) -> str:
    """Return a number of bytes in words."""
    unit = next((u for u in range(4) if size < 1000 ** (u + 1)), 4)
    return f"{size} B" if unit == 0 else f"{size / 1000**unit:.1f} {'kMGT'[unit - 1]}B"
