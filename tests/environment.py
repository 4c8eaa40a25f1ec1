"""What the tests may need beside Python packages, and what to say when it is not there.

A missing tool skips the tests that need it; `banner()` is printed at the end of the run, so that
nobody takes a run without PostGIS or Chromium for a whole one.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@cache
def chromium() -> Path | None:
    """The browser for tests marked `browser`; CHROMIUM=path overrides the search."""
    names = (os.environ.get("CHROMIUM"), "chromium", "chromium-browser", "google-chrome")
    found = next((path for name in names if name and (path := shutil.which(name))), None)
    return Path(found) if found else None


@cache
def postgres_bin() -> Path | None:
    """The folder with `initdb` and `postgres` of the newest PostgreSQL that has PostGIS."""
    found = Path("/usr/share/postgresql").glob("*/extension/postgis.control")
    versions = sorted((control.parts[-3] for control in found), key=float)
    folders = [Path("/usr/lib/postgresql", version, "bin") for version in versions]
    servers = [folder for folder in folders if (folder / "initdb").exists()]
    return servers[-1] if servers else None


@cache
def nginx() -> Path | None:
    """nginx, for the tests of several nodes behind it."""
    found = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    return Path(found) if found else None


@cache
def fault_tools() -> Path | None:
    """The library that moves the clock, where there is strace to make calls fail, too."""
    library = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
    return library if shutil.which("strace") else None


@cache
def geopackage_validator() -> Path | None:
    """The command `geopackage-validator` (PDOK), an independent judge of GeoPackage files."""
    command = ROOT / ".tools/judge/bin/geopackage-validator"
    return command if command.exists() else None


NODE_MODULES = ROOT / "app/web/node_modules"


@cache
def node() -> Path | None:
    """Node with the modules of app/web, which hold judges and what we are compared with."""
    places = os.pathsep.join((str(ROOT / ".tools/node/bin"), os.environ.get("PATH", "")))
    found = shutil.which("node", path=places)
    return Path(found) if found and (NODE_MODULES / "pbf").exists() else None


@dataclass(frozen=True)
class Tool:
    zh: str
    en: str
    packages: str
    find: Callable[[], Path | None]


TOOLS = (
    Tool("PostGIS 测试", "PostGIS tests", "postgresql postgresql-postgis", postgres_bin),
    Tool("浏览器测试", "browser tests", "chromium", chromium),
    Tool("多节点测试", "tests of several nodes", "nginx-light", nginx),
    Tool("磁盘与时钟故障", "faults of disks and clocks", "strace faketime", fault_tools),
    Tool(
        "GeoPackage 校验",
        "GeoPackage validation",
        "python3-venv python3-gdal libsqlite3-mod-spatialite",
        geopackage_validator,
    ),
)


def banner() -> str | None:
    """What was skipped on this machine and how to get it; None when nothing is missing."""
    missing = [tool for tool in TOOLS if tool.find() is None]
    if not missing:
        return None
    lines = ["!!! 有测试未运行 / SOME TESTS DID NOT RUN: a tool is missing on this machine"]
    lines += [f"    {tool.zh} / {tool.en}: apt-get install -y {tool.packages}" for tool in missing]
    lines.append("    然后 / then: rm -f .venv/.done/tools && make test")
    return "\n".join(lines)
