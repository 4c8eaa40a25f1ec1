"""Geometry as GeoPackage stores it: a header with the envelope, then WKB.

Source: OGC 12-128r18 (GeoPackage 1.3/1.4), clause 2.1.3.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import shapely

SRS_ID = 4490
_HEADER = np.dtype(
    [("magic", "S2"), ("version", "u1"), ("flags", "u1"), ("srs", "<i4"), ("box", "<f8", (4,))]
)
HEADER_SIZE = _HEADER.itemsize
#: bytes of the envelope by its code: none, xy, xyz, xym, xyzm
_ENVELOPE_SIZES = (0, 32, 48, 48, 64)


def headers(bounds: np.ndarray) -> bytes:
    """``HEADER_SIZE`` bytes a row for ``bounds`` float64[n, 4] (minx, miny, maxx, maxy)."""
    rows = np.zeros(len(bounds), _HEADER)
    rows["magic"] = b"GP"
    rows["flags"] = 0b0000_0011  # little-endian, envelope xy
    rows["srs"] = SRS_ID
    rows["box"] = bounds[:, [0, 2, 1, 3]]
    return rows.tobytes()


def to_wkb(geometry: np.ndarray) -> list[bytes | None]:
    """Little-endian 2D WKB; None for null."""
    wkb = shapely.to_wkb(geometry, byte_order=1, output_dimension=2, include_srid=False)
    return wkb.tolist()


def with_headers(bounds: np.ndarray, wkb: Sequence[bytes | None]) -> list[bytes | None]:
    """GeoPackage blobs for WKB and the bounds of the same rows."""
    head, size = headers(bounds), HEADER_SIZE
    return [
        None if item is None else head[i * size : (i + 1) * size] + item
        for i, item in enumerate(wkb)
    ]


def wkb_of(value: bytes) -> bytes:
    """The WKB inside a GeoPackage blob."""
    if len(value) < 8 or value[:2] != b"GP":
        raise ValueError("not a GeoPackage geometry")
    code = value[3] >> 1 & 0b111
    if code >= len(_ENVELOPE_SIZES):
        raise ValueError("bad envelope code in a GeoPackage geometry")
    return value[8 + _ENVELOPE_SIZES[code] :]


def is_empty(value: Any) -> int | None:
    """ST_IsEmpty: 1 when the flag says so, NULL for what is no geometry."""
    if not isinstance(value, bytes) or value[:2] != b"GP" or len(value) < 8:
        return None
    return value[3] >> 4 & 1


def _edge(index: int) -> Callable[[Any], float | None]:
    """ST_MinX and its kin: from the envelope, else from the coordinates."""
    little, big = struct.Struct("<d"), struct.Struct(">d")
    column = (0, 2, 1, 3)[index]  # envelope is minx, maxx, miny, maxy

    def edge(value: Any) -> float | None:
        if is_empty(value) != 0:
            return None
        flags = value[3]
        if flags & 0b1110:
            reader = little if flags & 1 else big
            return float(reader.unpack_from(value, 8 + 8 * index)[0])
        return float(shapely.bounds(shapely.from_wkb(wkb_of(value)))[column])

    return edge


FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "ST_IsEmpty": is_empty,
    "ST_MinX": _edge(0),
    "ST_MaxX": _edge(1),
    "ST_MinY": _edge(2),
    "ST_MaxY": _edge(3),
}
