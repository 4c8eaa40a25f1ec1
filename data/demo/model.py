"""What the generator hands over: plain tables and a list of steps, nothing of the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from geo.layers import Catalog, Layer
from geo.record.protocol import attribute_schema

Columns = Mapping[str, Any]


@dataclass(frozen=True)
class Rows:
    """Features of a layer as they are first recorded. A row number names a feature for good."""

    attributes: pa.Table
    geometry: NDArray[np.object_] | None  # EPSG:4490, in the layer's geometry type


@dataclass(frozen=True)
class Change:
    """Rows of one layer in one step; ``columns`` and ``geometry`` are the new values (update)."""

    layer: str
    op: Literal["insert", "update", "delete"]
    rows: NDArray[np.int64]  # ascending
    columns: Columns = field(default_factory=dict)
    geometry: NDArray[np.object_] | None = None


@dataclass(frozen=True)
class Step:
    """One commit of the history."""

    time: datetime
    author: str
    reason: str
    source: str
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class Demo:
    """The whole demonstration: ``layers`` in their first state and the ``steps`` over them."""

    catalog: Catalog
    layers: dict[str, Rows]
    steps: tuple[Step, ...]

    @property
    def changes(self) -> int:
        """Number of feature changes over all steps."""
        return sum(len(change.rows) for step in self.steps for change in step.changes)


def table(layer: Layer, columns: Columns, length: int) -> pa.Table:
    """The layer's fields in order; columns that are not given are null.

    Raises KeyError for a column that the layer does not define.
    """
    schema = attribute_schema(layer)
    unknown = set(columns) - set(schema.names)
    if unknown:
        raise KeyError(f"{layer.id} has no field {sorted(unknown)}")
    arrays = [
        column(columns[item.name], item.type)
        if item.name in columns
        else pa.nulls(length, item.type)
        for item in schema
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def column(values: Any, kind: pa.DataType) -> pa.Array:
    """Values as an Arrow array; NaN, NaT, None and the empty text are null."""
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return values.cast(kind)
    array = np.asarray(values)
    if array.dtype.kind == "U":
        return pa.array(array, type=kind, mask=array == "")
    if array.dtype.kind == "M":
        return pa.array(array.astype("datetime64[D]"), type=kind)
    if array.dtype.kind == "f":
        empty = np.isnan(array)
        if pa.types.is_integer(kind):
            return pa.array(np.where(empty, 0, array).astype(np.int64), type=kind, mask=empty)
        return pa.array(array, type=kind, mask=empty)
    return pa.array(values, type=kind)


def pick(rng: np.random.Generator, options: Sequence[str], size: int, p: Sequence[float]) -> Any:
    """Random texts with given chances."""
    return np.array(options)[rng.choice(len(options), size=size, p=p)]


def text(pattern: str, *columns: Any) -> list[str]:
    """The pattern filled row by row: ``text("{}G{:07d}", county, number)``."""
    return [pattern.format(*row) for row in zip(*map(_plain, columns), strict=True)]


def _plain(values: Any) -> list[Any]:
    return values.tolist() if isinstance(values, np.ndarray) else list(values)
