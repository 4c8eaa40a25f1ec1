"""What is wrong with a file, collected while it is looked at: by code, by row, with its place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from geo.errors import Rejected
from geo.intake.fixes import FIXES
from geo.intake.report import KEPT, LISTED, Issue, Place, Severity, State

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Decisions without which the rest of the file cannot be judged.
_OPEN = {"source_layer", "encoding", "crs", "datum_shift"}


class Issues:
    """Collects what is wrong: all counted, the first of each code kept, rows with errors marked.

    ``rows``: record number of each row that was read. ``listed`` are the report's issues;
    `kept` has more of them, for the file beside the report.
    """

    def __init__(self, rows: NDArray[np.int64] | None = None) -> None:
        self.counts: dict[str, int] = {}
        self._kept: list[tuple[Issue, int]] = []  # with the position of its row, -1 for none
        self._of_code: dict[str, int] = {}
        self.over(np.empty(0, np.int64) if rows is None else rows)

    def over(self, rows: NDArray[np.int64]) -> Issues:
        """The same collection, now that the rows are known."""
        self.rows, self.bad = rows, np.zeros(len(rows), dtype=np.bool_)
        return self

    def add(self, code: str, severity: Severity, zh: str, en: str, **more: Any) -> None:
        """Something about the whole file."""
        self._keep(Issue(code=code, severity=severity, zh=zh, en=en, **more), -1)
        self.counts[code] = self.counts.get(code, 0) + 1

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
        *,
        point: Callable[[int], Place | None] | None = None,
        **more: Any,
    ) -> None:
        """Something about rows, given as a mask or as positions.

        ``describe`` one of them; ``point`` is its place on the map (the row's own without it).
        """
        positions = np.flatnonzero(places) if places.dtype == np.bool_ else places
        if not len(positions):
            return
        if severity == "error":
            self.bad[positions] = True
        free = max(0, KEPT - self._of_code.get(code, 0))
        for position in positions[:free].tolist():
            zh, en = describe(position)
            where = None if point is None else point(position)
            row = int(self.rows[position])
            issue = Issue(
                code=code, severity=severity, zh=zh, en=en, row=row, point=where, **more
            )  # fmt: skip
            self._keep(issue, position)
        self.counts[code] = self.counts.get(code, 0) + len(positions)

    def _keep(self, issue: Issue, position: int) -> None:
        if issue.fix is None:
            issue.fix = FIXES.get(issue.code)
        self._kept.append((issue, position))
        self._of_code[issue.code] = self._of_code.get(issue.code, 0) + 1

    def locate(self, points: NDArray[np.float64]) -> None:
        """Give row issues without a place that of their row: lon, lat [rows, 2], NaN for none."""
        known: NDArray[np.bool_] = np.isfinite(points[:, 0]) & np.isfinite(points[:, 1])
        for issue, position in self._kept:
            if issue.point is None and position >= 0 and known[position]:
                issue.point = (float(points[position, 0]), float(points[position, 1]))

    def kept(self) -> Iterator[Issue]:
        return (issue for issue, _ in self._kept)

    @property
    def listed(self) -> list[Issue]:
        """The first issues of each code, as they came."""
        seen: dict[str, int] = {}
        result = []
        for issue, _ in self._kept:
            seen[issue.code] = seen.get(issue.code, 0) + 1
            if seen[issue.code] <= LISTED:
                result.append(issue)
        return result

    def codes(self) -> dict[int, list[str]]:
        """Codes by position of the row, of what was kept."""
        result: dict[int, list[str]] = {}
        for issue, position in self._kept:
            if position >= 0 and issue.code not in result.setdefault(position, []):
                result[position].append(issue.code)
        return result

    @property
    def state(self) -> State:
        """Ready without errors; a question while the file is not understood, or while decisions
        can solve every error; else rejected."""
        return state_of([issue for issue, _ in self._kept], bool(self.bad.any()))


def state_of(issues: list[Issue], bad: bool) -> State:
    """See `Issues.state`; ``bad``: some row has an error."""
    solvable = {issue.decision for issue in issues if issue.severity == "error"}
    if not solvable:
        return "rejected" if bad else "ready"
    return "needs_input" if solvable & _OPEN or None not in solvable else "rejected"
