"""The plates of a drawing: which grouping factor stands inside which, and in which column of the page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from multilevel.model.quantities import ROWS, Quantities, Quantity

Index = tuple[str, ...]


@dataclass(slots=True, eq=False)
class Plate:
    """One grouping factor, or the rows.

    Parameters
    ----------
    index
        Its columns.
    label
        Its name: the columns that the plate round it does not have.
    variables
        Names of the variables with this index.
    inside
        Plates inside it.
    """

    index: Index
    label: str = ""
    variables: list[str] = field(default_factory=list)
    inside: list[Plate] = field(default_factory=list)

    def everything(self) -> Iterator[str]:
        """Yield the variables in it and in the plates inside, from the outer to the inner."""
        yield from self.variables
        for plate in self.inside:
            yield from plate.everything()

    def walk(self) -> Iterator[Plate]:
        """Yield it and all plates inside."""
        yield self
        for plate in self.inside:
            yield from plate.walk()


def plates_of(found: Quantities) -> tuple[Plate, ...]:
    """Return the outermost plates, the rows last or, if all factors are nested, inside the innermost.

    A factor stands inside another if its index has the other's columns, or if the other's node is in the mean
    of one of its nodes: then the data must tell the parent of each level.

    Parameters
    ----------
    found
        The quantities of a model.

    Examples
    --------
    >>> import multilevel as ml
    >>> model = ml.formula("y ~ 1 + (1 | a/b) + (1 | c)")
    >>> [[plate.label for plate in top.walk()] for top in plates_of(model.quantities())]
    [['a', 'b'], ['c'], ['rows']]
    """
    by_name = {row.name: row for row in found.rows}
    plates: dict[frozenset[str], Plate] = {}
    for row in found.rows:
        if row.role in ("latent variable", "observed variable"):
            plates.setdefault(frozenset(row.index), Plate(row.index)).variables.append(row.name)
    rows = plates.pop(frozenset(ROWS))
    top: list[Plate] = []
    depth: dict[int, int] = {}
    left = list(plates.values())
    while left:
        around = {id(plate): _around(plate, by_name, plates) for plate in left}
        ready = [plate for plate in left if all(id(one) in depth for one in around[id(plate)])]
        plate = (ready or left)[0]
        left.remove(plate)
        outer = _outer(plate, [one for one in around[id(plate)] if id(one) in depth], depth)
        depth[id(plate)] = 0 if outer is None else depth[id(outer)] + 1
        (top if outer is None else outer.inside).append(plate)
        plate.label = ", ".join(name for name in plate.index if outer is None or name not in outer.index)
    rows.label = "rows"
    chain = _chain(top)
    (top if chain is None else chain.inside).append(rows)
    return tuple(top)


def _around(plate: Plate, by_name: dict[str, Quantity], plates: dict[frozenset[str], Plate]) -> list[Plate]:
    """Return the plates that could stand round one."""
    index = frozenset(plate.index)
    parents = [by_name[parent] for name in plate.variables for parent in by_name[name].parents]
    keys = [key for key in plates if key < index]
    keys += [frozenset(one.index) for one in parents if one.role == "latent variable"]
    return [plates[key] for key in dict.fromkeys(keys) if key != index]


def _outer(plate: Plate, around: list[Plate], depth: dict[int, int]) -> Plate | None:
    """Return the plate round one: the innermost of those whose columns it has, or else of its parents."""
    contained = [one for one in around if frozenset(one.index) < frozenset(plate.index)]
    return max(contained or around, key=lambda one: depth[id(one)], default=None)


def _chain(top: list[Plate]) -> Plate | None:
    """Return the innermost plate if each stands inside the one before, else ``None``."""
    if len(top) != 1:
        return None
    plate = top[0]
    while plate.inside:
        if len(plate.inside) > 1:
            return None
        plate = plate.inside[0]
    return plate
