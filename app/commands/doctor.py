"""``liangtian doctor``: libraries against their least versions, disk, record."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from rich.table import Table

from app.commands.opened import opened
from app.settings import Settings
from app.watch import Watch

#: Below these versions a known fault can lose or falsify data.
LEAST = {
    "SQLite": (3, 51, 3),
    "GDAL (pyogrio)": (3, 9, 0),
    "GEOS": (3, 12, 0),
    "PROJ": (9, 4, 0),
}
#: Python packages likewise: known ways to stop or fool a service before these.
LEAST_PACKAGES = {
    "starlette": (1, 3, 1),
    "python-multipart": (0, 0, 31),
    "fastapi": (0, 165),
    "uvicorn": (0, 40),
    "geopandas": (1, 1, 2),
    "cryptography": (46,),
    "argon2-cffi": (25, 1),
    "sqlalchemy": (2, 0, 44),
    "alembic": (1, 16),
}
#: Days after which a backup is too old.
_OLD_BACKUP = 7


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

    for name, found_ in versions().items():
        line(name, _dotted(found_), f">= {_dotted(LEAST[name])}", found_ >= LEAST[name])
    for name, least in LEAST_PACKAGES.items():
        there = _numbers(version(name))
        line(name, _dotted(there), f">= {_dotted(least)}", there >= least)
    folder = data if data.exists() else Path()
    free = shutil.disk_usage(folder).free / 2**30
    line("磁盘剩余 free disk", f"{free:.1f} GiB", ">= 1 GiB", free >= 1)
    settings = Settings(data=data)
    if settings.record_place == settings.record_path and not settings.record_path.exists():
        line("数据 record", "尚未建立 not made yet", "-", True)
        return table, healthy
    with opened(data) as place:
        watch = Watch(place.record, place.settings.anchor_folder)
        found = watch.verify()
        said = f"{found.rows:,} 行 rows, 版本 revision {found.head.revision}"
        if not found.ok:
            said = "; ".join(p.message[0] for p in found.problems[:3])
        line("变更日志 change log", said, "链条完整 chain holds", found.ok)
        last = watch.anchors.last()
        said = f"{found.anchors:,} 个, 至 seq {last.seq}" if last else "尚无 none yet"
        line("锚点 anchors", said, "-", True)
        backup = watch.backup()
        age = None
        if backup is not None:
            age = (datetime.now(UTC) - datetime.fromisoformat(backup["time"])).days
        told = "尚无 none yet" if backup is None else f"{backup['name']}, {age} 天前 days ago"
        wanted = f"建议 {_OLD_BACKUP} 天内 within {_OLD_BACKUP} days"
        # Advice, not a fault: a demonstration needs no backup.
        table.add_row(
            "备份 backup", told, wanted, "" if age is None or age <= _OLD_BACKUP else "[yellow]![/]"
        )
    return table, healthy


def _numbers(text: str) -> tuple[int, ...]:
    """The leading numbers of a version: 1.3.0rc1 is 1, 3, 0."""
    return tuple(int(part) for part in re.match(r"[\d.]*\d", text)[0].split("."))  # type: ignore[index]


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(str(part) for part in version)
