"""Stated areas beside computed ones: the first thing an auditor asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from geo.area import METHOD
from geo.intake import area_units
from geo.intake.issues import Issues
from geo.intake.report import AreaDifference, Areas, Mapping
from geo.layers import Field, Layer
from geo.units import Unit, from_unit

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LARGEST = 20
#: A row is told when it differs by more than 5 % and more than a tenth of a mu.
_RELATIVE, _ABSOLUTE_M2 = 0.05, 200 / 3
#: Stated areas are computed ones when most agree to this, or in their last digit (rounded or cut).
_SAME, _MOST, _ROUNDED = 1e-6, 0.95, 100.0


def stated_field(layer: Layer) -> tuple[Field, Unit] | None:
    """The field in which senders state the area: ``stated_area_*`` with a unit of area."""
    for field in layer.fields:
        unit = area_units.field_unit(field)
        if unit is not None:
            return field, unit
    return None


def stated_m2(table: pa.Table, layer: Layer) -> NDArray[np.float64] | None:
    """Stated areas, m², NaN where there is none; None for layers without such a field."""
    found = stated_field(layer)
    if found is None or found[0].name not in table.column_names:
        return None
    values = table[found[0].name].to_numpy().astype(np.float64)
    return np.asarray(from_unit(values, found[1]), dtype=np.float64)


def settle_unit(
    table: pa.Table, measure: NDArray[np.float64], layer: Layer, mapping: Mapping, issues: Issues
) -> pa.Table:
    """Stated areas in the field's unit, when the shapes show that the column has another one.

    Issue W_AREA_UNIT. A unit that a person or the column's name states is not changed.
    """
    found, stated = stated_field(layer), stated_m2(table, layer)
    if found is None or stated is None:
        return table
    field, unit = found
    entry = next((f for f in mapping.fields if f.field == field.name), None)
    if entry is not None and entry.unit is not None:
        issues.add(
            "W_AREA_UNIT", "note",
            f"“{entry.column}”的单位是 {entry.unit}，已换算为{field.unit}",
            f"{entry.column!r} is in {entry.unit} and was converted to {unit}", where=field.name,
        )  # fmt: skip
    said = None if entry is None else entry.unit or area_units.by_name(entry.column or "")[1]
    other = area_units.by_ratio(stated, measure, area_units.UNITS.get(said or "", unit))
    if other is None:
        return table
    if said or entry is None:
        issues.add(
            "W_AREA_UNIT", "warning",
            f"“{field.title.zh}”按所写单位与图形面积不符，数值像是 {other}",
            f"{field.title.en!r} does not fit the shapes in its unit; it looks like {other}",
            where=field.name,
        )  # fmt: skip
        return table
    issues.add(
        "W_AREA_UNIT", "warning",
        f"与图形面积相比，“{entry.column}”的单位是 {other}，已换算为{field.unit}",
        f"beside the shapes {entry.column!r} is in {other} and was converted to {unit}",
        where=field.name,
    )  # fmt: skip
    entry.unit = other
    values = pc.multiply(table[field.name], pa.scalar(area_units.factor(other, unit)))
    return table.set_column(table.column_names.index(field.name), field.name, values)


def compare(
    table: pa.Table,
    measure: NDArray[np.float64],
    planar: NDArray[np.float64] | None,
    layer: Layer,
    issues: Issues,
) -> Areas | None:
    """Sum and compare, m²; None for layers without area. ``planar``: areas in the plane of the
    file's own system. Issue W_AREA_DIFFERS by row.
    """
    if layer.geometry != "MultiPolygon":
        return None
    measured = np.isfinite(measure)
    areas = Areas(
        computed_m2=float(np.sum(measure[measured])),
        computed_rows=int(measured.sum()),
        method=METHOD,
    )
    found = stated_field(layer)
    if found is None or found[0].name not in table.column_names:
        return areas
    field, unit = found
    stated = stated_m2(table, layer)
    assert stated is not None
    both = measured & np.isfinite(stated)
    if not both.any():
        return areas
    areas.field, areas.unit, areas.rows = field.name, unit, int(both.sum())
    areas.stated_m2 = float(np.sum(stated[both]))
    areas.compared_m2 = float(np.sum(measure[both]))
    areas.difference_m2 = areas.stated_m2 - areas.compared_m2
    if planar is not None:
        areas.planar_m2 = float(np.sum(planar[both]))
    areas.stated_as = _kind(stated[both], measure[both], None if planar is None else planar[both])
    difference = np.where(both, np.abs(stated - measure), 0.0)
    areas.largest = [
        AreaDifference(
            row=int(issues.rows[i]), stated_m2=float(stated[i]), computed_m2=float(measure[i])
        )
        for i in np.argsort(-difference, kind="stable")[:_LARGEST]
        if difference[i] > 0
    ]
    with np.errstate(invalid="ignore"):
        off = both & (difference > _RELATIVE * measure) & (difference > _ABSOLUTE_M2)
    issues.at(
        off, "W_AREA_DIFFERS", "warning",
        lambda i: (
            f"申报面积 {stated[i]:.1f} 平方米，计算面积 {measure[i]:.1f} 平方米",
            f"stated {stated[i]:.1f} m², computed {measure[i]:.1f} m²",
        ),
        where=field.name,
    )  # fmt: skip
    return areas


def _kind(
    stated: NDArray[np.float64], measure: NDArray[np.float64], planar: NDArray[np.float64] | None
) -> Literal["ellipsoidal", "planar"] | None:
    """Which area the stated ones are, to 1e-6 beside the rounding of their last digit."""
    digit = 1e4 * next((10.0**-d for d in range(9) if np.allclose(
        np.round(stated / 1e4, d), stated / 1e4, rtol=0, atol=1e-12)), 0.0)  # fmt: skip
    for kind, computed in (("ellipsoidal", measure), ("planar", planar)):
        if computed is None:
            continue
        near = np.abs(stated - computed) <= _SAME * computed + 1.01 * min(digit, _ROUNDED)
        if near.mean() >= _MOST:
            return kind  # type: ignore[return-value]
    return None
