"""Shapefiles: structure proved by `shapefile_structure`, then geometry by GDAL and text by
`dbf` and `text`; what was read is counted afterwards."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import shapely

from geo.formats import dbf
from geo.formats.shapefile_structure import PARTS, Structure, check, counts_differ
from geo.formats.text import Encoding, decode
from geo.live import refuse_live

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["PARTS", "Content", "Structure", "check", "read"]

_MAX_SIDE_FILE = 64 << 10
_WIDE = 8  # bytes; narrower fields hold codes


@dataclass(frozen=True)
class Content:
    """A shapefile's live records; ``rows`` are record numbers from 1, as desktop tools count.

    ``geometry``: shapely geometries in the file's own coordinates, None for null shapes and
    for ``broken`` ones (rings that are not closed or have too few points).
    ``attributes``: text columns, named as the file names them, null when blank.
    """

    structure: Structure
    rows: NDArray[np.int64]
    geometry: NDArray[np.object_]
    broken: NDArray[np.bool_]
    attributes: pa.Table
    encoding: Encoding
    deleted: int
    unread: tuple[str, ...]  # columns of types that hold no plain text (memos)
    prj: str | None = field(default=None, repr=False)
    full: tuple[tuple[str, int, int], ...] = ()  # column, values that fill it, first of their rows


def read(parts: Mapping[str, Path], *, encoding: str | None = None) -> Content:
    """Check and read a shapefile; ``encoding`` is a person's choice and wins.

    Raises what `check` raises, E_ENCODING, and E_SHP_COUNTS when GDAL read other
    records than the file holds. GDAL parses only .shp and .shx: call it in a child
    process with limits, on private copies.
    """
    structure = check(parts)
    header = structure.attributes
    readable = [c for c in header.columns if c.readable and c.width]
    with dbf.records(parts[".dbf"], header) as table:
        dropped = dbf.deleted(table)
        live = table if not dropped.any() else table[~dropped]
        chosen, values, names = decode(
            [live[:, c.offset : c.offset + c.width] for c in readable],
            [c.raw_name for c in readable],
            decision=encoding,
            cpg=_side_file(parts.get(".cpg")),
            language=header.language,
        )
        full = _full(live, readable, names)
    geometry = _geometry(parts, structure)
    rows = np.flatnonzero(~dropped).astype(np.int64)
    return Content(
        structure=structure,
        rows=rows + 1,
        geometry=geometry[rows],
        broken=(shapely.is_missing(geometry) & ~structure.null_shapes)[rows],
        attributes=pa.table(values, names=_distinct(names)),
        encoding=chosen,
        deleted=int(dropped.sum()),
        unread=tuple(c.raw_name.decode(chosen.value, "replace") for c in header.columns
                     if c not in readable),
        prj=_side_file(parts.get(".prj")),
        full=tuple((name, count, int(rows[at]) + 1) for name, count, at in full),
    )  # fmt: skip


def _full(
    live: NDArray[np.uint8], columns: list[dbf.Column], names: list[str]
) -> list[tuple[str, int, int]]:
    """Columns in which some Chinese values reach the very end: (name, how many, first place).

    Writers cut at the field's width, and one that cuts between two characters leaves no other
    trace. Where most values fill their field it was made to measure.
    """
    found = []
    for column, name in zip(columns, names, strict=True):
        if column.type != "C" or column.width < _WIDE or not len(live):
            continue
        ends = live[:, column.offset + column.width - 1] >= 0x80
        count = int(ends.sum())
        if 0 < 2 * count <= int((live[:, column.offset] > ord(" ")).sum()):
            found.append((name, count, int(np.argmax(ends))))
    return found


def _geometry(parts: Mapping[str, Path], structure: Structure) -> NDArray[np.object_]:
    """All shapes, read by GDAL from .shp and .shx alone, counted against the walk."""
    if structure.records == 0:
        return np.empty(0, dtype=object)
    from pyogrio.raw import read as read_raw  # noqa: PLC0415 (GDAL only when there are shapes)

    refuse_live(parts[".shp"])
    with TemporaryDirectory(dir=parts[".shp"].parent) as folder:
        # Alone in a folder: with the .dbf beside it GDAL would drop deleted records and
        # fail on names cut inside a character.
        path = Path(folder) / "layer.shp"
        for part in (".shp", ".shx"):
            path.with_suffix(part).symlink_to(parts[part].resolve())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # told by `Content.broken` instead
            meta, fids, wkb, _ = read_raw(path, return_fids=True, encoding="ISO-8859-1")
    if meta.get("geometry_type") is None or not np.array_equal(fids, np.arange(structure.records)):
        raise counts_differ(
            f"文件有 {structure.records} 条记录，只读到 {len(wkb)} 条",
            f"the file holds {structure.records} records and {len(wkb)} were read",
        )
    lost = (
        np.fromiter((shape is None for shape in wkb), np.bool_, len(wkb)) & ~structure.null_shapes
    )
    if lost.any():
        row = int(np.argmax(lost)) + 1
        raise counts_differ(f"第 {row} 条图形无法读取", f"shape {row} cannot be read")
    with np.errstate(invalid="ignore"):  # NaN coordinates are for the checks to name
        geometry: NDArray[np.object_] = shapely.from_wkb(wkb, on_invalid="ignore")
    return geometry


def _side_file(path: Path | None) -> str | None:
    """Text of a small .prj or .cpg; None when there is none."""
    if path is None or path.stat().st_size > _MAX_SIDE_FILE:
        return None
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("gb18030", "replace")
    return text.strip("\0 \t\r\n") or None


def _distinct(names: list[str]) -> list[str]:
    """Names made distinct (case-insensitively) by a number, blank ones named by place."""
    used: set[str] = set()
    result = []
    for place, name in enumerate(names, 1):
        base = name or f"column_{place}"
        unique, number = base, 1
        while unique.casefold() in used:
            number += 1
            unique = f"{base}_{number}"
        used.add(unique.casefold())
        result.append(unique)
    return result
