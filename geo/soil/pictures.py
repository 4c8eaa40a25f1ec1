"""What a scene looks like on the map: bands as colours, an index, or the grades of a run.

Indices, masks, gradings and reflectances are those of the runs, pixel by pixel, so that a map and
the areas counted from the same scene agree. What is masked, undefined or without data is
transparent.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo.errors import Rejected
from geo.layers import Text
from geo.soil import indices, mask, png
from geo.soil.classify import Classifier
from geo.soil.grading import Grading
from geo.soil.measure import Measure
from geo.soil.palette import Ramp, rgba
from geo.soil.raster import Reader
from geo.soil.scene import CLASS_BANDS, Scene

Raw = Mapping[str, NDArray[Any]]
Reflectance = Mapping[str, NDArray[np.float32]]
Place = tuple[slice, slice]
#: Percentiles of a band's reflectance that become black and full colour.
PERCENTILES = (2.0, 98.0)
TRANSPARENT = Text(
    zh="透明：无数据、被遮掩、指数无定义或影像之外",
    en="transparent: no data, masked, index undefined, or outside the scene",
)
DIRECTIONS = {
    "higher": Text(zh="裸土上数值越高越盐", en="on bare soil a higher value is saltier"),
    "lower": Text(zh="裸土上数值越低越盐", en="on bare soil a lower value is saltier"),
    "vegetation": Text(
        zh="只通过植被反映盐分：受胁迫的植被数值低",
        en="tells of salt only through plants: stressed plants are low",
    ),
    "none": Text(zh="与盐分没有单调关系", en="does not move one way with salt"),
}


class IndexPicture:
    """An index as a continuous colour scale, masked as a run would mask it.

    Raises `Rejected` E_INDEX_BANDS, E_MASK.
    """

    def __init__(
        self, scene: Scene, index: indices.Index, ramp: Ramp, masks: tuple[str, ...], source: str
    ) -> None:
        missing = [band for band in index.bands if band not in scene.bands]
        if missing:
            raise no_bands(scene, missing, "index")
        self.index = index
        self.ramp = ramp
        self.rules = mask.resolve(masks, scene.bands)
        self._source = source
        self.bands = _ordered(scene, index.bands, self.rules)

    def paint(self, raw: Raw, reflectance: Reflectance, place: Place, size: int) -> bytes:
        values = self.index.evaluate({key: reflectance[key] for key in self.index.bands})
        codes = self.ramp.codes(values)
        for rule in self.rules:
            codes[rule.find(raw, reflectance)] = 0
        return _placed(codes, place, size, self.ramp.colours)

    def legend(self) -> dict[str, Any]:
        index = self.index
        return {
            "kind": "index",
            "index": index.id,
            "title": index.title.model_dump(),
            "formula": index.formula,
            "unit": "1",
            "direction": index.direction,
            "meaning": DIRECTIONS[index.direction].model_dump(),
            "pitfall": index.pitfall.model_dump(),
            "citation": index.citation,
            "map": self.ramp.name,
            "range": [self.ramp.low, self.ramp.high],
            "stops": self.ramp.stops(),
            "source": self._source,
            "masks": _told(self.rules),
            "transparent": TRANSPARENT.model_dump(),
        }


class GradePicture:
    """The grades of a run. Raises as `Classifier` does."""

    def __init__(
        self, scene: Scene, measure: Measure, grading: Grading, masks: tuple[str, ...]
    ) -> None:
        self._classifier = classifier = Classifier(scene, measure, grading, masks)
        self.bands = tuple(classifier.bands)
        self._colours = np.zeros((classifier.grades + 1, 4), dtype=np.uint8)
        self._colours[1:] = [rgba(grade.color) for grade in grading.grades]

    def paint(self, raw: Raw, reflectance: Reflectance, place: Place, size: int) -> bytes:
        codes = self._classifier.classify(raw, reflectance)
        shown = np.where(codes < self._classifier.grades, codes + 1, 0).astype(np.uint8)
        return _placed(shown, place, size, self._colours)

    def legend(self) -> dict[str, Any]:
        classifier = self._classifier
        grading = classifier.grading
        cuts = grading.axis_for(classifier.measure.indicator).cuts
        return {
            "kind": "grades",
            "index": classifier.measure.id,
            "title": grading.title.model_dump(),
            "formula": classifier.measure.formula,
            "unit": "1",
            "direction": classifier.measure.direction,
            "meaning": DIRECTIONS[classifier.measure.direction].model_dump(),
            "grading": {"id": grading.id, "version": grading.version, "kind": grading.kind},
            "source": grading.source,
            "note": grading.note.model_dump() if grading.note else None,
            "grades": [
                {
                    "code": grade.code,
                    "title": grade.title.model_dump(),
                    "color": grade.color.lower(),
                    "from": low,
                    "below": high,
                }
                for grade, low, high in zip(
                    grading.grades, (None, *cuts), (*cuts, None), strict=True
                )
            ],
            "masks": _told(classifier.rules),
            "transparent": TRANSPARENT.model_dump(),
        }


class Composite:
    """One band in grey or three as red, green and blue, stretched alike over the whole scene.

    ``stretch``: (low, high) reflectance of each band, see `stretched`.
    """

    def __init__(
        self, scene: Scene, bands: tuple[str, ...], stretch: tuple[tuple[float, float], ...]
    ) -> None:
        check_composite(scene, bands)
        self._shown = bands
        self._stretch = stretch
        self.bands = tuple(dict.fromkeys(bands))

    def paint(self, raw: Raw, reflectance: Reflectance, place: Place, size: int) -> bytes:
        shown = np.stack([reflectance[key] for key in self._shown], axis=-1)
        low, high = np.array(self._stretch, dtype=np.float32).T
        known = np.asarray(~np.isnan(shown).any(axis=-1))
        scaled = np.clip((shown - low) / (high - low), 0, 1)
        pixels = np.zeros((size, size, 4), dtype=np.uint8)
        pixels[*place, :3] = np.where(known[..., None], scaled * 255 + 0.5, 0)
        pixels[*place, 3] = known * np.uint8(255)
        return png.coloured(pixels)

    def legend(self) -> dict[str, Any]:
        return {
            "kind": "composite",
            "bands": list(self._shown),
            "unit": "1",
            "stretch": {
                "percentiles": list(PERCENTILES),
                "reflectance": [[float(f"{v:.4g}") for v in pair] for pair in self._stretch],
                "over": {
                    "zh": "整景影像的抽样，不计无数据和（有 SCL 时）云、影、雪",
                    "en": "a sample of the whole scene without no data and, where there is SCL, "
                    "without cloud, shadow and snow",
                },
            },
            "transparent": TRANSPARENT.model_dump(),
        }


def check_composite(scene: Scene, bands: tuple[str, ...]) -> None:
    """E_PARAMETER unless ``bands`` are one or three of reflectance, E_INDEX_BANDS if not there."""
    if len(bands) not in (1, 3) or not set(bands) <= set(indices.BANDS):
        raise Rejected(
            "E_PARAMETER",
            "bands 须为一个或三个反射率波段",
            "bands must be one or three bands of reflectance",
            where="bands",
            fix=(
                f"可用：{'、'.join(k for k in scene.bands if k not in CLASS_BANDS)}",
                f"one of: {', '.join(k for k in scene.bands if k not in CLASS_BANDS)}",
            ),
        )
    missing = [band for band in bands if band not in scene.bands]
    if missing:
        raise no_bands(scene, missing, "bands")


def stretched(root: Path, scene: Scene, bands: tuple[str, ...]) -> tuple[tuple[float, float], ...]:
    """(low, high) reflectance of bands at `PERCENTILES` of a sample of the scene."""
    keys = [*dict.fromkeys(bands), *(["SCL"] if "SCL" in scene.bands else [])]
    with Reader.open(root, scene) as reader:
        raw = reader.sample(keys)
        reflectance = reader.reflectance(raw)
    clear: NDArray[np.bool_] = np.ones(next(iter(raw.values())).shape, dtype=bool)
    for rule in mask.resolve(("scl",) if "SCL" in raw else (), scene.bands):
        clear = ~rule.find(raw, reflectance)
    pairs = []
    for key in bands:
        known = reflectance[key][np.isfinite(reflectance[key])]
        seen = reflectance[key][np.isfinite(reflectance[key]) & clear]
        # Under a closed sky the clouds are what there is.
        values = seen if seen.size else known
        low, high = np.percentile(values, PERCENTILES).tolist() if values.size else (0.0, 1.0)
        pairs.append((low, high if high > low else low + 1e-4))
    return tuple(pairs)


def no_bands(scene: Scene, missing: list[str], where: str) -> Rejected:
    return Rejected(
        "E_INDEX_BANDS",
        f"影像 {scene.id} 没有波段 {'、'.join(missing)}",
        f"The scene {scene.id} has no band {', '.join(missing)}",
        where=where,
    )


def _ordered(scene: Scene, bands: tuple[str, ...], rules: list[mask.MaskRule]) -> tuple[str, ...]:
    needed = {*bands, *(band for rule in rules for band in rule.bands)}
    return tuple(key for key in scene.bands if key in needed)


def _told(rules: list[mask.MaskRule]) -> list[dict[str, Any]]:
    return [{"id": rule.id, "title": rule.title.model_dump()} for rule in rules]


def _placed(codes: NDArray[np.uint8], place: Place, size: int, colours: NDArray[np.uint8]) -> bytes:
    whole = np.zeros((size, size), dtype=np.uint8)
    whole[place] = codes
    return png.paletted(whole, colours)
