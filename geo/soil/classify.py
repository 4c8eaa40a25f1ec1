"""Pixels as class codes: the grade, or why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from geo.errors import Rejected
from geo.soil import mask
from geo.soil.grading import Grading
from geo.soil.measure import Measure
from geo.soil.raster import Reader
from geo.soil.scene import Scene

if TYPE_CHECKING:
    from geo.soil.fused import Fused

Codes = NDArray[np.uint8]
#: Pixels that are worked on at a time: their arrays stay in the cache.
STRIP = 1 << 15


class Classifier:
    """Blocks of one scene as class codes: 0..k-1 grades, then reasons, then no data.

    Codes: ``grades`` | masks in their order | measure undefined | no data.
    """

    def __init__(
        self, scene: Scene, measure: Measure, grading: Grading, masks: tuple[str, ...]
    ) -> None:
        """Raises `Rejected`: E_GRADING_INDICATOR, E_INDEX_BANDS, E_MASK."""
        self.measure = measure
        self.cuts = grading.axis_for(measure.indicator).cuts
        missing = [band for band in measure.bands if band not in scene.bands]
        if missing:
            raise Rejected(
                "E_INDEX_BANDS",
                f"{measure.id} 需要波段 {'、'.join(missing)}，影像 {scene.id} 没有",
                f"{measure.id} needs the bands {', '.join(missing)}; {scene.id} has them not",
                where=scene.id,
            )
        self.scene = scene
        self.grading = grading
        self.rules = mask.resolve(masks, scene.bands)
        self.grades = len(grading.grades)
        self.reasons = [rule.id for rule in self.rules] + ["undefined"]
        self.undefined = self.grades + len(self.rules)
        self.nodata = self.undefined + 1
        self.classes = self.nodata + 1
        needed = {*measure.bands, *(band for rule in self.rules for band in rule.bands)}
        self.bands = [key for key in scene.bands if key in needed]
        self._made: tuple[Reader, Fused | None] | None = None

    def codes(self, reader: Reader, window: tuple[int, int, int, int]) -> Codes:
        """uint8[h, w]: the class of every pixel of a window (column, row, width, height)."""
        from geo.soil.fused import Fused  # noqa: PLC0415 - Numba loads only where it runs

        if self._made is None or self._made[0] is not reader:
            self._made = reader, Fused.made(self, reader)
        if self._made[1] is not None:
            return self._made[1].codes(reader.stack(self.bands, window))
        return self.codes_by_arrays(reader, window)

    def codes_by_arrays(self, reader: Reader, window: tuple[int, int, int, int]) -> Codes:
        """The same by array code, for what cannot be traced (`geo.soil.trace`)."""
        raw = reader.read(self.bands, window)
        _, _, width, height = window
        codes = np.empty((height, width), dtype=np.uint8)
        rows = max(1, STRIP // width)
        for top in range(0, height, rows):
            strip = {key: numbers[top : top + rows] for key, numbers in raw.items()}
            codes[top : top + rows] = self.classify(strip, reader.reflectance(strip))
        return codes

    def classify(
        self, raw: Mapping[str, NDArray[Any]], reflectance: Mapping[str, NDArray[Any]]
    ) -> Codes:
        """The same from raw numbers and reflectances [h, w] of `bands`."""
        measure = self.measure
        masked = [rule.find(raw, reflectance) for rule in self.rules]
        shown = {key: reflectance[key] for key in measure.bands}
        if measure.costly and masked:
            # What is masked anyway is not worth the walk through a forest.
            hidden = np.logical_or.reduce(masked)
            shown = {key: np.where(hidden, np.float32(np.nan), v) for key, v in shown.items()}
        values = measure.evaluate(shown)
        # Limits are compared in the precision of the values, as `Grading.classify` does.
        codes = np.zeros(values.shape, dtype=np.uint8)
        for cut in np.asarray(self.cuts, dtype=values.dtype):
            codes += values >= cut
        np.copyto(codes, np.uint8(self.undefined), where=np.isnan(values))
        # The first rule wins, so the last is written first.
        for number in range(len(self.rules) - 1, -1, -1):
            np.copyto(codes, np.uint8(self.grades + number), where=masked[number])
        for key in measure.bands:
            np.copyto(codes, np.uint8(self.nodata), where=np.isnan(reflectance[key]))
        return codes
