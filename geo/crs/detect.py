"""How the coordinate system of a file is found: from its .prj, or from its numbers.

A .prj is decided by its parameters, never by its name. Numbers alone never tell
the datum, so candidates are ranked with reasons and a person confirms.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from pyproj import CRS
from pyproj.exceptions import CRSError

from geo.crs.systems import (
    BAICHENG,
    DATUM_TITLE,
    STORAGE,
    ZONES,
    Bounds,
    Datum,
    Note,
    Region,
    gauss_kruger,
    geographic,
    lonlat_bounds,
    meridian_of,
    within,
    zone_of,
)
from geo.errors import Rejected

# Magnitudes of China (metres): northing, and easting without its zone.
_NORTHING = (1.8e6, 5.95e6)
_EASTING = (1.6e5, 8.4e5)
#: Semi-major axis and inverse flattening -> datum, as far as China uses them.
_ELLIPSOIDS: tuple[tuple[float, float, Datum], ...] = (
    (6378137.0, 298.257222101, "cgcs2000"),
    (6378137.0, 298.257223563, "wgs84"),
    (6378140.0, 298.257, "xian80"),
    (6378245.0, 298.3, "beijing54"),
)


@dataclass(frozen=True)
class Declared:
    """What a .prj says: ``crs`` for `transform` (an EPSG code, else the WKT itself)."""

    crs: str
    name: str
    datum: Datum | None
    towgs84: tuple[float, ...] | None  # found in the file; never applied unasked
    notes: tuple[Note, ...]


@dataclass(frozen=True)
class Candidate:
    """A coordinate system that the numbers allow.

    ``swapped``: the file's first column is y (northing or latitude).
    ``certain``: may be taken without asking; nothing else fits and the datum was declared.
    """

    crs: str
    swapped: bool
    confidence: float  # 0..1, for ranking
    in_region: bool
    reason: tuple[str, str]  # zh, en
    codes: tuple[str, ...] = ()  # warnings: ZONE_MISMATCH
    certain: bool = False


def from_prj(wkt: str) -> Declared:
    """The system that a .prj describes, by ellipsoid, meridian, false easting, scale and unit.

    Raises `Rejected`: E_CRS_PRJ (not readable), E_CRS_LOCAL (a local system
    without datum, as LOCAL_CS["未知"]).
    """
    try:
        crs = CRS.from_wkt(wkt.strip().lstrip("\ufeff"))
    except CRSError as error:
        raise Rejected(
            "E_CRS_PRJ",
            ".prj 文件无法读取",
            f"the .prj cannot be read: {error}",
            fix=("请指定坐标系", "state the coordinate system"),
        ) from error
    towgs84 = None
    if crs.is_bound:
        operation = crs.coordinate_operation
        towgs84 = tuple(operation.towgs84) if operation else None
        crs = cast(CRS, crs.source_crs)
    if crs.is_compound:
        crs = crs.sub_crs_list[0]
    base = crs.geodetic_crs
    if base is None or not (crs.is_projected or crs.is_geographic):
        raise Rejected(
            "E_CRS_LOCAL",
            f".prj 是没有大地基准的本地坐标系“{crs.name}”",
            f"the .prj is a local system without datum ({crs.name})",
            fix=("请指定坐标系", "state the coordinate system"),
        )
    datum = _datum(base)
    notes = []
    if datum is None:
        notes.append(
            Note(
                "W_CRS_ELLIPSOID",
                "椭球参数不是 CGCS2000、WGS 84、西安 80 或北京 54",
                "the ellipsoid is none of CGCS2000, WGS 84, Xian 1980 or Beijing 1954",
            )
        )
    if towgs84 and any(towgs84):
        notes.append(
            Note(
                "W_CRS_TOWGS84",
                f".prj 带有转换参数 {list(towgs84)}，未经确认不会使用",
                f"the .prj carries shift parameters {list(towgs84)}; not used unless confirmed",
            )
        )
    code = _by_parameters(crs, datum)
    if code is not None:
        notes.extend(_name_notes(crs, code))
    else:
        code = crs.to_wkt()
        notes.append(
            Note(
                "W_CRS_CUSTOM",
                f"“{crs.name}”的参数不是标准分带，按其自身参数转换",
                f"{crs.name} is no standard zone; its own parameters are used",
            )
        )
    return Declared(code, crs.name, datum, towgs84, tuple(notes))


def candidates(
    bounds: Bounds,
    *,
    datum: Datum | None = None,
    zone: int | None = None,
    region: Region = BAICHENG,
) -> list[Candidate]:
    """Systems that the bounds allow, best first.

    ``bounds``: minx, miny, maxx, maxy in the order of the file's columns. ``datum``
    and ``zone`` (3-degree, or 6-degree up to 23) are what the file declares elsewhere;
    a zone prefix in the numbers wins over a declared zone. Empty when nothing fits:
    the caller asks.
    """
    found = []
    for swapped in (False, True):
        box = tuple(map(float, bounds))
        if swapped:
            box = (box[1], box[0], box[3], box[2])
        for crs, weight, reason, codes in (
            *_lonlat(box, datum),
            *_prefixed(box, datum, zone),
            *_bare(box, datum, zone, region),
            *_mercator(box),
        ):
            inside = within(lonlat_bounds(box, crs), region.bounds)
            confidence = weight * (1.0 if inside else 0.3) * (0.999 if swapped else 1.0)
            where = region if inside else None
            found.append(
                Candidate(crs, swapped, confidence, inside, _told(reason, swapped, where), codes)
            )
    found.sort(key=lambda c: -c.confidence)
    if found and datum is not None:
        rivals = [c for c in found[1:] if c.in_region]
        best = found[0]
        if best.in_region and not rivals and best.confidence > 0.8:
            found[0] = Candidate(**{**vars(best), "certain": True})
    return found


_Found = tuple[str, float, tuple[str, str], tuple[str, ...]]
_Box = tuple[float, ...]


def _lonlat(box: _Box, datum: Datum | None) -> Iterator[_Found]:
    if not (box[0] >= -180 and box[2] <= 180 and box[1] >= -90 and box[3] <= 90):
        return
    # A declared datum is a statement; the others then stay out.
    yield (
        geographic(datum or "cgcs2000"),
        0.9,
        ("数值为经纬度", "the numbers are longitude and latitude"),
        (),
    )
    if datum is None:
        told = "仅凭数值无法与 CGCS2000 区分", "cannot be told from CGCS2000 by numbers"
        yield geographic("wgs84"), 0.6, told, ()
        yield "GCJ-02", 0.3, told, ()
        yield "BD-09", 0.2, told, ()


def _prefixed(box: _Box, datum: Datum | None, declared: int | None) -> Iterator[_Found]:
    low, high = int(box[0] // 1e6), int(box[2] // 1e6)
    width = 3 if low in ZONES[3] else 6
    if low != high or low not in ZONES[width]:
        return
    if not (_fits(box[0] - low * 1e6, box[2] - low * 1e6, _EASTING) and _northing(box)):
        return
    zh = f"东坐标带有 {width} 度带带号 {low}"
    en = f"eastings carry the prefix of {width}-degree zone {low}"
    codes: tuple[str, ...] = ()
    if declared is not None and declared != low:
        zh += f"；与声明的带号 {declared} 不符，以坐标为准"
        codes = ("ZONE_MISMATCH",)
        en += f"; the declared zone {declared} differs, the numbers win"
    for name, weight in _datums(datum):
        reason = _with_datum((zh, en), name, datum)
        yield gauss_kruger(low, width, datum=name), weight, reason, codes


def _bare(box: _Box, datum: Datum | None, declared: int | None, region: Region) -> Iterator[_Found]:
    if not (_fits(box[0], box[2], _EASTING) and _northing(box)):
        return
    width = 6 if declared in ZONES[6] else 3
    home = region.zone if declared is None else declared
    tries = [(home, width)]
    if declared is None:
        tries += [(home - 1, 3), (home + 1, 3)]
    elif meridian_of(home, width) != meridian_of(region.zone):
        tries.append((region.zone, 3))
    for n, width in tries:
        if n not in ZONES[width]:
            continue
        meridian = meridian_of(n, width)
        zh = f"东坐标无带号，按 {width} 度带 {n}（中央经线 {meridian}°）"
        en = f"eastings without zone; {width}-degree zone {n} (meridian {meridian}E)"
        if declared is None:
            # The wrong zone still lands inside the region: the extent cannot decide.
            zh += "；文件未声明带号，需确认"
            en += "; the file names no zone, please confirm"
        elif n != home:
            zh += f"；文件声明的带号是 {declared}"
            en += f"; but the file declares zone {declared}"
        share = (1.0 if declared is not None else 0.7) if n == home else 0.3
        for name, weight in _datums(datum):
            crs = gauss_kruger(n, width, prefix=False, datum=name)
            yield crs, weight * share, _with_datum((zh, en), name, datum), ()
    if declared is None and datum in (None, "wgs84"):
        n = zone_of(meridian_of(region.zone), 6) + 30
        told = (
            f"也可能是 UTM {n}N（北坐标比高斯投影小约 2 km）",
            f"may be UTM {n}N (northings about 2 km below Gauss-Krueger)",
        )
        yield f"EPSG:{32600 + n}", 0.9 if datum else 0.25, told, ()


def _mercator(box: _Box) -> Iterator[_Found]:
    # The projected extent of China.
    if box[0] > 8.1e6 and box[2] < 1.51e7 and box[1] > 4e5 and box[3] < 7.2e6:
        yield (
            "EPSG:3857",
            0.85,
            ("数值符合 Web 墨卡托", "the numbers fit Web Mercator"),
            (),
        )


def _datums(declared: Datum | None) -> list[tuple[Datum, float]]:
    if declared == "wgs84":
        # Gauss-Krueger zones are not defined on WGS 84; CGCS2000 agrees with it to decimetres.
        return [("cgcs2000", 0.85)]
    if declared is not None:
        return [(declared, 0.95)]
    return [("cgcs2000", 0.9), ("xian80", 0.3), ("beijing54", 0.25)]


def _with_datum(reason: tuple[str, str], name: Datum, declared: Datum | None) -> tuple[str, str]:
    if declared is not None:
        return reason
    zh, en = DATUM_TITLE[name]
    return f"{reason[0]}；数值无法判断基准，假定{zh}", f"{reason[1]}; datum assumed {en}"


def _told(reason: tuple[str, str], swapped: bool, region: Region | None) -> tuple[str, str]:
    zh, en = reason
    if swapped:
        zh, en = f"{zh}；第一列是北坐标或纬度", f"{en}; the first column is northing or latitude"
    if region is None:
        return f"{zh}；不在本区域内", f"{en}; outside the region"
    return f"{zh}；落在{region.zh}", f"{en}; inside {region.en}"


def _fits(low: float, high: float, span: tuple[float, float]) -> bool:
    return span[0] <= low <= high <= span[1]


def _northing(box: _Box) -> bool:
    return _fits(box[1], box[3], _NORTHING)


def _datum(base: CRS) -> Datum | None:
    ellipsoid = base.ellipsoid
    assert ellipsoid is not None
    for a, inverse_flattening, datum in _ELLIPSOIDS:
        if (
            abs(ellipsoid.semi_major_metre - a) < 1e-3
            and abs(ellipsoid.inverse_flattening - inverse_flattening) < 2e-7
        ):
            return datum
    return None


def _by_parameters(crs: CRS, datum: Datum | None) -> str | None:
    """EPSG code of the standard system with these parameters; None when there is none."""
    if datum is None or (crs.prime_meridian and crs.prime_meridian.longitude != 0):
        return None
    if crs.is_geographic:
        return geographic(datum)
    operation = crs.coordinate_operation
    if operation is None or any(abs(a.unit_conversion_factor - 1) > 1e-9 for a in crs.axis_info):
        return None
    method = operation.method_name.replace("_", " ").replace("-", " ")
    if "Pseudo Mercator" in method and datum == "wgs84":
        return "EPSG:3857"
    return _zone_code(_parameters(crs), datum) if method in _GAUSS_KRUGER else None


_GAUSS_KRUGER = {"Transverse Mercator", "Gauss Kruger"}


def _parameters(crs: CRS) -> dict[str, float]:
    """Parameters of the projection by EPSG name; lengths in metres."""
    operation = crs.coordinate_operation
    return {
        p.name: float(p.value) * (p.unit_conversion_factor if p.name.startswith("False") else 1)
        for p in (operation.params if operation else ())
    }


def _zone_code(value: dict[str, float], datum: Datum) -> str | None:
    """EPSG code of a Gauss-Krueger or UTM zone with these parameters."""
    meridian = value.get("Longitude of natural origin", -1.0)
    prefix, rest = divmod(value.get("False easting", -1.0), 1_000_000)
    scale = value.get("Scale factor at natural origin", 1.0)
    if rest != 500_000 or value.get("False northing") or value.get("Latitude of natural origin"):
        return None
    if datum == "wgs84":
        utm = abs(scale - 0.9996) < 1e-9 and meridian % 6 == 3 and prefix == 0
        return f"EPSG:{32630 + zone_of(meridian, 6)}" if utm else None
    # Both widths share a meridian at times; without a prefix they are then the same numbers.
    for width in (3, 6):
        n = zone_of(meridian, width)
        known = n in ZONES[width] and meridian_of(n, width) == meridian
        if known and prefix in (0, n) and abs(scale - 1) < 1e-9:
            return gauss_kruger(n, width, prefix=prefix != 0, datum=datum)
    return None


def _name_notes(crs: CRS, code: str) -> Iterator[Note]:
    """A note when the name of a .prj states another zone or meridian than its parameters."""
    if code == STORAGE or crs.coordinate_operation is None:
        return
    stated = re.search(r"(zone|cm)[ _]?(\d{1,3})", crs.name, re.I)
    if stated is None:
        return
    kind, number = stated[1].lower(), int(stated[2])
    meridian = _parameters(crs).get("Longitude of natural origin", 0.0)
    zones = {zone_of(meridian, 3), zone_of(meridian, 6), zone_of(meridian, 6) + 30}
    if number != meridian if kind == "cm" else number not in zones:
        yield Note(
            "W_CRS_NAME",
            f".prj 名称“{crs.name}”与其参数（中央经线 {meridian:g}°）不符，以参数为准",
            f"the name {crs.name} disagrees with its parameters (meridian {meridian:g}E); "
            "the parameters win",
        )
