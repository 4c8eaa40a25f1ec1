"""Which properties a tile carries when nobody says; loads no kernel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from geo.layers import Layer


#: Types of fields whose values a map may be coloured by.
_CLASSED = ("integer", "boolean")


def themes(layer: Layer, names: Sequence[str]) -> tuple[str, ...]:
    """Of the properties asked for beyond the usual ones, those that are classes of features."""
    usual = default_properties(layer)
    asked = [layer.by_name[name] for name in names if name not in usual and name in layer.by_name]
    return tuple(f.name for f in asked if f.codelist or f.type in _CLASSED)


def default_properties(layer: Layer) -> tuple[str, ...]:
    """What a map needs to draw, name and link a feature."""
    wanted = [layer.label, *layer.key, layer.class_field, layer.style.by, layer.county_field]
    names = [name for name in dict.fromkeys(wanted) if name is not None]
    return (*names, *layer.measures[:1])
