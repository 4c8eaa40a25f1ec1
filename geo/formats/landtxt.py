"""Land boundary TXT (勘测定界界址点坐标), as offices ask for it.

Plane coordinates of CGCS2000 in one Gauss-Krueger zone, northing first; the stated area is
the ellipsoidal one in hectares. Offices differ in encoding, closing point, zone prefix and
first vertex: these are options.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import shapely

from geo import crs
from geo.errors import Rejected
from geo.formats.source import GEOMETRY, Source, text_of
from geo.local import LOCAL_TIME

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CODECS = {"gbk": "gb18030", "utf-8-sig": "utf-8-sig", "utf-8": "utf-8"}
_END = "\r\n"
#: A layer's land class and use, for the slots 地类编码 and 地块用途.
_SHAPES = {"Point": "点", "MultiLineString": "线", "MultiPolygon": "面"}
_STRUCTURE = str.maketrans({",": "，", "@": "＠", "\r": " ", "\n": " ", "\t": " "})


def write(path: Path, source: Source) -> None:
    """Write the file. Options: ``encoding`` gbk | utf-8-sig, ``closing`` repeat | next | none,
    ``start`` nw | as_is (north-westernmost vertex first, clockwise), ``zone`` (3-degree 25-45
    or 6-degree 13-23), ``prefix`` of the zone in eastings, ``precision`` (decimals).

    Raises `Rejected`: E_FORMAT for a layer without geometry, E_ZONE.
    """
    if source.layer.geometry is None or not source.has_geometry:
        raise Rejected(
            "E_FORMAT", "此图层没有图形", "this layer has no geometry",
            fix=("请用 CSV 或 XLSX", "use CSV or XLSX"),
        )  # fmt: skip
    options = source.options
    zone, width = _zone(source)
    prefix = bool(options.get("prefix", True))
    target = crs.gauss_kruger(zone, width, prefix=prefix)
    decimals = int(options.get("precision", 3))
    codec = _CODECS[str(options.get("encoding") or "gbk")]
    with path.open("w", encoding=codec, newline="") as out:
        out.write(_header(zone, width, decimals))
        for batch in source.batches():
            shapes = shapely.from_wkb(batch.column(GEOMETRY).to_numpy(zero_copy_only=False))
            plane = crs.transform(shapes, crs.STORAGE, target)
            for line in _plots(source, batch, plane, decimals):
                out.write(line)


def _header(zone: int, width: int, decimals: int) -> str:
    lines = (
        "[属性描述]", "格式版本号=1.01版本", "数据产生单位=",
        f"数据产生日期={datetime.now(LOCAL_TIME):%Y-%m-%d}", "坐标系=2000国家大地坐标系",
        f"几度分带={width}", "投影类型=高斯克吕格", "计量单位=米", f"带号={zone}",
        f"精度={10.0**-decimals:.{decimals}f}", "转换参数=0,0,0,0,0,0,0", "[地块坐标]", "",
    )  # fmt: skip
    return _END.join(lines)


def _zone(source: Source) -> tuple[int, int]:
    """(zone, its width in degrees): as asked, else the 3-degree zone of the data's middle."""
    asked = source.options.get("zone")
    if asked is not None:
        width = next((w for w, known in crs.ZONES.items() if int(asked) in known), None)
        if width is None:
            raise Rejected(
                "E_ZONE", f"没有带号 {asked}", f"there is no zone {asked}", where="zone",
                fix=("3 度带 25–45，6 度带 13–23", "3-degree zones 25-45, 6-degree zones 13-23"),
            )  # fmt: skip
        return int(asked), width
    low, high = np.inf, -np.inf
    for batch in source.batches():
        shapes = shapely.from_wkb(batch.column(GEOMETRY).to_numpy(zero_copy_only=False))
        sides = shapely.bounds(shapes)[:, [0, 2]]
        if np.isfinite(sides).any():
            low, high = min(low, np.nanmin(sides)), max(high, np.nanmax(sides))
    if not np.isfinite(low):
        return crs.BAICHENG.zone, 3
    return min(max(crs.zone_of((low + high) / 2), crs.ZONES[3][0]), crs.ZONES[3][-1]), 3


def _plots(
    source: Source, batch: pa.RecordBatch, shapes: NDArray[np.object_], decimals: int
) -> Iterator[str]:
    layer = source.layer

    def column(name: str | None) -> list[Any]:
        return text_of(batch, name).to_pylist() if name in source.names else [None] * len(batch)

    keys = column(layer.key[0] if layer.key else None)
    names = column(layer.label)
    classes = column(layer.class_field)
    labels = source.labels(layer.class_field or "")
    areas = column("area_ha")
    kind = _SHAPES[str(layer.geometry)]
    fids = batch.column("fid").to_pylist()
    flat, ends = _points(shapes, source.options, decimals)
    line = f"J%d,%d,%.{decimals}f,%.{decimals}f{_END}"
    begin = 0
    for i, end in enumerate(ends):
        code = classes[i] or ""
        fields = (
            str(end - begin), "" if areas[i] is None else f"{areas[i]:.4f}",
            _word(keys[i] or fids[i]), _word(names[i] or ""), kind, "",
            _word(labels.get(code, "")), _word(code),
        )  # fmt: skip
        yield ",".join(fields) + ",@" + _END
        yield line * (end - begin) % tuple(flat[4 * begin : 4 * end])
        begin = end


def _points(
    shapes: NDArray[np.object_], options: Mapping[str, Any], decimals: int
) -> tuple[list[float], list[int]]:
    """(label, ring, northing, easting of every point in one list, end of each plot's points).

    Labels go on over the rings of a plot; the rings of shapely end where they begin.
    """
    parts, plot_of_ring = shapely.get_parts(shapes, return_index=True)
    polygons = bool(len(parts)) and shapely.get_type_id(parts[0]) == shapely.GeometryType.POLYGON
    rings = parts
    if polygons:
        rings, part_of_ring = shapely.get_rings(parts, return_index=True)
        plot_of_ring = plot_of_ring[part_of_ring]
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    xy = np.round(xy, decimals)
    lengths = np.bincount(ring, minlength=len(rings))
    ends = np.cumsum(lengths)
    closing = str(options.get("closing") or "repeat") if polygons else ""
    if polygons and str(options.get("start") or "as_is") == "nw":
        for first, last in zip((ends - lengths).tolist(), ends.tolist(), strict=True):
            xy[first : last - 1] = _from_north_west(xy[first : last - 1])
            xy[last - 1] = xy[first]
    counted = np.ones(len(xy), dtype=np.int64)
    if closing in ("repeat", "none"):
        counted[ends - 1] = 0
    plot = plot_of_ring[ring]
    plots = np.arange(len(shapes))
    running = np.cumsum(counted)
    before = np.concatenate(([0], running))[np.searchsorted(plot, plots)]
    label = running - before[plot]
    if closing == "repeat":
        label[ends - 1] = label[ends - lengths]
    number = ring - np.searchsorted(plot_of_ring, plots)[plot] + 1
    table = np.column_stack((label, number, xy[:, 1], xy[:, 0]))
    if closing == "none":
        table, plot = table[counted == 1], plot[counted == 1]
    return table.ravel().tolist(), np.searchsorted(plot, plots, side="right").tolist()


def _from_north_west(xy: NDArray[np.float64]) -> NDArray[np.float64]:
    """The ring clockwise from its vertex nearest to the north-west corner of its box."""
    x, y = xy[:, 0], xy[:, 1]
    twice = np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y)
    if twice > 0:
        xy = xy[::-1]
    first = int(np.argmin((xy[:, 0] - x.min()) + (y.max() - xy[:, 1])))
    return np.roll(xy, -first, axis=0)


def _word(value: Any) -> str:
    return str(value).translate(_STRUCTURE).strip()
