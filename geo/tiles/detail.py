"""From which zoom on a layer's tiles carry features; below it they carry aggregates.

One number for a layer, a format and the properties that are asked for, never for a
filter or a single tile: neighbours must agree. It follows from what a base knows of
its own density and from the changes over it, so all workers on the same base come
to the same number. A change can move it, and then every tile of the layer changes:
it belongs into whatever identifies a tile.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal
from weakref import WeakKeyDictionary

import numpy as np

from geo.snapshot.base import merge
from geo.snapshot.density import Density, density, words_of
from geo.snapshot.fullest import DEEPEST

if TYPE_CHECKING:
    from geo.layers import Layer
    from geo.snapshot.segment import Segment
    from geo.snapshot.view import View

Kind = Literal["mvt", "geojson"]
#: No tile is larger, bytes before compression.
LIMIT = 500_000
#: What is estimated stays a tenth below it.
_AIM = 0.9 * LIMIT
#: Answer for a layer that has too much in one tile at any zoom.
NEVER = 25
#: Vertices within the tile's buffer come on top of those inside.
_BUFFER = (1 + 2 / 64) ** 2

_KNOWN: WeakKeyDictionary[Segment, dict[object, int]] = WeakKeyDictionary()


def detail_zoom(view: View, kind: Kind, names: Sequence[str]) -> int:
    """The smallest zoom with features: there half of the polygons have two pixels of 256,
    and neither there nor deeper would a tile exceed `LIMIT`."""
    if not view.segments or view.layer.geometry is None:
        return 0
    # Segments are replaced, never changed; what is alive in them follows from the revision.
    known = _KNOWN.setdefault(view.segments[-1], {})
    key = (kind, tuple(names), view.touched, len(view.segments))
    found = known.get(key)
    if found is None:
        if len(known) > 200:
            known.clear()
        found = known[key] = _detail_zoom(view, kind, names)
    return found


def _detail_zoom(view: View, kind: Kind, names: Sequence[str]) -> int:
    bases = [s.density for s in view.segments if s.density is not None]
    bases = [each for each in bases if each.rows]
    fresh = [
        (s, np.flatnonzero(s.alive(view.revision))) for s in view.segments if s.density is None
    ]
    fresh = [(s, rows) for s, rows in fresh if len(rows)]
    first = bases[0].first if bases else None
    if not fresh:
        return _smallest(view.layer, bases, kind, names)
    if first is not None:
        # Changes are few as a rule: even all in one tile they would decide nothing.
        once = _in_one_tile(fresh, first, names)
        low, high = (
            _smallest(view.layer, bases, kind, names),
            _smallest(view.layer, [*bases, once], kind, names),
        )
        if low == high:
            return low
    segment, rows = fresh[0]
    if len(fresh) > 1:
        segment = merge(view.layer, list(fresh))
        rows = np.arange(segment.length)
    return _smallest(
        view.layer, [*bases, density(segment, rows, first=first, names=names)], kind, names
    )


def _in_one_tile(
    fresh: Sequence[tuple[Segment, np.ndarray]], first: int, names: Sequence[str]
) -> Density:
    count = sum(len(rows) for _, rows in fresh)
    vertices = sum(len(s.flat.xy) for s, _ in fresh)
    words = {}
    for name in names:
        parts = [words_of(s.column(name, rows)) for s, rows in fresh]
        words[name] = (max(size for size, _ in parts), sum(number for _, number in parts))
    return Density(count, 0.0, first, [[count, vertices, 6 * vertices]], words)


def _smallest(layer: Layer, parts: Sequence[Density], kind: Kind, names: Sequence[str]) -> int:
    first = parts[0].first if parts else 0
    for z in range(DEEPEST, first - 1, -1):
        if tile_size(layer, parts, kind, names, z) > _AIM:
            return z + 1 if z < DEEPEST else NEVER
    return first


def tile_size(
    layer: Layer, parts: Sequence[Density], kind: Kind, names: Sequence[str], z: int
) -> float:
    """Bytes of the fullest tile of a zoom, about; rather too many than too few."""
    features = sum(part.at(z)[0] for part in parts)
    vertices = sum(part.at(z)[1] for part in parts) * _BUFFER
    deltas = sum(part.at(z)[2] for part in parts) * _BUFFER
    size = 200.0
    values = 1.0
    for name in names:
        known = [part.words[name] for part in parts if name in part.words]
        text = max((size for size, _ in known), default=20.0)
        different = min(features, sum(number for _, number in known))
        values += different
        if kind == "mvt":
            # Each different value stands once in the tile.
            size += len(name.encode()) + 2 + different * _value_size(layer, name, text)
        else:
            size += (len(name.encode()) + 4 + text) * features
    if kind == "mvt":
        # A tag is the numbers of a key and of a value, in bytes of seven bits.
        tags = len(names) * (1 + math.ceil(math.log(values + 1, 128)))
        return size + (20 + tags) * features + deltas
    # Decimals as in `geo.tiles.geojson`, two numbers with their signs, brackets and commas.
    decimals = max(1, math.ceil(-math.log10(360 / 2**z / 4096 / 4)))
    return size + 106 * features + (2 * decimals + 12) * vertices


def _value_size(layer: Layer, name: str, text: float) -> float:
    """Bytes of a value in a vector tile, where its JSON text has so many."""
    field = layer.by_name.get(name)
    if field is None:
        return text + 2 if name == "updated_at" else 11  # a measure or the version
    if field.type in ("number", "integer", "boolean"):
        return 11
    return text + 3  # two quotes less, two tags and two lengths more, of which one may be long
