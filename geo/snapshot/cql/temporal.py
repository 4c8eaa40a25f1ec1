"""Temporal functions (OGC 21-065r2, 7.7): Allen's relations of instants and intervals.

An instant is an interval whose ends are equal. ``..`` is an open end. Two dates
compare as dates, two timestamps as timestamps, a date and a timestamp by dates.
A relation of an interval with an unknown end is unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

import pyarrow as pa
import pyarrow.compute as pc

from geo.snapshot.cql.evaluate import NULL, Compare, Constant, Context, Expression, Kind, Value


@dataclass(frozen=True)
class Unbounded:
    """An open end: before everything (-1) or after everything (1)."""

    sign: int


End = Expression | Unbounded


@dataclass(frozen=True)
class Interval:
    start: End
    end: End


#: Each relation as conditions (end of left, operator, end of right) that must all hold.
RELATIONS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "t_after": (("start", ">", "end"),),
    "t_before": (("end", "<", "start"),),
    "t_contains": (("start", "<", "start"), ("end", ">", "end")),
    "t_disjoint": (),  # the negation of t_intersects
    "t_during": (("start", ">", "start"), ("end", "<", "end")),
    "t_equals": (("start", "=", "start"), ("end", "=", "end")),
    "t_finishedBy": (("start", "<", "start"), ("end", "=", "end")),
    "t_finishes": (("start", ">", "start"), ("end", "=", "end")),
    "t_intersects": (("start", "<=", "end"), ("end", ">=", "start")),
    "t_meets": (("end", "=", "start"),),
    "t_metBy": (("start", "=", "end"),),
    "t_overlappedBy": (("start", ">", "start"), ("start", "<", "end"), ("end", ">", "end")),
    "t_overlaps": (("start", "<", "start"), ("end", ">", "start"), ("end", "<", "end")),
    "t_startedBy": (("start", "=", "start"), ("end", ">", "end")),
    "t_starts": (("start", "=", "start"), ("end", "<", "end")),
}


@dataclass(frozen=True)
class Temporal:
    """A temporal function of two intervals."""

    name: str
    left: Interval
    right: Interval
    kind: Kind = "boolean"

    def evaluate(self, context: Context) -> Value:
        if self.name == "t_disjoint":
            return pc.invert(Temporal("t_intersects", self.left, self.right).evaluate(context))
        parts = [
            _compare(op, getattr(self.left, left), getattr(self.right, right), context)
            for left, op, right in RELATIONS[self.name]
        ]
        answer = reduce(pc.and_kleene, parts)
        ends = {self.left.start, self.left.end, self.right.start, self.right.end}
        columns = [end for end in ends if not isinstance(end, (Unbounded, Constant))]
        known = [pc.is_valid(column.evaluate(context)) for column in columns]
        return pc.if_else(reduce(pc.and_, known), answer, NULL) if known else answer


def _compare(op: str, left: End, right: End, context: Context) -> Value:
    if not isinstance(left, Unbounded) and not isinstance(right, Unbounded):
        return Compare(op, left, right).evaluate(context)
    sides = [side.sign if isinstance(side, Unbounded) else 0 for side in (left, right)]
    order = (sides[0] > sides[1]) - (sides[0] < sides[1])
    answer = {"<": order < 0, ">": order > 0, "=": order == 0, "<=": order <= 0, ">=": order >= 0}
    return pa.scalar(answer[op])
