"""`parse` and `Filter`: what the rest of the library uses of CQL2."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import orjson
import pyarrow as pa
import shapely

from geo.errors import Rejected
from geo.layers import Layer
from geo.snapshot.cql.bind import Binder
from geo.snapshot.cql.evaluate import Context, Expression, Source, conjuncts
from geo.snapshot.cql.jsontree import read_json
from geo.snapshot.cql.limits import MAX_SECONDS, refuse
from geo.snapshot.cql.literals import check_lonlat
from geo.snapshot.cql.spatial import Box, Relation, implied_box
from geo.snapshot.cql.text import read_text

Language = Literal["cql2-text", "cql2-json"]


@dataclass(frozen=True)
class Filter:
    """A checked filter on one layer.

    ``properties``: columns that it reads (the geometry is not among them).
    ``bbox``: (minx, miny, maxx, maxy) in lon/lat that the bounds of every matching row
    meet, or None when the filter implies none. ``canonical``: equal for equal filters.
    """

    expression: Expression = field(repr=False)
    properties: frozenset[str]
    bbox: Box | None
    canonical: str

    def mask(
        self,
        source: Source,
        rows: np.ndarray | None = None,
        *,
        deadline: float | None = None,
    ) -> np.ndarray:
        """bool[n]: which of ``rows`` (all by default) the filter is true for; unknown is not true.

        ``deadline`` is a `time.monotonic` moment (by default `MAX_SECONDS` from now, no
        limit with `math.inf`); past it spatial work stops with `Rejected` E_QUERY_TIME.
        """
        if deadline is None:
            deadline = time.monotonic() + MAX_SECONDS
        if rows is None and self.bbox is not None:
            found = np.sort(source.search(*self.bbox))
            result = np.zeros(source.length, dtype=bool)
            result[found[self.mask(source, found, deadline=deadline)]] = True
            return result
        # Cheap parts first; each further part only sees the rows that are left.
        parts = sorted(conjuncts(self.expression), key=_cost)
        left = rows
        result = np.ones(source.length if rows is None else len(rows), dtype=bool)
        for cost, together in _groups(parts):
            context = Context(source, left, deadline)
            context.check_time()
            true = np.ones(context.length, dtype=bool)
            for part in together:
                true &= _true(part.evaluate(context), context.length)
            if left is rows:
                result = true
            else:
                result[result] = true
            if cost == 0:
                kept = np.flatnonzero(result)
                left = kept if rows is None else rows[kept]
        return result


@dataclass
class Limited:
    """A filter for one request: `MAX_SECONDS` for all that is evaluated of it, not for each part.

    The time begins with the first evaluation. Raises `Rejected` E_QUERY_TIME.
    """

    filter: Filter
    seconds: float = MAX_SECONDS
    until: float | None = None

    @property
    def bbox(self) -> Box | None:
        return self.filter.bbox

    def mask(self, source: Source, rows: np.ndarray | None = None) -> np.ndarray:
        if self.until is None:
            self.until = time.monotonic() + self.seconds
        return self.filter.mask(source, rows, deadline=self.until)


def parse(
    expression: str | dict[str, Any],
    lang: Language,
    layer: Layer,
    filter_crs: str | int | None = None,
    swapped: bool = False,
) -> Filter:
    """Read and check a filter on ``layer``.

    Geometry literals are lon/lat (EPSG:4490 or CRS84), or in ``filter_crs`` (an EPSG
    number or anything that `geo.crs.resolve` takes) with easting or longitude first;
    ``swapped`` says that latitude or northing comes first. Raises `Rejected` E_FILTER
    with the place and a fix.
    """
    if lang == "cql2-text" and isinstance(expression, str):
        node = read_text(expression)
    elif lang == "cql2-json":
        node = read_json(expression)
    else:
        raise refuse(
            f"不支持 filter-lang {str(lang)[:40]}",
            f"unknown filter-lang {str(lang)[:40]}",
            None,
            ("cql2-text 或 cql2-json", "cql2-text or cql2-json"),
        )

    def locate(geometry: Any, where: str) -> Any:
        return _to_storage(geometry, where, filter_crs, swapped)

    binder = Binder(layer, locate)
    bound = binder.filter(node)
    canonical: dict[str, Any] = {"filter": node.to_json()}
    if filter_crs or swapped:
        canonical["crs"] = [filter_crs, swapped]
    text = orjson.dumps(canonical, option=orjson.OPT_SORT_KEYS).decode()
    return Filter(bound, frozenset(binder.columns), implied_box(bound), text)


def _to_storage(geometry: Any, where: str, filter_crs: str | int | None, swapped: bool) -> Any:
    if swapped:
        geometry = shapely.transform(geometry, lambda xy: xy[:, ::-1])
    if filter_crs is not None:
        from geo import crs  # noqa: PLC0415 (pyproj is loaded only for such filters)

        try:
            system = f"EPSG:{filter_crs}" if isinstance(filter_crs, int) else filter_crs
            moved = crs.transform(np.array([geometry], dtype=object), system, crs.STORAGE)
        except Rejected as error:
            raise Rejected(
                error.code, *error.detail, where=error.where or where, fix=error.fix
            ) from None
        geometry = moved[0]
    check_lonlat(geometry, where)
    return geometry


def _cost(expression: Expression) -> int:
    """0 for columns, 1 where geometries may be read."""
    return int(_touches_geometry(expression))


def _touches_geometry(expression: Any) -> bool:
    if isinstance(expression, Relation):
        return True
    parts = getattr(expression, "args", None) or [
        getattr(expression, name)
        for name in ("left", "right", "value")
        if hasattr(expression, name)
    ]
    return any(_touches_geometry(part) for part in parts)


def _groups(parts: list[Expression]) -> list[tuple[int, list[Expression]]]:
    groups = [(cost, [p for p in parts if _cost(p) == cost]) for cost in (0, 1)]
    return [group for group in groups if group[1]]


def _true(value: Any, length: int) -> np.ndarray:
    """Arrow booleans or one boolean -> bool[length]; null is False."""
    if isinstance(value, pa.Scalar):
        return np.full(length, value.as_py() is True)
    if value.null_count:
        value = value.fill_null(False)
    return value.to_numpy(zero_copy_only=False)
