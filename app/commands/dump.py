"""``liangtian export`` and ``liangtian totals``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from app import ogc_crs
from app.api.encode import csv_rows, rows_bytes
from app.commands.opened import opened
from app.overlaps import Overlaps
from geo.errors import Rejected
from geo.layers import Layer
from geo.snapshot import cql
from geo.snapshot.view import View
from geo.totals.total import Row, total
from geo.units import SQUARE_METRES_PER_MU

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


def totals(
    data: Path, layer_id: str, by: str, filter_text: str | None, as_of: int | None, measure: str
) -> tuple[Layer, list[list[str]]]:
    """Rows of the printed table, the total last."""
    with opened(data) as folder:
        layer = folder.layer(layer_id)
        names = [name for name in by.split(",") if name]
        unknown = [name for name in names if name not in layer.by_name]
        if unknown:
            listed = ", ".join(layer.by_name)
            raise Rejected(
                "E_PARAMETER",
                f"没有字段 {unknown[0]}",
                f"There is no field {unknown[0]}",
                where="by",
                fix=(f"可用字段:{listed}", f"Fields: {listed}"),
            )
        view = folder.snapshots().view(layer.id, as_of)
        filters = [cql.parse(filter_text, "cql2-text", layer)] if filter_text else []
        matches = view.match(filters)
        removed = None
        if layer.geometry == "MultiPolygon" and measure == "union":
            removed = Overlaps(folder.settings).removed("once", matches)
        found = total(view, matches, names, removed)
        rows = [_cells(layer, row, row.group) for row in found.rows] if names else []
        rows.append(
            _cells(layer, found.total, ("合计 total", *[""] * (len(names) - 1))[: len(names)])
        )
        return layer, rows


def _cells(layer: Layer, row: Row, group: tuple[object, ...]) -> list[str]:
    cells = ["-" if value is None else str(value) for value in group]
    cells.append(f"{row.count:,}")
    if layer.measures:
        mu = row.measure / float(SQUARE_METRES_PER_MU)
        cells += [f"{mu:,.2f}", f"{row.measure / 1e4:,.4f}"]
    return cells
