"""Only the record opens the live database, and GDAL stays in the rooms that own files.

GDAL carries its own SQLite: one look at the live file from the same process loses
commits that were acknowledged. `tests/geo/record/test_guard.py` shows that it happens.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from tests.architecture.source import ROOT, below

pytestmark = pytest.mark.unit

DRIVERS = {"sqlite3", "pysqlite3", "apsw", "aiosqlite"}
#: Who may load a SQLite library, and for what.
DRIVER_MODULES = {
    "geo/record/sqlite.py": "the live file",
    "geo/formats/gpkg_file.py": "private copies of uploads, in a child process",
}
GDAL = {"pyogrio", "rasterio", "fiona", "geopandas", "osgeo", "rio_tiler", "rioxarray"}
#: Where files from outside are read and written; "app/commands/doctor.py" prints versions.
GDAL_ROOMS = ("geo/formats/", "geo/soil/", "geo/intake/", "data/demo/", "app/commands/doctor.py")
#: What gives access to the live file; these rooms get rows, never its path.
LIVE = ("geo.record.geopackage", "geo.record.sqlite")


@cache
def modules() -> dict[str, ast.Module]:
    paths = below("app", "geo", "data", suffix=".py")
    return {str(path.relative_to(ROOT)): parse(path) for path in paths}


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imports(tree: ast.Module) -> set[str]:
    """Full names of all imported modules, also those inside functions or loaded by name."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Call) and _name(node.func) in ("import_module", "__import__"):
            found |= {
                item.value
                for item in node.args
                if isinstance(item, ast.Constant) and isinstance(item.value, str)
            }
    return found


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def packages(tree: ast.Module) -> set[str]:
    return {name.partition(".")[0] for name in imports(tree)}


def test_the_reader_of_imports_sees_all_kinds() -> None:
    tree = ast.parse(
        "import sqlite3 as s\n"
        "def f():\n    from rasterio.windows import Window\n"
        "import importlib\nimportlib.import_module('pysqlite3.dbapi2')\n"
        "from geo.record import sqlite\n"
    )
    assert packages(tree) == {"sqlite3", "rasterio", "importlib", "pysqlite3", "geo"}
    assert "geo.record.sqlite" in imports(tree)


def test_only_the_record_has_a_driver() -> None:
    using = {name for name, tree in modules().items() if packages(tree) & DRIVERS}
    assert using <= DRIVER_MODULES.keys()
    assert "geo/record/sqlite.py" in using
    strings = {
        name
        for name, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and node.value.removesuffix(".dbapi2") in DRIVERS
    }
    assert strings <= DRIVER_MODULES.keys(), "a driver loaded by name"


def test_gdal_stays_in_its_rooms() -> None:
    using = {name for name, tree in modules().items() if packages(tree) & GDAL}
    outside = {name for name in using if not name.startswith(GDAL_ROOMS)}
    assert not outside, f"GDAL outside {GDAL_ROOMS}: {outside}"
    assert any(name.startswith("geo/formats/") for name in using)


def test_rooms_with_gdal_never_meet_the_live_file() -> None:
    """Nobody who loads GDAL or a second SQLite can open the record or learn where it is."""
    for name, tree in modules().items():
        if name == "geo/record/sqlite.py" or name.startswith("app/commands/doctor.py"):
            continue
        if packages(tree) & (GDAL | DRIVERS):
            met = {x for x in imports(tree) if x.startswith(LIVE)}
            assert not met, f"{name} imports {met}"


def test_the_record_itself_never_loads_gdal() -> None:
    for name, tree in modules().items():
        if name.startswith("geo/record/"):
            assert not packages(tree) & GDAL, name


def test_no_engine_beside_the_records() -> None:
    """`create_engine` on a path would open the file without the record's pragmas and guard."""
    creating = {
        name
        for name, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and _name(node.func) in ("create_engine", "create_async_engine")
    }
    assert {name for name in creating if not name.startswith("geo/record/")} == set()
