"""Shapes out of the columns of a table: WKT, points by two columns, or lists of 界址点.

Columns are known by their titles, axes by the size of their numbers: in surveying X is
the northing, elsewhere the easting, and tables disagree. No table states its coordinate
system; it is asked for.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import shapely

from geo.errors import Rejected
from geo.formats import rings
from geo.formats.columns import column
from geo.formats.content import Content
from geo.formats.table_file import Cell, Grid

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.layers import GeometryType

_WKT = frozenset({"wkt", "geometry", "geom", "the_geom", "shape", "图形", "几何", "空间坐标"})
_WKT_START = re.compile(r"^\s*(?:SRID=\d+;)?\s*(?:MULTI)?(?:POINT|LINESTRING|POLYGON)\b", re.I)
_SRID = re.compile(r"^\s*SRID=(\d+);", re.I)
_FIRST = frozenset({
    "lon", "lng", "long", "longitude", "经度", "东经", "e", "x", "x坐标", "坐标x", "横坐标",
    "东坐标",
    "easting", "point_x", "中心点经度", "中心经度", "gps经度", "经度坐标", "x/m",
})  # fmt: skip
_SECOND = frozenset({
    "lat", "latitude", "纬度", "北纬", "n", "y", "y坐标", "坐标y", "纵坐标", "北坐标",
    "northing", "point_y", "中心点纬度", "中心纬度", "gps纬度", "纬度坐标", "y/m",
})  # fmt: skip
_PLOT = frozenset({
    "地块编号", "地块号", "地块代码", "地块名称", "地块", "图斑编号", "图斑号", "宗地号", "dkbh",
    "tbbh", "编号", "plot", "plot_id", "parcel", "code", "项目地块",
})  # fmt: skip
_RING = frozenset({"圈号", "环号", "ring", "qh", "圈"})
_LABEL = frozenset({
    "点号", "界址点号", "界址点", "点名", "拐点", "拐点号", "拐点编号", "jzdh", "序号", "point",
    "桩号",
})  # fmt: skip
_DMS = re.compile(
    r"^\s*([NSEWnsew东西南北])?[^\d+-]*([+-]?\d+(?:\.\d+)?)\s*[°度dD:\s]\s*"
    r"(?:(\d+(?:\.\d+)?)\s*[′'‘’分mM:\s]\s*)?(?:(\d+(?:\.\d+)?)\s*(?:[″\"“”秒sS]|''|′′)?)?\s*"
    r"([NSEWnsew东西南北])?\s*$"
)


def content(table: Grid, kind: GeometryType | None) -> Content:
    """Records with shapes for a layer of ``kind``; without one, rows as they are.

    Raises `Rejected`: E_TABLE_COORDINATES (no columns that give shapes, or a coordinate
    that is none), E_TABLE_RINGS (a list of points that names no plots).
    """
    rows = np.array(table.rows, dtype=np.int64)
    if kind is None:
        return _content(table, np.full(len(rows), None, dtype=object), rows)
    plain = [_plain(name) for name in table.names]
    wkt = _wkt_column(table, plain)
    if wkt is not None:
        return _from_wkt(table, wkt, rows)
    x, y = _axes(table, plain)
    xy, swapped, missing = _points(table, x, y)
    plot, ring, label = (_find(plain, names) for names in (_PLOT, _RING, _LABEL))
    if kind != "Point":
        made = _from_points(table, xy, missing, rows, kind, plot, ring, label, {x, y})
    else:
        shapes = np.full(len(rows), None, dtype=object)
        shapes[~missing] = shapely.points(xy[~missing])
        made = _content(table, shapes, rows)
    if swapped is None:
        made.notes.append(
            ("W_AXIS_ORDER", "无法由数值判断坐标顺序，按列名读取",
             "the numbers do not tell the axis order; read by the titles")
        )  # fmt: skip
    return made


def _content(table: Grid, shapes: NDArray[np.object_], rows: NDArray[np.int64]) -> Content:
    columns = [column([row[i] for row in table.cells]) for i in range(len(table.names))]
    return Content(
        attributes=pa.table(columns, names=table.names),
        geometry=shapes,
        broken=np.zeros(len(rows), np.bool_),
        rows=rows,
        encoding=table.encoding,
    )


# -- well-known text -----------------------------------------------------------------


def _wkt_column(table: Grid, plain: list[str]) -> int | None:
    for i, name in enumerate(plain):
        if name in _WKT or table.headless:
            texts = [row[i] for row in table.cells[:50] if row[i] is not None]
            if texts and all(isinstance(t, str) and _WKT_START.match(t) for t in texts):
                return i
    return None


def _from_wkt(table: Grid, at: int, rows: NDArray[np.int64]) -> Content:
    texts = [row[at] if isinstance(row[at], str) else None for row in table.cells]
    codes = {m[1] for t in texts if t and (m := _SRID.match(t))}
    bare = np.array([None if t is None else _SRID.sub("", t) for t in texts], dtype=object)
    shapes: NDArray[np.object_] = shapely.from_wkt(bare, on_invalid="ignore")
    rest = Grid(
        [n for i, n in enumerate(table.names) if i != at],
        [[c for i, c in enumerate(row) if i != at] for row in table.cells],
        table.rows, table.headless, table.encoding,
    )  # fmt: skip
    made = _content(rest, shapes, rows)
    made.broken = np.array([t is not None for t in texts]) & shapely.is_missing(shapes)
    made.crs = f"EPSG:{codes.pop()}" if len(codes) == 1 else None
    return made


# -- two columns ---------------------------------------------------------------------


def _axes(table: Grid, plain: list[str]) -> tuple[int, int]:
    """Columns of the coordinates: by title, else the first two that look like them."""
    x, y = _find(plain, _FIRST), _find(plain, _SECOND)
    if x is not None and y is not None:
        return x, y
    sample = table.cells[:200]
    good = [
        i for i in range(len(plain))
        if sample and all(_place(row[i]) for row in sample if row[i] is not None)
        and any(row[i] is not None for row in sample)
    ]  # fmt: skip
    pairs = [(a, b) for a, b in pairwise(good) if b == a + 1]
    if not pairs or not (table.headless or any("坐标" in n for n in plain)):
        raise Rejected(
            "E_TABLE_COORDINATES",
            "表格中没有坐标列",
            "the table has no columns of coordinates",
            fix=(
                "请将坐标列命名为“经度/纬度”或“X坐标/Y坐标”，或给出 WKT 列",
                "name the columns lon/lat or X/Y, or give a column of WKT",
            ),
        )
    return pairs[0]


def _points(
    table: Grid, x: int, y: int
) -> tuple[NDArray[np.float64], bool | None, NDArray[np.bool_]]:
    """(points [n, 2] easting or longitude first, whether turned, which are missing)."""
    xy = np.column_stack([_numbers(table, i) for i in (x, y)])
    missing = np.asarray(np.isnan(xy).all(axis=1), dtype=np.bool_)
    half = np.isnan(xy).any(axis=1) & ~missing
    if half.any():
        row = table.rows[int(np.argmax(half))]
        raise _bad(f"第 {row} 行只有一个坐标", f"row {row} has one coordinate only", str(row))
    a, b = xy[~missing].T
    turned = _order(a, b)
    if turned:
        xy = xy[:, ::-1]
    return np.ascontiguousarray(xy), turned, missing


def _order(a: NDArray[np.float64], b: NDArray[np.float64]) -> bool | None:
    """Whether the first column is the northing or latitude; None when numbers do not tell."""
    if not len(a):
        return False

    def all_in(values: NDArray[np.float64], low: float, high: float) -> bool:
        return bool(((values >= low) & (values <= high)).all())

    for low, high in ((1.8e6, 5.95e6), (0.0, 60.0)):
        first, second = all_in(a, low, high), all_in(b, low, high)
        if first != second:
            return first
    return None


def _numbers(table: Grid, at: int) -> NDArray[np.float64]:
    values = np.full(len(table.cells), np.nan)
    for i, row in enumerate(table.cells):
        if row[at] is not None:
            value = number(row[at])
            if value is None:
                place = f"{table.names[at]}, {table.rows[i]}"
                raise _bad(
                    f"第 {table.rows[i]} 行的“{table.names[at]}”不是坐标：{str(row[at])[:40]}",
                    f"{str(row[at])[:40]!r} in row {table.rows[i]} is no coordinate",
                    place,
                )
            values[i] = value
    return values


def number(cell: Cell) -> float | None:
    """A coordinate as a number: metres, degrees, or degrees, minutes and seconds as text."""
    if not isinstance(cell, str):
        return float(cell) if isinstance(cell, int | float) and cell is not True else None
    text = unicodedata.normalize("NFKC", cell).strip()
    try:
        return float(text)
    except ValueError:
        pass
    found = _DMS.match(text)
    if found is None:
        return None
    before, degrees, minutes, seconds, after = found.groups()
    if float(minutes or 0) >= 60 or float(seconds or 0) >= 60:
        return None
    value = abs(float(degrees)) + float(minutes or 0) / 60 + float(seconds or 0) / 3600
    south = (before or after or "").upper() in ("S", "W", "南", "西") or degrees.startswith("-")
    return -value if south else value


def _place(cell: Cell) -> bool:
    value = number(cell)
    return value is not None and (
        1e5 <= abs(value) < 5e7 or (abs(value) <= 180 and value != round(value))
    )


# -- lists of boundary points --------------------------------------------------------


def _from_points(
    table: Grid,
    xy: NDArray[np.float64],
    missing: NDArray[np.bool_],
    rows: NDArray[np.int64],
    kind: GeometryType,
    plot: int | None,
    ring: int | None,
    label: int | None,
    axes: set[int],
) -> Content:
    """One record a plot: its points in order, rings parted by 圈号 or by coming back."""
    keys = _filled(table, plot) if plot is not None else ["1"] * len(rows)
    if plot is None and ring is None and label is None:
        raise Rejected(
            "E_TABLE_RINGS",
            "每行一个点，但没有“地块编号”或“点号”列，无法连成图形",
            "one point a row, but no column of plots or labels to build shapes from",
            fix=("请补上“地块编号”和“点号”列", "add the columns 地块编号 and 点号"),
        )
    turns = _filled(table, ring) if ring is not None else [""] * len(rows)
    groups: dict[str, list[int]] = {}
    for i, key in enumerate(keys):
        if not missing[i]:
            groups.setdefault(str(key), []).append(i)
    shapes = np.full(len(groups), None, dtype=object)
    for n, members in enumerate(groups.values()):
        shapes[n] = _built(xy[members], [turns[i] for i in members], kind)
    left = axes | {i for i in (ring, label) if i is not None}
    names = [name for i, name in enumerate(table.names) if i not in left]
    kept = [i for i in range(len(table.names)) if i not in left]
    first = _first_given(table)
    cells = [[first(members, i) for i in kept] for members in groups.values()]
    if plot is not None and names:
        at = kept.index(plot)
        for row, key in zip(cells, groups, strict=True):
            row[at] = key
    heads = [members[0] for members in groups.values()]
    grid = Grid(names or ["序号"], cells if names else [[n + 1] for n in range(len(groups))],
                [table.rows[i] for i in heads], table.headless, table.encoding)  # fmt: skip
    made = _content(grid, shapes, rows[heads])
    made.broken = shapely.is_missing(shapes)
    return made


def _built(
    xy: NDArray[np.float64], turns: list[Any], kind: GeometryType
) -> shapely.Geometry | None:
    pieces: list[NDArray[np.float64]] = []
    begin = 0
    for i in range(1, len(xy) + 1):
        changed = i == len(xy) or turns[i] != turns[begin]
        back = i - begin >= 3 and not changed and bool((xy[i] == xy[begin]).all())
        if back:
            pieces.append(xy[begin : i + 1])
            begin = i + 1
        elif changed and begin < i:
            pieces.append(xy[begin:i])
            begin = i
    if kind == "MultiPolygon":
        return rings.polygon([rings.close(piece) for piece in pieces])
    if any(len(piece) < 2 for piece in pieces):
        return None
    lines = [shapely.LineString(piece) for piece in pieces]
    return shapely.MultiLineString(lines) if lines else None


def _filled(table: Grid, at: int) -> list[Cell]:
    """A column whose merged cells say it once, for all rows below."""
    result: list[Cell] = []
    last: Cell = None
    for row in table.cells:
        last = row[at] if row[at] is not None else last
        result.append(last)
    return result


def _first_given(table: Grid) -> Callable[[list[int], int], Cell]:
    def first(members: list[int], at: int) -> Cell:
        return next((table.cells[i][at] for i in members if table.cells[i][at] is not None), None)

    return first


def _find(plain: list[str], names: frozenset[str]) -> int | None:
    return next((i for i, name in enumerate(plain) if name in names), None)


def _plain(name: str) -> str:
    text = unicodedata.normalize("NFKC", name).casefold().replace(" ", "")
    return re.sub(r"[(\[].*?[)\]]$", "", text)


def _bad(zh: str, en: str, where: str) -> Rejected:
    return Rejected(
        "E_TABLE_COORDINATES", zh, en, where=where,
        fix=("请改正坐标，可用小数度、度分秒或米", "mend it: decimal degrees, DMS or metres"),
    )  # fmt: skip
