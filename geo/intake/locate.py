"""Which coordinate system? Stated by a person, the .prj or the format; never guessed.

Without a statement the report ranks what the numbers allow and asks. All knowledge of
systems is in `geo.crs`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from geo import crs
from geo.errors import Rejected
from geo.intake.decide import Decisions
from geo.intake.issues import Issues
from geo.intake.read import Raw
from geo.intake.report import CrsCandidate, CrsChoice

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CANDIDATES = 8


def locate(
    geometry: NDArray[np.object_], raw: Raw, decisions: Decisions, issues: Issues
) -> tuple[NDArray[np.object_] | None, CrsChoice]:
    """(geometry in EPSG:4490 or None while the system is open, what the report shows).

    Issues (decision: crs): E_CRS_REQUIRED with ranked candidates, E_CRS_RANGE when the
    extent is outside the stated system's area of use, and what `geo.crs` refuses;
    E_CRS_DATUM asks for datum_shift.
    """
    swap = bool(decisions.swap_xy)
    if swap:
        geometry = shapely.transform(geometry, lambda xy: xy[:, ::-1])
    choice, datum = _stated(raw, decisions, issues)
    choice.swapped = swap
    if shapely.is_missing(geometry).all():
        return geometry, choice  # nothing to locate
    bounds = [float(value) for value in shapely.total_bounds(geometry)]
    if choice.value is None:
        _suggest(choice, bounds, datum or raw.datum, raw.zone)
        issues.add(
            "E_CRS_REQUIRED", "error",
            "文件没有说明坐标系，请选择",
            "the file does not state its coordinate system; choose it",
            decision="crs",
            fix=("请从候选坐标系中选择，或补充 .prj 文件", "choose a candidate, or add the .prj"),
        )  # fmt: skip
        return None, choice
    try:
        notes = crs.check_extent(bounds, choice.value)
        for note in notes:
            if note.code == "W_OUTSIDE_CRS_AREA" and choice.decided_by != "decision":
                raise Rejected(
                    "E_CRS_RANGE", note.zh, note.en,
                    fix=("请确认坐标系、带号与坐标顺序", "check the system, the zone and the axes"),
                )  # fmt: skip
            issues.add(note.code, "warning", note.zh, note.en, decision="crs")
        shift = decisions.datum_shift
        moved = crs.transform(
            geometry,
            choice.value,
            shift=crs.DatumShift(**shift.model_dump()) if shift is not None else None,
        )
    except Rejected as error:
        _suggest(choice, bounds, datum or raw.datum, raw.zone)
        issues.refuse(error, "datum_shift" if error.code == "E_CRS_DATUM" else "crs")
        return None, choice
    west, south, east, north = (float(value) for value in shapely.total_bounds(moved))
    choice.extent = (west, south, east, north)
    return moved, choice


def _stated(raw: Raw, decisions: Decisions, issues: Issues) -> tuple[CrsChoice, crs.Datum | None]:
    """What is stated, best authority first; an unreadable statement is told and does not count."""
    if decisions.crs is not None:
        try:
            name = (
                decisions.crs if decisions.crs in crs.SHIFTED else crs.resolve(decisions.crs).name
            )
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
            shifted = raw.declared_crs in crs.SHIFTED
            name = raw.declared_crs if shifted else crs.resolve(raw.declared_crs).name
        except Rejected as error:
            issues.add(error.code, "warning", *error.detail, decision="crs")
        else:
            if shifted:
                issues.add(
                    "W_CRS_SHIFTED", "warning",
                    f"坐标是 {name}，已换算为 CGCS2000，精度约 1 米",
                    f"the coordinates are {name}; converted to CGCS2000, good to about 1 m",
                )  # fmt: skip
            return CrsChoice(value=raw.declared_crs, name=name, decided_by="format"), None
    return CrsChoice(value=None, name=None, decided_by=None), None


def _suggest(
    choice: CrsChoice, bounds: list[float], datum: crs.Datum | None, zone: int | None
) -> None:
    choice.candidates = [
        CrsCandidate(
            crs=found.crs,
            swapped=found.swapped,
            confidence=round(found.confidence, 4),
            in_region=found.in_region,
            zh=found.reason[0],
            en=found.reason[1],
        )
        for found in crs.candidates(bounds, datum=datum, zone=zone)[:_CANDIDATES]
    ]
