"""In which unit is a column of areas? By its name, else by what the shapes measure.

``面积（公顷）``, ``MJ_HA`` and ``AREA_M2`` say it; TBMJ is in square metres by the tables of the
land survey, DKMJ in hectares by the exchange text. MJ and 面积 say nothing, and the ratio of
stated to computed areas tells 亩, hectares and square metres apart.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

import numpy as np

from geo.layers import Field
from geo.units import Unit, from_unit, to_unit

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Spellings of units, as fields and columns have them.
UNITS: dict[str, Unit] = {
    "亩": "mu", "mu": "mu", "公顷": "ha", "ha": "ha", "hm2": "ha", "hm²": "ha", "顷": "ha",
    "m2": "m2", "m²": "m2", "sqm": "m2", "平方米": "m2", "平米": "m2",
    "km2": "km2", "km²": "km2", "平方千米": "km2", "平方公里": "km2",
}  # fmt: skip
#: Names of stated areas; with the unit that a standard gives them, where it does.
_NAMES: dict[str, Unit | None] = {
    "面积": None, "申报面积": None, "图斑面积": None, "地块面积": None, "项目面积": None,
    "建成面积": None, "建设面积": None, "建设规模": None, "治理面积": None, "实测面积": None,
    "mj": None, "sbmj": None, "area": None, "jsmj": None, "jcmj": None, "xmmj": None,
    "zlmj": None, "gbzmj": None, "jsgm": None, "flaeche": None, "pinta_ala": None,
    "tbmj": "m2", "dkmj": "ha", "shape_area": "m2", "st_area": "m2", "st_area(shape)": "m2",
}  # fmt: skip
_TOLERANCE = 0.03
_UNIT = re.compile(
    r"^(?P<name>.*?)[\s_\-(（\[:：/]*(?P<unit>" + "|".join(sorted(UNITS, key=len, reverse=True))
    + r")[\s)）\]]*$"
)  # fmt: skip


def field_unit(field: Field) -> Unit | None:
    """The unit of a field that holds stated areas (``stated_area_*``), None for others."""
    if not field.name.startswith("stated_area") or field.unit is None:
        return None
    return UNITS.get(field.unit)


def by_name(column: str) -> tuple[bool, Unit | None]:
    """(whether a column's name is one of stated areas, the unit that it says)."""
    plain = unicodedata.normalize("NFKC", column).strip().casefold()
    if plain in _NAMES:
        return True, _NAMES[plain]
    found = _UNIT.match(plain)
    if found is None:
        return False, None
    return found["name"].strip(" _-") in _NAMES, UNITS[found["unit"]]


def by_ratio(stated: NDArray[np.float64], measured: NDArray[np.float64], unit: Unit) -> Unit | None:
    """Another unit than ``unit`` that stated areas (m² if they were in ``unit``) seem to be in."""
    both = np.isfinite(stated) & np.isfinite(measured) & (measured > 0) & (stated > 0)
    if not both.any():
        return None
    middle = float(np.median(stated[both] / measured[both]))
    for other in sorted(set(UNITS.values())):
        if other != unit and abs(middle / factor(unit, other) - 1) < _TOLERANCE:
            return other
    return None


def factor(unit: Unit, other: Unit) -> float:
    """How many ``other`` are one ``unit``."""
    return float(to_unit(from_unit(1.0, unit), other))
