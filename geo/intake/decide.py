"""What a person may decide about an upload. What is left out is decided by evidence and shown."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from geo.layers import Layer

Mode = Literal["append", "upsert", "replace"]


class Shift(BaseModel):
    """Datum shift parameters to CGCS2000, as `geo.crs.DatumShift`: metres, arc-seconds, ppm."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dx: float
    dy: float
    dz: float
    rx: float = 0.0
    ry: float = 0.0
    rz: float = 0.0
    ppm: float = 0.0
    convention: Literal["coordinate_frame", "position_vector"] | None = None


class Decisions(BaseModel):
    """Answers to the report's questions; each one wins over any evidence.

    ``mapping``: column of the file -> field of the layer, or None to leave it out.
    ``source_layer``: a layer of the report, or ``*`` for all of them as one.
    ``units``: unit of a column of stated areas.
    ``constants``: field -> one value for all rows, for what the file does not carry.
    ``identity``: how far stored features are recognised: by key, also by equal shape, also
    by similar shape.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source_layer: str | None = None
    encoding: str | None = None
    crs: str | None = None
    swap_xy: bool | None = None
    datum_shift: Shift | None = None
    mapping: dict[str, str | None] = Field(default_factory=dict)
    units: dict[str, Literal["mu", "ha", "m2", "km2"]] = Field(default_factory=dict)
    constants: dict[str, str] = Field(default_factory=dict)
    repair: Literal["none", "structure"] = "none"
    identity: Literal["key", "geometry", "similarity"] = "similarity"
    mode: Mode | None = None


def mode(decisions: Decisions, layer: Layer) -> tuple[Mode, str]:
    """(mode, how it was decided): by key where there is one, so that a re-delivery is no copy."""
    if decisions.mode is not None:
        return decisions.mode, "decision"
    return ("upsert", "key") if layer.key else ("append", "no key")
