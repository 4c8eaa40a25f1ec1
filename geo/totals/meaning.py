"""What a total says of itself: method and 口径 in words."""

from __future__ import annotations

from geo.area import METHOD
from geo.layers import Layer, Text

_UNION = Text(
    zh="椭球面积；重叠部分只计一次，计入编号较小（先上报）的图斑",
    en="Ellipsoidal area; land claimed by several features counts once, "
    "for the one with the lower id (reported first)",
)
_SUM = Text(
    zh="椭球面积；逐个图斑相加，重叠部分重复计算",
    en="Ellipsoidal area; every feature in full, overlaps counted as often as they occur",
)
_LENGTH = Text(zh="大地线长度（米）", en="Geodesic length (m)")
_COUNT = Text(zh="记录数", en="Number of records")
_AREA = Text(**METHOD)


def meaning_of(layer: Layer, measure: str) -> Text:
    """The 口径 of a question that names none."""
    if layer.geometry == "MultiPolygon":
        return _UNION if measure == "union" else _SUM
    return _LENGTH if layer.geometry == "MultiLineString" else _COUNT


def method_of(layer: Layer, measure: str) -> Text:
    return _AREA if layer.geometry == "MultiPolygon" else meaning_of(layer, measure)
