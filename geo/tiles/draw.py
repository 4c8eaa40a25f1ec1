"""A tile of a layer as bytes: match rows, clip them once, encode."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from geo.tiles import geojson, mvt, overview
from geo.tiles.detail import Kind, detail_zoom
from geo.tiles.features import of_segments
from geo.tiles.names import themes

if TYPE_CHECKING:
    from geo.crs.gcj02 import Offset
    from geo.snapshot.view import RowFilter, View
    from geo.tiles.grid import Tile

__all__ = ["Kind", "detail_zoom", "draw"]

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
    datum: Offset | None = None,
) -> bytes:
    """The features of ``view`` that pass ``filters``, clipped, with properties ``names``.

    Below `detail_zoom` the tile carries aggregates (`geo.tiles.overview`) in place of
    features. With ``datum`` the map is one in GCJ-02 or BD-09, and what it shows is shifted
    (approximate). Empty bytes for ``mvt`` when nothing is in the tile.
    """
    if tile.z < detail_zoom(view, kind, names):
        return overview.draw(view, tile, kind, filters, datum, themes(view.layer, names))
    matches = view.match(filters, tile.lonlat(datum=datum), exact=False)
    features = of_segments(tile, matches, names, datum)
    if features is None:
        return _EMPTY[kind]
    if kind == "mvt":
        return mvt.encode_features(view.layer.id, features)
    return geojson.encode_features(tile, features)
