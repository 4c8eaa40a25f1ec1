"""The report of an upload: what was found, what was decided and how, what is wrong and where."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import BaseModel, Field

from geo.errors import Rejected

if TYPE_CHECKING:
    from numpy.typing import NDArray

Severity = Literal["error", "warning", "note"]
State = Literal["ready", "needs_input", "rejected"]

#: Decisions without which the rest of the file cannot be judged.
_OPEN = {"source_layer", "encoding", "crs", "datum_shift"}
#: Issues listed per code; all of them are counted.
LISTED = 100


class Issue(BaseModel):
    """``row`` counts the file's records from 1; ``decision``: which decision can solve it."""

    code: str
    severity: Severity
    zh: str
    en: str
    row: int | None = None
    where: str | None = None
    fix: tuple[str, str] | None = None
    decision: str | None = None


class Format(BaseModel):
    id: str
    file: str
    layer: str | None = None
    layers: list[str] = Field(default_factory=list)
    name_encoding: str | None = None


class EncodingChoice(BaseModel):
    """``samples``: texts as they read now, so that a person sees whether they are right."""

    value: str
    decided_by: str
    contradicted: str | None
    cut: int
    samples: list[str]
    choices: list[str]


class CrsCandidate(BaseModel):
    crs: str
    swapped: bool
    confidence: float
    in_region: bool
    zh: str
    en: str


class CrsChoice(BaseModel):
    """``extent``: west, south, east, north in EPSG:4490 degrees once the system is known."""

    value: str | None
    name: str | None
    decided_by: str | None
    swapped: bool = False
    candidates: list[CrsCandidate] = Field(default_factory=list)
    extent: tuple[float, float, float, float] | None = None


class MappedField(BaseModel):
    """``column`` is None for a constant. ``decided_by``: decision, name, title, alias, cut."""

    field: str
    column: str | None
    decided_by: str
    samples: list[str]


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
    """Totals over the rows with both areas, m²; ``largest``: the rows that differ most."""

    computed_m2: float
    computed_rows: int
    field: str | None = None
    unit: str | None = None
    rows: int = 0
    stated_m2: float | None = None
    compared_m2: float | None = None
    difference_m2: float | None = None
    largest: list[AreaDifference] = Field(default_factory=list)
    method: dict[str, str] = Field(default_factory=dict)


class Report(BaseModel):
    """The report of contract.md, Uploads. Only ``ready`` may be committed."""

    state: State = "rejected"
    layer: str
    mode: str | None = None
    mode_decided_by: str | None = None
    format: Format | None = None
    encoding: EncodingChoice | None = None
    crs: CrsChoice | None = None
    mapping: Mapping = Field(default_factory=Mapping)
    counts: Counts = Field(default_factory=Counts)
    issues: list[Issue] = Field(default_factory=list)
    issue_counts: dict[str, int] = Field(default_factory=dict)
    areas: Areas | None = None
    staged: str | None = None


class Issues:
    """Collects what is wrong: all counted, the first of each code listed, rows with errors marked.

    ``rows``: record number of each row that was read.
    """

    def __init__(self, rows: NDArray[np.int64] | None = None) -> None:
        self.rows = np.empty(0, np.int64) if rows is None else rows
        self.bad = np.zeros(len(self.rows), dtype=np.bool_)
        self.listed: list[Issue] = []
        self.counts: dict[str, int] = {}

    def over(self, rows: NDArray[np.int64]) -> Issues:
        """The same collection, now that the rows are known."""
        self.rows, self.bad = rows, np.zeros(len(rows), dtype=np.bool_)
        return self

    def add(self, code: str, severity: Severity, zh: str, en: str, **more: Any) -> None:
        """Something about the whole file."""
        self._list(Issue(code=code, severity=severity, zh=zh, en=en, **more), 1)

    def refuse(self, error: Rejected, decision: str | None = None, **more: Any) -> None:
        """A refusal that a decision can solve becomes an issue instead of an end."""
        self.add(
            error.code, "error", error.detail[0], error.detail[1],
            where=error.where, fix=error.fix, decision=decision, **more,
        )  # fmt: skip

    def at(
        self,
        places: NDArray[np.bool_] | NDArray[np.int64],
        code: str,
        severity: Severity,
        describe: Callable[[int], tuple[str, str]],
        **more: Any,
    ) -> None:
        """Something about rows, given as a mask or as positions; ``describe`` one of them."""
        positions = np.flatnonzero(places) if places.dtype == np.bool_ else places
        if not len(positions):
            return
        if severity == "error":
            self.bad[positions] = True
        free = max(0, LISTED - self.counts.get(code, 0))
        for position in positions[:free]:
            zh, en = describe(int(position))
            row = int(self.rows[position])
            issue = Issue(code=code, severity=severity, zh=zh, en=en, row=row, **more)
            self.listed.append(issue)
        self.counts[code] = self.counts.get(code, 0) + len(positions)

    def _list(self, issue: Issue, count: int) -> None:
        self.listed.append(issue)
        self.counts[issue.code] = self.counts.get(issue.code, 0) + count

    @property
    def state(self) -> State:
        """Ready without errors; a question while the file is not understood, or while decisions
        can solve every error; else rejected."""
        errors = [issue for issue in self.listed if issue.severity == "error"]
        if not errors:
            return "rejected" if self.bad.any() else "ready"
        solvable = {issue.decision for issue in errors}
        return "needs_input" if solvable & _OPEN or None not in solvable else "rejected"
