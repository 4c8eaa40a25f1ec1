"""GeoPackages from outside, read by SQLite alone, as tables and never as views.

What a GeoPackage says about itself is not used: counts, R-trees, triggers and views can
lie or run for ever (`gpkg_ogr_contents` made GDAL read 5 of 100 features). The file is
opened immutable, with an untrusted schema and a clock that stops any statement.
Layout: OGC 12-128r19, clauses 1.1 and 2.1.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import shapely

from geo.errors import Rejected
from geo.formats.columns import check_width, column
from geo.formats.curves import refuse_curves
from geo.live import refuse_live

try:
    import pysqlite3 as sqlite3  # noqa: TID251 (an uploaded copy in a child, never the live file)
except ImportError:  # systems whose standard library is new enough
    import sqlite3  # noqa: TID251

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SYSTEM = ("gpkg_contents", "gpkg_geometry_columns", "gpkg_spatial_ref_sys")
_APPLICATIONS = (b"GPKG", b"GP10", b"GP11")
_ENVELOPE = (0, 32, 48, 48, 64)  # bytes, by the indicator in the header's flags
#: What GDAL and the standard put on a feature table.
_TRIGGERS = ("rtree_", "trigger_insert_feature_count_", "trigger_delete_feature_count_", "fgti_")
_SECONDS = 60.0
_STEPS = 100_000


@dataclass(frozen=True)
class Content:
    """A feature table. ``rows``: its integer primary key; ``broken``: geometries not readable."""

    rows: NDArray[np.int64]
    attributes: pa.Table
    geometry: NDArray[np.object_]
    broken: NDArray[np.bool_]
    crs: str | None
    unread: tuple[str, ...]
    wal: bool  # written in WAL mode: changes may have stayed in a file beside it


def layers(path: Path) -> list[str]:
    """Names of the feature tables. Raises `Rejected` E_GPKG, E_GPKG_SCHEMA."""
    with _open(path) as database:
        found = database.execute(
            "SELECT c.table_name FROM gpkg_contents c JOIN gpkg_geometry_columns g"
            " ON g.table_name = c.table_name WHERE c.data_type = 'features' ORDER BY 1"
        ).fetchall()
        return [str(name) for (name,) in found]


def read(path: Path, layer: str) -> Content:
    """Read a feature table whole.

    Raises `Rejected`: E_GPKG (damaged, or not to be read in time), E_GPKG_SCHEMA (the
    layer is a view or a virtual table), E_GPKG_COUNTS, E_COLUMNS.
    """
    with _open(path) as database:
        kinds = dict(database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'"))
        if layer not in kinds or not str(kinds[layer]).lstrip().upper().startswith("CREATE TABLE"):
            raise _schema(layer)
        known = database.execute(
            "SELECT g.column_name, s.organization, s.organization_coordsys_id, s.definition"
            " FROM gpkg_geometry_columns g LEFT JOIN gpkg_spatial_ref_sys s USING (srs_id)"
            " WHERE g.table_name = ?",
            (layer,),
        ).fetchone()
        if known is None:
            raise _schema(layer)
        _refuse_program(database, layer)
        info = database.execute(f"PRAGMA table_info({_quote(layer)})").fetchall()
        check_width(len(info))
        keys = [name for _, name, _, _, _, key in info if key]
        names = [name for _, name, *_ in info if name != known[0] and name not in keys]
        if known[0] not in [name for _, name, *_ in info]:
            raise _schema(layer)
        wanted = ", ".join(_quote(name) for name in (known[0], *names))
        table = _quote(layer)
        rows = database.execute(f"SELECT rowid, {wanted} FROM {table} ORDER BY rowid").fetchall()  # noqa: S608 (quoted)
        count = database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608 (quoted)
    if count != len(rows):
        raise Rejected(
            "E_GPKG_COUNTS",
            f"表中有 {count} 条记录，读到 {len(rows)} 条",
            f"the table counts {count} rows and {len(rows)} were read",
            where=layer,
            fix=("请重新导出", "export it again"),
        )
    columns: list[tuple[Any, ...]] = list(zip(*rows, strict=True)) or [()] * (len(names) + 2)
    geometry, broken = _geometry(columns[1])
    unread = [n for n, v in zip(names, columns[2:], strict=True) if any(map(_is_blob, v))]
    kept = {n: v for n, v in zip(names, columns[2:], strict=True) if n not in unread}
    return Content(
        rows=np.array(columns[0], dtype=np.int64),
        attributes=pa.table([column(v) for v in kept.values()], names=list(kept)),
        geometry=geometry,
        broken=broken,
        crs=_crs(*known[1:]),
        unread=tuple(unread),
        wal=path.open("rb").read(20)[18:20] == b"\2\2",
    )


@contextmanager
def _open(path: Path) -> Iterator[Any]:
    """The file as an immutable database with a time limit, its structure checked."""
    refuse_live(path)
    with path.open("rb") as file:
        head = file.read(100)
    size = path.stat().st_size
    page = struct.unpack_from(">H", head, 16)[0] if len(head) == 100 else 0
    page = 65_536 if page == 1 else page
    if head[68:72] not in _APPLICATIONS:
        raise _damaged("不是 GeoPackage（应用标识不符）", "not a GeoPackage (its application id)")
    if page < 512 or struct.unpack_from(">I", head, 28)[0] * page != size:
        raise _damaged("文件长度与页数不符", "the size is not that of its pages")
    deadline = time.monotonic() + _SECONDS
    database = sqlite3.connect(
        f"file:{quote(str(path.resolve()))}?mode=ro&immutable=1", uri=True, isolation_level=None
    )
    try:
        database.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS)
        for pragma in ("trusted_schema = OFF", "cell_size_check = ON", "query_only = ON"):
            database.execute(f"PRAGMA {pragma}")
        if database.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            raise _damaged("数据库页损坏", "pages of the database are damaged")
        kinds = dict(database.execute("SELECT name, type FROM sqlite_master"))
        for name in _SYSTEM:
            if kinds.get(name) != "table":
                raise _schema(name)
        yield database
    except sqlite3.Error as error:
        raise _damaged("数据库无法读取", f"the database cannot be read: {error}") from error
    finally:
        database.close()


def _refuse_program(database: Any, layer: str) -> None:
    """Triggers and computed columns are programs of the file's author. None would run here, but
    a file that has others than GDAL's own was made to do something."""
    triggers = database.execute(
        "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?", (layer,)
    ).fetchall()
    for (name,) in triggers:
        if not str(name).startswith(_TRIGGERS):
            raise _schema(str(name), "触发器", "a trigger")
    columns = database.execute(f"PRAGMA table_xinfo({_quote(layer)})").fetchall()
    for _, name, *_, hidden in columns:
        if hidden:
            raise _schema(str(name), "计算列", "a computed column")


def _geometry(blobs: tuple[Any, ...]) -> tuple[NDArray[np.object_], NDArray[np.bool_]]:
    """GeoPackage geometries -> shapely; (geometry, which are there and cannot be read)."""
    wkb = np.array([_wkb(blob) for blob in blobs], dtype=object)
    refuse_curves(wkb)
    with np.errstate(invalid="ignore"):  # NaN coordinates are for the checks to name
        geometry: NDArray[np.object_] = shapely.from_wkb(wkb, on_invalid="ignore")
    given = np.array([blob is not None for blob in blobs], dtype=np.bool_)
    return geometry, given & shapely.is_missing(geometry)


def _wkb(blob: Any) -> bytes | None:
    if not _is_blob(blob) or len(blob) < 8 or blob[:2] != b"GP":
        return None
    indicator = blob[3] >> 1 & 7
    return blob[8 + _ENVELOPE[indicator] :] if indicator < len(_ENVELOPE) else None


def _is_blob(value: Any) -> bool:
    return isinstance(value, bytes)


def _crs(organization: Any, code: Any, definition: Any) -> str | None:
    if str(organization).upper() == "EPSG" and isinstance(code, int):
        return f"EPSG:{code}"
    text = str(definition or "")
    return text if text and text.lower() != "undefined" else None


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _schema(name: str, zh: str = "不是普通表", en: str = "no plain table") -> Rejected:
    return Rejected(
        "E_GPKG_SCHEMA",
        f"“{name}”{zh if zh.startswith('不') else f'是{zh}'}",
        f"{name!r} is {en}",
        where=name,
        fix=("请将图层另存为新的 GeoPackage", "save the layer as a new GeoPackage"),
    )


def _damaged(zh: str, en: str) -> Rejected:
    fix = ("请关闭软件后重新导出", "close the software that has it open and export it again")
    return Rejected("E_GPKG", f"GeoPackage 无法读取：{zh}", f"the GeoPackage is bad: {en}", fix=fix)
