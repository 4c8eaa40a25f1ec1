"""Masks: pixels whose grade would mean nothing, each with its reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo.errors import Rejected
from geo.layers import Text
from geo.soil import indices

Mask = NDArray[np.bool_]
#: Scene classes of Sentinel-2 L2A that show the ground: vegetation, bare, water, unclassified.
SCL_CLEAR = (4, 5, 6, 7)
#: Bits of Landsat Collection 2 QA_PIXEL: dilated cloud, cirrus, cloud, shadow, snow. (In
#: Collection 1 bit 3 was shadow and bit 5 cloud; those positions are wrong here.)
QA_PIXEL_BITS = 0b111110
NDVI_PLANTS = 0.3


@dataclass(frozen=True)
class MaskRule:
    """``find(raw, reflectance) -> bool[h, w]``, True where the pixel is masked."""

    id: str
    title: Text
    bands: tuple[str, ...]
    find: Callable[[Mapping[str, NDArray[Any]], Mapping[str, NDArray[Any]]], Mask]


def _index_at_least(index_id: str, limit: float) -> Callable[..., Mask]:
    def find(_raw: Mapping[str, NDArray[Any]], reflectance: Mapping[str, NDArray[Any]]) -> Mask:
        mask: Mask = indices.get(index_id).evaluate(reflectance) >= limit
        return mask

    return find


_SCL = np.isin(np.arange(256), SCL_CLEAR, invert=True)

RULES: dict[str, MaskRule] = {
    rule.id: rule
    for rule in (
        MaskRule(
            "scl",
            Text(
                zh="云、云影、暗区、卷云、冰雪和坏像元（哨兵二号 SCL 非 4-7 类）",
                en="cloud, shadow, dark, cirrus, snow and defective (Sentinel-2 SCL not 4-7)",
            ),
            ("SCL",),
            lambda raw, _: _SCL[np.clip(raw["SCL"], 0, 255).astype(np.uint8)],
        ),
        MaskRule(
            "qa_pixel",
            Text(
                zh="云、云影、卷云和雪（Landsat Collection 2 QA_PIXEL）",
                en="cloud, shadow, cirrus and snow (Landsat Collection 2 QA_PIXEL)",
            ),
            ("QA_PIXEL",),
            lambda raw, _: (raw["QA_PIXEL"].astype(np.int64) & QA_PIXEL_BITS) != 0,
        ),
        MaskRule(
            "water",
            Text(zh="水面和淹水（NDWI >= 0）", en="water and flooding (NDWI >= 0)"),
            ("G", "N"),
            _index_at_least("ndwi", 0.0),
        ),
        MaskRule(
            "vegetation",
            Text(
                zh=f"植被（NDVI >= {NDVI_PLANTS}），非裸土",
                en=f"vegetation (NDVI >= {NDVI_PLANTS}), not bare soil",
            ),
            ("R", "N"),
            _index_at_least("ndvi", NDVI_PLANTS),
        ),
    )
}


def resolve(names: tuple[str, ...], available: Mapping[str, int]) -> list[MaskRule]:
    """Rules by name, in the order given (the first that fits gives the reason). E_MASK."""
    rules = []
    for name in names:
        if name not in RULES:
            raise Rejected(
                "E_MASK",
                f"没有掩膜 {name}；可用：{'、'.join(RULES)}",
                f"there is no mask {name!r}; known: {', '.join(RULES)}",
                where=name,
            )
        missing = [band for band in RULES[name].bands if band not in available]
        if missing:
            raise Rejected(
                "E_MASK",
                f"掩膜 {name} 需要波段 {'、'.join(missing)}，影像中没有",
                f"mask {name} needs the bands {', '.join(missing)}, which the scene has not",
                where=name,
            )
        rules.append(RULES[name])
    return rules
