"""Staged shapes against each other and against what is stored: overlaps, duplicates, identity.

The second step of looking at an upload. It overlays polygons, which hostile ones can make run
for ever, so `main` runs in a limited child of its own: what the first step found is kept when
this one is stopped. `write_stored` gives it a private copy of the features that it needs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from geo.intake import sides, stage, topology
from geo.intake.changes import key_texts
from geo.intake.identity import Matches, Stored, match, shifted
from geo.intake.issues import Issues
from geo.intake.report import Overlap, Overlaps, Topology
from geo.layers import Layer
from geo.snapshot.view import View
from geo.units import mu

if TYPE_CHECKING:
    from numpy.typing import NDArray

STORED = "stored.arrow"
#: Degrees around the file in which stored features are compared: more than GCJ-02 shifts.
_AROUND = 0.02
_LARGEST = 50


def write_stored(path: Path, layer: Layer, staged: stage.Staged, view: View) -> int:
    """Copy the features near the staged shapes and those with a staged key; gives their number."""
    west, south, east, north = (float(v) for v in shapely.total_bounds(staged.geometry))
    box = (west - _AROUND, south - _AROUND, east + _AROUND, north + _AROUND)
    near = view.match(box=box, exact=False) if np.isfinite(box).all() else []
    wanted = pa.array([], pa.string())
    if layer.key:
        wanted = key_texts(layer, [staged.attributes[name] for name in layer.key])
    fids, keys, shapes = [], [], []
    rows_of = {id(segment): rows for segment, rows in near}
    for segment, alive in view.match():
        rows = rows_of.get(id(segment), np.empty(0, np.int64))
        if layer.key:
            key = key_texts(layer, [segment.column(name, alive) for name in layer.key])
            known = np.asarray(pc.is_in(key, value_set=wanted).to_numpy(zero_copy_only=False))
            rows = np.union1d(rows, alive[known])
            keys.append(key_texts(layer, [segment.column(name, rows) for name in layer.key]))
        else:
            keys.append(pa.nulls(len(rows), pa.string()))
        fids.append(segment.fid[rows])
        shapes.append(segment.geometries(rows))
    geometry = np.concatenate(shapes or [np.empty(0, object)])
    table = pa.table(
        {
            "fid": np.concatenate(fids or [np.empty(0, np.int64)]),
            "key": pa.chunked_array(keys or [pa.array([], pa.string())], pa.string()),
            "wkb": pa.array(shapely.to_wkb(geometry), pa.large_binary(), from_pandas=True),
        }
    )
    sides.write(path, table)
    return table.num_rows


def main(arguments: dict[str, Any], progress: Callable[..., None]) -> dict[str, Any]:
    """The sandbox's target: `compare` on files, its answer as JSON.

    ``arguments``: staged, stored (paths), layer (``model_dump``), identity, decided (whether
    a person decided the coordinate system). Returns ``{"overlaps": ..., "issues": [...],
    "issue_counts": {...}}`` and marks the staging file.
    """
    layer = Layer.model_validate(arguments["layer"])
    staged = stage.load(Path(arguments["staged"]), layer, preview=True)
    progress("compare", None)
    found = compare(
        layer, staged, read_stored(Path(arguments["stored"])),
        identity=arguments["identity"], decided=arguments["decided"],
    )  # fmt: skip
    sound = not any(issue.severity == "error" for issue in found.issues.kept())
    stage.mark(Path(arguments["staged"]), found.places, found.fids, found.how, sound=sound)
    return {
        "overlaps": found.topology.model_dump(mode="json"),
        "issues": [issue.model_dump(mode="json") for issue in found.issues.kept()],
        "issue_counts": found.issues.counts,
    }


def read_stored(path: Path) -> Stored:
    table = sides.read(path)
    return Stored(
        table["fid"].to_numpy(), table["key"].combine_chunks(),
        shapely.from_wkb(table["wkb"].to_numpy(zero_copy_only=False)),
    )  # fmt: skip


@dataclass(frozen=True)
class Compared:
    """What was found; ``places``, ``fids``, ``how``: which staged row is which stored feature."""

    topology: Topology
    issues: Issues
    places: NDArray[np.int64]
    fids: NDArray[np.int64]
    how: list[str]


def compare(
    layer: Layer, staged: stage.Staged, stored: Stored, *, identity: str, decided: bool
) -> Compared:
    """Overlaps and identity of staged rows.

    Issues by row: E_TOO_COSTLY, W_DUPLICATE_SHAPE, W_OVERLAP, W_OVERLAP_STORED, W_THIN; for the
    file W_SLIVERS, W_GAP, and E_CRS_SHIFTED (decision: crs) when known features all lie moved.
    """
    issues = Issues(staged.rows)
    result = Topology()
    there = ~shapely.is_missing(staged.geometry)
    west, _, east, _ = shapely.total_bounds(staged.geometry)
    if not there.any():
        return Compared(result, issues, np.empty(0, np.int64), stored.fid[:0], [])
    plane = topology.Plane(west, east)
    key = _keys(layer, staged)
    polygons = layer.geometry == "MultiPolygon"
    mine, theirs, close = staged.geometry, stored.geometry, there
    if polygons:
        close, met = topology.near(mine, theirs)
        look = close | topology.maybe_thin(mine, staged.measure)
        mine = plane.flat(topology.only(mine, look))
        theirs = plane.flat(topology.only(theirs, met))
    inside = topology.candidates(mine) if polygons else None
    outside = topology.candidates(mine, theirs) if polygons else None
    if (
        inside is not None
        and outside is not None
        and _costly(mine, theirs, inside, outside, issues)
    ):
        return Compared(result, issues, np.empty(0, np.int64), stored.fid[:0], [])
    shared = topology.overlaps(mine, theirs, outside, plane) if outside is not None else None
    found = match(staged.geometry, key, stored, shared, identity=identity)
    if inside is not None and shared is not None:
        pairs = topology.overlaps(mine, mine, inside, plane)
        _inside(result, issues, staged, topology.only(staged.geometry, close), pairs)
        _outside(result, issues, staged, stored, shared, found, staged.mode)
        _drawing(result, issues, mine, plane)
    shifted(staged.geometry, stored.geometry, found, plane, issues, decided=decided)
    rows = np.flatnonzero(found.at >= 0)
    how = [found.how[i] for i in rows]
    return Compared(result, issues, rows, stored.fid[found.at[rows]], how)


def _keys(layer: Layer, staged: stage.Staged) -> pa.Array:
    if not layer.key:
        return pa.nulls(len(staged.rows), pa.string())
    return key_texts(layer, [staged.attributes[name] for name in layer.key])


def _costly(
    mine: NDArray[np.object_], theirs: NDArray[np.object_],
    inside: tuple[NDArray[np.int64], NDArray[np.int64]],
    outside: tuple[NDArray[np.int64], NDArray[np.int64]], issues: Issues,
) -> bool:  # fmt: skip
    rows = np.union1d(
        inside[0][topology.too_costly(mine, mine, inside)],
        outside[0][topology.too_costly(mine, theirs, outside)],
    )
    issues.at(
        rows, "E_TOO_COSTLY", "error",
        lambda _: ("与其他图形的边交叉过多，无法叠加计算",
                   "its edges cross those of another shape too often to be overlaid"),
        where="geometry",
        fix=("请简化或拆分该图形", "simplify the shape or split it"),
    )  # fmt: skip
    return bool(len(rows))


def _inside(
    result: Topology,
    issues: Issues,
    staged: stage.Staged,
    close: NDArray[np.object_],
    pairs: topology.Pairs,
) -> None:
    """``close``: shapes that have others near them, in EPSG:4490; None for the rest."""
    first = topology.first_of_same(topology.same_shape(close))
    again = (first >= 0) & (first != np.arange(len(first)))
    result.duplicates = int(again.sum())
    issues.at(
        again, "W_DUPLICATE_SHAPE", "warning",
        lambda i: (f"图形与第 {staged.rows[first[i]]} 条相同",
                   f"the same shape as record {staged.rows[first[i]]}"),
        where="geometry",
    )  # fmt: skip
    _slivers(result, pairs)
    land = pairs.only(~pairs.sliver)
    result.inside = _overlaps(land, staged)
    for pair in result.inside.largest:
        pair.other_row = int(staged.rows[pair.other_row or 0])
    told = land.only(~(again[land.right] & (first[land.right] == first[land.left])))
    _tell(
        told, issues, "W_OVERLAP",
        lambda at: (f"第 {staged.rows[at]} 条", f"record {staged.rows[at]}"), of_right=True,
    )  # fmt: skip


def _outside(
    result: Topology, issues: Issues, staged: stage.Staged, stored: Stored,
    pairs: topology.Pairs, found: Matches, mode: str,
) -> None:  # fmt: skip
    """Land of features that the file does not carry itself: those are replaced, not overlapped."""
    carried = np.zeros(len(stored.fid), np.bool_)
    if mode != "append":
        carried[found.at[found.at >= 0]] = True
    pairs = pairs.only(~carried[pairs.right])
    _slivers(result, pairs)
    land = pairs.only(~pairs.sliver)
    result.stored = _overlaps(land, staged)
    for pair in result.stored.largest:
        place = pair.other_row or 0
        pair.fid, pair.key, pair.other_row = int(stored.fid[place]), stored.key[place].as_py(), None

    def name(at: int) -> tuple[str, str]:
        key = stored.key[at].as_py()
        text = f"{key} (#{stored.fid[at]})" if key else f"#{stored.fid[at]}"
        return f"已入库的 {text}", f"the stored {text}"

    _tell(land, issues, "W_OVERLAP_STORED", name)


def _overlaps(pairs: topology.Pairs, staged: stage.Staged) -> Overlaps:
    order = np.argsort(-pairs.m2, kind="stable")[:_LARGEST]
    total = float(pairs.m2.sum())
    return Overlaps(
        pairs=len(pairs.m2),
        rows=len(np.unique(pairs.left)),
        m2=total,
        mu=float(mu(total)),
        largest=[
            Overlap(
                row=int(staged.rows[pairs.left[i]]),
                other_row=int(pairs.right[i]),
                m2=float(pairs.m2[i]),
                mu=float(mu(float(pairs.m2[i]))),
                point=(float(pairs.points[i, 0]), float(pairs.points[i, 1])),
            )
            for i in order
        ],
    )


def _tell(
    pairs: topology.Pairs, issues: Issues, code: str,
    name: Callable[[int], tuple[str, str]], *, of_right: bool = False,
) -> None:  # fmt: skip
    """One warning a row: its largest overlap, how many there are, and the sum in mu."""
    rows, others = (pairs.right, pairs.left) if of_right else (pairs.left, pairs.right)
    if not len(rows):
        return
    order = np.lexsort((-pairs.m2, rows))
    unique, start, count = np.unique(rows[order], return_index=True, return_counts=True)
    total = np.add.reduceat(pairs.m2[order], start)
    place = {int(row): i for i, row in enumerate(unique)}

    def describe(row: int) -> tuple[str, str]:
        i = place[row]
        zh, en = name(int(others[order[start[i]]]))
        amount = f"{mu(float(total[i])):.2f}"
        more = count[i] - 1
        return (
            f"与{zh}{f'等 {more + 1} 个图形' if more else ''}重叠 {amount} 亩",
            f"overlaps {en}{f' and {more} more' if more else ''} by {amount} mu",
        )

    def point(row: int) -> tuple[float, float]:
        lon, lat = pairs.points[order[start[place[row]]]]
        return float(lon), float(lat)

    issues.at(unique, code, "warning", describe, where="geometry", point=point)


def _slivers(result: Topology, pairs: topology.Pairs) -> None:
    result.slivers += int(pairs.sliver.sum())


def _drawing(
    result: Topology, issues: Issues, mine: NDArray[np.object_], plane: topology.Plane
) -> None:
    if result.slivers:
        issues.add(
            "W_SLIVERS", "note",
            f"{result.slivers} 处重叠小于 1 平方米或极窄，可能是公共边未捕捉",
            f"{result.slivers} overlaps are under 1 m² or very thin: edges that do not snap",
        )  # fmt: skip
    narrow = topology.thin(mine)
    result.thin = int(narrow.sum())
    issues.at(
        narrow, "W_THIN", "warning",
        lambda _: ("图形平均宽度不足 0.5 米，可能是碎面", "is under 0.5 m wide on average"),
        where="geometry",
    )  # fmt: skip
    found = topology.gaps(mine, plane)
    if found is None:
        issues.add("W_GAPS_UNSEEN", "note", "公共边不一致的图形过多，未检查缝隙",
                   "too many shapes share no edges; gaps were not looked for")  # fmt: skip
        return
    m2, points = found
    result.gaps = len(m2)
    for area, (lon, lat) in zip(m2.tolist(), points.tolist(), strict=True):
        issues.add(
            "W_GAP", "warning", f"图形之间有缝隙，{area:.2f} 平方米",
            f"a gap of {area:.2f} m² between shapes", where="geometry", point=(lon, lat),
        )  # fmt: skip
