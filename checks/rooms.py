"""The order of the rooms, read from docs/rooms.md, and where a module stands in it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

FLOOR = ("errors", "version", "_core", "kernels")


@dataclass(frozen=True, slots=True)
class House:
    """The rooms and doors of the package, first one first.

    Parameters
    ----------
    rooms
        Folders in the order of the table; a room imports only itself, rooms before it and the floor.
    doors
        Files and folders that rooms may not import; a door imports rooms and the doors before it.
    """

    rooms: tuple[str, ...]
    doors: tuple[str, ...]

    def rank(self, place: str) -> int | None:
        """Return how far down the house a place stands (the floor is -1), or ``None`` if it is unknown."""
        if place in FLOOR:
            return -1
        order = self.rooms + self.doors
        return order.index(place) if place in order else None


def read_house(page: Path) -> House:
    """Read the table of rooms from a Markdown page.

    Parameters
    ----------
    page
        Path of the page; the first cell of each row names rooms (``model/``) or doors (``api.py``).

    Raises
    ------
    ValueError
        If the page has no such table.
    """
    rooms: list[str] = []
    doors: list[str] = []
    for line in page.read_text(encoding="utf-8").splitlines():
        if not line.startswith("|"):
            continue
        names = re.findall(r"`([\w.]+)/?`", line.split("|")[1])
        if len(names) == 1 and not names[0].endswith(".py"):
            rooms += names
        else:
            doors += [name.removesuffix(".py") for name in names]
    if not rooms or not doors:
        raise ValueError(f"{page}: no table of rooms found")
    return House(tuple(rooms), tuple(doors))


def place_of(module: str, package: str) -> str:
    """Return the room, door or floor file of a dotted module name; the package itself is ``__init__``."""
    rest = module.removeprefix(package).lstrip(".")
    return rest.split(".")[0] if rest else "__init__"
