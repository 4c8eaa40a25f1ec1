"""``liangtian export``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from app import ogc_crs
from app.api.encode import csv_rows, rows_bytes
from app.commands.opened import opened
from geo.errors import Rejected
from geo.snapshot import cql
from geo.snapshot.view import View

Report = Callable[[int, int], None]


def run(
    data: Path,
    layer_id: str,
    output: Path,
    filter_text: str | None,
    as_of: int | None,
    report: Report,
) -> int:
    """Write the matching features; returns how many. The file appears whole or not at all."""
    writers = {".csv": _csv, ".geojson": _geojson, ".json": _geojson}
    writer = writers.get(output.suffix.lower())
    if writer is None:
        raise Rejected(
            "E_FORMAT",
            f"不支持的格式 {output.suffix}",
            f"The format {output.suffix} is not supported",
            fix=("请用 .geojson 或 .csv", "Use .geojson or .csv"),
        )
    with opened(data) as folder:
        layer = folder.layer(layer_id)
        view = folder.snapshots().view(layer.id, as_of)
        filters = [cql.parse(filter_text, "cql2-text", layer)] if filter_text else []
        temporary = output.with_name(f".{output.name}.part")
        try:
            count = writer(view, filters, temporary, report)
            temporary.replace(output)
        finally:
            temporary.unlink(missing_ok=True)
        return count


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
