"""What a download writes: rows of a layer as an Arrow stream on disk, read batch by batch.

The stream has the columns ``fid``, the chosen properties, and ``geometry`` (WKB, lon/lat,
EPSG:4490) where the layer has shapes. Writers go over it as often as they need.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import shapely

from geo import crs as ground
from geo.layers import Codelist, Layer, Text

if TYPE_CHECKING:
    from numpy.typing import NDArray

GEOMETRY = "geometry"
#: Titles of what the system adds to every feature.
SYSTEM = {
    "fid": Text(zh="系统编号", en="Feature id"),
    "area_m2": Text(zh="面积_平方米", en="Area (m2)"),
    "area_ha": Text(zh="面积_公顷", en="Area (ha)"),
    "area_mu": Text(zh="面积_亩", en="Area (mu)"),
    "length_m": Text(zh="长度_米", en="Length (m)"),
    "version": Text(zh="版本", en="Version"),
    "updated_at": Text(zh="更新时间", en="Updated"),
}
_GEOMETRIES = {
    "Point": "Point",
    "MultiLineString": "MultiLineString",
    "MultiPolygon": "MultiPolygon",
}


@dataclass(frozen=True)
class Source:
    """``about``: lines for people (revision, time, definition), in both languages."""

    layer: Layer
    codelists: Mapping[str, Codelist]
    path: Path
    rows: int
    language: str = "zh"
    crs: str = ground.STORAGE
    about: tuple[tuple[str, str], ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def schema(self) -> pa.Schema:
        with pa.memory_map(str(self.path)) as file, pa.ipc.open_stream(file) as reader:
            return reader.schema

    @property
    def names(self) -> list[str]:
        """The columns that are properties, and ``fid`` first."""
        return [name for name in self.schema.names if name != GEOMETRY]

    @property
    def has_geometry(self) -> bool:
        return GEOMETRY in self.schema.names

    def batches(self) -> Iterator[pa.RecordBatch]:
        with pa.memory_map(str(self.path)) as file, pa.ipc.open_stream(file) as reader:
            yield from reader

    def shapes(self, batch: pa.RecordBatch) -> NDArray[np.object_]:
        """Shapely geometries of a batch in the system that is asked for, x first."""
        wkb = batch.column(GEOMETRY).to_numpy(zero_copy_only=False)
        shapes: NDArray[np.object_] = shapely.from_wkb(wkb)
        if self.crs != ground.STORAGE:
            shapes = ground.transform(shapes, ground.STORAGE, self.crs)
        return shapes

    def title(self, name: str, language: str | None = None) -> str:
        """Title of a column, with its unit."""
        chosen = language or self.language
        if name in self.layer.by_name:
            found = self.layer.by_name[name]
            text = found.title.get(chosen)
            unit = found.unit if found.unit and found.unit not in text else None
            return text if unit is None or chosen == "zh" else f"{text} ({unit})"
        return SYSTEM[name].get(chosen) if name in SYSTEM else name

    def labels(self, name: str) -> dict[str, str]:
        """Code -> title of a field with a code list; empty for others."""
        found = self.layer.by_name.get(name)
        codes = self.codelists.get(found.codelist) if found and found.codelist else None
        return {} if codes is None else {c.code: c.title.get(self.language) for c in codes.codes}


def text_of(batch: pa.RecordBatch, name: str) -> pa.Array:
    """A column of texts without dictionary."""
    column = batch.column(name)
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
