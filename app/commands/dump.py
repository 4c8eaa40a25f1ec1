"""``liangtian export``."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from app import ogc_crs
from app.api.encode import csv_rows, rows_bytes
from app.commands.opened import Opened, opened
from app.downloads import made, told
from app.jobs.sandbox import Limits
from geo.errors import Rejected
from geo.formats.export import FORMATS
from geo.snapshot import cql
from geo.snapshot.view import View

Report = Callable[[int, int], None]


#: Extension -> format of the downloads; the others are written here as they are streamed.
SUFFIXES = {".zip": "shp", ".txt": "landtxt"} | {
    form.suffix: name for name, form in FORMATS.items() if name not in ("shp", "landtxt")
}


def run(
    data: Path,
    layer_id: str,
    output: Path,
    filter_text: str | None,
    as_of: int | None,
    report: Report,
    *,
    language: str = "zh",
    **options: Any,
) -> int:
    """Write the matching features; returns how many. The file appears whole or not at all.

    ``options``: of the writers, as in `app.api.downloads.Options`.
    """
    writers = {".csv": _csv, ".geojson": _geojson, ".json": _geojson}
    suffix = output.suffix.lower()
    if suffix not in writers and suffix not in SUFFIXES:
        known = "、".join((".geojson", ".csv", *SUFFIXES))
        raise Rejected(
            "E_FORMAT",
            f"不支持的格式 {output.suffix}",
            f"The format {output.suffix} is not supported",
            fix=(f"可用扩展名：{known}（.zip 为 shapefile，.txt 为界址点）",
                 f"Extensions: {known} (.zip is a shapefile, .txt land boundary points)"),
        )  # fmt: skip
    with opened(data) as folder:
        layer = folder.layer(layer_id)
        view = folder.snapshots().view(layer.id, as_of)
        filters = [cql.parse(filter_text, "cql2-text", layer)] if filter_text else []
        temporary = output.with_name(f".{output.name}.part")
        try:
            if suffix in writers:
                count = writers[suffix](view, filters, temporary, report)
            else:
                count = _file(
                    SUFFIXES[suffix], view, folder, filters, temporary, report, language, options
                )
            temporary.replace(output)
        finally:
            temporary.unlink(missing_ok=True)
        return count


def _file(
    form: str,
    view: View,
    folder: Opened,
    filters: list[cql.Filter],
    path: Path,
    report: Report,
    language: str,
    options: dict[str, Any],
) -> int:
    settings = folder.settings
    limits = Limits(cpu_s=settings.job_seconds, memory_bytes=settings.job_memory_mib * 2**20)
    staged: list[int] = [0]

    def count(done: int, whole: int) -> None:
        staged[0] = done
        report(done, whole)

    with tempfile.TemporaryDirectory(prefix="export-") as name, made(
        form, view, folder.catalog.codelists, Path(name), limits,
        filters=filters, report=count, language=language, about=told(view), options=options,
    ) as finished:  # fmt: skip
        shutil.copyfile(finished, path)
    return staged[0]


def _csv(view: View, filters: list[cql.Filter], path: Path, report: Report) -> int:
    count, whole = 0, sum(len(rows) for _, rows in view.match(filters))
    with path.open("wb") as sink:
        for rows, piece in csv_rows(view, filters):
            sink.write(piece)
            count += rows
            report(count, whole)
    return count


def _geojson(view: View, filters: list[cql.Filter], path: Path, report: Report) -> int:
    count, whole = 0, sum(len(rows) for _, rows in view.match(filters))
    crs = ogc_crs.parse(ogc_crs.CRS84)
    with path.open("wb") as sink:
        sink.write(b'{"type":"FeatureCollection","features":[')
        for segment, rows in view.batches(filters):
            sink.write(b",\n" if count else b"\n")
            sink.write(rows_bytes(view.layer, segment, rows, crs))
            count += len(rows)
            report(count, whole)
        sink.write(b"\n]}\n")
    return count
