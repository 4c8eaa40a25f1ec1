"""Sums of a run as rows of an answer: closed areas, and from which grade to which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from geo.soil.results import Part, Summed

Floats = NDArray[np.float64]
Direction = Literal["higher", "lower", "vegetation", "none"]
#: A group of which less than this share was seen is "not observed".
SEEN = 1e-9


def statuses(observed: Floats, area: Floats) -> list[str]:
    """``observed``, ``partly`` or ``not_observed`` for each group."""
    share = _share(observed, area)
    some = [share <= SEEN, share < 1 - 1e-6]
    named: list[str] = np.select(some, ["not_observed", "partly"], "observed").tolist()
    return named


def area_rows(
    names: Sequence[Any], found: Summed, labels: Sequence[str], reasons: Sequence[str]
) -> list[dict[str, Any]]:
    """A row a group: area = grades + masked + outside. ``grades`` of what nobody saw is empty."""
    parts = _parts(found.after, found.area, labels, reasons)
    return [
        {"group": name, "count": count, **row}
        for name, count, row in zip(names, found.count.tolist(), parts, strict=True)
    ]


def before_rows(
    found: Summed, labels: Sequence[str], reasons: Sequence[str]
) -> list[dict[str, Any]]:
    """The same of the earlier scene, without names."""
    assert found.before is not None
    return _parts(found.before, found.area, labels, reasons)


def _parts(
    part: Part, area: Floats, labels: Sequence[str], reasons: Sequence[str]
) -> list[dict[str, Any]]:
    seen = part.grades.sum(axis=1)
    lists = zip(
        part.grades.tolist(),
        part.masked.tolist(),
        part.masked.sum(axis=1).tolist(),
        part.outside.tolist(),
        area.tolist(),
        _share(seen, area).tolist(),
        statuses(seen, area),
        strict=True,
    )
    return [
        {
            "grades": {} if status == "not_observed" else dict(zip(labels, grades, strict=True)),
            "masked_m2": masked,
            "outside_m2": outside,
            "area_m2": whole,
            "masked": dict(zip(reasons, why, strict=True)),
            "observed_share": share,
            "status": status,
        }
        for grades, why, masked, outside, whole, share, status in lists
    ]


def area_table(
    names: Sequence[Any], found: Summed, labels: Sequence[str], reasons: Sequence[str]
) -> tuple[list[str], list[list[Any]]]:
    """Headings and rows of a file; grades of what nobody saw stay empty."""
    rows = area_rows(names, found, labels, reasons)
    headings = ["group", *labels, "masked_m2", "outside_m2", "area_m2", "observed_share", "status"]
    return headings, [
        [
            row["group"],
            *(row["grades"].get(label) for label in labels),
            row["masked_m2"],
            row["outside_m2"],
            row["area_m2"],
            row["observed_share"],
            row["status"],
        ]
        for row in rows
    ]


def change_rows(
    names: Sequence[Any], found: Summed, labels: Sequence[str], direction: Direction
) -> list[dict[str, Any]]:
    """A row a group: what was seen on both dates by (from, to), and what it amounts to.

    area = improved + worsened + stable + unobserved. Without a direction (water indices)
    nobody can say what is better: improved and worsened are null, ``changed_m2`` is both.
    """
    assert found.change is not None
    k = len(labels)
    both = found.change[:, :k, :k]
    lower, upper = np.tril(np.ones((k, k)), -1), np.triu(np.ones((k, k)), 1)
    fell, rose = (both * lower).sum(axis=(1, 2)), (both * upper).sum(axis=(1, 2))
    stable = np.trace(both, axis1=1, axis2=2)
    seen = both.sum(axis=(1, 2))
    better, worse = (fell, rose) if direction == "higher" else (rose, fell)
    known = direction != "none"
    lists = zip(
        names,
        found.count.tolist(),
        both.tolist(),
        better.tolist(),
        worse.tolist(),
        stable.tolist(),
        seen.tolist(),
        found.area.tolist(),
        statuses(seen, found.area),
        strict=True,
    )
    return [
        {
            "group": name,
            "count": count,
            "matrix": {}
            if status == "not_observed"
            else {
                label: dict(zip(labels, line, strict=True))
                for label, line in zip(labels, matrix, strict=True)
            },
            "improved_m2": improved if known else None,
            "worsened_m2": worsened if known else None,
            "changed_m2": improved + worsened,
            "stable_m2": same,
            "observed_m2": observed,
            "unobserved_m2": max(area - observed, 0.0),
            "area_m2": area,
            "status": status,
        }
        for name, count, matrix, improved, worsened, same, observed, area, status in lists
    ]


def _share(part: Floats, whole: Floats) -> Floats:
    share: Floats = np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
    return np.minimum(share, 1.0)
