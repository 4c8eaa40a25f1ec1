"""``liangtian doctor``: libraries against their least versions, disk, record."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from rich.table import Table

from app.commands.opened import opened

#: Below these versions a known fault can lose or falsify data.
LEAST = {
    "SQLite": (3, 51, 3),
    "GDAL (pyogrio)": (3, 9, 0),
    "GEOS": (3, 12, 0),
    "PROJ": (9, 4, 0),
}


def versions() -> dict[str, tuple[int, ...]]:
    """The C libraries that are really loaded."""
    import pyproj
    import shapely

    from geo.record import sqlite

    proj = tuple(int(part) for part in pyproj.proj_version_str.split("."))
    return {
        "SQLite": tuple(sqlite.library().sqlite_version_info),
        "GDAL (pyogrio)": _gdal(),
        "GEOS": tuple(shapely.geos_version),
        "PROJ": proj,
    }


def _gdal() -> tuple[int, ...]:
    """Asked in a process of its own: GDAL never shares one with an open record."""
    code = "import pyogrio; print(*pyogrio.__gdal_version__)"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    return tuple(int(part) for part in done.stdout.split())


def check(data: Path) -> tuple[Table, bool]:
    """A table of what was looked at, and whether all is well."""
    table = Table("检查 check", "结果 found", "要求 wanted", "")
    healthy = True

    def line(name: str, found: str, wanted: str, good: bool) -> None:
        nonlocal healthy
        healthy &= good
        table.add_row(name, found, wanted, "[green]✓[/]" if good else "[bold red]✗[/]")

    for name, version in versions().items():
        line(name, _dotted(version), f">= {_dotted(LEAST[name])}", version >= LEAST[name])
    folder = data if data.exists() else Path()
    free = shutil.disk_usage(folder).free / 2**30
    line("磁盘剩余 free disk", f"{free:.1f} GiB", ">= 1 GiB", free >= 1)
    if not (data / "record.gpkg").exists():
        line("数据 record", "尚未建立 not made yet", "-", True)
        return table, healthy
    with opened(data) as place:
        found = place.record.verify()
        said = f"{found.rows:,} 行 rows, 版本 revision {found.head.revision}"
        if not found.ok:
            said = "; ".join(p.message[0] for p in found.problems[:3])
        line("变更日志 change log", said, "链条完整 chain holds", found.ok)
    return table, healthy


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(str(part) for part in version)
