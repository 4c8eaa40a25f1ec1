"""Land boundary TXT files from outside: plots as polygons, with what their header states.

Axis order is decided by magnitude, never by the header; rings by containment, never by
number; the zone in the numbers wins over 带号. What the file says of itself (counts of
points, zone) is compared and told. Areas are stated in hectares.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import shapely

from geo.crs import ZONES, Datum, gauss_kruger, geographic
from geo.errors import Rejected
from geo.formats import rings
from geo.formats.content import MAX_RECORDS, Content, Note
from geo.formats.landtxt_lines import Parsed, Plot, iter_rings, parse
from geo.formats.text_file import read_text
from geo.units import SQUARE_METRES_PER_MU

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Attribute fields by position, as the many tools that write them agree.
FIELDS = (
    "界址点数", "地块面积（公顷）", "地块编号", "地块名称", "记录图形属性", "图幅号", "地块用途",
    "地类编码", "图斑类型", "地类", "改造前平均质量等别", "改造后平均质量等别", "备注",
)  # fmt: skip
_NINE = (*FIELDS[:8], "备注")
#: Template of 2026 for supplementary cropland, when its row of names is missing.
_TWELVE = (
    "坐标点个数", "图斑面积", "图斑编号", "地块名称", "补充耕地实施年份", "耕地坡度级别",
    "图形属性", "图幅号", "地块用途", "备注", "地类", "耕地质量等级",
)  # fmt: skip
#: The stated area in mu, under a title that every layer knows.
STATED_MU = "申报面积亩"
_SHAPES = ("点", "线", "面")
_AREAS = ("地块面积（公顷）", "图斑面积", "地块面积", "面积", "DKMJ", "TBMJ")
_POINT_COUNTS = ("界址点数", "坐标点个数", "点数", "JZDS")
_QUANTITY = re.compile(
    r"^\s*([+-]?\d+(?:\.\d+)?)\s*(公顷|hm2|hm²|ha|亩|平方米|m2|m²|㎡)?\s*$", re.I
)
_PER_HECTARE = {"亩": float(SQUARE_METRES_PER_MU) / 1e4, "平方米": 1e-4, "m2": 1e-4, "m²": 1e-4,
                "㎡": 1e-4}  # fmt: skip
_DATUMS: tuple[tuple[str, Datum], ...] = (
    ("2000", "cgcs2000"), ("80", "xian80"), ("54", "beijing54"), ("84", "wgs84"),
)  # fmt: skip
_TOLD = 5


def read(path: Path, *, encoding: str | None = None, points: bool = False) -> Content:
    """Read a file; ``points``: the layer holds points, so each vertex of a list is a record.

    Raises `Rejected`: E_TOO_LARGE, E_ENCODING, E_TXT_LINE (with the line), E_TXT_ZONES (more
    than one zone in the numbers), E_TXT_EMPTY, E_VERTICES.
    """
    text, chosen = read_text(path, encoding)
    found = parse(text)
    if not any(plot.first for plot in found.plots):
        raise Rejected(
            "E_TXT_EMPTY",
            "文本中没有界址点",
            "the text holds no boundary points",
            fix=("请检查文件后重新导出", "check the file and export it again"),
        )
    if len(found.plots) > MAX_RECORDS:
        raise Rejected("E_TXT_EMPTY", "地块太多", "there are too many plots")
    swapped = _turn(found.plots)
    content = _content(found, points=points)
    content.encoding = chosen
    if swapped is None:
        content.notes.append(
            ("W_AXIS_ORDER", "无法由数值判断坐标顺序，按“东坐标,北坐标”读取",
             "the numbers do not tell the axis order; read as easting, northing")
        )  # fmt: skip
    _system(found, content)
    return content


def _content(found: Parsed, *, points: bool) -> Content:
    if points:
        found.plots = [single for plot in found.plots for single in _singles(plot)]
    tolerance = _tolerance(found)
    geometry = np.full(len(found.plots), None, dtype=object)
    notes: list[Note] = []
    wrong: list[tuple[str, str]] = []
    misclosed = 0
    columns = [_named_fields(plot, found.names) for plot in found.plots]
    for i, plot in enumerate(found.plots):
        kind = next((columns[i][k] for k in ("记录图形属性", "图形属性") if k in columns[i]), "面")
        geometry[i], closings, bad = _shape(plot, "点" if points else kind, tolerance)
        misclosed += bad
        wrong += _counted(plot, columns[i], closings)
    if wrong:
        zh = f"{len(wrong)} 个地块的界址点数与实际不符：" + "；".join(z for z, _ in wrong[:_TOLD])
        en = "; ".join(text for _, text in wrong[:_TOLD])
        notes.append(("W_TXT_COUNT", zh, f"the point count of {len(wrong)} plots is wrong: {en}"))
    if misclosed:
        notes.append(
            ("W_TXT_CLOSING", f"{misclosed} 个环的闭合点有一个坐标写错，按点号闭合",
             f"the closing point of {misclosed} rings has one wrong coordinate; closed by label")
        )  # fmt: skip
    present = np.array([bool(plot.first) for plot in found.plots], dtype=np.bool_)
    return Content(
        attributes=_attributes(columns),
        geometry=geometry,
        broken=present & shapely.is_missing(geometry),
        rows=np.arange(1, len(geometry) + 1),
        notes=notes,
    )


def _singles(plot: Plot) -> list[Plot]:
    fields = plot.fields
    return [
        Plot(plot.lines[i], fields or ["", "", plot.labels[i]], [plot.labels[i]], [""],
             [plot.first[i]], [plot.second[i]], [plot.lines[i]])
        for i in range(len(plot.first))
    ]  # fmt: skip


def _shape(plot: Plot, kind: str, tolerance: float) -> tuple[shapely.Geometry | None, int, int]:
    """(shape or None, closing points, rings closed by label only)."""
    xy = np.column_stack((plot.first, plot.second)).astype(np.float64)
    if not len(xy):
        return None, 0, 0
    if kind == "点":
        return (shapely.Point(xy[0]) if len(xy) == 1 else shapely.MultiPoint(xy)), 0, 0
    found = list(iter_rings(plot, tolerance))
    if kind == "线":
        lines = [xy[a:b] for a, b, _, _ in found]
        if any(len(line) < 2 for line in lines):
            return None, 0, 0
        whole = [shapely.LineString(line) for line in lines]
        return (whole[0] if len(whole) == 1 else shapely.MultiLineString(whole)), 0, 0
    closed = [rings.close(xy[a : b - 1] if shut else xy[a:b], 0.0) for a, b, shut, _ in found]
    shape = rings.polygon(closed)
    return shape, sum(shut for *_, shut, _ in found), sum(bad for *_, bad in found)


def _turn(plots: Sequence[Plot]) -> bool | None:
    """Make the first column the easting or longitude; whether that took a swap, None: unclear.

    Raises E_TXT_LINE where single points contradict the rest of the file.
    """
    xy = np.concatenate([np.column_stack((p.first, p.second)) for p in plots if p.first])
    lines = np.concatenate([p.lines for p in plots if p.first])
    a, b = xy[:, 0], xy[:, 1]
    metres = (_northing(a) & ~_northing(b)).astype(np.int8) - (_northing(b) & ~_northing(a))
    degrees = (_latitude(a) & _longitude(b)).astype(np.int8) - (_latitude(b) & _longitude(a))
    votes = metres + degrees
    first, second = int((votes > 0).sum()), int((votes < 0).sum())
    if first == second == 0:
        return None
    swap = first > second
    against = votes < 0 if swap else votes > 0
    if against.any():
        # A closing point with the easting written twice is not counted: it has no vote.
        line = int(lines[np.argmax(against)])
        raise Rejected(
            "E_TXT_LINE",
            f"第 {line} 行的坐标顺序与其他行相反",
            f"the axis order of line {line} is not that of the others",
            where=str(line),
            fix=("请统一为“北坐标,东坐标”", "write all points as northing, easting"),
        )
    if swap:
        for plot in plots:
            plot.first, plot.second = plot.second, plot.first
    return swap


def _northing(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    return (values >= 1.8e6) & (values <= 5.95e6)


def _latitude(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    return (values > 0) & (values <= 60)


def _longitude(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    return (values >= 70) & (values <= 140)


def _tolerance(found: Parsed) -> float:
    """Half the stated precision; ``3`` means three decimals. 1e-9 degrees for lon/lat."""
    first = next(plot for plot in found.plots if plot.first)
    if abs(first.first[0]) <= 180 and abs(first.second[0]) <= 180:
        return 1e-9
    try:
        value = float(found.header.get("精度", "") or 0.001)
    except ValueError:
        value = 0.001
    if value >= 1:
        value = 10.0 ** -min(value, 9)
    return 0.5 * min(max(value, 1e-9), 0.1) + 1e-9


def _counted(plot: Plot, columns: dict[str, str], closings: int) -> list[tuple[str, str]]:
    text = next((columns[name] for name in _POINT_COUNTS if columns.get(name)), "")
    match = re.match(r"\d+", text)
    count = len(plot.first)
    if match is None or int(match[0]) in (count, count - closings):
        return []
    return [
        (f"第 {plot.line} 行写 {match[0]}，实有 {count}",
         f"line {plot.line} says {match[0]}, there are {count}")
    ]  # fmt: skip


def _named_fields(plot: Plot, names: list[str] | None) -> dict[str, str]:
    values = list(plot.fields or ())
    if not values:
        return {}
    if names is None:
        place = next((i for i, text in enumerate(values) if text in _SHAPES), None)
        if len(values) in (11, 12) and place == 6:
            names = list(_TWELVE)
        elif place == 3:  # the count of points is missing
            values = ["", *values]
        if names is None:
            names = list(_NINE if len(values) == 9 else FIELDS)
    found = dict(zip(names, values, strict=False))
    found |= {f"附加{i}": text for i, text in enumerate(values[len(names) :], 1)}
    return {name: text for name, text in found.items() if text}


def _attributes(rows: list[dict[str, str]]) -> pa.Table:
    names = dict.fromkeys(name for row in rows for name in row)
    columns = {n: pa.array([row.get(n) for row in rows], pa.string()) for n in names}
    area = next((name for name in _AREAS if name in names), None)
    if area is not None and STATED_MU not in names:
        mu = [_hectares(row.get(area)) for row in rows]
        stated = [
            None if v is None else round(v * 1e4 / float(SQUARE_METRES_PER_MU), 8) for v in mu
        ]
        columns[STATED_MU] = pa.array(stated, pa.float64())
    return pa.table(columns) if columns else pa.table({"序号": pa.array(range(1, len(rows) + 1))})


def _hectares(text: str | None) -> float | None:
    match = _QUANTITY.match(text or "")
    if match is None:
        return None
    return float(match[1]) * _PER_HECTARE.get((match[2] or "").lower(), 1.0)


def _system(found: Parsed, content: Content) -> None:
    """What header and numbers say about the coordinate system; it is whole or it is asked for."""
    header = found.header
    if found.shifted:
        content.crs = found.shifted
        return
    name = header.get("坐标系", "")
    content.datum = next((datum for sign, datum in _DATUMS if sign in name), None)
    parameters = [p for p in re.split(r"[,\s]+", header.get("转换参数", "")) if p]
    if any(re.search(r"[1-9]", p) for p in parameters):
        content.notes.append(
            ("W_TXT_PARAMETERS", f"文件带有转换参数 {','.join(parameters)}，未经确认不会使用",
             f"the file carries shift parameters {parameters}; they are not used unless confirmed")
        )  # fmt: skip
    x = np.concatenate([np.asarray(plot.first) for plot in found.plots if plot.first])
    declared = _declared_zone(header)
    plausible = ~_northing(x)  # a closing point may have its easting written wrong
    x = x[plausible] if plausible.any() else x
    if np.abs(x).max() <= 180:
        if content.datum is not None:
            content.crs = geographic(content.datum)
        return
    prefixes = np.unique((x // 1e6).astype(np.int64))
    if prefixes.max() >= ZONES[6].start:
        if len(prefixes) > 1:
            raise Rejected(
                "E_TXT_ZONES",
                f"坐标带有不同的带号：{'、'.join(map(str, prefixes))}",
                f"the coordinates carry several zones: {', '.join(map(str, prefixes))}",
                fix=("请按带号分成多个文件", "make one file a zone"),
            )
        zone = int(prefixes[0])
        if declared is not None and declared != zone:
            content.notes.append(
                ("W_ZONE_MISMATCH", f"文件头的带号 {declared} 与坐标的带号 {zone} 不符，以坐标为准",
                 f"the header says zone {declared}, the numbers say {zone}; the numbers win")
            )  # fmt: skip
        content.zone, prefix = zone, True
    else:
        content.zone, prefix = declared, False
    plain = "UTM" not in header.get("投影类型", "").upper()
    width = 3 if content.zone in ZONES[3] else 6
    if content.zone in ZONES[width] and content.datum is not None and plain:
        assert content.zone is not None
        # Zones of Gauss-Krueger are not defined on WGS 84; CGCS2000 agrees with it.
        datum: Datum = "cgcs2000" if content.datum == "wgs84" else content.datum
        content.crs = gauss_kruger(content.zone, width, prefix=prefix, datum=datum)


def _declared_zone(header: dict[str, str]) -> int | None:
    match = re.search(r"\d{2}", header.get("带号", ""))
    return int(match[0]) if match else None
