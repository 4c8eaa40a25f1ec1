"""Which coordinate system? Stated by a person, the .prj or the format; never guessed.

Without a statement the report ranks what the numbers allow and asks. All knowledge of
systems is in `geo.crs`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import shapely

from geo import crs
from geo.errors import Rejected
from geo.intake.decide import Decisions
from geo.intake.issues import Issues
from geo.intake.read import Raw
from geo.intake.region import Counties
from geo.intake.report import CrsChoice
from geo.intake.suggest import middles, other_zone, suggest

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: So few rows out of range are faults of their own; more are a fault of the system.
_STRAY = 0.1


@dataclass(frozen=True)
class Known:
    """What else is known of where a file should be: the county that each row states, and the
    borders."""

    said: NDArray[np.object_] | None = None
    counties: Counties = field(default_factory=Counties)


def locate(
    geometry: NDArray[np.object_], raw: Raw, decisions: Decisions, known: Known, issues: Issues
) -> tuple[NDArray[np.object_] | None, CrsChoice]:
    """(geometry in EPSG:4490 or None while the system is open, what the report shows).

    Issues (decision: crs): E_CRS_REQUIRED with ranked candidates, E_CRS_RANGE when the
    extent is outside the stated system's area of use (by row for a few strays), E_CRS_ZONE
    when the rows' counties fit another zone, E_ZONE_MIXED, and what `geo.crs` refuses;
    E_CRS_DATUM asks for datum_shift.
    """
    swap = bool(decisions.swap_xy)
    if swap:
        geometry = shapely.transform(geometry, lambda xy: xy[:, ::-1])
    choice, datum = _stated(raw, decisions, issues)
    choice.swapped = swap
    if shapely.is_missing(geometry).all():
        return geometry, choice  # nothing to locate

    def ask() -> None:
        choice.candidates = suggest(
            geometry, datum or raw.datum, raw.zone, known.said, known.counties
        )

    if choice.value is None:
        _mixed_zones(geometry, issues)
        ask()
        issues.add(
            "E_CRS_REQUIRED", "error",
            "文件没有说明坐标系，请选择",
            "the file does not state its coordinate system; choose it",
            decision="crs",
            fix=("请从候选坐标系中选择，或补充 .prj 文件", "choose a candidate, or add the .prj"),
        )  # fmt: skip
        return None, choice
    decided = choice.decided_by == "decision"
    try:
        geometry = _without_strays(geometry, choice.value, issues)
        bounds = [float(value) for value in shapely.total_bounds(geometry)]
        for note in crs.check_extent(bounds, choice.value):
            if note.code == "W_OUTSIDE_CRS_AREA" and not decided:
                raise Rejected(
                    "E_CRS_RANGE", note.zh, note.en,
                    fix=("请确认坐标系、带号与坐标顺序", "check the system, the zone and the axes"),
                )  # fmt: skip
            outside = note.code == "W_OUTSIDE_REGION" and not decided
            if outside and _elsewhere(bounds, choice.value):
                issues.add(
                    "E_OUTSIDE_REGION", "error", note.zh, note.en, decision="crs",
                    fix=("请核对坐标系与带号；确在外地时请指定坐标系确认",
                         "check system and zone; if they are right, confirm by choosing it"),
                )  # fmt: skip
                continue
            issues.add(note.code, "warning", note.zh, note.en, decision="crs")
        shift = decisions.datum_shift
        moved = crs.transform(
            geometry,
            choice.value,
            shift=crs.DatumShift(**shift.model_dump()) if shift is not None else None,
        )
    except Rejected as error:
        ask()
        issues.refuse(error, "datum_shift" if error.code == "E_CRS_DATUM" else "crs")
        return None, choice
    if choice.value in crs.SHIFTED:
        issues.add(
            "W_CRS_SHIFTED", "warning",
            f"坐标是 {choice.value}，已换算为 CGCS2000，精度约 1 米",
            f"the coordinates are {choice.value}; converted to CGCS2000, good to about 1 m",
        )  # fmt: skip
    elif not decided:
        rival = other_zone(geometry, choice.value, known.said, known.counties)
        if rival is not None:
            ask()
            _wrong_zone(choice.value, rival, issues)
    west, south, east, north = (float(value) for value in shapely.total_bounds(moved))
    choice.extent = (west, south, east, north)
    choice.counties = known.counties.shares(middles(moved[~shapely.is_missing(moved)]))
    return moved, choice


def _stated(raw: Raw, decisions: Decisions, issues: Issues) -> tuple[CrsChoice, crs.Datum | None]:
    """What is stated, best authority first; an unreadable statement is told and does not count."""
    if decisions.crs is not None:
        try:
            name = _name(decisions.crs)
        except Rejected as error:
            issues.refuse(error, "crs")
            return CrsChoice(value=None, name=None, decided_by=None), None
        return CrsChoice(value=decisions.crs, name=name, decided_by="decision"), None
    if raw.prj is not None:
        try:
            declared = crs.from_prj(raw.prj)
        except Rejected as error:
            issues.add(error.code, "warning", *error.detail, decision="crs")
        else:
            for note in declared.notes:
                issues.add(note.code, "warning", note.zh, note.en)
            choice = CrsChoice(value=declared.crs, name=declared.name, decided_by="prj")
            return choice, declared.datum
    if raw.declared_crs is not None:
        try:
            name = _name(raw.declared_crs)
        except Rejected as error:
            issues.add(error.code, "warning", *error.detail, decision="crs")
        else:
            return CrsChoice(value=raw.declared_crs, name=name, decided_by="format"), None
    return CrsChoice(value=None, name=None, decided_by=None), None


def _elsewhere(bounds: list[float], value: str) -> bool:
    """Whether nothing of the extent is in the region that the service is for."""
    west, south, east, north = crs.lonlat_bounds(bounds, value)
    home = crs.BAICHENG.bounds
    return west > home[2] or east < home[0] or south > home[3] or north < home[1]


def _name(value: str) -> str:
    return value if value in crs.SHIFTED else crs.resolve(value).name


def _without_strays(
    geometry: NDArray[np.object_], value: str, issues: Issues
) -> NDArray[np.object_]:
    """Leave out the few rows that lie outside the system's area of use, each told as E_CRS_RANGE.

    A single point at 0, 0 must not make a whole file look as if it had another system.
    """
    area = None if value in crs.SHIFTED else crs.resolve(value).area_of_use
    if area is None:
        return geometry
    box = shapely.bounds(geometry)
    there = np.flatnonzero(np.isfinite(box).all(axis=1))
    corners = np.concatenate([box[there][:, :2], box[there][:, 2:]])
    lonlat = crs.as_lonlat(corners, value, strict=False)
    margin = 0.2
    low, high = np.array(area.bounds[:2]) - margin, np.array(area.bounds[2:]) + margin
    inside = np.logical_and.reduce((lonlat >= low) & (lonlat <= high), axis=1)
    stray = there[~(inside[: len(there)] & inside[len(there) :])]
    if not 0 < len(stray) <= _STRAY * len(there):
        return geometry
    issues.at(
        stray, "E_CRS_RANGE", "error",
        lambda i: (
            f"坐标 ({box[i, 0]:.3f}, {box[i, 1]:.3f}) 超出坐标系的适用区域",
            f"coordinate ({box[i, 0]:.3f}, {box[i, 1]:.3f}) lies outside the system's area of use",
        ),
        where="geometry",
        fix=("请改正或删去这一行", "mend the row or leave it out"),
    )  # fmt: skip
    geometry = geometry.copy()
    geometry[stray] = None
    return geometry


def _mixed_zones(geometry: NDArray[np.object_], issues: Issues) -> None:
    """Eastings of one file that carry several zone numbers: its rows are of several systems."""
    box = shapely.bounds(geometry)
    for column in (0, 1):
        with np.errstate(invalid="ignore"):
            zones = np.floor(box[:, column] / 1e6)
        known = np.isin(zones, [*crs.ZONES[3], *crs.ZONES[6]])
        if known.mean() < 1 - _STRAY:
            continue
        values, counts = np.unique(zones[known], return_counts=True)
        if len(values) < 2:
            continue
        main = int(values[np.argmax(counts)])
        others = "、".join(str(int(v)) for v in values)
        issues.at(
            known & (zones != main), "E_ZONE_MIXED", "error",
            lambda i, zones=zones, main=main: (  # type: ignore[misc]
                f"坐标带号为 {int(zones[i])}，其他多为 {main}",
                f"its easting carries zone {int(zones[i])}, most others {main}",
            ),
            where="geometry",
            fix=(f"请按带号（{others}）拆成几个文件", "split the file by zone"),
        )  # fmt: skip


def _wrong_zone(value: str, rival: tuple[str, float, float], issues: Issues) -> None:
    """Bare eastings do not tell their zone, and a wrong one lands inside the region too."""
    other, now, share = rival
    issues.add(
        "E_CRS_ZONE", "error",
        f"按 {value} 只有 {now:.0%} 的图形位于其填报的县区，按 {other} 则有 {share:.0%}："
        "带号可能有误",
        f"under {value} {now:.0%} of the shapes lie in the county that they state, under {other} "
        f"{share:.0%}: the zone may be wrong",
        decision="crs",
        fix=("请在地图上核对后选择坐标系", "look at the map, then choose the system"),
    )  # fmt: skip
