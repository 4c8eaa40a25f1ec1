"""What was tried and survived, as one table at the end of a run of tests marked ``faults``.

A test tells its figures by `Tell`; tests that tell none are counted by their function. With
``LIANGTIAN_FAULTS=full`` (``make faults``) rounds are many, else few.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

FULL = os.environ.get("LIANGTIAN_FAULTS") == "full"


def rounds(short: int, full: int) -> int:
    """How often something is tried: a little in every run, much by ``make faults``."""
    return full if FULL else short


@dataclass
class Told:
    """``acknowledged``: writes that the service or the record had confirmed; ``lost`` of them."""

    what: str
    tried: int
    acknowledged: int | None = None
    lost: int | None = None
    note: str = ""


@dataclass
class Row:
    """A line of the table: a test with all its parameters."""

    what: str
    tried: int = 0
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    acknowledged: int | None = None
    lost: int | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def result(self) -> str:
        if self.failed:
            return "FAILED"
        return "survived" if self.passed else "not tried"


class Scorecard:
    """Rows by test, in the order in which they ran."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}

    def add(self, nodeid: str, outcome: str, properties: list[tuple[str, Any]]) -> None:
        """``outcome``: passed, failed or skipped; ``properties``: of the test's report."""
        told = [Told(**json.loads(value)) for name, value in properties if name == "fault"]
        said = [value for name, value in properties if name == "fault-what"]
        function = nodeid.split("[", maxsplit=1)[0]
        row = self.rows.setdefault(function, Row(said[0] if said else function))
        setattr(row, outcome, getattr(row, outcome) + 1)
        for each in told:
            row.what = each.what
            row.acknowledged = _sum(row.acknowledged, each.acknowledged)
            row.lost = _sum(row.lost, each.lost)
            if each.note:
                row.notes.append(each.note)
        row.tried += sum(each.tried for each in told) or (outcome != "skipped")

    def markdown(self) -> str:
        lines = ["| what | tried | acknowledged | lost | result | figures |",
                 "|---|---:|---:|---:|---|---|"]  # fmt: skip
        for row in self.rows.values():
            cells = (row.what, f"{row.tried:,}", _shown(row.acknowledged), _shown(row.lost),
                     row.result, "; ".join(dict.fromkeys(row.notes)))  # fmt: skip
            lines.append("| " + " | ".join(cells) + " |")
        return "\n".join(lines)


def _sum(before: int | None, more: int | None) -> int | None:
    return before if more is None else (before or 0) + more


def _shown(number: int | None) -> str:
    return "" if number is None else f"{number:,}"


Tell = Callable[..., None]


def teller(record_property: Callable[[str, object], None]) -> Tell:
    """``tell(what, tried=..., acknowledged=..., lost=..., note=...)`` for one test."""

    def tell(what: str, tried: int, **more: Any) -> None:
        record_property("fault", json.dumps(asdict(Told(what, tried, **more)), ensure_ascii=False))

    return tell
