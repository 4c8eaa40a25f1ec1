"""What an edited polygon covers of its neighbours: told, not refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import shapely

from geo.intake import topology
from geo.record.protocol import DELETE, ChangeSet
from geo.snapshot.view import View
from geo.units import SQUARE_METRES_PER_MU

_LISTED = 20
_MOST_NEIGHBOURS = 500


def overlaps(view: View, change: ChangeSet, fids: np.ndarray) -> Iterator[dict[str, Any]]:
    """Overlaps of the polygons of a change with features stored before it.

    Yields ``{code: W_OVERLAP, fid, other, label, area_m2, area_mu}``, the largest first,
    slivers left out; neighbours whose overlay would cost too much are passed over.
    """
    layer = view.layer
    if layer.geometry != "MultiPolygon" or change.geometry is None:
        return
    for fid, shape, op in zip(fids.tolist(), change.geometry, change.op.tolist(), strict=True):
        if op == DELETE or shape is None:
            continue
        others, labels, shapes = _neighbours(view, fid, shape)
        if not 0 < len(others) <= _MOST_NEIGHBOURS:
            continue
        mine = np.array([shape], dtype=object)
        pairs = (np.zeros(len(others), np.int64), np.arange(len(others)))
        cheap = ~topology.too_costly(mine, shapes, pairs)
        west, _, east, _ = shape.bounds
        plane = topology.Plane(west, east)
        found = topology.overlaps(
            plane.flat(mine), plane.flat(shapes), (pairs[0][cheap], pairs[1][cheap]), plane
        )
        found = found.only(~found.sliver)
        for at in np.argsort(-found.m2)[:_LISTED].tolist():
            other = int(found.right[at])
            m2 = float(found.m2[at])
            yield {
                "code": "W_OVERLAP",
                "fid": fid,
                "other": int(others[other]),
                "label": labels[other],
                "area_m2": m2,
                "area_mu": m2 / float(SQUARE_METRES_PER_MU),
                "point": found.points[at].tolist(),
            }


def _neighbours(
    view: View, fid: int, shape: shapely.Geometry
) -> tuple[np.ndarray, list[Any], np.ndarray]:
    fids: list[np.ndarray] = []
    labels: list[Any] = []
    shapes: list[np.ndarray] = []
    for segment, rows in view.match(box=shape.bounds, exact=False):
        others = rows[segment.fid[rows] != fid]
        fids.append(segment.fid[others])
        shapes.append(segment.geometries(others))
        label = view.layer.label
        labels += segment.column(label, others).to_pylist() if label else [None] * len(others)
    if not fids:
        return np.empty(0, np.int64), [], np.empty(0, object)
    return np.concatenate(fids), labels, np.concatenate(shapes)
