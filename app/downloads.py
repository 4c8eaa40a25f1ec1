"""Whole layers as files: rows are staged by columns here, and written by a limited child.

The child keeps GDAL and its SQLite out of the process that holds the record, and the long
work off its interpreter. What is made lies in a folder of its own, which goes away whoever
leaves first: the file is unlinked as soon as it is open.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import shapely

from app.blobs import disk_errors
from app.jobs.sandbox import Limits
from app.jobs.sandbox import run as sandboxed
from app.problems import Problem
from app.times import now
from geo.errors import Rejected
from geo.formats.export import FORMATS, arguments
from geo.formats.source import GEOMETRY, Source
from geo.layers import Codelist
from geo.snapshot.rows import public_names
from geo.snapshot.view import Box, RowFilter, View

#: Folders of downloads begin so; the sweeper removes what a killed process left.
PREFIX = "download-"
#: At a time in one process: each has a child of its own.
MOST_AT_ONCE = 2
_WAIT_S = 120.0
_free = threading.BoundedSemaphore(MOST_AT_ONCE)


@contextmanager
def made(
    name: str,
    view: View,
    codelists: Mapping[str, Codelist],
    folder: Path,
    limits: Limits,
    *,
    filters: Sequence[RowFilter] = (),
    box: Box | None = None,
    properties: Sequence[str] | None = None,
    cancelled: Callable[[], bool] | None = None,
    report: Callable[[int, int], None] | None = None,
    **about: Any,
) -> Iterator[Path]:
    """The finished file of format ``name``, inside a folder that is removed afterwards.

    ``about`` goes to `Source`: language, crs, about, options. Raises `Rejected`: E_FORMAT,
    what the writer raises, `SandboxError`; E_BUSY when others keep all places.
    """
    form = FORMATS[name]
    if form.geometry and view.layer.geometry is None:
        raise Rejected(
            "E_FORMAT",
            f"此图层没有图形，不能导出为 {name}",
            f"this layer has no geometry and cannot be written as {name}",
            fix=("请用 csv、xlsx、gpkg 或 parquet", "use csv, xlsx, gpkg or parquet"),
        )
    if not _free.acquire(timeout=_WAIT_S):
        raise Problem(
            "E_BUSY",
            "正在进行的导出太多",
            "too many downloads are being made",
            fix=("请稍后再试", "Try again later"),
            headers={"Retry-After": "30"},
        )
    place = Path()
    try:
        with disk_errors("download"):
            folder.mkdir(parents=True, exist_ok=True)
            place = Path(tempfile.mkdtemp(prefix=PREFIX, dir=folder)).resolve()
            staged, out = place / "rows.arrow", place / f"out{form.suffix}"
            rows = stage(view, staged, filters, box, properties, report)
        source = Source(view.layer, codelists, staged, rows, **about)
        sandboxed("geo.formats.export:main", arguments(source, name, out), place, limits,
                  cancelled=cancelled, readable=[])  # fmt: skip
        yield out
    finally:
        _free.release()
        if place != Path():
            shutil.rmtree(place, ignore_errors=True)


def stage(
    view: View,
    path: Path,
    filters: Sequence[RowFilter] = (),
    box: Box | None = None,
    properties: Sequence[str] | None = None,
    report: Callable[[int, int], None] | None = None,
) -> int:
    """Matching rows as an Arrow stream for `geo.formats.source`; returns how many."""
    names = ["fid", *(properties if properties is not None else public_names(view.layer))]
    matched = sum(len(rows) for _, rows in view.match(filters, box)) if report else 0
    schema = _schema(view, names)
    count = 0
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, schema) as writer:
        for segment, rows in view.batches(filters, box):
            columns = [_plain(segment.column(name, rows)) for name in names]
            if view.layer.geometry:
                wkb = shapely.to_wkb(segment.geometries(rows))
                columns.append(pa.array(wkb, pa.large_binary(), from_pandas=True))
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))
            count += len(rows)
            if report:
                report(count, matched)
    return count


def _plain(column: pa.Array) -> pa.Array:
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


def _schema(view: View, names: Sequence[str]) -> pa.Schema:
    kinds: dict[str, pa.DataType] = {
        "string": pa.string(), "integer": pa.int64(), "number": pa.float64(),
        "boolean": pa.bool_(), "date": pa.date32(), "datetime": pa.timestamp("us", tz="UTC"),
    }  # fmt: skip
    system = {"fid": pa.int64(), "version": pa.int64(), "updated_at": kinds["datetime"]}
    fields = [
        pa.field(
            name,
            kinds[view.layer.by_name[name].type]
            if name in view.layer.by_name
            else system.get(name, pa.float64()),
        )
        for name in names
    ]
    if view.layer.geometry:
        fields.append(pa.field(GEOMETRY, pa.large_binary()))
    return pa.schema(fields)


def taken(path: Path) -> BinaryIO:
    """Open a finished file and take its name away: it lives as long as it is read."""
    file = path.open("rb")
    path.unlink()
    return file


def chunks(file: BinaryIO, size: int = 1 << 20) -> Iterator[bytes]:
    """The contents; the file is closed however the reading ends."""
    with file:
        while piece := file.read(size):
            yield piece


def told(view: View) -> tuple[tuple[str, str], ...]:
    """What a file says about itself: where from, which revision, and how areas were computed."""
    return (
        (f"良田导出，版本 {view.revision}，{now()}",
         f"Liangtian, revision {view.revision}, {now()}"),
        ("面积为 CGCS2000 椭球面积，1 亩 = 2000/3 平方米",
         "Areas are ellipsoidal on CGCS2000; 1 mu = 2000/3 m2"),
    )  # fmt: skip
