"""Stated areas beside computed ones: the first thing an auditor asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from geo.area import METHOD
from geo.intake.issues import Issues
from geo.intake.report import AreaDifference, Areas
from geo.layers import Field, Layer
from geo.units import Unit, from_unit

if TYPE_CHECKING:
    from numpy.typing import NDArray

_UNITS: dict[str, Unit] = {
    "亩": "mu", "mu": "mu", "公顷": "ha", "ha": "ha", "hm2": "ha", "hm²": "ha",
    "m2": "m2", "m²": "m2", "平方米": "m2", "km2": "km2", "km²": "km2", "平方千米": "km2",
}  # fmt: skip
_LARGEST = 20
#: A row is told when it differs by more than 5 % and more than a tenth of a mu.
_RELATIVE, _ABSOLUTE_M2 = 0.05, 200 / 3


def stated_field(layer: Layer) -> tuple[Field, Unit] | None:
    """The field in which senders state the area: ``stated_area_*`` with a unit of area."""
    for field in layer.fields:
        if field.name.startswith("stated_area") and field.unit in _UNITS:
            return field, _UNITS[field.unit]
    return None


def stated_m2(table: pa.Table, layer: Layer) -> NDArray[np.float64] | None:
    """Stated areas, m², NaN where there is none; None for layers without such a field."""
    found = stated_field(layer)
    if found is None or found[0].name not in table.column_names:
        return None
    values = table[found[0].name].to_numpy().astype(np.float64)
    return np.asarray(from_unit(values, found[1]), dtype=np.float64)


def compare(
    table: pa.Table, measure: NDArray[np.float64], layer: Layer, issues: Issues
) -> Areas | None:
    """Sum and compare, m²; None for layers without area.

    Issues: W_AREA_DIFFERS by row, W_AREA_UNIT when all stated areas are off by the
    factor of another unit.
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
    other = _other_unit(stated[both] / measure[both], unit)
    if other is not None:
        issues.add(
            "W_AREA_UNIT", "warning",
            f"“{field.title.zh}”的单位看来是 {other}，不是 {field.unit}",
            f"{field.title.en!r} seems to be in {other}, not in {unit}",
            where=field.name,
        )  # fmt: skip
        return areas
    issues.at(
        off, "W_AREA_DIFFERS", "warning",
        lambda i: (
            f"申报面积 {stated[i]:.1f} 平方米，计算面积 {measure[i]:.1f} 平方米",
            f"stated {stated[i]:.1f} m², computed {measure[i]:.1f} m²",
        ),
        where=field.name,
    )  # fmt: skip
    return areas


def _other_unit(ratios: NDArray[np.float64], unit: Unit) -> str | None:
    middle = float(np.median(ratios))
    if not middle > 0:
        return None
    for other in sorted(set(_UNITS.values())):
        factor = float(from_unit(1.0, unit)) / float(from_unit(1.0, other))
        if other != unit and abs(middle / factor - 1) < 0.03:
            return other
    return None
