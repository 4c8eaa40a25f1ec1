"""Masks: pixels whose grade would mean nothing, each with its reason.

A mask is asked for as ``name`` or ``name:parameter``: ``vegetation:0.35`` masks NDVI >= 0.35,
``scl:0-1-3-8-9-10-11`` those scene classes. What a rule tests depends on the bands that the scene
has (water by MNDWI where there is SWIR, else by NDWI), and its title says which.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from geo.errors import Rejected
from geo.layers import Text
from geo.soil import indices

Mask = NDArray[np.bool_]
Bands = Mapping[str, NDArray[Any]]
Available = Mapping[str, Any]
#: Scene classes of Sentinel-2 L2A that show the ground: vegetation, bare, water, unclassified.
SCL_CLEAR = (4, 5, 6, 7)
SCL_WATER, SCL_SNOW = 6, 11
#: Bits of Landsat Collection 2 QA_PIXEL: fill, dilated cloud, cirrus, cloud, shadow, snow. (In
#: Collection 1 bit 3 was shadow and bit 5 cloud; those positions are wrong here.)
QA_PIXEL_BITS = 0b111111
QA_SNOW = 1 << 5
QA_WATER = 1 << 7
NDVI_PLANTS = 0.3
#: Snow by spectrum (Dozier 1989; Hall, Riggs & Salomonson 1995): (G-S1)/(G+S1) from here on, and
#: green and near infrared brighter than dark water is.
NDSI_SNOW, SNOW_GREEN, SNOW_NIR = 0.4, 0.10, 0.11
#: Flooded paddy (Xiao et al. 2005; Qin et al. 2015): LSWI + this >= EVI or NDVI.
FLOOD_MARGIN = 0.05


@dataclass(frozen=True)
class MaskRule:
    """``find(raw, reflectance) -> bool[h, w]``, True where the pixel is masked.

    ``id``: as it was asked for, with its parameter.
    """

    id: str
    title: Text
    bands: tuple[str, ...]
    find: Callable[[Bands, Bands], Mask]


@dataclass(frozen=True)
class Kind:
    """A mask that can be asked for. ``needs``: alternatives, each a set of bands."""

    id: str
    title: Text
    needs: tuple[tuple[str, ...], ...]
    parameter: str | None
    default: str | None
    make: Callable[[str, str | None, Available], MaskRule]

    def describe(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "id": self.id,
            "title": self.title.model_dump(),
            "bands": [list(bands) for bands in self.needs],
            "parameter": self.parameter,
            "default": self.default,
        }


def _classes(raw: Bands, key: str) -> NDArray[np.int64]:
    return raw[key].astype(np.int64)


def _number(
    given: str | None, default: float, name: str, low: float = -2, high: float = 2
) -> float:
    if given is None:
        return default
    try:
        value = float(given)
    except ValueError:
        value = np.nan
    if not low <= value <= high:
        _wrong(
            name,
            f"参数须为 {low:g} 到 {high:g} 之间的数",
            f"the parameter must be a number from {low:g} to {high:g}",
        )
    return value


def _scl(name: str, given: str | None, _bands: Available) -> MaskRule:
    drop = [k for k in range(12) if k not in SCL_CLEAR]
    if given is not None:
        parts = given.split("-")
        if not all(part.isdigit() and int(part) < 12 for part in parts):
            _wrong(
                name,
                "参数须为要遮掩的类别，如 scl:0-1-3-8-9-10-11",
                "the parameter lists the classes to mask, e.g. scl:0-1-3-8-9-10-11",
            )
        drop = sorted({int(part) for part in parts})
    kept = [k for k in range(12) if k not in drop]
    table = np.isin(np.arange(256), kept, invert=True)
    listed = "、".join(map(str, kept)), ", ".join(map(str, kept))
    return MaskRule(
        name,
        Text(
            zh=f"云、云影、暗区、卷云、冰雪和坏像元（哨兵二号 SCL，只留类别 {listed[0]}）",
            en=f"cloud, shadow, dark, cirrus, snow and defective (Sentinel-2 SCL, only classes "
            f"{listed[1]} are kept)",
        ),
        ("SCL",),
        lambda raw, _: table[np.clip(_classes(raw, "SCL"), 0, 255)],
    )


def _qa_pixel(name: str, given: str | None, _bands: Available) -> MaskRule:
    _bare(name, given)
    return MaskRule(
        name,
        Text(
            zh="填充、云、云影、卷云和雪（Landsat Collection 2 QA_PIXEL 第 0-5 位）",
            en="fill, cloud, shadow, cirrus and snow (Landsat Collection 2 QA_PIXEL, bits 0-5)",
        ),
        ("QA_PIXEL",),
        lambda raw, _: (_classes(raw, "QA_PIXEL") & QA_PIXEL_BITS) != 0,
    )


def _qa_radsat(name: str, given: str | None, _bands: Available) -> MaskRule:
    _bare(name, given)
    return MaskRule(
        name,
        Text(
            zh="饱和或被地形遮挡（Landsat Collection 2 QA_RADSAT 不为 0）",
            en="saturated or hidden by terrain (Landsat Collection 2 QA_RADSAT is not 0)",
        ),
        ("QA_RADSAT",),
        lambda raw, _: raw["QA_RADSAT"] != 0,
    )


def _snow(name: str, given: str | None, bands: Available) -> MaskRule:
    limit = _number(given, NDSI_SNOW, name)
    spectral = _has(bands, ("G", "N", "S1"))
    classes = [key for key in ("SCL", "QA_PIXEL") if key in bands]

    def find(raw: Bands, reflectance: Bands) -> Mask:
        found = np.zeros(next(iter(raw.values())).shape, dtype=bool)
        if "SCL" in classes:
            found |= raw["SCL"] == SCL_SNOW
        if "QA_PIXEL" in classes:
            found |= (_classes(raw, "QA_PIXEL") & QA_SNOW) != 0
        if spectral:
            bright = (reflectance["G"] >= SNOW_GREEN) & (reflectance["N"] >= SNOW_NIR)
            found |= bright & (indices.get("mndwi").evaluate(reflectance) >= limit)
        return found

    how = [*classes, *([f"NDSI >= {limit:g}, G >= {SNOW_GREEN}, N >= {SNOW_NIR}"] * spectral)]
    return MaskRule(
        name,
        Text(zh=f"冰雪（{'；'.join(how)}）", en=f"snow and ice ({'; '.join(how)})"),
        (*classes, *(("G", "N", "S1") if spectral else ())),
        find,
    )


def _water(name: str, given: str | None, bands: Available) -> MaskRule:
    limit = _number(given, 0.0, name)
    index = next((i for i in ("mndwi", "ndwi") if _has(bands, indices.get(i).bands)), None)
    scl = ("SCL",) if "SCL" in bands else ()

    def find(raw: Bands, reflectance: Bands) -> Mask:
        found = np.zeros(next(iter(raw.values())).shape, dtype=bool)
        if index is not None:
            found |= indices.get(index).evaluate(reflectance) >= limit
        if scl:
            found |= raw["SCL"] == SCL_WATER
        return found

    how = [*([f"{index.upper()} >= {limit:g}"] if index else []), *["SCL 6" for _ in scl]]
    return MaskRule(
        name,
        Text(zh=f"水面和淹水（{' 或 '.join(how)}）", en=f"water and flooding ({' or '.join(how)})"),
        (*(indices.get(index).bands if index else ()), *scl),
        find,
    )


def _flooded(name: str, given: str | None, _bands: Available) -> MaskRule:
    margin = _number(given, FLOOD_MARGIN, name)

    def find(_raw: Bands, reflectance: Bands) -> Mask:
        wet = indices.get("lswi").evaluate(reflectance) + margin
        plants = np.fmin(*(indices.get(i).evaluate(reflectance) for i in ("evi", "ndvi")))
        found: Mask = wet >= plants
        return found

    return MaskRule(
        name,
        Text(
            zh=f"淹水稻田（LSWI + {margin:g} >= EVI 或 NDVI）",
            en=f"flooded paddy (LSWI + {margin:g} >= EVI or NDVI)",
        ),
        ("B", "R", "N", "S1"),
        find,
    )


def _vegetation(name: str, given: str | None, _bands: Available) -> MaskRule:
    limit = _number(given, NDVI_PLANTS, name)

    def find(_raw: Bands, reflectance: Bands) -> Mask:
        found: Mask = indices.get("ndvi").evaluate(reflectance) >= limit
        return found

    return MaskRule(
        name,
        Text(
            zh=f"植被（NDVI >= {limit:g}），非裸土",
            en=f"vegetation (NDVI >= {limit:g}), not bare soil",
        ),
        ("R", "N"),
        find,
    )


def _observations(name: str, given: str | None, _bands: Available) -> MaskRule:
    least = _number(given, 1, name, 1, 1000)
    return MaskRule(
        name,
        Text(
            zh=f"晴空观测少于 {least:g} 次（合成影像）",
            en=f"fewer than {least:g} clear observations (of a composite)",
        ),
        ("N_OBS",),
        lambda raw, _: raw["N_OBS"] < least,
    )


KINDS: dict[str, Kind] = {
    kind.id: kind
    for kind in (
        Kind("scl", Text(zh="哨兵二号场景分类", en="Sentinel-2 scene classes"), (("SCL",),),
             "classes to mask, with -", "0-1-2-3-8-9-10-11", _scl),
        Kind("qa_pixel", Text(zh="Landsat 像元质量", en="Landsat pixel quality"), (("QA_PIXEL",),),
             None, None, _qa_pixel),
        Kind("qa_radsat", Text(zh="Landsat 辐射饱和", en="Landsat saturation"), (("QA_RADSAT",),),
             None, None, _qa_radsat),
        Kind("snow", Text(zh="冰雪", en="snow and ice"),
             (("SCL",), ("QA_PIXEL",), ("G", "N", "S1")), "NDSI limit", "0.4", _snow),
        Kind("water", Text(zh="水面", en="water"), (("G", "S1"), ("G", "N"), ("SCL",)),
             "MNDWI or NDWI limit", "0", _water),
        Kind("flooded", Text(zh="淹水稻田", en="flooded paddy"), (("B", "R", "N", "S1"),),
             "margin added to LSWI", "0.05", _flooded),
        Kind("vegetation", Text(zh="植被覆盖", en="vegetation cover"), (("R", "N"),),
             "NDVI limit", "0.3", _vegetation),
        Kind("observations", Text(zh="观测次数", en="number of observations"), (("N_OBS",),),
             "least number", "1", _observations),
    )
}  # fmt: skip


def resolve(names: Sequence[str], available: Available) -> list[MaskRule]:
    """Rules by name, in the order given (the first that fits gives the reason). E_MASK."""
    return [_rule(name, available) for name in names]


def _rule(name: str, available: Available) -> MaskRule:
    kind, colon, given = name.partition(":")
    if kind not in KINDS or (colon and not given):
        raise Rejected(
            "E_MASK",
            f"没有掩膜 {name}；可用：{'、'.join(KINDS)}",
            f"there is no mask {name!r}; known: {', '.join(KINDS)}",
            where=name,
        )
    needs = KINDS[kind].needs
    if not any(_has(available, bands) for bands in needs):
        listed = "、".join("+".join(bands) for bands in needs)
        raise Rejected(
            "E_MASK",
            f"掩膜 {name} 需要波段 {listed}{'（其一即可）' if len(needs) > 1 else ''}，影像中没有",
            f"mask {name} needs the bands {listed.replace('、', ' or ')}, which the scene has not",
            where=name,
        )
    return KINDS[kind].make(name, given if colon else None, available)


def _has(available: Available, bands: Sequence[str]) -> bool:
    return all(band in available for band in bands)


def _bare(name: str, given: str | None) -> None:
    if given is not None:
        _wrong(name, "这个掩膜没有参数", "this mask takes no parameter")


def _wrong(name: str, zh: str, en: str) -> NoReturn:
    raise Rejected("E_MASK", f"掩膜 {name}：{zh}", f"mask {name}: {en}", where=name)


def bare_soil(*scenes: Mapping[str, int]) -> tuple[str, ...]:
    """What says nothing about the salt in bare soil: cloud and shadow, water, plants.

    Of these the rules that the bands of every scene allow.
    """
    found = []
    for name in ("scl", "qa_pixel", "qa_radsat", "water", "vegetation"):
        try:
            for bands in scenes:
                resolve((name,), bands)
        except Rejected:
            continue
        found.append(name)
    return tuple(found)
