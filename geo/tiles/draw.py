"""A tile of a layer as bytes: match rows, clip them once, encode."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from geo.tiles import geojson, mvt
from geo.tiles.features import of_segments

if TYPE_CHECKING:
    from geo.layers import Layer
    from geo.snapshot.view import RowFilter, View
    from geo.tiles.grid import Tile

Kind = Literal["mvt", "geojson"]
_EMPTY: dict[Kind, bytes] = {
    "mvt": b"",
    "geojson": b'{"type":"FeatureCollection","features":[]}',
}


def default_properties(layer: Layer) -> tuple[str, ...]:
    """What a map needs to draw, name and link a feature."""
    wanted = [layer.label, *layer.key, layer.class_field, layer.style.by, layer.county_field]
    names = [name for name in dict.fromkeys(wanted) if name is not None]
    return (*names, *layer.measures[:1])


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
