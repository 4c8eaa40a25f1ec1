"""What a look at a file found, to be drawn: its rows with their status, and its faults."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from geo.intake import sides, stage
from geo.layers import Layer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.snapshot.view import Box, View


@dataclass(frozen=True)
class Kept:
    """The files of a look, where they are: `geo.intake.stage.FILE` and those of `sides`."""

    files: dict[str, Path]

    def table(self, name: str) -> pa.Table | None:
        path = self.files.get(name)
        return sides.read(path) if path is not None and path.exists() else None

    def shapes(self) -> tuple[NDArray[np.int64], NDArray[np.object_]]:
        """(record numbers, geometries in EPSG:4490): as staged, and rejected ones as they came."""
        parts = [t for t in (self.table(stage.FILE), self.table(sides.FAULTY)) if t is not None]
        rows = [t["row"].to_numpy() for t in parts]
        shapes = [shapely.from_wkb(t["geometry"].to_numpy(), on_invalid="ignore") for t in parts]
        if not parts:
            return np.empty(0, np.int64), np.empty(0, object)
        row, shape = np.concatenate(rows), np.concatenate(shapes)
        # A rejected row stands in both: the drawn one comes last and wins.
        order = np.lexsort((~shapely.is_missing(shape), row))
        row, shape = row[order], shape[order]
        last = np.append(row[1:] != row[:-1], True)
        return row[last], shape[last]


def preview(
    kept: Kept,
    layer: Layer,
    language: str,
    *,
    outcome: str,
    statuses: tuple[str, ...] = (),
    box: Box | None = None,
    after: int = 0,
    limit: int = 1000,
) -> dict[str, Any]:
    """A GeoJSON FeatureCollection of the file's rows, by record number after ``after``.

    Properties: the layer's fields as they would be stored, ``_row``, ``_fid`` (of the feature
    that the row is or has become), ``_status`` (new, changed, unchanged, valid, rejected,
    deleted), ``_outcome`` (see `outcomes`) and ``_issues``. ``numberMatched`` counts all rows
    that the filters let through; ``next`` is the ``after`` of the next page.
    """
    table = kept.table(sides.ROWS)
    if table is None:
        return _collection([], 0, None)
    number = table["row"].to_numpy()
    status = np.array(table["status"].to_pylist(), dtype=object)
    keep = np.isin(status, statuses) if statuses else np.ones(len(number), bool)
    place, shape = kept.shapes()
    shapes = np.full(len(number), None, object)
    if len(place):
        at = np.minimum(np.searchsorted(place, number), len(place) - 1)
        hit = place[at] == number
        shapes[hit] = shape[at[hit]]
    if box is not None:
        keep &= shapely.intersects(shapely.box(*box), shapely.envelope(shapes))
    matched = int(keep.sum())
    chosen = np.flatnonzero(keep & (number > after))[: limit + 1]
    more = len(chosen) > limit
    chosen = chosen[:limit]
    fields = _fields(kept, layer, number[chosen])
    fids = fids_of(kept, number[chosen])
    said = _issues(kept, number[chosen], language)
    geometry = shapely.to_geojson(shapes[chosen])
    ends = outcomes(status[chosen], outcome)
    features = [
        {
            "type": "Feature",
            "id": int(number[i]),
            "geometry": None if drawn is None else orjson.Fragment(drawn),
            "properties": {
                **values,
                "_row": int(number[i]),
                "_fid": fid,
                "_status": status[i],
                "_outcome": end,
                "_issues": said.get(int(number[i]), []),
            },
        }
        for i, drawn, values, end, fid in zip(chosen, geometry, fields, ends, fids, strict=True)
    ]
    return _collection(features, matched, int(number[chosen[-1]]) if more else None)


def _collection(
    features: list[dict[str, Any]], matched: int, following: int | None
) -> dict[str, Any]:
    return {
        "type": "FeatureCollection",
        "features": features,
        "numberMatched": matched,
        "numberReturned": len(features),
        "next": following,
    }


def _fields(kept: Kept, layer: Layer, rows: NDArray[np.int64]) -> list[dict[str, Any]]:
    """The layer's values of these record numbers; nothing for rows that were not staged."""
    table = kept.table(stage.FILE)
    if table is None:
        return [{}] * len(rows)
    place = pc.index_in(pa.array(rows), value_set=table["row"].combine_chunks())
    there = table.select([field.name for field in layer.fields]).take(place.drop_null())
    values = iter(there.to_pylist())
    return [next(values) if known else {} for known in place.is_valid().to_pylist()]


def fids_of(kept: Kept, rows: NDArray[np.int64]) -> list[int | None]:
    """The feature that each row is or has become; None while there is none."""
    table = kept.table(sides.FEATURES)
    if table is None:
        return [None] * len(rows)
    place = pc.index_in(pa.array(rows), value_set=table["row"].combine_chunks())
    return [fid or None for fid in table["fid"].take(place).to_pylist()]


def absent(
    kept: Kept, view: View, *, box: Box | None = None, after: int = 0, limit: int = 1000
) -> dict[str, Any]:
    """Stored features that the file has not, as ``view`` shows them, by fid after ``after``."""
    table = kept.table(sides.FEATURES)
    if table is None:
        return _collection([], 0, None)
    fids = table.filter(pc.equal(table["operation"], "absent"))["fid"].to_numpy()
    names = [field.name for field in view.layer.fields]
    matched, features = 0, []
    for segment, every in view.match((), box):
        rows = every[np.isin(segment.fid[every], fids)]
        matched += len(rows)
        rows = rows[segment.fid[rows] > after]
        rows = rows[np.argsort(segment.fid[rows])][: limit + 1]
        drawn: Any = [None] * len(rows)
        if view.layer.geometry:
            drawn = shapely.to_geojson(segment.geometries(rows))
        columns = [segment.column(name, rows).to_pylist() for name in names]
        values = zip(*columns, strict=True)
        for fid, shape, row in zip(segment.fid[rows].tolist(), drawn, values, strict=True):
            properties = dict(zip(names, row, strict=True))
            properties |= {"_row": None, "_fid": fid, "_status": "absent", "_issues": []}
            geometry = None if shape is None else orjson.Fragment(shape)
            features.append({"type": "Feature", "id": fid, "geometry": geometry,
                             "properties": properties})  # fmt: skip
    features.sort(key=lambda feature: int(feature["id"]))
    more = len(features) > limit
    features = features[:limit]
    return _collection(features, matched, int(features[-1]["id"]) if more else None)


def _issues(kept: Kept, rows: NDArray[np.int64], language: str) -> dict[int, list[dict[str, Any]]]:
    table = kept.table(sides.ISSUES)
    found: dict[int, list[dict[str, Any]]] = {}
    if table is None:
        return found
    table = table.filter(pc.is_in(table["row"], value_set=pa.array(rows)))
    for issue in table.to_pylist():
        told = {"code": issue["code"], "severity": issue["severity"], "message": issue[language]}
        found.setdefault(issue["row"], []).append(told)
    return found


def faults(kept: Kept, language: str) -> dict[str, Any]:
    """Every issue as a feature: at its own point, else the shape of its row, else without one."""
    table = kept.table(sides.ISSUES)
    if table is None:
        return _collection([], 0, None)
    place, shape = kept.shapes()
    drawn = shapely.to_geojson(shape) if len(shape) else shape
    of_row = dict(zip(place.tolist(), drawn.tolist(), strict=True))
    features = []
    for issue in table.to_pylist():
        geometry: Any = None
        if issue["lon"] is not None and np.isfinite(issue["lon"]):
            geometry = {"type": "Point", "coordinates": [issue["lon"], issue["lat"]]}
        elif of_row.get(issue["row"]) is not None:
            geometry = orjson.Fragment(of_row[issue["row"]])
        properties = {name: issue[name] for name in ("code", "severity", "row", "where")}
        properties |= {"message": issue[language], "fix": issue[f"fix_{language}"]}
        features.append({"type": "Feature", "geometry": geometry, "properties": properties})
    return _collection(features, len(features), None)


def outcomes(status: NDArray[np.object_], state: str) -> list[str]:
    """How each row has ended when its upload is in ``state``: stored, unchanged, rejected,
    deleted (in the file), reverted, discarded; or open."""
    end = {"committed": "stored", "reverted": "reverted", "discarded": "discarded"}.get(state)
    fixed = ("rejected", "deleted", "unchanged") if state in ("committed", "reverted") else (
        "rejected", "deleted")  # fmt: skip
    return [each if each in fixed else (end or "open") for each in status.tolist()]
