"""Gradings: how a measured or computed value becomes a grade. Data, versioned and cited.

``data/gradings/*.toml`` holds the schemes in use (none is "the" standard for
soda soils). A value belongs to the higher grade when it equals a limit (``>=``).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict, model_validator
from pydantic import Field as Attr

from geo.errors import Rejected
from geo.layers import Text

Codes = NDArray[np.int16]
Color = Annotated[str, Attr(pattern=r"^#[0-9a-fA-F]{6}$")]
#: Colours from sound soil to white crust, for custom schemes. Any two of them can be told apart
#: with any colour-vision deficiency (tests/geo/soil/test_palette.py).
RAMP = ("#357a8a", "#93c3c9", "#f5edb8", "#e3a447", "#b05a26", "#4f171e")
MAX_GRADES = 32


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Grade(_Model):
    """``code`` names the grade in answers: of a custom scheme it is the label that was given."""

    code: Annotated[str, Attr(min_length=1, max_length=80)]
    title: Text
    color: Color

    @property
    def label(self) -> str:
        return self.code


class Axis(_Model):
    """One indicator with its limits, ascending: grade = number of limits <= value.

    ``indicator``: ``index:<formula id>``, a field of the layer samples (``ph``,
    ``esp_pct``, ``ece_ds_m``, ``salt_g_kg``, ...), or ``*`` for any one index.
    """

    indicator: str
    unit: str | None = None
    cuts: tuple[float, ...]

    @model_validator(mode="after")
    def _check(self) -> Axis:
        if not self.cuts or not np.isfinite(self.cuts).all() or (np.diff(self.cuts) <= 0).any():
            raise ValueError(f"cuts of {self.indicator!r} must be finite and ascending")
        return self


class Grading(_Model):
    """A scheme. ``combine``: over several indicators the worst counts, or each mix is a type.

    ``kind``: "absolute" limits of a source; "relative" limits are quantiles of one
    scene and mean nothing elsewhere; "demonstration" limits fit invented data;
    "custom" limits were given with the question.
    """

    id: Annotated[str, Attr(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
    version: str
    title: Text
    kind: Literal["absolute", "relative", "demonstration", "custom"] = "absolute"
    combine: Literal["worst", "mix"] = "worst"
    source: str
    note: Text | None = None
    axes: Annotated[tuple[Axis, ...], Attr(min_length=1)]
    grades: Annotated[tuple[Grade, ...], Attr(min_length=2, max_length=MAX_GRADES)]

    @model_validator(mode="after")
    def _check(self) -> Grading:
        steps = [len(axis.cuts) + 1 for axis in self.axes]
        wanted = int(np.prod(steps)) if self.combine == "mix" else max(steps)
        if wanted != len(self.grades):
            raise ValueError(f"grading {self.id!r} needs {wanted} grades, not {len(self.grades)}")
        if self.combine == "worst" and len(set(steps)) > 1:
            raise ValueError(f"grading {self.id!r}: every indicator needs {wanted - 1} cuts")
        if len({grade.code for grade in self.grades}) < len(self.grades):
            raise ValueError(f"grading {self.id!r}: codes of grades repeat")
        return self

    def axis_for(self, indicator: str) -> Axis:
        """The one axis that grades an indicator alone; E_GRADING_INDICATOR if there is none."""
        if len(self.axes) == 1 and self.axes[0].indicator in ("*", indicator):
            return self.axes[0]
        needs = "、".join(axis.indicator for axis in self.axes)
        raise Rejected(
            "E_GRADING_INDICATOR",
            f"分级方案 {self.id} 针对 {needs}，不能直接用于 {indicator}",
            f"grading {self.id} is for {needs}, not for {indicator}",
            where=self.id,
            fix=(
                "选用针对该指数的方案、自定义阈值，或先用土壤样品标定模型",
                "choose a grading of this index, give your own cuts, or calibrate a model first",
            ),
        )

    def classify(self, values: ArrayLike, indicator: str) -> Codes:
        """Grade numbers of one indicator's values, int16 of their shape; -1 where NaN.

        Limits are compared in the precision of the values, so that a float32 of
        0.7 reaches the limit 0.7.
        """
        array = np.asarray(values)
        if not np.issubdtype(array.dtype, np.floating):
            array = array.astype(np.float64)
        cuts = np.asarray(self.axis_for(indicator).cuts, dtype=array.dtype)
        codes = np.zeros(array.shape, dtype=np.int16)
        for cut in cuts:  # a handful of limits: comparisons beat a binary search
            codes += array >= cut
        codes[np.isnan(array)] = -1
        return codes

    def steps(self, values: Mapping[str, ArrayLike]) -> Codes:
        """Limits that each indicator reaches, int16[axes, n]; -1 where it is not known."""
        length = len(np.atleast_1d(np.asarray(next(iter(values.values()))))) if values else 0
        digits = np.full((len(self.axes), length), -1, dtype=np.int16)
        for number, axis in enumerate(self.axes):
            if axis.indicator in values:
                array = np.atleast_1d(np.asarray(values[axis.indicator], dtype=np.float64))
                codes = np.searchsorted(np.asarray(axis.cuts), array, side="right")
                digits[number] = np.where(np.isnan(array), -1, codes)
        return digits

    def grade(self, values: Mapping[str, ArrayLike]) -> tuple[Codes, NDArray[np.int16], list[str]]:
        """Grade several indicators at once: samples[n].

        Returns the grade (-1 where nothing is known), the number of the axis that
        decided it (-1: none), and the indicators that were not given at all. With
        ``combine="mix"`` every indicator must be known.
        """
        missing = [axis.indicator for axis in self.axes if axis.indicator not in values]
        digits = self.steps(values)
        length = digits.shape[1]
        if self.combine == "worst":
            worst = digits.max(axis=0)
            return worst, np.where(worst < 0, -1, digits.argmax(axis=0)).astype(np.int16), missing
        total = np.zeros(length, dtype=np.int16)
        for axis, digit in zip(self.axes, digits, strict=True):
            total = total * (len(axis.cuts) + 1) + digit
        known = (digits >= 0).all(axis=0)
        return np.where(known, total, -1).astype(np.int16), np.full(length, -1, np.int16), missing


class Gradings:
    """All schemes by id. Raises ValueError naming the file when one cannot be used."""

    def __init__(self, schemes: dict[str, Grading]) -> None:
        self.schemes = schemes

    @classmethod
    def load(cls, *folders: Path) -> Gradings:
        """Read ``gradings/*.toml`` below each folder, later ones win."""
        schemes: dict[str, Grading] = {}
        for folder in folders:
            for path in sorted(Path(folder).glob("gradings/*.toml")):
                try:
                    content: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
                    content.setdefault("id", path.stem)
                    scheme = Grading.model_validate(content)
                except (tomllib.TOMLDecodeError, UnicodeDecodeError, ValueError) as error:
                    raise ValueError(f"{path.name}: {error}") from error
                schemes[scheme.id] = scheme
        return cls(schemes)

    def resolve(self, asked: str | Mapping[str, Any]) -> Grading:
        """A scheme by id, or a custom one from ``{"cuts": [...], "labels": [...]}``.

        Raises `Rejected` (E_GRADING).
        """
        if isinstance(asked, str):
            if asked not in self.schemes:
                raise _refused(
                    f"没有分级方案 {asked}；可用：{'、'.join(self.schemes)}",
                    f"there is no grading {asked!r}; known: {', '.join(self.schemes)}",
                )
            return self.schemes[asked]
        return custom(asked.get("cuts"), asked.get("labels"))


def custom(cuts: object, labels: object) -> Grading:
    """A scheme for any one index from ascending cuts and one label more. E_GRADING if unfit."""
    numbers = list(cuts) if isinstance(cuts, Sequence) and not isinstance(cuts, str) else []
    names = list(labels) if isinstance(labels, Sequence) and not isinstance(labels, str) else []
    try:
        plain = all(isinstance(c, int | float) and not isinstance(c, bool) for c in numbers)
        values = np.array(numbers if plain else [], dtype=np.float64)
    except OverflowError:  # an integer beyond float64
        values = np.empty(0)
    if (
        not 1 <= len(values) < MAX_GRADES
        or not np.isfinite(values).all()
        or (np.diff(values) <= 0).any()
    ):
        raise _refused(
            f"cuts 须为 1 至 {MAX_GRADES - 1} 个递增的数",
            f"cuts must be 1 to {MAX_GRADES - 1} ascending numbers",
        )
    if not (
        len(names) == len(values) + 1
        and all(isinstance(n, str) and 0 < len(n.strip()) <= 80 for n in names)
        and len({n.strip() for n in names}) == len(names)
    ):
        raise _refused(
            f"labels 须为 {len(values) + 1} 个互不相同的名称，从低值到高值",
            f"labels must be {len(values) + 1} different names, from low values to high",
        )
    return Grading(
        id="custom",
        version="1",
        title=Text(zh="自定义分级", en="Custom grading"),
        kind="custom",
        source="given with the question",
        axes=(Axis(indicator="*", cuts=tuple(values.tolist())),),
        grades=_ramp([(n.strip(), Text(zh=n.strip(), en=n.strip())) for n in names]),
    )


def relative(values: ArrayLike, classes: int = 5) -> Grading:
    """Quantile grades of one scene's index values: ranks, not degrees of salinity.

    Raises `Rejected` (E_GRADING) when the values do not hold so many classes.
    """
    array = np.asarray(values, dtype=np.float64)
    array = array[np.isfinite(array)]
    cuts = np.unique(np.quantile(array, np.arange(1, classes) / classes)) if array.size else array
    if len(cuts) != classes - 1:
        raise _refused(
            f"影像取值过于单一，分不出 {classes} 个等级",
            f"the values are too uniform for {classes} quantile grades",
        )
    return Grading(
        id=f"relative-{classes}",
        version="1",
        title=Text(zh=f"相对分级（{classes} 分位）", en=f"Relative grades ({classes} quantiles)"),
        kind="relative",
        source="quantiles of this scene",
        note=Text(
            zh="相对等级：仅为本景影像内的排序，不代表盐碱化程度，不同影像间不可比较",
            en="Relative: ranks within this one scene, no degree of salinity; never compare scenes",
        ),
        axes=(Axis(indicator="*", cuts=tuple(float(c) for c in cuts)),),
        grades=_ramp(
            [
                (f"relative_{k}", Text(zh=f"相对 {k}/{classes}", en=f"relative {k}/{classes}"))
                for k in range(1, classes + 1)
            ]
        ),
    )


def _ramp(grades: list[tuple[str, Text]]) -> tuple[Grade, ...]:
    at = np.linspace(0, len(RAMP) - 1, len(grades))
    if len(grades) <= len(RAMP):
        at = at.round()
    known = np.array([list(bytes.fromhex(colour[1:])) for colour in RAMP])
    mixed = np.column_stack([np.interp(at, np.arange(len(RAMP)), part) for part in known.T])
    return tuple(
        Grade(code=code, title=title, color=f"#{bytes(colour).hex()}")
        for (code, title), colour in zip(grades, mixed.round().astype(np.uint8), strict=True)
    )


def _refused(zh: str, en: str) -> Rejected:
    return Rejected("E_GRADING", zh, en, where="grading")
