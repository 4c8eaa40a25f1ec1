"""A soil run: scenes -> blocks read once -> mask -> measure -> grade -> exact areas that close.

For every zone: area = areas of the grades + masked + outside. The areas of
pixels come from the raster (exact fractions of pixels, each with its ellipsoidal
size), the area of the zone from its own geometry; the two differ by rounding and
by the bow of projected edges, some 1e-8. That residual is spread over the zone's
parts in proportion and stated as ``closure`` (area of the zone / sum of parts).

Of two scenes a run also says from which grade to which every part of a zone went.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo import area
from geo.errors import Rejected
from geo.layers import Text
from geo.soil import mask
from geo.soil.blocks import MOST_NUMBERS, Ahead, Checkpoint, Plan, counted, shift
from geo.soil.classify import Classifier
from geo.soil.cluster import Cluster
from geo.soil.divide import divided
from geo.soil.grading import Grading, relative
from geo.soil.measure import Spec, measure_of, named
from geo.soil.raster import Reader
from geo.soil.scene import Scene
from geo.soil.told import definition_of, method_of
from geo.soil.zonal import Tally, ZoneIndex, dissolved, plane_of, polygons

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Geometries = NDArray[np.object_]
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

    def rows(self, rows: Ints) -> Areas:
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
class Measured:
    """What was found of n zones. ``areas``: on the last scene's date.

    Of two scenes also ``before``, and ``change_m2[n, k + 2, k + 2]``: from (row) which
    of k grades, "masked" or "outside" to (column) which.
    """

    areas: Areas
    before: Areas | None = None
    change_m2: Floats | None = None

    def rows(self, rows: Ints) -> Measured:
        return Measured(
            self.areas.rows(rows),
            None if self.before is None else self.before.rows(rows),
            None if self.change_m2 is None else self.change_m2[rows],
        )

    def total(self) -> Measured:
        return Measured(
            self.areas.total(),
            None if self.before is None else self.before.total(),
            None if self.change_m2 is None else self.change_m2.sum(axis=0, keepdims=True),
        )


@dataclass(frozen=True)
class Split:
    """Zones cut at the edges of other polygons, a row a piece.

    ``zone``, ``member``: numbers of the zone and of the polygon that a piece lies in
    (-1: in none).
    """

    zone: Ints
    member: Ints
    measured: Measured


@dataclass(frozen=True)
class RunResult:
    """``own``: a row a zone, in the order of ``zone_ids``. ``union``, ``sum``: one row each.

    ``union`` counts every place once: zones that overlap are dissolved first and
    their outline is measured anew. ``overlap_removed_m2`` = sum - union.
    """

    scenes: tuple[Scene, ...]
    grading: Grading
    zone_ids: Sequence[Any]
    own: Measured
    sum: Measured
    union: Measured
    splits: dict[str, Split]
    repaired: int
    method: Text
    definition: Text
    warnings: tuple[Text, ...] = ()
    provenance: dict[str, Any] = field(default_factory=dict)

    @property
    def areas(self) -> Areas:
        return self.own.areas

    @property
    def overlap_removed_m2(self) -> float:
        return max(0.0, float(self.sum.areas.zone_m2[0] - self.union.areas.zone_m2[0]))


def areas(
    root: Path,
    scenes: Scene | tuple[Scene, ...],
    *,
    spec: Spec,
    grading: Grading,
    zones: Geometries,
    zone_ids: Sequence[Any],
    masks: tuple[str, ...] = ("scl",),
    zone_m2: Floats | None = None,
    splits: Mapping[str, Geometries] | None = None,
    executor: Executor | None = None,
    at_once: int = 2,
    progress: Progress | None = None,
    checkpoint: Path | None = None,
    cluster: Cluster | None = None,
) -> RunResult:
    """Areas of the grades of a measure in zones, m², exact to the pixel fraction.

    scenes: one, or (before, after). zones: shapely polygons[n], EPSG:4490; they may
    overlap. ``zone_m2``: their ellipsoidal areas[n] where they are known. ``splits``:
    further polygons[m], EPSG:4490, at whose edges zones are cut, by name. ``executor``,
    ``at_once``: see `geo.soil.blocks.counted`; the digits do not depend on them.
    ``progress(done, blocks)`` may raise to stop. ``checkpoint``: a file that an attempt
    after this one goes on from. ``cluster``: does all that reads rasters, in place of the
    executor. Memory: one task's blocks of the bands needed a worker,
    the zones' vertices, and zones x classes numbers.

    Raises `Rejected` (E_ZONE_TYPE, E_ZONE_COUNT, E_MEASURE, E_INDEX, E_INDEX_BANDS,
    E_GRADING_INDICATOR, E_MASK, E_GRIDS, E_RASTER_*).
    """
    scenes = (scenes,) if isinstance(scenes, Scene) else scenes
    if len(zones) != len(zone_ids) or len(zones) == 0:
        raise Rejected(
            "E_ZONE_COUNT",
            "统计单元为空，或与编号数目不符",
            "there are no zones, or not one id for each",
            where="zones",
        )
    plan = Plan(root, scenes, spec, grading, masks)
    classifiers = plan.classifiers()
    grid = plan.grid
    for scene in scenes[:-1]:
        shift(scene.grid, grid)
    with ThreadPoolExecutor(1) as side, contextlib.ExitStack() as stack:
        ahead = None
        resumed = checkpoint is not None and checkpoint.exists()
        if isinstance(executor, ThreadPoolExecutor) and not resumed:
            ahead = Ahead(plan, zones, executor)
            stack.callback(ahead.close)
        # What ends as a figure comes from the file that was registered; that is seen meanwhile.
        if cluster is not None:
            same = cluster.verify(root, scenes)
        else:
            same = side.submit(_verify, root, scenes).result
        valid, repaired = polygons(zones)
        plane = plane_of(valid, grid)
        pieces, alone = dissolved(valid, plane)
        cut = {name: divided(valid, members) for name, members in (splits or {}).items()}
        # Pieces ride along as further zones: every block is still read once.
        further = np.concatenate([pieces, *(each.shapes for each in cut.values())])
        drawn = np.concatenate([valid, further])
        _check_size(len(drawn), plan.classes)
        index = ZoneIndex.build(drawn, grid, plane)
        kept = None
        if checkpoint is not None:
            kept = Checkpoint(checkpoint, plan.fingerprint(index))
        tally = Tally(index, plan.classes)
        if cluster is not None:
            cluster.counted(plan, tally, progress)
        else:
            counted(plan, tally, executor, at_once, progress=progress, checkpoint=kept, ahead=ahead)
        same()
    if zone_m2 is None or repaired:
        zone_m2 = area.ellipsoidal_area(valid)
    sizes = np.concatenate([zone_m2, area.ellipsoidal_area(further)])
    everything = measured(tally, classifiers, sizes)
    own = everything.rows(np.arange(len(valid)))
    start = len(valid) + len(pieces)
    union = everything.rows(np.append(alone, np.arange(len(valid), start))).total()
    found = {}
    for name, each in cut.items():
        whole = np.where(each.shape < 0, each.zone, start + each.shape)
        found[name] = Split(each.zone, each.member, everything.rows(whole))
        start += len(each.shapes)
    return RunResult(
        scenes=scenes,
        grading=grading,
        zone_ids=zone_ids,
        own=own,
        sum=own.total(),
        union=union,
        splits=found,
        repaired=repaired,
        method=method_of(classifiers, float(np.abs(own.areas.closure - 1.0).max())),
        definition=definition_of(classifiers),
        provenance={
            "scenes": [{"id": scene.id, "sha256": scene.sha256} for scene in scenes],
            "measure": {**named(spec), "formula": plan.measure.formula},
            "grading": {"id": grading.id, "version": grading.version, "kind": grading.kind},
            "masks": list(masks),
            "blocks": len(index.blocks),
        },
    )


def _verify(root: Path, scenes: tuple[Scene, ...]) -> None:
    for scene in scenes:
        with Reader.open(root, scene, verify=True):
            pass


def _check_size(zones: int, classes: int) -> None:
    if zones * classes > MOST_NUMBERS:
        raise Rejected(
            "E_ZONE_COUNT",
            f"{zones:,} 个统计单元 x {classes:,} 个类别超过 {MOST_NUMBERS:,}",
            f"{zones:,} zones x {classes:,} classes are more than {MOST_NUMBERS:,} numbers",
            where="zones",
            fix=(
                "请用 filter 分批计算，或减少等级和掩膜",
                "compute them in parts by a filter, or with fewer grades and masks",
            ),
        )


def relative_grading(
    root: Path, scene: Scene, spec: Spec, classes: int = 5, masks: tuple[str, ...] = ("scl",)
) -> Grading:
    """Quantile grades of a measure over a scene's unmasked pixels (a sample of its overview).

    Ranks within this scene, labelled so; for scenes without local soil samples.
    """
    measure = measure_of(spec)
    rules = mask.resolve(masks, scene.bands)
    keys = {*measure.bands, *(band for rule in rules for band in rule.bands)}
    with Reader.open(root, scene, verify=True) as reader:
        raw = reader.sample([key for key in scene.bands if key in keys])
        reflectance = reader.reflectance(raw)
    values = measure.evaluate({key: reflectance[key] for key in measure.bands})
    for rule in rules:
        values = np.where(rule.find(raw, reflectance), np.nan, values)
    return relative(values, classes)


def measured(tally: Tally, classifiers: Sequence[Classifier], zone_m2: Floats) -> Measured:
    """Make the raster's areas and the zones' own agree; see the module's text.

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
    raw *= factor[:, None]
    beyond = np.where(off, np.maximum(zone_m2 - raw.sum(axis=1), 0.0), 0.0)
    beyond = np.where(total > 0, beyond, zone_m2)
    after = classifiers[-1]
    if len(classifiers) == 1:
        return Measured(_areas(raw, after, zone_m2, beyond, factor))
    before = classifiers[0]
    joint = raw.reshape(len(raw), before.classes, after.classes)
    change = _folded(_folded(joint, after).swapaxes(1, 2), before).swapaxes(1, 2)
    change[:, -1, -1] += beyond
    return Measured(
        _areas(joint.sum(axis=1), after, zone_m2, beyond, factor),
        _areas(joint.sum(axis=2), before, zone_m2, beyond, factor),
        change,
    )


def _areas(
    scaled: Floats, classifier: Classifier, zone_m2: Floats, beyond: Floats, closure: Floats
) -> Areas:
    grades = classifier.grades
    masked = scaled[:, grades : classifier.nodata]
    return Areas(
        zone_m2=zone_m2,
        grade_m2=scaled[:, :grades].copy(),
        masked_m2=masked.sum(axis=1),
        outside_m2=beyond + scaled[:, classifier.nodata],
        reasons={name: masked[:, k].copy() for k, name in enumerate(classifier.reasons)},
        closure=closure,
    )


def _folded(joint: Floats, classifier: Classifier) -> Floats:
    """[n, m, classes] -> [n, m, grades + 2]: reasons become one."""
    grades, nodata = classifier.grades, classifier.nodata
    masked = joint[..., grades:nodata].sum(axis=-1, keepdims=True)
    return np.concatenate([joint[..., :grades], masked, joint[..., nodata:]], axis=-1)
