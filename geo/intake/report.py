"""The report of an upload: what was found, what was decided and how, what is wrong and where."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

Severity = Literal["error", "warning", "note"]
State = Literal["ready", "needs_input", "rejected"]

#: Issues of a code listed in the report and kept in the file beside it; all are counted.
LISTED, KEPT = 100, 20_000

Place = tuple[float, float]  # lon, lat


class Issue(BaseModel):
    """``row`` counts the file's records from 1; ``decision``: which decision can solve it.

    ``where`` names the field or the part of the file, ``point`` is lon, lat on the map.
    """

    code: str
    severity: Severity
    zh: str
    en: str
    row: int | None = None
    where: str | None = None
    point: Place | None = None
    fix: tuple[str, str] | None = None
    decision: str | None = None


class Part(BaseModel):
    """Where the rows of one source layer begin when several are read as one."""

    layer: str
    first_row: int
    records: int


class Format(BaseModel):
    """``layers``: all that the file holds; ``parts``: those read together, in order."""

    id: str
    file: str
    layer: str | None = None
    layers: list[str] = Field(default_factory=list)
    parts: list[Part] = Field(default_factory=list)
    name_encoding: str | None = None


class FileName(BaseModel):
    """What a delivery's name says, such as GBZ2012510184GT...YS: proposals, never values."""

    kind: str
    kind_title: tuple[str, str]
    year: int | None = None
    county: str | None = None
    department: str | None = None
    project: str | None = None
    stage: str | None = None
    proposals: dict[str, str] = Field(default_factory=dict)


class EncodingChoice(BaseModel):
    """``samples``: texts as they read now, so that a person sees whether they are right."""

    value: str
    decided_by: str
    contradicted: str | None
    cut: int
    samples: list[str]
    choices: list[str]


class CountyShare(BaseModel):
    """``share``: part of the file's shapes that lies in the county."""

    code: str
    title: str
    share: float


class CrsCandidate(BaseModel):
    """``outline``: a ring around the shapes as this system puts them, lon/lat; the datum's own
    shift, if there is one, is not in it."""

    crs: str
    swapped: bool
    confidence: float
    in_region: bool
    zh: str
    en: str
    extent: tuple[float, float, float, float] | None = None
    outline: list[Place] = Field(default_factory=list)
    counties: list[CountyShare] = Field(default_factory=list)


class CrsChoice(BaseModel):
    """``extent``: west, south, east, north in EPSG:4490 degrees once the system is known."""

    value: str | None
    name: str | None
    decided_by: str | None
    swapped: bool = False
    candidates: list[CrsCandidate] = Field(default_factory=list)
    extent: tuple[float, float, float, float] | None = None
    counties: list[CountyShare] = Field(default_factory=list)


class MappedField(BaseModel):
    """``column`` is None for a constant. ``decided_by``: decision, name, title, alias, cut.

    ``unit``: the unit of the column where it is not the field's; values were converted.
    """

    field: str
    column: str | None
    decided_by: str
    samples: list[str]
    unit: str | None = None


class UnmappedColumn(BaseModel):
    column: str
    zh: str
    en: str
    samples: list[str]


class Mapping(BaseModel):
    fields: list[MappedField] = Field(default_factory=list)
    unmapped: list[UnmappedColumn] = Field(default_factory=list)
    missing: list[str] = Field(default_factory=list)


class Counts(BaseModel):
    """records = deleted + read; read = valid + rejected; repaired rows are valid."""

    records: int = 0
    deleted: int = 0
    read: int = 0
    valid: int = 0
    repaired: int = 0
    rejected: int = 0


class AreaDifference(BaseModel):
    row: int
    stated_m2: float
    computed_m2: float


class Areas(BaseModel):
    """Totals over the rows with both areas, m²; ``largest``: the rows that differ most.

    ``planar_m2``: of the same rows as ``compared_m2``, in the plane of the file's own system;
    ``stated_as``: which of the two the stated areas are, when they agree to 1e-6 with one.
    """

    computed_m2: float
    computed_rows: int
    field: str | None = None
    unit: str | None = None
    rows: int = 0
    stated_m2: float | None = None
    compared_m2: float | None = None
    difference_m2: float | None = None
    planar_m2: float | None = None
    stated_as: Literal["ellipsoidal", "planar"] | None = None
    largest: list[AreaDifference] = Field(default_factory=list)
    method: dict[str, str] = Field(default_factory=dict)


class Overlap(BaseModel):
    """Land that a row shares with another row of the file, or with a stored feature (``fid``)."""

    row: int
    other_row: int | None = None
    fid: int | None = None
    key: str | None = None
    m2: float
    mu: float
    point: Place


class Overlaps(BaseModel):
    """``pairs`` of overlapping shapes over ``rows`` of the file; ``largest`` of them listed."""

    pairs: int = 0
    rows: int = 0
    m2: float = 0.0
    mu: float = 0.0
    largest: list[Overlap] = Field(default_factory=list)


class Topology(BaseModel):
    """How the shapes lie to each other and to what is stored; null until it was looked at.

    ``slivers``: overlaps too thin or small to be land; ``gaps``: edges that nearly meet.
    """

    inside: Overlaps = Field(default_factory=Overlaps)
    stored: Overlaps = Field(default_factory=Overlaps)
    duplicates: int = 0
    slivers: int = 0
    gaps: int = 0
    thin: int = 0


class Report(BaseModel):
    """The report of contract.md, Uploads. Only ``ready`` may be committed."""

    state: State = "rejected"
    layer: str
    mode: str | None = None
    mode_decided_by: str | None = None
    format: Format | None = None
    file_name: FileName | None = None
    encoding: EncodingChoice | None = None
    crs: CrsChoice | None = None
    mapping: Mapping = Field(default_factory=Mapping)
    counts: Counts = Field(default_factory=Counts)
    issues: list[Issue] = Field(default_factory=list)
    issue_counts: dict[str, int] = Field(default_factory=dict)
    areas: Areas | None = None
    overlaps: Topology | None = None
    staged: str | None = None
    sides: list[str] = Field(default_factory=list)
