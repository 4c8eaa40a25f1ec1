"""Mapbox Vector Tile 2.1 encoder: one compiled loop over values, one over features."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from geo.tiles.clip import clip
from geo.tiles.columns import BOOLEAN, DATE, DATETIME, INTEGER, NUMBER, STRING, Columns, plain
from geo.tiles.grid import EXTENT, Tile
from geo.tiles.kernels.mvt import encode_features, number_column

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.snapshot.flat import FlatGeometry
    from geo.tiles.clip import Pieces

_GEOMETRY_TYPE = {"Point": 1, "MultiLineString": 2, "MultiPolygon": 3}
_TEXT = (STRING, DATE, DATETIME)
_NO_I4 = np.zeros(1, dtype=np.int32)
_NO_IDS = np.zeros(0, dtype=np.int64)


def encode_mvt(
    layer_name: str,
    tile: Tile,
    flat: FlatGeometry,
    rows: NDArray[np.integer],
    ids: NDArray[np.integer] | None,
    columns: Columns,
) -> bytes:
    """A vector tile with one layer of ``rows`` of ``flat``; empty when nothing is left to show.

    ``ids`` [n] (None: features without id) and each column (n rows) belong to
    ``rows``. Columns are dictionary<int32, string>, int64, float64, bool, date32
    or timestamp arrays; dates become ISO 8601 text, null and NaN are left out.
    """
    return encode(layer_name, clip(tile, flat, rows), ids, columns)


def encode(
    layer_name: str, pieces: Pieces, ids: NDArray[np.integer] | None, columns: Columns
) -> bytes:
    """`encode_mvt` for pieces that are clipped already (and may come from several sources).

    ``ids`` and columns have a row for each row that was asked for.
    """
    count = len(pieces)
    if not count:
        return b""
    names = list(columns)
    arrays = [plain(column) for column in columns.values()]
    tags = np.empty((len(names), count), dtype=np.int32)
    used = np.zeros(len(names), dtype=bool)
    most = [min(count, len(a.offsets) - 1) if a.kind == STRING else count for a in arrays]
    values, found = np.empty(64 * count + 4096, dtype=np.uint8), 0
    ends = np.empty(sum(most) + 1, dtype=np.int64)
    ends[0] = 0
    # Equal values of two columns can only be of one wire type. The column with most values
    # comes last in its type: it looks the others up and need not be remembered itself.
    for wire in (_TEXT, (INTEGER,), (NUMBER,), (BOOLEAN,)):
        alike = [c for c in range(len(names)) if arrays[c].kind in wire]
        # Days repeat far more than a large dictionary's words.
        alike.sort(key=lambda c: (arrays[c].kind == STRING, most[c]))
        room = 2 * sum(most[c] for c in alike[:-1])
        table = np.full(1 << room.bit_length() if room else 0, -1, dtype=np.int32)
        for c in alike:
            values, found, used[c] = number_column(
                *arrays[c], pieces.kept, tags[c], values, ends, found, table, c != alike[-1]
            )
    keys = [_field(3, name.encode()) for name, some in zip(names, used, strict=True) if some]
    if not used.all():
        tags = tags[used]
    features, end = encode_features(
        pieces.xy,
        _NO_I4 if pieces.ring is None else pieces.ring,
        _NO_I4 if pieces.part is None else pieces.part,
        pieces.row,
        _GEOMETRY_TYPE[pieces.kind],
        pieces.kept,
        _NO_IDS if ids is None else np.ascontiguousarray(ids, dtype=np.int64),
        tags,
    )
    body = (
        b"\x78\x02",  # version = 2
        _field(1, layer_name.encode()),
        features[:end].data,
        *keys,
        values[: ends[found]].data,
        b"\x28" + _varint(EXTENT),
    )
    return b"".join((b"\x1a", _varint(sum(map(len, body))), *body))


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def _field(number: int, text: bytes) -> bytes:
    return bytes((number << 3 | 2,)) + _varint(len(text)) + text
