"""GeoJSON written by columns: coordinates by a compiled kernel, properties per distinct value.

`geometry_bytes` writes the geometries of many rows, `properties_json` encodes whole
columns once, `features_bytes` joins both to features. Texts are UTF-8 as they are;
the result is valid JSON for any text (RFC 8259, RFC 7946).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from geo.formats import geojson_kernels as kernels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.snapshot.flat import FlatGeometry

_OPENING = {
    kind: np.frombuffer(b'{"type":"' + kind.encode() + b'","coordinates":', dtype=np.uint8)
    for kind in ("Point", "MultiLineString", "MultiPolygon")
}
_BLOCK = 8_192  # rows whose properties are put together at a time: their bytes stay in cache
_ESCAPED = r'[\x00-\x1f"\\]'  # what JSON must escape in a string

_NOTHING = np.empty(0, dtype=np.int64)
_BY_ROW = np.empty(0, dtype=np.int32)
_BY_ROW.flags.writeable = False


# -- geometry --------------------------------------------------------------------


def geometry_bytes(
    flat: FlatGeometry,
    rows: NDArray[np.integer],
    decimals: int = 9,
    xy: NDArray[np.float64] | None = None,
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """GeoJSON geometries of ``rows``: (bytes, offsets[n + 1]).

    ``xy``: other coordinates [v, 2] in place of ``flat.xy`` (another system or datum), in
    the order of ``flat.xy``. Numbers have at most ``decimals`` decimals, rounded half to
    even, zeros at the end left out. An empty row is ``null``. Raises `ValueError` for a
    coordinate that is no finite number or too large for the decimals.
    """
    coordinates = flat.xy if xy is None else xy
    if coordinates.shape != flat.xy.shape:
        raise ValueError(f"{coordinates.shape} coordinates in place of {flat.xy.shape}")
    if not 0 <= decimals <= 15:
        raise ValueError(f"{decimals} decimals; 0 to 15 can be written")
    levels = 0 if flat.ring is None else 1 if flat.part is None else 2
    none = np.zeros(1, dtype=np.int32)
    row, part, ring = (
        _frozen(none if a is None else a, np.int32) for a in (flat.row, flat.part, flat.ring)
    )
    rows = _frozen(rows, np.int64)
    if len(rows) and (rows.min() < 0 or rows.max() >= len(row) - 1):
        raise IndexError(f"a row is outside 0..{len(row) - 2}")
    opening = _OPENING[flat.kind]
    out = np.empty(kernels.room_for(levels, row, part, ring, rows, len(opening)), dtype=np.uint8)
    offsets = np.empty(len(rows) + 1, dtype=np.int64)
    xy = _frozen(coordinates, np.float64)
    if not kernels.write_geometries(
        levels, row, part, ring, xy, rows, opening, decimals, out, offsets
    ):
        raise ValueError(f"a coordinate cannot be written with {decimals} decimals")
    return out[: offsets[-1]], offsets


def _frozen(array: NDArray[Any], dtype: type) -> NDArray[Any]:
    """The array as a kernel reads it: contiguous, read-only, of one type."""
    view = np.require(array, dtype, ["C", "A"]).view()
    view.flags.writeable = False
    return view


# -- properties ------------------------------------------------------------------


def properties_json(
    columns: Mapping[str, pa.Array], length: int | None = None
) -> pa.LargeBinaryArray:
    """One JSON object a row from whole columns, in the order of ``columns``.

    Strings (dictionary-encoded or not), integers, floats, booleans, date32 (``2024-05-01``)
    and timestamps (RFC 3339, ``Z``) are written; null, NaN and infinite numbers are ``null``.
    ``length`` is needed only without columns. Raises `TypeError` for another type.
    """
    if not columns:
        return pa.array([b"{}"] * (length or 0), pa.large_binary())
    count = len(next(iter(columns.values())))
    tables = [_values(column) for column in columns.values()]
    keys = [orjson.dumps(name) + b":" for name in columns]
    prefixes = [
        np.frombuffer((b"," if i else b"{") + key, dtype=np.uint8) for i, key in enumerate(keys)
    ]
    sizes = np.full(count, 1 + sum(map(len, prefixes)), dtype=np.int64)
    for _, starts, ends, codes, quoted in tables:
        kernels.measure(starts, ends, codes, quoted, sizes)
    offsets = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(sizes)))
    out = np.empty(int(offsets[-1]), dtype=np.uint8)
    cursor = offsets[:-1].copy()
    for first in range(0, count, _BLOCK):
        last = min(first + _BLOCK, count)
        for prefix, table in zip(prefixes, tables, strict=True):
            kernels.append(prefix, *table, first, last, cursor, out)
    out[offsets[1:] - 1] = 125
    return pa.Array.from_buffers(
        pa.large_binary(), count, [None, pa.py_buffer(offsets), pa.py_buffer(out)]
    )


_Words = tuple["NDArray[np.uint8]", "NDArray[np.int64]", "NDArray[np.int64]", bool]
_Table = tuple[
    "NDArray[np.uint8]", "NDArray[np.int64]", "NDArray[np.int64]", "NDArray[np.int32]", bool
]


def _values(column: pa.Array | pa.ChunkedArray) -> _Table:
    """A column as JSON: (bytes, starts, ends, code per row or empty, in quotes?).

    A negative code, or a value whose end is before its start, is null.
    """
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    kind = column.type
    if pa.types.is_temporal(kind):
        column = column.dictionary_encode()
    elif pa.types.is_boolean(kind):
        column = pa.DictionaryArray.from_arrays(column.cast(pa.int8()), pa.array([False, True]))
    if isinstance(column, pa.DictionaryArray):
        data, starts, ends, quoted = _distinct(column.dictionary)
        codes = column.indices.cast(pa.int32()).fill_null(-1).to_numpy()
        return data, starts, ends, _frozen(codes, np.int32), quoted
    data, starts, ends, quoted = _distinct(column)
    return data, starts, ends, _BY_ROW, quoted


def _distinct(column: pa.Array) -> _Words:
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _texts(_escape(column), quoted=True)
    if pa.types.is_date(kind) or pa.types.is_null(kind):
        return _texts(column.cast(pa.string()), quoted=True)
    if pa.types.is_timestamp(kind):
        return _texts(_moments(column), quoted=True)
    if pa.types.is_boolean(kind):
        return _texts(column.cast(pa.string()), quoted=False)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return _numbers(column)
    raise TypeError(f"a column of {kind} has no GeoJSON form")


def _escape(texts: pa.Array) -> pa.Array:
    """Texts as they stand between the quotes of JSON; most need nothing."""
    special = pc.match_substring_regex(texts, _ESCAPED)
    if not pc.any(special).as_py():
        return texts
    escaped = [orjson.dumps(text)[1:-1] for text in texts.filter(special).to_pylist()]
    written = pa.array(escaped, pa.binary()).cast(texts.type)
    return pc.replace_with_mask(texts, special.fill_null(False), written)


def _moments(column: pa.Array) -> pa.Array:
    """Timestamps -> ``2024-05-01T08:00:00Z``, with microseconds only where there are some."""
    moments = column.cast(pa.timestamp("us", column.type.tz or "UTC"), safe=False)
    written = pc.strftime(moments.cast(pa.timestamp("us", "UTC")), format="%Y-%m-%dT%H:%M:%SZ")
    return pc.replace_substring_regex(written, pattern=r"\.000000Z$", replacement="Z")


def _texts(texts: pa.Array, *, quoted: bool) -> _Words:
    raw, offsets = binary_parts(texts)
    starts, ends = offsets[:-1], offsets[1:]
    if texts.null_count:
        ends = np.where(np.asarray(texts.is_null()), starts - 1, ends)
    return raw, starts, _frozen(ends, np.int64), quoted


def _numbers(column: pa.Array) -> _Words:
    """Numbers as orjson writes an array of them, cut at the commas."""
    missing = np.asarray(column.is_null())
    if pa.types.is_integer(column.type):
        values = column.fill_null(0).to_numpy()
    else:
        values = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
        missing = missing | ~np.isfinite(values)
    text = orjson.dumps(np.ascontiguousarray(values), option=orjson.OPT_SERIALIZE_NUMPY)
    raw = np.frombuffer(text, dtype=np.uint8)
    commas = np.flatnonzero(raw == ord(","))
    starts = np.concatenate(([1], commas + 1))[: len(values)]
    ends = np.concatenate((commas, [len(raw) - 1]))[: len(values)]
    ends = np.where(missing, starts - 1, ends)
    return raw, _frozen(starts, np.int64), _frozen(ends, np.int64), False


def binary_parts(array: pa.Array) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """A text or binary array as (bytes, offsets[n + 1]), read-only, without copying large ones."""
    array = array.cast(pa.large_binary())
    if not len(array):
        return _frozen(np.empty(0, np.uint8), np.uint8), _frozen(np.zeros(1), np.int64)
    _, offsets, data = array.buffers()
    raw = np.frombuffer(data if data is not None else b"", dtype=np.uint8)
    places = np.frombuffer(offsets, dtype=np.int64)[array.offset :][: len(array) + 1]
    return _frozen(raw, np.uint8), _frozen(places, np.int64)


# -- features --------------------------------------------------------------------


def features_bytes(
    ids: NDArray[np.integer],
    geometry: tuple[NDArray[np.uint8], NDArray[np.int64]] | None,
    properties: pa.Array,
    rows: NDArray[np.integer] | None = None,
) -> memoryview:
    """GeoJSON features, separated by commas, without the collection around them.

    ``geometry`` is the answer of `geometry_bytes` for the same rows as ``ids`` (None:
    every geometry is null). ``properties`` has one object a row, or with ``rows`` those
    of a whole layer, of which ``rows`` are taken.
    """
    ids = _frozen(ids, np.int64)
    count = len(ids)
    data, places = binary_parts(properties)
    rows = _frozen(np.arange(len(places) - 1) if rows is None else rows, np.int64)
    shapes, shape_at = (kernels.NULL, _NOTHING) if geometry is None else geometry
    if len(rows) != count or (geometry is not None and len(shape_at) != count + 1):
        raise ValueError("ids, geometry and properties are of different lengths")
    if count == 0:
        return memoryview(b"")
    if rows.min() < 0 or rows.max() >= len(places) - 1:
        raise IndexError(f"a row is outside the {len(places) - 1} rows of properties")
    size = int(np.sum(places[rows + 1] - places[rows])) + count * (kernels.FEATURE + 4)
    size += len(shapes)
    out = np.empty(size, dtype=np.uint8)
    shapes, shape_at = _frozen(shapes, np.uint8), _frozen(shape_at, np.int64)
    end = kernels.write_features(ids, shapes, shape_at, data, places, rows, out)
    return out.data[:end]
