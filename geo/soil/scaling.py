"""How stored numbers become reflectance: decided by what is stated or written down, never by date.

Sentinel-2 since processing baseline 04.00 adds 1000 to its numbers, and the reprocessed archive
does so for images of any year; some mirrors have taken the 1000 off again. So the order is: what a
person states; what the item says was applied; the baseline; the tags of the file; and, where
nothing is written, what dark water shows. Whatever was decided is held against the pixels.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from geo.errors import Rejected

Sensor = Literal["sentinel-2-l2a", "landsat-c2-l2", "custom"]
#: "yes": the provider has taken the offset off; "no": it is still in the numbers; "none": there
#: never was one (baselines before 04.00).
OffsetApplied = Literal["yes", "no", "none"]
#: (scale, offset) of reflectance. Sentinel-2: processing baseline 04.00 and later.
PRESETS: dict[str, tuple[float, float]] = {
    "sentinel-2-l2a": (0.0001, -0.1),
    "landsat-c2-l2": (0.0000275, -0.2),
}
FIRST_WITH_OFFSET = (4, 0)


@dataclass(frozen=True)
class Known:
    """What is stated (first three) and what metadata say about a scene's numbers."""

    scale: float | None = None
    offset: float | None = None
    offset_applied: Literal["auto", "yes", "no"] = "auto"
    baseline: str | None = None
    boa_offset_applied: bool | None = None
    tags: tuple[float, float] | None = None
    tags_from: str = "scale and offset tags of the file"


@dataclass(frozen=True)
class Scaling:
    """Reflectance = number * ``scale`` + ``offset``; ``how`` it is known, for people."""

    scale: float
    offset: float
    how: str
    offset_applied: OffsetApplied | None = None


def decide(
    sensor: Sensor, known: Known, dark_number: Callable[[], float | None], where: str
) -> Scaling:
    """Raises `Rejected` E_RASTER_SCALE when nothing says it.

    ``dark_number`` reads the dark end (first percentile) of near infrared, in stored numbers; it
    is only called when nothing is written down. None: no near infrared.
    """
    if known.scale is not None and known.offset is not None:
        if np.isfinite([known.scale, known.offset]).all() and known.scale > 0:
            return Scaling(known.scale, known.offset, "stated at registration")
    elif known.scale is None and known.offset is None:
        found = (
            _sentinel(known, dark_number)
            if sensor == "sentinel-2-l2a"
            else _otherwise(sensor, known)
        )
        if found is not None:
            return found
    raise Rejected(
        "E_RASTER_SCALE",
        "无法确定反射率的比例与偏移",
        "the scale and offset of reflectance are unknown",
        where=where,
        fix=(
            "请同时给出 scale 与 offset（反射率 = DN*scale+offset）；哨兵二号可给 offset_applied"
            "（yes 已减、no 未减）或 baseline（如 05.09）",
            "give scale and offset (reflectance = DN*scale+offset); for Sentinel-2 offset_applied "
            "(yes or no) or baseline (e.g. 05.09) will do",
        ),
    )


def _otherwise(sensor: Sensor, known: Known) -> Scaling | None:
    if known.tags is not None:
        return Scaling(*known.tags, known.tags_from)
    if sensor == "landsat-c2-l2":
        return Scaling(*PRESETS[sensor], "Landsat Collection 2 Level 2")
    return None


def _sentinel(  # noqa: PLR0911 - a list of evidence, the best first
    known: Known, dark_number: Callable[[], float | None]
) -> Scaling | None:
    scale, offset = PRESETS["sentinel-2-l2a"]

    def applied(state: OffsetApplied, how: str) -> Scaling:
        words = {"yes": "already taken off", "no": "to be taken off", "none": "not in the numbers"}
        return Scaling(
            scale, offset if state == "no" else 0.0, f"offset {words[state]}: {how}", state
        )

    if known.offset_applied != "auto":
        return applied(known.offset_applied, "stated at registration")
    if known.boa_offset_applied:
        return applied("yes", "earthsearch:boa_offset_applied")
    baseline = parse_baseline(known.baseline)
    if baseline is not None:
        late = baseline >= FIRST_WITH_OFFSET
        return applied("no" if late else "none", f"processing baseline {known.baseline}")
    if known.tags is not None:
        return Scaling(*known.tags, known.tags_from)
    dark = dark_number()
    if dark is None:
        return None
    # Dark water is near 0, or near 0.1 while the offset is still in the numbers.
    if 0.08 <= dark * scale <= 0.14:
        return applied("no", "dark-water test")
    return applied("yes", "dark-water test") if 0.0 <= dark * scale < 0.06 else None


def parse_baseline(text: str | None) -> tuple[int, int] | None:
    """``05.09``, ``5.9``, ``N0509`` -> (5, 9); None for anything else."""
    found = re.fullmatch(r"N?(\d{1,2})\.(\d{1,2})|N(\d{2})(\d{2})", (text or "").strip())
    if found is None:
        return None
    major, minor = (found[1], found[2]) if found[1] else (found[3], found[4])
    return int(major), int(minor)


def baseline_of_name(name: str) -> str | None:
    """The baseline in a product's name (``S2A_MSIL2A_20230503T023541_N0509_R089_...``)."""
    found = re.search(r"S2[A-D]_MSIL2A_\d{8}T\d{6}_N(\d{2})(\d{2})_", name)
    return f"{found[1]}.{found[2]}" if found else None


@dataclass(frozen=True)
class Sanity:
    """Whether the offset agrees with the pixels: ``dark_nir`` is p1 of NIR reflectance."""

    dark_nir: float
    verdict: Literal["ok", "offset_missing", "offset_twice", "no_dark_surface"]

    @property
    def warning(self) -> tuple[str, str, str] | None:
        """(code, zh, en) of what a person should look at."""
        if self.verdict == "offset_missing":
            return (
                "W_OFFSET_MISSING",
                f"最暗处近红外反射率约 {self.dark_nir:.2f}，像是还有 0.1 的偏移未减；"
                "若如此，亮度类指数会把它当成盐渍化。请核对 offset_applied",
                f"the darkest near infrared is about {self.dark_nir:.2f}, as if an offset of 0.1 "
                "were still in the numbers, which brightness indices take for salt; check "
                "offset_applied",
            )
        if self.verdict == "offset_twice":
            return (
                "W_OFFSET_TWICE",
                f"最暗处近红外反射率为 {self.dark_nir:.2f}，低于零，像是偏移减了两次。"
                "请核对 offset_applied",
                f"the darkest near infrared is {self.dark_nir:.2f}, below zero, as if the offset "
                "had been taken off twice; check offset_applied",
            )
        return None


def judge(dark_nir: float | None) -> Sanity:
    """The dark-water test of a reflectance (None or NaN: there is no near infrared)."""
    if dark_nir is None or not np.isfinite(dark_nir):
        return Sanity(float("nan"), "no_dark_surface")
    if dark_nir < -0.03:
        return Sanity(dark_nir, "offset_twice")
    if dark_nir < 0.07:
        return Sanity(dark_nir, "ok")
    return Sanity(dark_nir, "offset_missing" if 0.08 <= dark_nir <= 0.14 else "no_dark_surface")


def refuse_impossible(reflectance: dict[str, NDArray[np.float32]], where: str) -> None:
    """E_RASTER_SCALE when the numbers cannot be reflectance of land with this scale and offset."""
    for key, values in reflectance.items():
        known = values[np.isfinite(values)]
        if not known.size:
            continue
        middle, bright = float(np.median(known)), float(np.percentile(known, 99))
        if middle > 1.6 or middle < -0.3 or bright <= 0.0:
            raise Rejected(
                "E_RASTER_SCALE",
                f"按此比例与偏移，波段 {key} 的反射率中位数为 {middle:.3g}，不可能是地表反射率",
                f"with this scale and offset the median reflectance of {key} is {middle:.3g}: "
                "that is no reflectance of land",
                where=where,
                fix=(
                    "核对 scale、offset、offset_applied（哨兵二号 0.0001，Landsat 0.0000275）",
                    "check scale, offset and offset_applied (0.0001 for Sentinel-2, 0.0000275 for "
                    "Landsat)",
                ),
            )
