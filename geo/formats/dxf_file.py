"""DXF from outside: closed polylines as polygons, with layer and the text inside as name.

A drawing states no coordinate system and has no records; what is drawn is taken as it
is: arcs become chords, blocks are not opened, and what is left out is counted and told.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import shapely

from geo.errors import Rejected
from geo.formats import rings
from geo.formats.content import MAX_RECORDS, Content
from geo.formats.text import Encoding, canonical

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.layers import GeometryType

MAX_BYTES = 200 << 20
#: How far a chord may leave its arc, in units of the drawing (metres in survey drawings).
ARC_TOLERANCE = 0.01
MAX_NAME = 200
MAX_CHORDS = 10_000  # of one arc
_TEXTS = ("TEXT", "MTEXT")


def read(
    path: Path, *, kind: GeometryType | None = "MultiPolygon", encoding: str | None = None
) -> Content:
    """Read what a layer of ``kind`` takes: closed polylines, all lines, or points.

    Raises `Rejected`: E_TOO_LARGE, E_DXF (damaged), E_DXF_EMPTY (nothing of that kind).
    """
    from ezdxf.filemanagement import readfile  # noqa: PLC0415 (a second to load)

    if path.stat().st_size > MAX_BYTES:
        raise Rejected(
            "E_TOO_LARGE",
            f"DXF 超过 {MAX_BYTES >> 20} MiB",
            f"the DXF is over {MAX_BYTES >> 20} MiB",
            fix=("请只保留地块图层后另存", "keep only the layers of plots and save again"),
        )
    try:
        drawing = readfile(
            path, encoding=canonical(encoding) if encoding else None, errors="replace"
        )
        space = list(drawing.modelspace())
    except (MemoryError, Rejected):
        raise
    except Exception as error:  # a damaged drawing breaks the library anywhere
        raise _damaged(f"{type(error).__name__}: {error}") from error
    if len(space) > MAX_RECORDS:
        raise _damaged("too many entities")
    found = _Found()
    for entity in space:
        try:
            found.take(entity, kind)
        except (MemoryError, Rejected):
            raise
        except Exception as error:
            raise _damaged(f"{entity.dxftype()} {entity.dxf.handle}: {error}") from error
    if kind == "MultiPolygon" and not found.shapes:
        try:
            found.hatched()
        except MemoryError:
            raise
        except Exception as error:
            raise _damaged(f"HATCH: {error}") from error
    if not found.shapes:
        raise _empty(found.left)
    return _content(found, Encoding(str(drawing.encoding), "decision" if encoding else "dxf"))


class _Found:
    def __init__(self) -> None:
        self.shapes: list[shapely.Geometry | None] = []
        self.layers: list[str] = []
        self.left: Counter[str] = Counter()
        self.words: list[tuple[float, float, str]] = []
        self.hatches: list[Any] = []
        self.arcs = 0
        self.heights = False

    def add(self, shape: shapely.Geometry | None, entity: Any) -> None:
        self.shapes.append(shape)
        self.layers.append(str(entity.dxf.layer))

    def take(self, entity: Any, kind: GeometryType | None) -> None:
        name = entity.dxftype()
        if name in _TEXTS:
            place = entity.dxf.insert
            text = entity.plain_text() if name == "MTEXT" else entity.dxf.text
            if text.strip():
                self.words.append((place.x, place.y, " ".join(text.split())[:MAX_NAME]))
        elif name == "HATCH":
            self.hatches.append(entity)
        elif kind == "Point":
            if name in ("POINT", "INSERT"):
                place = entity.dxf.location if name == "POINT" else entity.dxf.insert
                self.add(shapely.Point(place.x, place.y), entity)
            else:
                self.left[name] += 1
        elif name in ("LWPOLYLINE", "POLYLINE", "CIRCLE", "LINE", "ARC", "SPLINE", "ELLIPSE"):
            self._line(entity, name, kind)
        else:
            self.left[name] += 1

    def _line(self, entity: Any, name: str, kind: GeometryType | None) -> None:
        if name == "POLYLINE" and not (entity.is_2d_polyline or entity.is_3d_polyline):
            self.left["MESH"] += 1
            return
        xy, closed = self._points(entity, name)
        closed = closed or (len(xy) > 3 and bool((xy[0] == xy[-1]).all()))
        if kind == "MultiPolygon":
            if closed:
                self.add(rings.polygon([rings.close(xy)]), entity)
            else:
                self.left["OPEN"] += 1
        elif len(xy) > 1:
            line = rings.close(xy) if closed else xy
            self.add(shapely.LineString(line), entity)

    def _points(self, entity: Any, name: str) -> tuple[NDArray[np.float64], bool]:
        """(vertices in the plane of the drawing, whether it is closed)."""
        from ezdxf import path as curves  # noqa: PLC0415

        up = tuple(entity.dxf.get("extrusion", (0, 0, 1)))
        if name == "POLYLINE" and entity.is_3d_polyline:
            places = [vertex.dxf.location for vertex in entity.vertices]
            return _plane(places), bool(entity.is_closed)
        if name in ("LWPOLYLINE", "POLYLINE") and up in ((0, 0, 1), (0, 0, -1)):
            closed = bool(entity.closed if name == "LWPOLYLINE" else entity.is_closed)
            xyb = np.array(_bulges(entity, name), dtype=np.float64).reshape(-1, 3)
            if xyb[:, 2].any():
                self.arcs += 1
                xyb = flattened(xyb, closed=closed)
            return xyb[:, :2] * (up[2], 1), closed
        if name == "LINE":
            return _plane([entity.dxf.start, entity.dxf.end]), False
        self.arcs += 1
        if name in ("CIRCLE", "ARC"):
            return _plane(list(entity.flattening(ARC_TOLERANCE))), name == "CIRCLE"
        vertices = curves.make_path(entity).flattening(ARC_TOLERANCE)
        return _plane(list(vertices)), bool(getattr(entity, "closed", False))

    def hatched(self) -> None:
        """Boundaries of hatches, where a drawing has no closed polylines."""
        from ezdxf import path as curves  # noqa: PLC0415

        for hatch in self.hatches:
            loops = []
            for loop in curves.from_hatch(hatch):
                xy = _plane(list(loop.flattening(ARC_TOLERANCE)))
                self.arcs += bool(loop.has_curves)
                if len(xy) > 2:
                    loops.append(rings.close(xy))
            if loops:
                self.add(rings.polygon(loops), hatch)


def _plane(places: list[Any]) -> NDArray[np.float64]:
    return np.array([(p.x, p.y) for p in places], dtype=np.float64).reshape(-1, 2)


def _bulges(entity: Any, name: str) -> list[tuple[float, float, float]]:
    if name == "LWPOLYLINE":
        return list(entity.get_points("xyb"))
    return [(v.dxf.location.x, v.dxf.location.y, v.dxf.get("bulge", 0.0)) for v in entity.vertices]


def flattened(xyb: NDArray[np.float64], *, closed: bool) -> NDArray[np.float64]:
    """Vertices with bulges [n, 3] -> with arcs as points that lie on them.

    A bulge is the tangent of a quarter of the arc's angle; no chord leaves its arc by more
    than `ARC_TOLERANCE`.
    """
    rows: list[NDArray[np.float64]] = []
    last = len(xyb) if closed else len(xyb) - 1
    for i, (x, y, bulge) in enumerate(xyb):
        rows.append(np.array([[x, y, 0.0]]))
        end = xyb[(i + 1) % len(xyb), :2]
        chord = float(np.hypot(end[0] - x, end[1] - y))
        if i >= last or not bulge or not chord:
            continue
        angle = 4 * np.arctan(bulge)
        radius = chord * (1 + bulge**2) / (4 * abs(bulge))
        step = 2 * np.arccos(max(1 - ARC_TOLERANCE / radius, 0.0))
        count = min(int(np.ceil(abs(angle) / step)), MAX_CHORDS)
        middle = np.array([x + end[0], y + end[1]]) / 2
        across = np.array([y - end[1], end[0] - x]) / 2
        centre = middle + across * (1 - bulge**2) / (2 * bulge)
        turn = np.arctan2(y - centre[1], x - centre[0]) + angle * np.arange(1, count) / count
        on = centre + radius * np.column_stack((np.cos(turn), np.sin(turn)))
        rows.append(np.column_stack((on, np.zeros(len(on)))))
    return np.concatenate(rows)


def _content(found: _Found, encoding: Encoding) -> Content:
    geometry = np.empty(len(found.shapes), dtype=object)
    geometry[:] = found.shapes
    made = Content(
        attributes=pa.table({"名称": _names(found, geometry), "图层": pa.array(found.layers)}),
        geometry=geometry,
        broken=shapely.is_missing(geometry),
        rows=np.arange(1, len(geometry) + 1),
        encoding=encoding,
    )
    if found.arcs:
        made.notes.append(
            ("W_DXF_ARCS", f"{found.arcs} 条线含圆弧，按弦差不超过 {ARC_TOLERANCE} 米折成直线",
             f"{found.arcs} lines with arcs became chords, at most {ARC_TOLERANCE} m off")
        )  # fmt: skip
    if found.left:
        listed = "、".join(f"{name} {count}" for name, count in found.left.most_common(8))
        made.notes.append(
            ("W_DXF_LEFT", f"未读取的图元（OPEN 为未闭合的线）：{listed}",
             f"entities that are left out (OPEN: lines that are not closed): {listed}")
        )  # fmt: skip
    return made


def _names(found: _Found, geometry: NDArray[np.object_]) -> pa.Array:
    """Texts that stand inside each shape, in the order of the drawing."""
    names: list[list[str]] = [[] for _ in range(len(geometry))]
    if found.words and len(geometry):
        places = shapely.points([(x, y) for x, y, _ in found.words])
        shapes = np.where(shapely.is_missing(geometry), shapely.Point(), geometry)
        word, shape = shapely.STRtree(shapes).query(places, predicate="intersects")
        for w, s in sorted(zip(word.tolist(), shape.tolist(), strict=True)):
            if len(names[s]) < 20:
                names[s].append(found.words[w][2])
    return pa.array(["；".join(texts)[:MAX_NAME] or None for texts in names], pa.string())


def _empty(left: Counter[str]) -> Rejected:
    listed = "、".join(f"{name} {count}" for name, count in left.most_common(8)) or "-"
    return Rejected(
        "E_DXF_EMPTY",
        f"图中没有可用的图形（有：{listed}）",
        f"the drawing has no shapes that fit (it has: {listed})",
        fix=(
            "请将地块画成闭合多段线；线段可用 PEDIT 合并，块需先炸开（EXPLODE）",
            "draw plots as closed polylines; join lines with PEDIT, EXPLODE blocks first",
        ),
    )


def _damaged(reason: str) -> Rejected:
    return Rejected(
        "E_DXF",
        "DXF 无法读取",
        f"the DXF cannot be read: {reason[:200]}",
        fix=("请在 CAD 中另存为 DXF（2010 或更高版本）", "save it as DXF (2010 or later) again"),
    )
