"""Broken and hostile files, made by code: what each is, and the code that must name it.

``FILES`` maps a name to a `Broken`; `write` puts it into a folder. All are small.
"""

from __future__ import annotations

import json
import sqlite3
import struct
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from tests.geo.formats import shapes
from tests.geo.formats.test_zips import build, entry

Make = Callable[[Path], bytes]


@dataclass(frozen=True)
class Broken:
    code: str
    make: Make
    file_name: str = "地块.zip"
    row: int | None = None  # the record that must be named
    decisions: dict[str, Any] = field(default_factory=dict)


def write(broken: Broken, folder: Path) -> Path:
    path = folder / "source"
    path.write_bytes(broken.make(folder))
    return path


# --- archives -----------------------------------------------------------------------------------


def archive(*entries: dict, **lies: Any) -> Make:
    return lambda _: build(*entries, **lies)


def _bomb(_: Path) -> bytes:
    one = entry(b"a.shp", bytes(40 << 20))
    return build(*({**one, "name": b"%d.shp" % i} for i in range(60)))


def _lying_bomb(_: Path) -> bytes:
    return build(*(entry(n, bytes(1 << 20), size=1000, crc=0) for n in (b"a.shp", b"a.shx",
                                                                       b"a.dbf")))  # fmt: skip


def _overlapping(_: Path) -> bytes:
    one, other = entry(b"a.shp", bytes(1000), method=0), entry(b"b.shp", bytes(9), method=0)
    data = bytearray(build(one, other))
    second = data.rindex(b"PK\x01\x02")
    struct.pack_into("<I", data, second + 42, 100)  # inside of the first one
    return bytes(data)


def _cut_archive(folder: Path) -> bytes:
    return _packed(folder)[:-40]


def _swapped_contents(folder: Path) -> bytes:
    data = bytearray(_packed(folder))
    data[120] ^= 0xFF
    return bytes(data)


ARCHIVES = {
    "bomb of 2.4 GB": Broken("E_ZIP_EXPANDS", _bomb),
    "bomb that lies about its size": Broken("E_ZIP_EXPANDS", _lying_bomb),
    "overlapping entries": Broken("E_ZIP_OVERLAP", _overlapping),
    "archive in an archive": Broken("E_ZIP_NESTED", archive(entry(b"a.zip", build()))),
    "way out": Broken("E_ZIP_NAME", archive(entry(b"../a.shp", b"x"))),
    "absolute path": Broken("E_ZIP_NAME", archive(entry(b"/etc/a.shp", b"x"))),
    "drive letter": Broken("E_ZIP_NAME", archive(entry(b"C:/a.shp", b"x"))),
    "backslash": Broken("E_ZIP_NAME", archive(entry(b"a\\b.shp", b"x"))),
    "NUL in a name": Broken("E_ZIP_NAME", archive(entry(b"a.shp\0.txt", b"x"))),
    "symbolic link": Broken("E_ZIP_NAME", archive(entry(b"a.shp", b"/etc/passwd", mode=0o120777))),
    "device": Broken("E_ZIP_NAME", archive(entry(b"a.shp", b"", mode=0o020666))),
    "the same name twice": Broken("E_ZIP_NAME", archive(entry(b"a.shp", b"1"),
                                                        entry(b"A.SHP", b"2"))),
    "60,000 entries": Broken("E_ZIP_ENTRIES", archive(entry(b"a.shp", b"x"), count=60_000)),
    "password": Broken("E_ZIP_ENCRYPTED", archive(entry(b"a.shp", b"x", flags=1))),
    "unknown method": Broken("E_ZIP_METHOD", archive(entry(b"a.shp", b"x", method=99))),
    "cut short": Broken("E_ZIP", _cut_archive),
    "damaged contents": Broken("E_ZIP", _swapped_contents),
    "names in no encoding": Broken("E_NAME_ENCODING", archive(entry(b"\xff\xfe\xff.shp", b"x"))),
    "nothing of use": Broken("E_ZIP_EMPTY", archive(entry("说明.md".encode(), b"x"))),
    "no entries": Broken("E_ZIP_EMPTY", archive()),
}  # fmt: skip

# --- shapefiles ---------------------------------------------------------------------------------

Patch = Callable[[dict[str, bytearray]], None]


def _packed(folder: Path, patch: Patch | None = None, leave_out: str = "", **options: Any) -> bytes:
    options = {"names": ("DKBH", "MJ"), "rows": [(f"A{i}", "1") for i in range(3)]} | options
    parts = shapes.write(folder / "parts", **options)
    data = {part: bytearray(path.read_bytes()) for part, path in parts.items()}
    if patch is not None:
        patch(data)
    names = {part: "地块".encode("gbk") + part.encode() for part in data if part != leave_out}
    return build(*(entry(name, bytes(data[part])) for part, name in names.items()))


def shapefile(patch: Patch | None = None, **options: Any) -> Make:
    return lambda folder: _packed(folder, patch, **options)


def put(part: str, form: str, at: int, *values: int) -> Patch:
    return lambda data: struct.pack_into(form, data[part], at, *values)


def cut(part: str, keep: int) -> Patch:
    def patch(data: dict[str, bytearray]) -> None:
        del data[part][keep:]

    return patch


def _swap_index(data: dict[str, bytearray]) -> None:
    data[".shx"][100:108], data[".shx"][108:116] = data[".shx"][108:116], data[".shx"][100:108]


def _same_index(data: dict[str, bytearray]) -> None:
    data[".shx"][108:116] = data[".shx"][100:108]


def _without_last(data: dict[str, bytearray]) -> None:
    del data[".shx"][-8:]
    struct.pack_into(">i", data[".shx"], 24, len(data[".shx"]) // 2)


def _row_short(data: dict[str, bytearray]) -> None:
    del data[".dbf"][-20:]


def _extra_rows(data: dict[str, bytearray]) -> None:
    data[".dbf"] += b" " * 2000


def _no_terminator(data: dict[str, bytearray]) -> None:
    data[".dbf"][data[".dbf"].index(b"\r")] = 0x20


def _marks(data: dict[str, bytearray]) -> None:
    start = struct.unpack_from("<H", data[".dbf"], 8)[0]
    data[".dbf"][start] = ord("X")


def _empty(part: str) -> Patch:
    return lambda data: data[part].clear()


def _noise(data: dict[str, bytearray]) -> None:
    data[".dbf"][100:104] = b"\xff\xff\xff\x80"


def _hole_parts(data: dict[str, bytearray]) -> None:
    struct.pack_into("<i", data[".shp"], 100 + 8 + 44, 2)


SHAPEFILES = {
    "no .dbf": Broken("E_SHP_PART", shapefile(leave_out=".dbf")),
    "no .shx": Broken("E_SHP_PART", shapefile(leave_out=".shx")),
    "no .shp": Broken("E_SHP_PART", shapefile(leave_out=".shp")),
    "dbf a record short": Broken("E_SHP_COUNTS", shapefile(_row_short)),
    "dbf declares more records": Broken("E_SHP_COUNTS", shapefile(declared=5)),
    "dbf hides records": Broken("E_SHP_COUNTS", shapefile(_extra_rows)),
    "dbf of another file": Broken("E_SHP_COUNTS", shapefile(put(".dbf", "<I", 4, 2))),
    "dbf of 2,000,000,000 rows": Broken("E_DBF_SIZE", shapefile(put(".dbf", "<I", 4, 2 * 10**9))),
    "dbf that is none": Broken("E_DBF", shapefile(put(".dbf", "<B", 0, 0x77))),
    "dbf with a wrong record length": Broken("E_DBF", shapefile(put(".dbf", "<H", 10, 40))),
    "dbf with a wrong header length": Broken("E_DBF", shapefile(put(".dbf", "<H", 8, 20))),
    "dbf fields without an end": Broken("E_DBF", shapefile(_no_terminator)),
    "dbf records out of place": Broken("E_DBF", shapefile(_marks)),
    "dbf of a thousand columns": Broken(
        "E_COLUMNS",
        shapefile(names=[f"C{i}" for i in range(1001)], widths=[1] * 1001, rows=[["1"] * 1001]),
    ),
    "shp cut in half": Broken("E_SHP_COUNTS", shapefile(cut(".shp", 250))),
    "shp longer than it says": Broken("E_SHP_COUNTS", shapefile(put(".shp", ">i", 24, 60))),
    "shx cut": Broken("E_SHP_COUNTS", shapefile(cut(".shx", 115))),
    "shx a record short": Broken("E_SHP_COUNTS", shapefile(_without_last)),
    "shx rows exchanged": Broken("E_SHP_COUNTS", shapefile(_swap_index)),
    "shx twice at one record": Broken("E_SHP_COUNTS", shapefile(_same_index)),
    "shx beyond the file": Broken("E_SHP_COUNTS", shapefile(put(".shx", ">i", 100, 10**8))),
    "shx of a negative length": Broken("E_SHP_COUNTS", shapefile(put(".shx", ">i", 104, -5))),
    "shp and shx of two types": Broken("E_SHP_COUNTS", shapefile(put(".shx", "<i", 32, 3))),
    "record of another type": Broken("E_SHP_COUNTS", shapefile(put(".shp", "<i", 108, 3))),
    "record with too many points": Broken("E_SHP_COUNTS", shapefile(put(".shp", "<i", 148, 90))),
    "record with negative parts": Broken("E_SHP_COUNTS", shapefile(put(".shp", "<i", 144, -1))),
    "parts outside the points": Broken("E_SHP_PARTS", shapefile(_hole_parts)),
    "multipatch": Broken(
        "E_MULTIPATCH",
        shapefile(lambda d: (put(".shp", "<i", 32, 31)(d), put(".shx", "<i", 32, 31)(d))),
    ),
    "unknown shape type": Broken("E_SHP", shapefile(put(".shp", "<i", 32, 27))),
    "shp that is none": Broken("E_SHP", shapefile(put(".shp", ">i", 4, 1) and _empty(".shp"))),
    "empty project": Broken("E_EMPTY_PROJECT", shapefile(rows=())),
    "text in no encoding": Broken("E_ENCODING", shapefile(_noise)),
}  # fmt: skip

# --- coordinate systems -------------------------------------------------------------------------

XIAN80 = shapes.CGCS2000.replace("D_China_2000", "D_Xian_1980").replace(
    'SPHEROID["CGCS2000",6378137.0,298.257222101]', 'SPHEROID["Xian_1980",6378140.0,298.257]'
)
METRES = [(41500000, 4984000), (41500000, 4984100), (41500100, 4984100), (41500000, 4984000)]


def ring(*points: tuple[float, float], **options: Any) -> Make:
    options = {"contents": [shapes.polygon([points])], "rows": [("A1", "1")]} | options
    return shapefile(**options)


SYSTEMS = {
    "no prj": Broken("E_CRS_REQUIRED", shapefile(prj=None)),
    "local prj": Broken("E_CRS_REQUIRED", shapefile(prj='LOCAL_CS["未知"]')),
    "Xian 1980": Broken("E_CRS_DATUM", shapefile(prj=XIAN80)),
    "metres under degrees": Broken("E_CRS_RANGE", ring(*METRES)),
    "latitude first": Broken(
        "E_CRS_RANGE", ring(*[(y, x) for x, y in shapes.square(123, 45)[0]])
    ),
    "rows of two zones": Broken(
        "E_ZONE_MIXED",
        shapefile(
            contents=[shapes.polygon([METRES]), shapes.polygon([METRES]),
                      shapes.polygon([[(x - 1e6, y) for x, y in METRES]])],
            prj=None,
        ),
        row=3,
    ),
    "far from home": Broken("E_OUTSIDE_REGION", ring(*shapes.square(100, 30)[0])),
}  # fmt: skip

# --- fields -------------------------------------------------------------------------------------


def table(name: str, *values: str) -> Make:
    rows = [(f"A{i}", value) for i, value in enumerate(values)]
    return shapefile(names=("DKBH", name), rows=rows)


FIELDS = {
    "no column for the key": Broken("E_FIELD_REQUIRED", shapefile(names=("XX", "YY"))),
    "empty key": Broken(
        "E_VALUE_REQUIRED", shapefile(rows=[("A", "1"), ("", "1"), ("C", "1")]), row=2
    ),
    "key twice": Broken(
        "E_KEY_DUPLICATE", shapefile(rows=[("A", "1"), ("B", "1"), ("A", "1")]), row=3
    ),
    "text in a number": Broken("E_VALUE_TYPE", table("埋深", "1", "2", "深"), row=3),
    "grade 11 of 10": Broken("E_VALUE_RANGE", table("DJ", "1", "11", "2"), row=2),
    "grade 1.5": Broken("E_VALUE_TYPE", table("DJ", "1.5"), row=1),
    "30 February": Broken("E_VALUE_TYPE", table("日期", "2024-02-30"), row=1),
    "class of no list": Broken("E_VALUE_CODE", table("ZLDJ", "符合", "很好"), row=2),
    "key of 20 characters": Broken(
        "E_VALUE_LENGTH", shapefile(rows=[("A" * 20, "1")], contents=[
            shapes.polygon(shapes.square(123, 45))]), row=1,
    ),
    "mapping of no column": Broken(
        "E_MAPPING", shapefile(), decisions={"mapping": {"没有": "code"}}
    ),
    "unknown encoding": Broken("E_ENCODING", shapefile(), decisions={"encoding": "klingon"}),
    "unknown system": Broken("E_CRS_UNKNOWN", shapefile(), decisions={"crs": "EPSG:1"}),
}  # fmt: skip

# --- shapes -------------------------------------------------------------------------------------

GOOD = shapes.polygon(shapes.square(123.5, 45))
SQUARE = shapes.square(123, 45)[0]


def second(content: bytes) -> Make:
    return shapefile(contents=[GOOD, content], rows=[("A", "1"), ("B", "1")])


def vertex(value: float) -> bytes:
    return shapes.polygon([[(x, value if i == 2 else y) for i, (x, y) in enumerate(SQUARE)]])


def _many(folder: Path) -> bytes:
    angle = np.linspace(2 * np.pi, 0, 500_002)
    xy = np.column_stack((123 + 0.01 * np.cos(angle), 45 + 0.01 * np.sin(angle)))
    xy[-1] = xy[0]
    bounds = *xy.min(axis=0), *xy.max(axis=0)
    head = struct.pack("<i4d2i", 5, *bounds, 1, len(xy)) + struct.pack("<i", 0)
    return _packed(folder, contents=[head + xy.astype("<f8").tobytes()], rows=[("A", "1")])


def _points(folder: Path) -> bytes:
    shp, shx = shapes.shp_and_shx([struct.pack("<i2d", 1, 123, 45)], shape_type=1)

    def patch(data: dict[str, bytearray]) -> None:
        data[".shp"], data[".shx"] = bytearray(shp), bytearray(shx)

    return _packed(folder, patch, rows=[("A", "1")])


SHAPES = {
    "bow tie": Broken("E_INVALID", second(shapes.polygon(
        [[(123, 45), (123.01, 45.01), (123.01, 45), (123, 45.01), (123, 45)]])), row=2),
    "hole outside": Broken("E_INVALID", second(shapes.polygon(
        [SQUARE, [(123.002, 45.002), (123.02, 45.002), (123.02, 45.004), (123.002, 45.002)]])),
        row=2),
    "ring not closed": Broken("E_INVALID", second(shapes.polygon([SQUARE[:-1]])), row=2),
    "two points": Broken("E_INVALID", second(shapes.polygon([SQUARE[:2]])), row=2),
    "not a number": Broken("E_COORD", second(vertex(float("nan"))), row=2),
    "infinity": Broken("E_COORD", second(vertex(float("inf"))), row=2),
    "no shape": Broken("E_GEOMETRY_NULL", second(struct.pack("<i", 0)), row=2),
    "flat": Broken("E_INVALID", second(shapes.polygon([[(123, 45)] * 4])), row=2),
    "half a million vertices": Broken("E_VERTICES", _many, row=1),
    "points for polygons": Broken("E_GEOMETRY_TYPE", _points, row=1),
    "half the globe": Broken("E_MEASURE_HUGE", shapefile(
        contents=[GOOD, shapes.polygon([[(100, 20), (100, 50), (130, 50), (130, 20), (100, 20)]])],
        rows=[("A", "1"), ("B", "1")]), row=2),
}  # fmt: skip

# --- GeoPackages --------------------------------------------------------------------------------

GEOPACKAGE = """
PRAGMA application_id = 1196444487;
CREATE TABLE gpkg_spatial_ref_sys (srs_name TEXT, srs_id INTEGER PRIMARY KEY, organization TEXT,
  organization_coordsys_id INTEGER, definition TEXT);
INSERT INTO gpkg_spatial_ref_sys VALUES ('c', 4490, 'EPSG', 4490, 'x');
CREATE TABLE gpkg_contents (table_name TEXT PRIMARY KEY, data_type TEXT);
CREATE TABLE gpkg_geometry_columns (table_name TEXT, column_name TEXT, srs_id INTEGER);
INSERT INTO gpkg_contents VALUES ('地块', 'features');
INSERT INTO gpkg_geometry_columns VALUES ('地块', 'geom', 4490);
"""
PLAIN = "CREATE TABLE 地块 (fid INTEGER PRIMARY KEY, geom BLOB, DKBH TEXT);"
ENDLESS = (
    "CREATE VIEW 地块 AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
    " SELECT i AS fid, NULL AS geom, 'A' AS DKBH FROM n;"
)


def geopackage(
    script: str = PLAIN, after: str = "", patch: Callable[[bytearray], object] | None = None,
    geom: bytes | None = None,
) -> Make:  # fmt: skip
    def make(folder: Path) -> bytes:
        path = folder / "made.gpkg"
        path.unlink(missing_ok=True)
        blob = geom or b"GP\0\1" + struct.pack("<i", 4490) + shapely.to_wkb(
            shapely.box(123, 45, 123.01, 45.01)
        )  # fmt: skip
        with closing(sqlite3.connect(path)) as database:
            database.executescript(GEOPACKAGE + script)
            if script == PLAIN:
                rows = [(i, blob, f"A{i}" * 50) for i in range(1, 200)]
                database.executemany("INSERT INTO 地块 VALUES (?, ?, ?)", rows)
            database.executescript(after)
            database.commit()
        data = bytearray(path.read_bytes())
        if patch is not None:
            patch(data)
        return bytes(data)

    return make


def curve(kind: int) -> bytes:
    return b"GP\0\1" + struct.pack("<i", 4490) + b"\1" + struct.pack("<2i", kind, 0)


def gpkg(code: str, *arguments: Any, **options: Any) -> Broken:
    return Broken(code, geopackage(*arguments, **options), "地块.gpkg")


GEOPACKAGES = {
    "endless view": gpkg("E_GPKG_SCHEMA", ENDLESS),
    "trigger": gpkg("E_GPKG_SCHEMA", PLAIN,
                    "CREATE TRIGGER trap AFTER UPDATE ON 地块 BEGIN DELETE FROM 地块; END;"),
    "computed column": gpkg("E_GPKG_SCHEMA", PLAIN, "ALTER TABLE 地块 ADD x TEXT AS (1);"),
    "contents that is a view": gpkg(
        "E_GPKG_SCHEMA", PLAIN,
        "ALTER TABLE gpkg_contents RENAME TO c; CREATE VIEW gpkg_contents AS SELECT * FROM c;"),
    "damaged page": gpkg("E_GPKG", patch=lambda d: d.__setitem__(
        slice(3 * 4096, 3 * 4096 + 200), b"\xff" * 200)),
    "a page short": gpkg("E_GPKG", patch=lambda d: d.__delitem__(slice(-4096, None))),
    "another application": gpkg("E_GPKG", patch=lambda d: d.__setitem__(slice(68, 72), b"XXXX")),
    "curves": gpkg("E_CURVE", geom=curve(10)),
    "solids": gpkg("E_MULTIPATCH", geom=curve(15)),
    "blobs that are no shapes": gpkg("E_INVALID", geom=b"GP\0\1" + bytes(30)),
}  # fmt: skip

# --- texts and disguises ------------------------------------------------------------------------


def text(code: str, content: str | bytes, name: str = "地块.geojson") -> Broken:
    data = content.encode() if isinstance(content, str) else content
    return Broken(code, lambda _: data, name)


FEATURE = {"type": "Feature", "properties": {"DKBH": "A"}, "geometry": None}
NAN = '{"type": "Polygon", "coordinates": [[[123, 45], [123, NaN], [124, 45], [123, 45]]]}'
VRT = (
    '<OGRVRTDataSource><OGRVRTLayer name="x"><SrcDataSource>http://127.0.0.1:9/x</SrcDataSource>'
    "</OGRVRTLayer></OGRVRTDataSource>"
)
XXE = '<?xml version="1.0"?><!DOCTYPE kml [<!ENTITY x SYSTEM "file:///etc/passwd">]><kml>&x;</kml>'

TEXTS = {
    "NaN in GeoJSON": text("E_COORD", NAN),
    "JSON that breaks off": text("E_GEOJSON", '{"type": "FeatureCollection", "features": ['),
    "200,000 brackets": text("E_GEOJSON", '{"type":"Polygon","coordinates":' + "[" * 200_000),
    "JSON without features": text("E_GEOJSON", '{"type": "FeatureCollection"}'),
    "feature that is a number": text(
        "E_GEOJSON", '{"type": "FeatureCollection", "features": [7]}'),
    "feature without geometry": text(
        "E_GEOMETRY_NULL", json.dumps({"type": "FeatureCollection", "features": [FEATURE]})),
    "no features": text("E_EMPTY", '{"type": "FeatureCollection", "features": []}'),
    "VRT that calls an address": text("E_TYPE_XML", VRT, "地块.kml"),
    "external entity": text("E_XML_DTD", XXE, "地块.kml"),
    "RAR": text("E_TYPE_RAR", b"Rar!\x1a\x07\x00" + bytes(50), "地块.rar"),
    "RAR under another name": text("E_TYPE_RAR", b"Rar!\x1a\x07\x00" + bytes(50)),
    "PDF": text("E_TYPE_PDF", b"%PDF-1.7\n" + bytes(50), "地块.pdf"),
    "program": text("E_TYPE_PROGRAM", b"\x7fELF\x02\x01\x01" + bytes(60)),
    "ovobj": text("E_TYPE_OVOBJ", b"OviO" + bytes(60), "地块.ovobj"),
    "noise": text("E_TYPE", bytes(range(128, 256)) * 8, "地块.bin"),
    "shp alone": text("E_SHP_PART", struct.pack(">i", 9994) + bytes(96), "地块.shp"),
}  # fmt: skip

FILES: dict[str, Broken] = {
    **ARCHIVES, **SHAPEFILES, **SYSTEMS, **FIELDS, **SHAPES, **GEOPACKAGES, **TEXTS,
}  # fmt: skip
