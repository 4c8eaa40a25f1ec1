"""Overlays of polygons at a cost that is known before they start.

Two hostile polygons of 50 KB can keep an overlay busy for a minute and take gigabytes: its
work grows with the number of crossings. Crossings are counted first, in a compiled loop
with a limit; what stays below runs here, the rest is handed to ``heavy``, which runs
`main` in a process with limits.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa
import shapely

from geo.totals.kernels.pairs import crossings
from geo.totals.rows import outline_of_shapes

if TYPE_CHECKING:
    from numpy.typing import NDArray

Kind = Literal["intersection", "difference", "union"]
#: Does one kind of overlay elsewhere: left [n], right [n] (None for union), grid -> [n].
Heavy = Callable[["Kind", "NDArray[np.object_]", "NDArray[np.object_] | None", float], Any]

#: An overlay takes up to 20 µs and 1.5 KB a crossing: at most about two seconds here.
MOST_CROSSINGS = 100_000
_MOST_A_PAIR = 4_000_000
#: Vertices of a union; what they may cross grows with the square.
_MOST_IN_UNION = 256
#: From so many shapes on a second thread is worth while.
_WORTH_TWO = 200
_LINES = (shapely.GeometryType.LINESTRING, shapely.GeometryType.MULTILINESTRING)


class Overlay:
    """Intersections, differences and unions of whole arrays, here or in ``heavy``.

    Without ``heavy`` everything runs here, however long it takes. ``grid``: coordinates are
    rounded to it (metres), so that lines which nearly run together do.
    """

    def __init__(self, heavy: Heavy | None = None) -> None:
        self._heavy = heavy

    def intersection(
        self, left: NDArray[np.object_], right: NDArray[np.object_], grid: float = 0.0
    ) -> NDArray[np.object_]:
        return self._run("intersection", left, right, grid)

    def difference(
        self, left: NDArray[np.object_], right: NDArray[np.object_], grid: float = 0.0
    ) -> NDArray[np.object_]:
        return self._run("difference", left, right, grid)

    def unions(self, shapes: NDArray[np.object_], starts: NDArray[np.int64]) -> NDArray[np.object_]:
        """The union of each group; groups follow each other and begin at ``starts``."""
        groups = np.split(shapes, starts[1:])
        single = np.array([len(group) == 1 for group in groups], dtype=bool)
        out = np.full(len(groups), None, dtype=object)
        out[single] = [group[0] for group in groups if len(group) == 1]
        several = [group for group in groups if len(group) > 1]
        if several:
            bags = np.empty(len(several), dtype=object)
            bags[:] = [shapely.geometrycollections(group) for group in several]
            out[~single] = self._run("union", bags, None)
        return out

    def _run(
        self, kind: Kind, left: NDArray[np.object_], right: NDArray[np.object_] | None,
        grid: float = 0.0,
    ) -> NDArray[np.object_]:  # fmt: skip
        if not len(left):
            return np.empty(0, dtype=object)
        if self._heavy is None or _light(left, right):
            return compute(kind, left, right, grid)
        found: NDArray[np.object_] = self._heavy(kind, left, right, grid)
        return found


def _light(left: NDArray[np.object_], right: NDArray[np.object_] | None) -> bool:
    if right is None:
        sizes = shapely.get_num_coordinates(left)
        return bool(sizes.max() <= _MOST_IN_UNION) and int(sizes.sum()) <= MOST_CROSSINGS
    first, second = _edges(left), _edges(right)
    found = crossings(
        first.xy, first.ring, first.row, second.xy, second.ring, second.row,
        _MOST_A_PAIR, MOST_CROSSINGS,
    )  # fmt: skip
    return bool(found < MOST_CROSSINGS)


def _edges(shapes: NDArray[np.object_]) -> Any:
    """Outlines of polygons and lines; a line's outline is the line."""
    if not np.isin(shapely.get_type_id(shapes), _LINES).any():
        return outline_of_shapes(shapes)
    return outline_of_shapes(shapes, lines=True)


def compute(
    kind: Kind, left: NDArray[np.object_], right: NDArray[np.object_] | None, grid: float = 0.0
) -> NDArray[np.object_]:
    """The overlay itself, in this process."""
    if kind == "union":
        return shapely.union_all(left[:, None], axis=1)
    run = shapely.intersection if kind == "intersection" else shapely.difference

    def some(part: slice) -> NDArray[np.object_]:
        assert right is not None
        found: NDArray[np.object_] = run(left[part], right[part], grid_size=grid or None)
        return found

    if len(left) < _WORTH_TWO:
        return some(slice(None))
    # GEOS lets other threads run; each shape is worked out by itself.
    half = len(left) // 2
    with ThreadPoolExecutor(1) as second_thread:
        first = second_thread.submit(some, slice(half))
        rest = some(slice(half, None))
        return np.concatenate((first.result(), rest))


def write(path: Path, left: NDArray[np.object_], right: NDArray[np.object_] | None) -> None:
    """Geometries for another process: an Arrow file of WKB."""
    columns = {"left": shapely.to_wkb(left)}
    if right is not None:
        columns["right"] = shapely.to_wkb(right)
    table = pa.table({name: pa.array(wkb, pa.large_binary()) for name, wkb in columns.items()})
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)


def read(path: Path) -> tuple[NDArray[np.object_], NDArray[np.object_] | None]:
    """What `write` wrote."""
    with pa.memory_map(str(path)) as source:
        table = pa.ipc.open_file(source).read_all()
    columns = [shapely.from_wkb(table[name].to_numpy()) for name in table.column_names]
    return columns[0], columns[1] if len(columns) > 1 else None


def main(arguments: dict[str, Any], progress: Callable[..., None] | None = None) -> dict[str, Any]:
    """Run in a limited child: ``{kind, grid, input, output}``, files of `write`."""
    del progress
    left, right = read(Path(arguments["input"]))
    found = compute(arguments["kind"], left, right, arguments["grid"])
    write(Path(arguments["output"]), found, None)
    return {"count": len(found)}
