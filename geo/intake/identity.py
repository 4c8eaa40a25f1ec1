"""Which stored feature is a row of a file? By business key, then by shape, then by similarity.

A re-delivered file often has new numbers, or the same numbers redrawn. What is found is shown
in the report, and ``identity`` among the decisions says how far to go.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from geo import crs
from geo.area import ellipsoidal_area
from geo.intake.issues import Issues
from geo.intake.topology import Pairs, Plane, same_shape

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Shared part of the union from which two shapes are one, redrawn.
SIMILAR = 0.8
_LEVELS = ("key", "geometry", "similarity")
#: A file lies moved when its known features all are, by more than this (m) and alike.
_MOVED, _ALIKE, _ENOUGH = 3.0, 0.2, 3


@dataclass(frozen=True)
class Stored:
    """Stored features beside a file: ids, keys as text (null without), shapes in EPSG:4490."""

    fid: NDArray[np.int64]
    key: pa.Array
    geometry: NDArray[np.object_]


@dataclass
class Matches:
    """``at``: position of each row's stored feature, -1 for none; ``how`` it was found, or ''."""

    at: NDArray[np.int64]
    how: list[str]

    def note(self, rows: NDArray[np.int64], at: NDArray[np.int64], how: str) -> None:
        self.at[rows] = at
        for row in rows.tolist():
            self.how[row] = how


def match(
    geometry: NDArray[np.object_], key: pa.Array, stored: Stored, shared: Pairs | None,
    *, identity: str,
) -> Matches:  # fmt: skip
    """Each row's feature, each feature once; ``shared`` are the overlaps of rows and features."""
    count = len(geometry)
    found = Matches(np.full(count, -1, np.int64), [""] * count)
    level = _LEVELS.index(identity)
    place = pc.index_in(key, value_set=stored.key, skip_nulls=True)
    known = np.asarray(place.is_valid())
    rows = np.flatnonzero(known)
    found.note(rows, place.drop_null().to_numpy().astype(np.int64), "key")
    if level >= 1:
        _by_shape(found, geometry, stored)
    if level >= 2 and shared is not None:
        _by_similarity(found, geometry, stored, shared)
    return found


def _free(found: Matches, stored: Stored) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(rows, features) that are nobody's yet."""
    taken = np.zeros(len(stored.fid), np.bool_)
    taken[found.at[found.at >= 0]] = True
    return np.flatnonzero(found.at < 0), np.flatnonzero(~taken)


def _by_shape(found: Matches, geometry: NDArray[np.object_], stored: Stored) -> None:
    rows, features = _free(found, stored)
    if not len(rows) or not len(features):
        return
    where: dict[bytes, int] = {}
    for at, value in zip(features.tolist(), same_shape(stored.geometry[features]), strict=True):
        if value is not None:
            where.setdefault(value, at)
    hits = [
        (row, where.pop(value))
        for row, value in zip(rows.tolist(), same_shape(geometry[rows]), strict=True)
        if value is not None and value in where
    ]
    if hits:
        pairs = np.array(hits, np.int64)
        found.note(pairs[:, 0], pairs[:, 1], "geometry")


def _by_similarity(
    found: Matches, geometry: NDArray[np.object_], stored: Stored, shared: Pairs
) -> None:
    rows, features = _free(found, stored)
    free_row, free_feature = np.zeros(len(geometry), np.bool_), np.zeros(len(stored.fid), np.bool_)
    free_row[rows], free_feature[features] = True, True
    pairs = shared.only(free_row[shared.left] & free_feature[shared.right])
    if not len(pairs.m2):
        return
    union = (
        ellipsoidal_area(geometry[pairs.left])
        + ellipsoidal_area(stored.geometry[pairs.right])
        - pairs.m2
    )
    likeness = pairs.m2 / union
    used_row, used_feature = ~free_row, ~free_feature
    hits = []
    for i in np.argsort(-likeness, kind="stable"):
        if likeness[i] < SIMILAR:
            break
        row, feature = int(pairs.left[i]), int(pairs.right[i])
        if not (used_row[row] or used_feature[feature]):
            used_row[row] = used_feature[feature] = True
            hits.append((row, feature))
    if hits:
        table = np.array(hits, np.int64)
        found.note(table[:, 0], table[:, 1], "similarity")


def shifted(
    geometry: NDArray[np.object_], stored: NDArray[np.object_], found: Matches, plane: Plane,
    issues: Issues, *, decided: bool,
) -> None:  # fmt: skip
    """Tell when features known by their key all lie moved the same way: a wrong system.

    E_CRS_SHIFTED (decision: crs), with what the distance looks like; a warning where a person
    chose the system.
    """
    rows = np.array([i for i, how in enumerate(found.how) if how == "key"], np.int64)
    if len(rows) < _ENOUGH:
        return
    new, old = _centres(geometry[rows]), _centres(stored[found.at[rows]])
    there = np.isfinite(new).all(axis=1) & np.isfinite(old).all(axis=1)
    if there.sum() < _ENOUGH:
        return
    new, old = new[there], old[there]
    to = crs.transform_points
    moved = to(new, crs.STORAGE, plane.crs) - to(old, crs.STORAGE, plane.crs)
    middle = np.median(moved, axis=0)
    distance = float(np.hypot(*middle))
    spread = float(np.median(np.hypot(*(moved - middle).T)))
    if distance < _MOVED or spread > _ALIKE * distance:
        return
    azimuth = float(np.degrees(np.arctan2(middle[0], middle[1])) % 360)
    zh, en = _looks_like(new, old, distance)
    issues.add(
        "E_CRS_SHIFTED", "warning" if decided else "error",
        f"编号相同的 {len(new)} 个图形整体偏移 {distance:.0f} 米（方位角 {azimuth:.0f}°）：{zh}",
        f"{len(new)} features known by their key all lie {distance:.0f} m off (azimuth "
        f"{azimuth:.0f}): {en}",
        decision=None if decided else "crs",
        fix=("请确认坐标系后重新选择", "confirm the coordinate system or choose another"),
    )  # fmt: skip


def _looks_like(
    new: NDArray[np.float64], old: NDArray[np.float64], distance: float
) -> tuple[str, str]:
    for name, offset in crs.SHIFTED.items():
        expected = crs.gcj02.shift(old, offset) - old
        if np.median(np.abs(new - old - expected)) < 1e-4:
            return f"像是 {name} 坐标", f"this looks like {name}"
    if 1900 < distance < 2150:
        return "像是 UTM 与高斯投影混淆", "this looks like UTM taken for Gauss-Krueger"
    if distance > 20_000:
        return "像是带号错误", "this looks like a wrong zone"
    if distance < 300:
        return "像是大地基准不同（西安80、北京54）", "this looks like another datum"
    return "坐标系可能不对", "the system may be wrong"


def _centres(shapes: NDArray[np.object_]) -> NDArray[np.float64]:
    middle = shapely.centroid(shapes)
    return np.column_stack((shapely.get_x(middle), shapely.get_y(middle)))
