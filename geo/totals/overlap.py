"""Land that several features claim, counted once.

A point covered by several features counts for the one with the lowest fid (the
one reported first); from the later ones it is removed. So groups add up to the
whole exactly. Overlays of hostile polygons can take minutes and gigabytes:
`main` is meant for a process with limits.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import shapely

from geo import crs
from geo.area import ellipsoidal_area

#: Interiors meet; shared edges and corners do not count.
_OVERLAPS = "T********"


def removed_areas(geometries: np.ndarray) -> np.ndarray:
    """float64[n], m²: what earlier polygons of the array already cover of each polygon.

    ``geometries`` are valid polygons in EPSG:4490 (lon/lat) in fid order; None is allowed.
    """
    removed = np.zeros(len(geometries))
    there = geometries[~(shapely.is_missing(geometries) | shapely.is_empty(geometries))]
    if len(there) < 2:
        return removed
    # Edges are straight in the plane of the zone (`geo.area`): only what is cut there fits.
    west, _, east, _ = shapely.total_bounds(there)
    plane = crs.gauss_kruger(crs.zone_of((west + east) / 2), prefix=False)
    flat = crs.transform(geometries, crs.STORAGE, plane)
    tree = shapely.STRtree(flat)
    later, earlier = tree.query(flat, predicate="intersects")
    pairs = earlier < later
    later, earlier = later[pairs], earlier[pairs]
    if len(later) == 0:
        return removed
    shapely.prepare(flat)
    meets = shapely.relate_pattern(flat[later], flat[earlier], _OVERLAPS)
    later, earlier = later[meets], earlier[meets]
    order = np.argsort(later, kind="stable")
    later, earlier = later[order], earlier[order]
    rows, starts = np.unique(later, return_index=True)
    if len(rows) == 0:
        return removed
    parts = np.split(earlier, starts[1:])
    covers = np.array(
        [flat[p[0]] if len(p) == 1 else shapely.union_all(flat[p]) for p in parts], dtype=object
    )
    cut = crs.transform(shapely.intersection(flat[rows], covers), plane)
    # A feature that is covered whole has nothing left, not some mm² less than nothing.
    removed[rows] = np.minimum(ellipsoidal_area(cut), ellipsoidal_area(geometries[rows]))
    return removed


def write_input(path: Path, fids: np.ndarray, geometries: np.ndarray) -> None:
    """The child's input: an Arrow file with ``fid`` and ``wkb``, by fid."""
    order = np.argsort(fids, kind="stable")
    table = pa.table(
        {"fid": fids[order], "wkb": pa.array(shapely.to_wkb(geometries[order]), pa.large_binary())}
    )
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)


def main(arguments: dict[str, Any], progress: Callable[..., None] | None = None) -> dict[str, Any]:
    """Run in a limited child: ``{"input": path}`` -> ``{"removed": {fid: m²}}``."""
    del progress
    with pa.memory_map(arguments["input"]) as source:
        table = pa.ipc.open_file(source).read_all()
    geometries = shapely.from_wkb(table["wkb"].to_numpy())
    removed = removed_areas(geometries)
    rows = np.flatnonzero(removed > 0)
    fids = table["fid"].to_numpy()[rows]
    return {"removed": dict(zip(map(str, fids.tolist()), removed[rows].tolist(), strict=True))}
