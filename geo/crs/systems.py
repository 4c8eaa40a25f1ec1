"""Coordinate systems of the region: tables, transformations and extents.

Coordinates are always lon/lat or easting/northing, whatever order an authority
prints. A shift between datums is refused unless its parameters are given.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, cast

import numpy as np
import shapely
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError, ProjError

from geo.crs import gcj02
from geo.errors import Rejected

if TYPE_CHECKING:
    from numpy.typing import NDArray

STORAGE = "EPSG:4490"

Datum = Literal["cgcs2000", "wgs84", "xian80", "beijing54"]
Bounds = Sequence[float]  # minx, miny, maxx, maxy


@dataclass(frozen=True)
class Note:
    """Something a person should know; ``code`` is stable."""

    code: str
    zh: str
    en: str


@dataclass(frozen=True)
class Region:
    """The area that a service is for; lon/lat degrees."""

    zh: str
    en: str
    bounds: tuple[float, float, float, float]
    zone: int  # 3-degree zone


BAICHENG = Region("白城市", "Baicheng", (121.0, 44.0, 125.0, 46.6), 41)

_GEOGRAPHIC: dict[Datum, int] = {
    "cgcs2000": 4490, "wgs84": 4326, "xian80": 4610, "beijing54": 4214,
}  # fmt: skip
#: EPSG code minus zone number, per (width of the zone, easting has the zone as prefix).
_EPSG_MINUS_ZONE: dict[Datum, dict[tuple[int, bool], int]] = {
    "cgcs2000": {(6, True): 4478, (6, False): 4489, (3, True): 4488, (3, False): 4509},
    "xian80": {(6, True): 2314, (6, False): 2325, (3, True): 2324, (3, False): 2345},
    "beijing54": {(6, True): 21400, (6, False): 21440, (3, True): 2376, (3, False): 2397},
}
ZONES: dict[int, range] = {3: range(25, 46), 6: range(13, 24)}
DATUM_TITLE: dict[Datum, tuple[str, str]] = {
    "cgcs2000": ("2000 国家大地坐标系", "CGCS2000"),
    "wgs84": ("WGS 84", "WGS 84"),
    "xian80": ("1980 西安坐标系", "Xian 1980"),
    "beijing54": ("1954 北京坐标系", "Beijing 1954"),
}
#: Names of coordinates that are no coordinate system but a known shift of one.
SHIFTED: dict[str, gcj02.Offset] = {"GCJ-02": "gcj02", "BD-09": "bd09"}


def zone_of(longitude: float, width: int = 3) -> int:
    """Number of the Gauss-Krueger zone of 3 or 6 degrees that holds a longitude."""
    return int(np.floor(longitude / 3 + 0.5)) if width == 3 else int(np.floor(longitude / 6)) + 1


def meridian_of(zone: int, width: int = 3) -> int:
    """Central meridian of a zone, degrees east."""
    return 3 * zone if width == 3 else 6 * zone - 3


def gauss_kruger(
    zone: int, width: int = 3, *, prefix: bool = True, datum: Datum = "cgcs2000"
) -> str:
    """``EPSG:n`` of a Gauss-Krueger zone in China; ``prefix``: eastings begin with the zone."""
    if zone not in ZONES[width] or datum not in _EPSG_MINUS_ZONE:
        raise ValueError(f"no {width}-degree zone {zone} of {datum}")
    return f"EPSG:{_EPSG_MINUS_ZONE[datum][width, prefix] + zone}"


def geographic(datum: Datum) -> str:
    """``EPSG:n`` of the lon/lat system of a datum."""
    return f"EPSG:{_GEOGRAPHIC[datum]}"


@lru_cache(maxsize=256)
def resolve(crs: str) -> CRS:
    """Any EPSG code, URN, URI or WKT -> CRS. Raises `Rejected` E_CRS_UNKNOWN."""
    try:
        found = CRS.from_user_input(crs)
    except CRSError as error:
        raise Rejected(
            "E_CRS_UNKNOWN",
            f"无法识别坐标系“{crs[:80]}”",
            f"unknown coordinate system {crs[:80]!r}",
            fix=("请使用 EPSG 代码，例如 EPSG:4490", "use an EPSG code such as EPSG:4490"),
        ) from error
    # TOWGS84 of a file is somebody's guess; it counts only when it is passed as parameters.
    return cast(CRS, found.source_crs) if found.is_bound else found


@dataclass(frozen=True)
class DatumShift:
    """Parameters from the source datum to the target datum, given by the user.

    Metres, arc-seconds, ppm. With rotations ``convention`` must be stated: the
    Bursa model of Chinese software is ``coordinate_frame``.
    """

    dx: float
    dy: float
    dz: float
    rx: float = 0.0
    ry: float = 0.0
    rz: float = 0.0
    ppm: float = 0.0
    convention: Literal["coordinate_frame", "position_vector"] | None = None

    def __post_init__(self) -> None:
        if not np.isfinite([self.dx, self.dy, self.dz, self.rx, self.ry, self.rz, self.ppm]).all():
            raise ValueError("datum shift parameters must be numbers")
        if (self.rx or self.ry or self.rz) and self.convention is None:
            raise Rejected(
                "E_CRS_DATUM",
                "七参数含旋转，须说明旋转约定",
                "seven parameters with rotations need their rotation convention",
                fix=(
                    "布尔莎模型填 coordinate_frame，位置矢量填 position_vector",
                    "give coordinate_frame (Bursa) or position_vector",
                ),
            )

    def pipeline(self, source: CRS, target: CRS) -> str:
        """PROJ pipeline between the lon/lat (degrees) of the two datums; height is taken as 0."""
        axes = []
        for crs in (source, target):
            ellipsoid = crs.ellipsoid
            assert ellipsoid is not None
            axes.append(f"+a={ellipsoid.semi_major_metre!r} +rf={ellipsoid.inverse_flattening!r}")
        return (
            "+proj=pipeline +step +proj=unitconvert +xy_in=deg +xy_out=rad "
            f"+step +proj=cart {axes[0]} "
            f"+step +proj=helmert +x={self.dx!r} +y={self.dy!r} +z={self.dz!r} "
            f"+rx={self.rx!r} +ry={self.ry!r} +rz={self.rz!r} +s={self.ppm!r} "
            f"+convention={self.convention or 'coordinate_frame'} "
            f"+step +inv +proj=cart {axes[1]} "
            "+step +proj=unitconvert +xy_in=rad +xy_out=deg"
        )


#: Datum names of CGCS2000, WGS 84 and of frames that agree with them to decimetres (ITRF, SIRGAS
#: 2000, which is ITRF2000), in EPSG's and ESRI's spelling.
_MODERN = re.compile(
    r"(d_)?(china[ _](geodetic[ _]coordinate[ _]system[ _])?2000"
    r"|(world[ _]geodetic[ _]system|wgs)[ _]?(19)?84( .*)?"
    r"|international[ _]terrestrial[ _]reference[ _]frame[ _](19|20)\d\d"
    r"|sistema[ _]de[ _]referencia[ _]geocentrico[ _]para[ _](las[ _])?americas[ _]2000)",
    re.IGNORECASE,
)


@lru_cache(maxsize=256)
def same_datum(source: str, target: str) -> bool:
    """Whether two systems share a datum; CGCS2000, WGS 84 and ITRF count as one (within dm)."""
    names = []
    for crs in (source, target):
        if crs in SHIFTED:
            names.append("modern")
            continue
        base = resolve(crs).geodetic_crs
        name = base.datum.name if base is not None and base.datum is not None else crs
        modern = _MODERN.fullmatch(name)
        names.append("modern" if modern else name.casefold())
    return names[0] == names[1]


def transform_points(
    xy: NDArray[np.float64],
    source: str,
    target: str = STORAGE,
    *,
    shift: DatumShift | None = None,
) -> NDArray[np.float64]:
    """Coordinates [n, 2], lon/lat or easting/northing -> the same in ``target``.

    ``source`` and ``target`` are CRS texts, or "GCJ-02" and "BD-09" (approximate).
    Raises `Rejected`: E_CRS_DATUM when the datums differ and no ``shift`` is given
    (PROJ would shift by nothing and say nothing), E_CRS_RANGE when a coordinate
    cannot be transformed.
    """
    xy = np.asarray(xy, dtype=np.float64)
    if source == target or not len(xy):
        return xy.copy()
    if shift is None and not same_datum(source, target):
        raise _datum_refused(source, target)
    out = gcj02.unshift(xy, SHIFTED[source]) if source in SHIFTED else xy
    begin = STORAGE if source in SHIFTED else source
    end = STORAGE if target in SHIFTED else target
    try:
        if shift is None:
            out = _apply(_transformer(begin, end), out)
        else:
            base, goal = resolve(begin).geodetic_crs, resolve(end).geodetic_crs
            assert base is not None
            assert goal is not None
            if resolve(begin).is_projected:
                out = _apply(_transformer(begin, base.to_wkt()), out)
            out = _apply(Transformer.from_pipeline(shift.pipeline(base, goal)), out)
            if resolve(end).is_projected:
                out = _apply(_transformer(goal.to_wkt(), end), out)
    except ProjError as error:
        raise Rejected(
            "E_CRS_TRANSFORM",
            f"无法从“{source[:60]}”转换到“{target[:60]}”",
            f"cannot transform from {source[:60]} to {target[:60]}: {error}",
        ) from error
    if target in SHIFTED:
        out = gcj02.shift(out, SHIFTED[target])
    lost = ~np.isfinite(out).all(axis=1)
    if lost.any():
        at = int(np.argmax(lost))
        raise Rejected(
            "E_CRS_RANGE",
            f"坐标 ({xy[at, 0]:.3f}, {xy[at, 1]:.3f}) 超出“{source[:60]}”的范围",
            f"coordinate ({xy[at, 0]:.3f}, {xy[at, 1]:.3f}) lies outside {source[:60]}",
            where=f"vertex {at}",
            fix=("请检查坐标系、带号与坐标顺序", "check the system, the zone and the axis order"),
        )
    return out


def transform(
    geometries: NDArray[np.object_],
    source: str,
    target: str = STORAGE,
    *,
    shift: DatumShift | None = None,
) -> NDArray[np.object_]:
    """Shapely geometries [n] -> the same in ``target``; null stays null, heights are dropped.

    See `transform_points` for the systems and the errors.
    """
    geometries = np.asarray(geometries, dtype=object)
    return cast(
        "NDArray[np.object_]",
        shapely.transform(geometries, lambda xy: transform_points(xy, source, target, shift=shift)),
    )


def check_extent(bounds: Bounds, crs: str = STORAGE, region: Region = BAICHENG) -> list[Note]:
    """Warnings when ``bounds`` (in ``crs``) leave the region or the system's area of use.

    Codes W_OUTSIDE_REGION, W_OUTSIDE_CRS_AREA. Raises `Rejected` E_CRS_RANGE for
    coordinates that are none of the system's. Being inside proves little: bare
    eastings of zone 40 read as zone 41 still land in Baicheng.
    """
    west, south, east, north = lonlat_bounds(bounds, crs)
    text = f"({west:.4f}, {south:.4f}, {east:.4f}, {north:.4f})"
    if west < -180 or east > 180 or south < -90 or north > 90:
        raise Rejected(
            "E_CRS_RANGE",
            f"范围 {text} 不是经纬度",
            f"extent {text} is not longitude and latitude",
            fix=("请检查坐标系", "check the coordinate system"),
        )
    notes = []
    if not within((west, south, east, north), region.bounds):
        notes.append(
            Note(
                "W_OUTSIDE_REGION",
                f"范围 {text} 超出{region.zh}",
                f"extent {text} leaves {region.en}",
            )
        )
    area = None if crs in SHIFTED else resolve(crs).area_of_use
    if area is not None and not within((west, south, east, north), area.bounds, 0.2):
        notes.append(
            Note(
                "W_OUTSIDE_CRS_AREA",
                f"范围 {text} 超出 {crs} 的适用区域 {area.bounds}",
                f"extent {text} leaves the area of use {area.bounds} of {crs}",
            )
        )
    return notes


def lonlat_bounds(bounds: Bounds, crs: str) -> tuple[float, float, float, float]:
    """Lon/lat bounds of a box in ``crs`` by 21 points a side; the datum is left as it is."""
    minx, miny, maxx, maxy = map(float, bounds)
    t = np.linspace(0, 1, 21)
    x, y = minx + (maxx - minx) * t, miny + (maxy - miny) * t
    edges = [(x, np.full(21, miny)), (x, np.full(21, maxy)),
             (np.full(21, minx), y), (np.full(21, maxx), y)]  # fmt: skip
    xy = np.concatenate([np.column_stack(edge) for edge in edges])
    if crs not in SHIFTED:
        xy = as_lonlat(xy, crs)
    low, high = xy.min(axis=0), xy.max(axis=0)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def as_lonlat(xy: NDArray[np.float64], crs: str, *, strict: bool = True) -> NDArray[np.float64]:
    """Coordinates [n, 2] in ``crs`` as lon/lat degrees of its own datum, which is left as it is.

    Good enough to show a place. Raises `Rejected` as `transform_points`; with ``strict`` off,
    what cannot be transformed is infinite.
    """
    if crs in SHIFTED:
        return transform_points(xy, crs)
    base = resolve(crs).geodetic_crs
    if base is None:
        raise Rejected("E_CRS_UNKNOWN", "坐标系没有大地基准", "the system has no datum")
    if not strict:
        return _apply(_transformer(crs, base.to_wkt()), xy)
    return transform_points(xy, crs, base.to_wkt())


def sister_zones(crs: str, around: int = 2) -> list[str]:
    """The zones beside a Gauss-Krueger zone whose eastings carry no number; [] for others."""
    for datum in _EPSG_MINUS_ZONE:
        for zone in ZONES[3]:
            if gauss_kruger(zone, prefix=False, datum=datum) == crs:
                near = range(max(zone - around, ZONES[3].start),
                             min(zone + around, ZONES[3].stop - 1) + 1)  # fmt: skip
                return [gauss_kruger(n, prefix=False, datum=datum) for n in near if n != zone]
    return []


def within(inner: Bounds, outer: Bounds, margin: float = 0.0) -> bool:
    return bool(
        inner[0] >= outer[0] - margin
        and inner[1] >= outer[1] - margin
        and inner[2] <= outer[2] + margin
        and inner[3] <= outer[3] + margin
    )


@lru_cache(maxsize=256)
def _transformer(source: str, target: str) -> Transformer:
    return Transformer.from_crs(resolve(source), resolve(target), always_xy=True)


def _apply(transformer: Transformer, xy: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.column_stack(transformer.transform(xy[:, 0], xy[:, 1]))


def _datum_refused(source: str, target: str) -> Rejected:
    return Rejected(
        "E_CRS_DATUM",
        f"“{source[:60]}”与“{target[:60]}”的大地基准不同，没有转换参数时平移量未知（可达百米以上），拒绝转换",
        f"{source[:60]} and {target[:60]} have different datums; without parameters the shift is "
        "unknown (it can exceed 100 m), so nothing is transformed",
        fix=(
            "请提供本地三参数或七参数，或先用测绘部门的软件转换为 2000 国家大地坐标系",
            "give the local 3 or 7 parameters, or convert to CGCS2000 with the survey's software",
        ),
    )
