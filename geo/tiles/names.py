"""Which properties a tile carries when nobody says; loads no kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from geo.layers import Layer


def default_properties(layer: Layer) -> tuple[str, ...]:
    """What a map needs to draw, name and link a feature."""
    wanted = [layer.label, *layer.key, layer.class_field, layer.style.by, layer.county_field]
    names = [name for name in dict.fromkeys(wanted) if name is not None]
    return (*names, *layer.measures[:1])
