"""A tile of a layer as bytes: match rows, clip them once, encode."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from geo.tiles import geojson, mvt
from geo.tiles.features import of_segments

if TYPE_CHECKING:
    from geo.snapshot.view import RowFilter, View
    from geo.tiles.grid import Tile

Kind = Literal["mvt", "geojson"]
_EMPTY: dict[Kind, bytes] = {
    "mvt": b"",
    "geojson": b'{"type":"FeatureCollection","features":[]}',
}


def draw(
    view: View,
    tile: Tile,
    kind: Kind,
    names: Sequence[str],
    filters: Sequence[RowFilter] = (),
) -> bytes:
    """The features of ``view`` that pass ``filters``, clipped, with properties ``names``.

    Empty bytes for ``mvt`` when nothing is in the tile.
    """
    features = of_segments(tile, view.match(filters, tile.lonlat(), exact=False), names)
    if features is None:
        return _EMPTY[kind]
    if kind == "mvt":
        return mvt.encode_features(view.layer.id, features)
    return geojson.encode_features(tile, features)
