"""What may be calibrated: properties of soil samples, each with the extract it was measured in.

EC of a 1:5 extract and ECe of the saturated paste differ by a factor that depends
on the soil; they are different targets and are never put together.
"""

from __future__ import annotations

from dataclasses import dataclass

from geo.errors import Rejected
from geo.layers import Text


@dataclass(frozen=True)
class Target:
    """``field`` of the layer samples; ``extract``: (field, code) that a sample must have.

    ``apart``: a field of which only one value may occur among the samples used.
    ``indicator``: the name by which gradings know it.
    """

    id: str
    title: Text
    field: str
    unit: str
    indicator: str
    bounds: tuple[float, float]
    extract: tuple[str, str] | None = None
    apart: str | None = None


TARGETS: dict[str, Target] = {
    target.id: target
    for target in (
        Target("ph", Text(zh="pH", en="pH"), "ph", "1", "ph", (6.0, 11.5), apart="ph_extract"),
        Target(
            "ec_1_5",
            Text(zh="电导率 EC1:5", en="EC of the 1:5 extract"),
            "ec_ds_m",
            "dS/m",
            "ec_1_5_ds_m",
            (0.0, 15.0),
            ("extract", "1:5"),
        ),
        Target(
            "ece",
            Text(zh="饱和泥浆电导率 ECe", en="ECe of the saturated paste"),
            "ec_ds_m",
            "dS/m",
            "ece_ds_m",
            (0.0, 80.0),
            ("extract", "saturated_paste"),
        ),
        Target(
            "salt_g_kg",
            Text(zh="全盐量", en="Total salt"),
            "salt_g_kg",
            "g/kg",
            "salt_g_kg",
            (0.0, 60.0),
        ),
        Target(
            "esp_percent",
            Text(zh="碱化度 ESP", en="ESP"),
            "esp_percent",
            "%",
            "esp_percent",
            (0.0, 100.0),
        ),
        Target(
            "sar", Text(zh="钠吸附比 SAR", en="SAR"), "sar", "(mmol/L)^0.5", "sar", (0.0, 5000.0)
        ),
    )
}


def get(name: str) -> Target:
    """A target by id. Raises `Rejected`: E_EXTRACT for an EC without its extract, E_TARGET."""
    if name in TARGETS:
        return TARGETS[name]
    if name.lower() in ("ec", "ec_ds_m"):
        raise Rejected(
            "E_EXTRACT",
            "电导率须说明浸提方式：1:5 与饱和泥浆的数值不可混用",
            "EC needs its extract: values of 1:5 and of saturated paste are never put together",
            where="target",
            fix=("用 ec_1_5 或 ece", "ask for ec_1_5 or ece"),
        )
    raise Rejected(
        "E_TARGET",
        f"不能标定 {name}",
        f"{name!r} cannot be calibrated",
        where="target",
        fix=("、".join(TARGETS), ", ".join(TARGETS)),
    )
