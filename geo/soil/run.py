"""A soil run: scene -> blocks read once -> mask -> index -> grade -> exact areas that close.

For every zone: area = areas of the grades + masked + outside. The areas of
pixels come from the raster (exact fractions of pixels, each with its ellipsoidal
size), the area of the zone from its own geometry; the two differ by rounding and
by the bow of projected edges, some 1e-8. That residual is spread over the zone's
parts in proportion and stated as ``closure`` (area of the zone / sum of parts).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo import area
from geo import crs as ground
from geo.errors import Rejected
from geo.layers import Text
from geo.soil import indices, mask
from geo.soil.grading import Grading, relative
from geo.soil.raster import Reader
from geo.soil.scene import Scene
from geo.soil.zonal import Tally, ZoneIndex, dissolved, plane_of, polygons

Floats = NDArray[np.float64]
Codes = NDArray[np.uint8]
Progress = Callable[[int, int], None]
#: A larger residual than this is no rounding: the geometry and the raster disagree.
CLOSURE_LIMIT = 1e-4


@dataclass(frozen=True)
class Areas:
    """Ellipsoidal m² of n zones that close: zone = grades + masked + outside, to 1e-9.

    ``reasons``: masked area by reason. ``closure``: factor that was applied to the
    raster's areas of each zone, close to 1.
    """

    zone_m2: Floats
    grade_m2: Floats  # [n, grades]
    masked_m2: Floats
    outside_m2: Floats
    reasons: dict[str, Floats]
    closure: Floats

    def rows(self, rows: NDArray[np.int64]) -> Areas:
        """Some of the zones, in the order asked for."""
        return Areas(
            zone_m2=self.zone_m2[rows],
            grade_m2=self.grade_m2[rows],
            masked_m2=self.masked_m2[rows],
            outside_m2=self.outside_m2[rows],
            reasons={key: m2[rows] for key, m2 in self.reasons.items()},
            closure=self.closure[rows],
        )

    def total(self) -> Areas:
        """The sum over all zones, as one row."""
        return Areas(
            zone_m2=self.zone_m2.sum(keepdims=True),
            grade_m2=self.grade_m2.sum(axis=0, keepdims=True),
            masked_m2=self.masked_m2.sum(keepdims=True),
            outside_m2=self.outside_m2.sum(keepdims=True),
            reasons={key: m2.sum(keepdims=True) for key, m2 in self.reasons.items()},
            closure=np.array([np.nan]),
        )


@dataclass(frozen=True)
class RunResult:
    """``areas``: a row a zone, in the order of ``zone_ids``. ``union``, ``sum``: one row each.

    ``union`` counts every place once: zones that overlap are dissolved first and
    their outline is measured anew. ``overlap_removed_m2`` = sum - union.
    """

    scene_id: str
    index_id: str
    grading: Grading
    zone_ids: Sequence[Any]
    areas: Areas
    sum: Areas
    union: Areas
    repaired: int
    method: Text
    definition: Text
    masks: tuple[str, ...] = ()
    provenance: dict[str, Any] = field(default_factory=dict)

    @property
    def overlap_removed_m2(self) -> float:
        return max(0.0, float(self.sum.zone_m2[0] - self.union.zone_m2[0]))


class Classifier:
    """Blocks of one scene as class codes: 0..k-1 grades, then reasons, then no data.

    Codes: ``grades`` | masks in their order | index undefined | no data.
    """

    def __init__(
        self, scene: Scene, index_id: str, grading: Grading, masks: tuple[str, ...]
    ) -> None:
        self.index = indices.get(index_id)
        self.indicator = f"index:{self.index.id}"
        grading.axis_for(self.indicator)
        missing = [band for band in self.index.bands if band not in scene.bands]
        if missing:
            raise Rejected(
                "E_INDEX_BANDS",
                f"指数 {index_id} 需要波段 {'、'.join(missing)}，影像 {scene.id} 没有",
                f"index {index_id} needs the bands {', '.join(missing)}; {scene.id} has them not",
                where=scene.id,
            )
        self.scene = scene
        self.grading = grading
        self.rules = mask.resolve(masks, scene.bands)
        self.grades = len(grading.grades)
        self.reasons = [rule.id for rule in self.rules] + ["undefined"]
        self.nodata = self.grades + len(self.reasons)
        self.classes = self.nodata + 1
        needed = {*self.index.bands, *(band for rule in self.rules for band in rule.bands)}
        self.bands = [key for key in scene.bands if key in needed]

    def codes(self, reader: Reader, window: tuple[int, int, int, int]) -> Codes:
        """uint8[h, w]: the class of every pixel of a window (column, row, width, height)."""
        raw = reader.read(self.bands, window)
        return self.classify(raw, reader.reflectance(raw))

    def classify(
        self, raw: Mapping[str, NDArray[Any]], reflectance: Mapping[str, NDArray[Any]]
    ) -> Codes:
        """The same from raw numbers and reflectances [h, w] of `bands`."""
        values = self.index.evaluate({key: reflectance[key] for key in self.index.bands})
        grade = self.grading.classify(values, self.indicator)
        codes = np.where(grade < 0, self.grades + len(self.rules), grade).astype(np.uint8)
        # The first rule wins, so the last is written first.
        for number in range(len(self.rules) - 1, -1, -1):
            codes[self.rules[number].find(raw, reflectance)] = self.grades + number
        for key in self.index.bands:
            codes[np.isnan(reflectance[key])] = self.nodata
        return codes


def classified(
    root: Path, classifier: Classifier, blocks: NDArray[np.int64]
) -> Iterator[tuple[int, Codes]]:
    """(block, codes) for each block, each read once."""
    grid = classifier.scene.grid
    with Reader.open(root, classifier.scene, verify=True) as reader:
        for block in blocks:
            yield int(block), classifier.codes(reader, grid.window(int(block)))


def areas(
    root: Path,
    scene: Scene,
    *,
    index_id: str,
    grading: Grading,
    zones: NDArray[np.object_],
    zone_ids: Sequence[Any],
    masks: tuple[str, ...] = ("scl",),
    progress: Progress | None = None,
) -> RunResult:
    """Areas of the grades of an index in zones, m², exact to the pixel fraction.

    zones: shapely polygons[n], EPSG:4490; they may overlap. ``progress(done,
    blocks)``. Memory: one block of the bands needed, the zones' vertices, and
    zones x classes numbers. Raises `Rejected` (E_ZONE_TYPE, E_ZONE_COUNT, E_INDEX,
    E_INDEX_BANDS, E_GRADING_INDICATOR, E_MASK, E_RASTER_*).
    """
    if len(zones) != len(zone_ids) or len(zones) == 0:
        raise Rejected(
            "E_ZONE_COUNT",
            "统计单元为空，或与编号数目不符",
            "there are no zones, or not one id for each",
            where="zones",
        )
    classifier = Classifier(scene, index_id, grading, masks)
    grid = scene.grid
    valid, repaired = polygons(zones)
    plane = plane_of(valid, grid)
    flat = ground.transform(valid, ground.STORAGE, plane)
    pieces, alone = dissolved(flat)
    # Dissolved pieces ride along as further zones: every block is still read once.
    index = ZoneIndex.of_plane(np.concatenate([flat, pieces]), plane, grid)
    zone_m2 = area.ellipsoidal_area(
        np.concatenate([valid, ground.transform(pieces, plane, ground.STORAGE)])
    )
    tally = Tally(index, classifier.classes)
    for done, (block, codes) in enumerate(classified(root, classifier, index.blocks), start=1):
        tally.add(block, codes)
        if progress is not None:
            progress(done, len(index.blocks))
    measured = close(tally, classifier.grades, classifier.reasons, zone_m2)
    own = measured.rows(np.arange(len(valid)))
    union = measured.rows(np.append(alone, np.arange(len(valid), len(index)))).total()
    return RunResult(
        scene_id=scene.id,
        index_id=classifier.index.id,
        grading=grading,
        zone_ids=zone_ids,
        areas=own,
        sum=own.total(),
        union=union,
        repaired=repaired,
        method=_method(scene, classifier, own),
        definition=_definition(classifier),
        masks=masks,
        provenance={
            "scene": scene.id,
            "sha256": scene.sha256,
            "index": {"id": classifier.index.id, "formula": classifier.index.formula},
            "grading": {"id": grading.id, "version": grading.version, "kind": grading.kind},
            "masks": list(masks),
            "blocks": len(tally.index.blocks),
        },
    )


def relative_grading(
    root: Path, scene: Scene, index_id: str, classes: int = 5, masks: tuple[str, ...] = ("scl",)
) -> Grading:
    """Quantile grades of an index over a scene's unmasked pixels (a sample of its overview).

    Ranks within this scene, labelled so; for scenes without local soil samples.
    """
    index = indices.get(index_id)
    rules = mask.resolve(masks, scene.bands)
    keys = {*index.bands, *(band for rule in rules for band in rule.bands)}
    with Reader.open(root, scene, verify=True) as reader:
        raw = reader.sample([key for key in scene.bands if key in keys])
        reflectance = reader.reflectance(raw)
    values = index.evaluate({key: reflectance[key] for key in index.bands})
    for rule in rules:
        values = np.where(rule.find(raw, reflectance), np.nan, values)
    return relative(values, classes)


def close(tally: Tally, grades: int, reasons: Sequence[str], zone_m2: Floats) -> Areas:
    """Make the raster's areas and the zone's own area agree; see the module's text.

    Of a zone wholly on the raster all parts are scaled to its area. Of a zone that
    reaches beyond, what the raster does not hold is "outside" and nothing is scaled.
    """
    raw = tally.areas
    total = raw.sum(axis=1)
    zone_m2 = np.nan_to_num(zone_m2)
    with np.errstate(all="ignore"):
        factor = np.where(total > 0, zone_m2 / total, 1.0)
    # What reaches beyond the raster by less than a millionth is rounding of its border.
    off = ~tally.index.inside & (zone_m2 - total > 1e-6 * zone_m2)
    factor = np.where(off, 1.0, factor)
    wrong = np.abs(factor - 1.0) > CLOSURE_LIMIT
    # Slivers below 1 m² may be nothing but rounding.
    wrong &= zone_m2 > 1.0
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        raise ArithmeticError(
            f"zone {at}: {zone_m2[at]} m² by geometry, {total[at]} m² by pixels do not agree"
        )
    scaled = raw * factor[:, None]
    outside = np.where(off, np.maximum(zone_m2 - scaled.sum(axis=1), 0.0), 0.0)
    outside = np.where(total > 0, outside, zone_m2)
    masked = scaled[:, grades : grades + len(reasons)]
    return Areas(
        zone_m2=zone_m2,
        grade_m2=scaled[:, :grades],
        masked_m2=masked.sum(axis=1),
        outside_m2=outside + scaled[:, grades + len(reasons)],
        reasons={name: masked[:, k] for k, name in enumerate(reasons)},
        closure=factor,
    )


def _method(scene: Scene, classifier: Classifier, own: Areas) -> Text:
    worst = float(np.abs(own.closure - 1.0).max())
    index = classifier.index
    return Text(
        zh=(
            f"影像 {scene.id}，反射率 = DN×{scene.scale:g}{scene.offset:+g}；指数 {index.id} = "
            f"{index.formula}；分级 {classifier.grading.title.zh}（{classifier.grading.id} 版本 "
            f"{classifier.grading.version}，界值归入较高一级）。地块与像元按精确面积比例求交，像元取"
            f"其 CGCS2000 椭球面积；各项之和按地块图形的椭球面积闭合，改正系数与 1 的差不超过 "
            f"{worst:.1e}。重叠部分在合并（union）中只计一次：重叠地块先融合再重新量算。"
        ),
        en=(
            f"Scene {scene.id}, reflectance = DN x {scene.scale:g} {scene.offset:+g}; index "
            f"{index.id} = {index.formula}; grading {classifier.grading.title.en} "
            f"({classifier.grading.id} version {classifier.grading.version}, a limit belongs to "
            f"the higher grade). Pixels count by the exact fraction inside a zone, each with its "
            f"ellipsoidal area on CGCS2000; parts are scaled to the ellipsoidal area of the zone's "
            f"geometry by factors that differ from 1 by at most {worst:.1e}. The union counts "
            f"overlaps once: overlapping zones are dissolved and measured anew."
        ),
    )


def _definition(classifier: Classifier) -> Text:
    rules_zh = "；".join(rule.title.zh for rule in classifier.rules) or "无"
    rules_en = "; ".join(rule.title.en for rule in classifier.rules) or "none"
    note = classifier.grading.note
    return Text(
        zh=(
            f"面积 = 各等级 + 遮掩 + 影像外。遮掩：{rules_zh}；指数无定义。"
            "影像外：影像范围之外或无数据。" + (note.zh if note else "")
        ),
        en=(
            f"area = grades + masked + outside. Masked: {rules_en}; index undefined. Outside: "
            f"beyond the image or without data. " + (note.en if note else "")
        ),
    )
