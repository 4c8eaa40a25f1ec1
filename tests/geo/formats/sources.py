"""Staged rows for the writers: every type of field, Chinese text, and a layer of each geometry."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import shapely

from geo.area import ellipsoidal_area
from geo.formats.source import GEOMETRY, Source
from geo.layers import Codelist, Layer
from geo.units import SQUARE_METRES_PER_MU

CODES = {
    "land": Codelist.model_validate(
        {
            "id": "land",
            "title": {"zh": "地类", "en": "Land class"},
            "codes": [
                {"code": "0101", "title": {"zh": "水田", "en": "Paddy"}, "color": "#3366cc"},
                {"code": "0103", "title": {"zh": "旱地", "en": "Dry land"}},
            ],
        }
    )
}
TYPES = {
    "string": pa.string(), "integer": pa.int64(), "number": pa.float64(), "boolean": pa.bool_(),
    "date": pa.date32(), "datetime": pa.timestamp("us", "UTC"),
}  # fmt: skip


def layer(geometry: str | None = "MultiPolygon") -> Layer:
    def field(name: str, zh: str, kind: str = "string", **more: Any) -> dict[str, Any]:
        return {"name": name, "title": {"zh": zh, "en": name}, "type": kind, **more}

    return Layer.model_validate(
        {
            "id": "fields",
            "title": {"zh": "试验地块", "en": "Fields"},
            "description": {"zh": "试验", "en": "For tests"},
            "geometry": geometry,
            "key": ["code"],
            "label": "name",
            "class_field": "land",
            "county_field": "county",
            "style": {"color": "#6fa58a", "by": "land"},
            "fields": [
                field("code", "地块编号", required=True),
                field("name", "地块名称"),
                field("county", "县区"),
                field("land", "地类", codelist="land"),
                field("grade", "耕地质量等级", "integer"),
                field("before", "耕地质量等级（建设前）", "integer"),
                field("depth", "地下水埋深", "number", unit="米"),
                field("pilot", "是否试点", "boolean"),
                field("day", "验收日期", "date"),
                field("at", "采样时间", "datetime"),
            ],
        }
    )


ROWS: list[dict[str, Any]] = [
    {"code": "DK01", "name": "示范田一", "county": "220882", "land": "0101", "grade": 7,
     "before": 9, "depth": 1.25, "pilot": True, "day": dt.date(2025, 4, 20),
     "at": dt.datetime(2025, 4, 20, 1, 2, 3, tzinfo=dt.UTC)},
    {"code": "DK02", "name": "=HYPERLINK(\"http://x\")", "county": "220821", "land": "0103",
     "grade": None, "before": None, "depth": -0.5, "pilot": False, "day": None, "at": None},
    {"code": "DK03", "name": "盐碱地改良，“重度”<&>'一'", "county": None, "land": None, "grade": 10,
     "before": 1, "depth": None, "pilot": None, "day": dt.date(1999, 12, 31), "at": None},
]  # fmt: skip
OUTER = [(122.80, 45.60), (122.81, 45.60), (122.81, 45.61), (122.80, 45.61)]
INNER = [(122.803, 45.603), (122.803, 45.604), (122.804, 45.604), (122.804, 45.603)]
FAR = [(122.82, 45.60), (122.83, 45.60), (122.825, 45.61)]
POLYGONS = [
    shapely.MultiPolygon([shapely.Polygon(OUTER)]),
    shapely.MultiPolygon([shapely.Polygon(OUTER, [INNER]), shapely.Polygon(FAR)]),
    None,
]


def source(
    folder: Path,
    shapes: list[Any] | None = None,
    rows: list[dict[str, Any]] | None = None,
    *,
    geometry: str | None = "MultiPolygon",
    size: int = 2,
    **more: Any,
) -> Source:
    """Rows and shapes as a download would stage them, in batches of ``size``."""
    kind = layer(geometry)
    rows = ROWS if rows is None else rows
    shapes = POLYGONS if shapes is None else shapes
    columns: dict[str, pa.Array] = {"fid": pa.array(range(11, 11 + len(rows)), pa.int64())}
    for field in kind.fields:
        columns[field.name] = pa.array([row.get(field.name) for row in rows], TYPES[field.type])
    if geometry == "MultiPolygon":
        area = ellipsoidal_area(np.array(shapes, dtype=object))
        for name, factor in (("area_m2", 1), ("area_ha", 1e-4),
                             ("area_mu", 1 / float(SQUARE_METRES_PER_MU))):  # fmt: skip
            columns[name] = pa.array(area * factor, from_pandas=True)
    columns["version"] = pa.array([1] * len(rows), pa.int64())
    columns["updated_at"] = pa.array(
        [dt.datetime(2025, 6, 15, 8, tzinfo=dt.UTC)] * len(rows), pa.timestamp("us", "UTC")
    )
    if geometry:
        wkb = shapely.to_wkb(np.array(shapes, dtype=object))
        columns[GEOMETRY] = pa.array(wkb, pa.large_binary(), from_pandas=True)
    table = pa.table(columns)
    path = folder / "rows.arrow"
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=size)
    about = (("版本 7", "revision 7"),)
    return Source(kind, CODES, path, len(rows), about=about, **more)
