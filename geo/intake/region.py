"""The counties, as far as an upload has to know them: where its shapes lie, and whether that is
what its rows say. The borders come from the layer ``counties``, copied for the child process."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from geo.intake import sides
from geo.intake.issues import Issues
from geo.intake.report import CountyShare
from geo.layers import Layer
from geo.snapshot.view import View

if TYPE_CHECKING:
    from numpy.typing import NDArray

LAYER = "counties"


@dataclass(frozen=True)
class Counties:
    """Codes, titles and borders (EPSG:4490); empty where a service has none."""

    codes: tuple[str, ...] = ()
    titles: tuple[str, ...] = ()
    borders: tuple[Any, ...] = ()

    def of(self, points: NDArray[np.float64]) -> NDArray[np.object_]:
        """Code of the county of each point (lon, lat [n, 2]), None outside of all."""
        result = np.full(len(points), None, object)
        finite = np.isfinite(points).all(axis=1)
        for code, border in zip(self.codes, self.borders, strict=True):
            shapely.prepare(border)
            inside = finite & shapely.contains_xy(border, points[:, 0], points[:, 1])
            result[inside] = code
        return result

    def shares(self, points: NDArray[np.float64]) -> list[CountyShare]:
        """Which part of the points lies in which county, the largest first."""
        found, total = self.of(points), max(1, len(points))
        shares = [
            CountyShare(
                code=code, title=title, share=round(float((found == code).sum()) / total, 4)
            )
            for code, title in zip(self.codes, self.titles, strict=True)
            if (found == code).any()
        ]
        return sorted(shares, key=lambda share: -share.share)


def write(path: Path, view: View) -> None:
    """Copy the counties' borders to a file for `read`."""
    layer = view.layer
    key, label = layer.key[0], layer.label or layer.key[0]
    codes: list[str] = []
    titles: list[str] = []
    shapes: list[bytes] = []
    for segment, rows in view.match():
        codes += segment.column(key, rows).cast(pa.string()).to_pylist()
        titles += segment.column(label, rows).cast(pa.string()).to_pylist()
        shapes += list(shapely.to_wkb(segment.geometries(rows)))
    sides.write(path, pa.table({"code": pa.array(codes, pa.string()),
                                "title": pa.array(titles, pa.string()),
                                "wkb": pa.array(shapes, pa.binary())}))  # fmt: skip


def read(path: Path | None) -> Counties:
    if path is None:
        return Counties()
    table = sides.read(path)
    borders = shapely.from_wkb(table["wkb"].to_numpy(zero_copy_only=False))
    return Counties(
        tuple(table["code"].to_pylist()), tuple(table["title"].to_pylist()), tuple(borders)
    )


def stated(attributes: pa.Table, layer: Layer) -> NDArray[np.object_] | None:
    """The county that each row says it is in, None where it says nothing."""
    name = layer.county_field
    if name is None or name not in attributes.column_names:
        return None
    column = attributes[name]
    if not pc.count(column).as_py():
        return None
    return np.array(column.to_pylist(), object)


def agreement(
    said: NDArray[np.object_] | None, counties: Counties, points: NDArray[np.float64]
) -> float | None:
    """Share of the rows that lie in the county that they say; None when there is nothing to
    compare."""
    if said is None or not counties.codes:
        return None
    known = np.array([code in counties.codes for code in said], np.bool_)
    if not known.any():
        return None
    return float((counties.of(points[known]) == said[known]).mean())


def check(
    geometry: NDArray[np.object_], points: NDArray[np.float64], said: NDArray[np.object_] | None,
    counties: Counties, allowed: tuple[str, ...], issues: Issues,
) -> None:  # fmt: skip
    """Issues by row: E_COUNTY (outside the counties that the person is limited to),
    W_COUNTY_DIFFERS (the row says another county than it lies in), W_OUTSIDE_COUNTIES."""
    if not counties.codes:
        return
    title = dict(zip(counties.codes, counties.titles, strict=True))
    located = counties.of(points)
    there = ~shapely.is_missing(geometry)
    outside = there & (located == None)  # noqa: E711 (elementwise)
    if said is not None:
        differs = there & ~outside & (said != None) & (said != located)  # noqa: E711
        issues.at(
            differs, "W_COUNTY_DIFFERS", "warning",
            lambda i: (
                f"填报县区为{title.get(said[i], said[i])}，图形位于{title[located[i]]}",
                f"states county {said[i]} and lies in {located[i]}",
            ),
            where="geometry",
        )  # fmt: skip
    issues.at(
        outside, "W_OUTSIDE_COUNTIES", "warning",
        lambda _: ("图形不在任何县区内", "lies in none of the counties"), where="geometry",
    )  # fmt: skip
    if not allowed:
        return
    mine = [b for c, b in zip(counties.codes, counties.borders, strict=True) if c in allowed]
    near = np.zeros(len(geometry), np.bool_)
    for border in mine:
        shapely.prepare(border)
        near |= shapely.intersects(border, geometry)
    names = "、".join(title.get(code, code) for code in allowed)
    issues.at(
        there & ~near, "E_COUNTY", "error",
        lambda _: (f"图形不在您负责的县区（{names}）",
                   f"lies outside the counties that you may change ({', '.join(allowed)})"),
        where="geometry",
        fix=("只上传本县区的要素，或请管理员提交", "upload your counties only, or ask a manager"),
    )  # fmt: skip
