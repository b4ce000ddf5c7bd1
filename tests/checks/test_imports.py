"""The check of imports catches each kind of fault and lets good code pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from checks.imports import faults

ROOMS = """# Rooms
| room | verb |
|---|---|
| `model/` | |
| `data/` | |
| `api.py`, `__init__.py`, `cli/` | doors |
"""


def house(root: Path, files: dict[str, str]) -> Path:
    """Write a small package with the given files below ``root`` and return ``root``."""
    for name, text in {"errors.py": '"""Floor."""\n', **files}.items():
        path = root / "src" / "multilevel" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (root / "docs").mkdir()
    (root / "docs" / "rooms.md").write_text(ROOMS, encoding="utf-8")
    return root


GOOD = {
    "native module below the package": {
        "__init__.py": "from multilevel.api import x",
        "api.py": "from multilevel.kernels import core",
        "kernels.py": "from multilevel import _core as core",
    },
    "room above": {"model/a.py": "", "data/b.py": "from multilevel.model.a import x"},
    "floor": {"model/a.py": "from multilevel.errors import E\nfrom multilevel import _core"},
    "door": {
        "data/b.py": "",
        "api.py": "from multilevel.data import b",
        "cli/m.py": "from multilevel import api",
    },
    "heavy library inside a function": {"data/b.py": "def f():\n    import pyarrow.parquet\n"},
}

BAD = {
    "room below": ({"model/a.py": "from multilevel.data import b"}, "`model` may not import `data`"),
    "room below, plain import": ({"model/a.py": "import multilevel.data.b"}, "`model` may not import `data`"),
    "door from a room": ({"data/b.py": "from multilevel import api"}, "`data` may not import `api`"),
    "package from a room": ({"data/b.py": "import multilevel"}, "`data` may not import `__init__`"),
    "later door": ({"api.py": "from multilevel.cli import m"}, "`api` may not import `cli`"),
    "inside a function": ({"data/b.py": "def f():\n    import json\n"}, "import of `json` inside a function"),
    "inside a method": (
        {"data/b.py": "class A:\n    def f(self):\n        from multilevel.model import a\n"},
        "import of `multilevel.model.a` inside a function",
    ),
    "relative": ({"data/b.py": "from . import c", "data/c.py": ""}, "relative import"),
    "unknown room": ({"attic/a.py": ""}, "`attic` is not in the table of rooms"),
    "ring": (
        {"data/b.py": "from multilevel.data.c import x", "data/c.py": "from multilevel.data import b"},
        "files import each other in a ring",
    ),
}


@pytest.mark.parametrize("files", GOOD.values(), ids=GOOD)
def test_good_imports_pass(tmp_path: Path, files: dict[str, str]) -> None:
    assert faults(house(tmp_path, files)) == []


@pytest.mark.parametrize(("files", "message"), BAD.values(), ids=BAD)
def test_a_bad_import_is_caught(tmp_path: Path, files: dict[str, str], message: str) -> None:
    found = faults(house(tmp_path, files))
    assert any(message in fault for fault in found), found


def test_a_page_without_a_table_is_an_error(tmp_path: Path) -> None:
    root = house(tmp_path, {})
    (root / "docs" / "rooms.md").write_text("# Rooms\n", encoding="utf-8")
    with pytest.raises(ValueError, match="no table of rooms found"):
        faults(root)
