"""What a tile's parameters mean, for the thin path and the declared routes alike."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qsl

from app import params
from app.auth import ANONYMOUS, User
from app.problems import not_found
from app.tiles.answer import Question, Tiles, digest
from geo.layers import Layer
from geo.snapshot.view import RowFilter
from geo.tiles import grid
from geo.tiles.detail import detail_zoom

if TYPE_CHECKING:
    from geo.crs.gcj02 import Offset
    from geo.tiles.draw import Kind
    from geo.tiles.grid import MatrixSet

#: Deeper tiles would show less than a centimetre a step.
MOST_ZOOM = 22


def question(
    tiles: Tiles,
    layer: Layer,
    place: tuple[MatrixSet, int, int, int],
    kind: Kind,
    asked: str,
    *,
    user: User = ANONYMOUS,
    properties: str | None = None,
    version: str | None = None,
    as_of: int | datetime | None = None,
    filters: tuple[RowFilter, ...] = (),
    datum: Offset | None = None,
    negotiated: bool = False,
) -> Question:
    """``place`` is (matrix set, z, x, y), ``asked`` the `digest` of all parameters; ``user`` may
    be limited to counties, and whether they see the layer was asked before.

    Raises `Rejected` E_TILE_RANGE, E_TILE_SET, E_NOT_FOUND (a table without geometry),
    E_PARAMETER (an unknown property), E_AS_OF.
    """
    name, z, x, y = place
    if z > MOST_ZOOM:
        raise grid.out_of_range(z, x, y, f"z 0..{MOST_ZOOM}")
    tile = grid.tile(z, x, y, name)
    if layer.geometry is None:
        raise not_found("该表没有图形", "This table has no geometry", where=layer.id)
    view = tiles.snapshots.view(layer.id, as_of, user.counties)
    names = tiles.names(layer, properties)
    # A moment that is still to come will show other revisions than it does now.
    settled = as_of is None or isinstance(as_of, int)
    return Question(
        view, tile, kind,
        names, f"{asked}-{user.scope}" if user.limited else asked, filters, datum,
        fixed=as_of is not None,
        keep=settled and version == str(view.touched),
        negotiated=negotiated,
        private=user.limited,
        overview=z < detail_zoom(view, kind, names),
    )  # fmt: skip


class Plain(NamedTuple):
    """A query string with nothing in it but what the thin path reads."""

    asked: str
    properties: str | None
    version: str | None
    format: str | None


@lru_cache(maxsize=1024)
def plain(query: bytes) -> Plain | None:
    """None where there is more in it, or something that has to be refused."""
    if not query:
        return Plain("all", None, None, None)
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True)
    except ValueError:
        return None
    found = dict(pairs)
    if len(found) < len(pairs) or not found.keys() <= {"properties", "v", "f"}:
        return None
    names, version = found.get("properties"), found.get("v")
    if len(names or "") > params.MOST_NAMES or len(version or "") > params.MOST_VERSION:
        return None
    return Plain(digest(pairs), names, version, found.get("f"))
