"""FlatGeobuf from outside, read by GDAL's driver for it and no other, all features counted."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pyarrow as pa

from geo.errors import Rejected
from geo.formats.columns import check_width
from geo.formats.content import MAX_RECORDS, Content, from_wkb
from geo.live import refuse_live

MAGIC = b"fgb"
_DRIVER = "FlatGeobuf"
_NOT_PLAIN = (
    pa.types.is_nested,
    pa.types.is_binary,
    pa.types.is_large_binary,
    pa.types.is_fixed_size_binary,
)


def read(path: Path) -> Content:
    """Read the features. Raises `Rejected`: E_FGB (damaged), E_FGB_COUNTS, E_COLUMNS."""
    import pyogrio  # noqa: PLC0415
    from pyogrio.raw import read as read_raw  # noqa: PLC0415

    refuse_live(path)
    try:
        about = pyogrio.read_info(path)
        if about["driver"] != _DRIVER:
            raise _damaged(f"opened as {about['driver']}")
        declared = int(about["features"])
        if declared > MAX_RECORDS:
            raise _damaged(f"{declared} features")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            meta, _, wkb, values = read_raw(path)
    except (*_errors(), OSError, pa.ArrowException) as error:
        raise _damaged(str(error)) from error
    if wkb is None:
        raise _damaged("it has no geometry")
    if declared >= 0 and len(wkb) != declared:
        raise Rejected(
            "E_FGB_COUNTS",
            f"文件声明 {declared} 个要素，读到 {len(wkb)} 个",
            f"the file declares {declared} features and {len(wkb)} were read",
            fix=("请重新导出", "export it again"),
        )
    check_width(len(values))
    geometry, broken = from_wkb(wkb)
    columns = [pa.array(column, from_pandas=True) for column in values]
    table = pa.table(columns, names=[str(name) for name in meta["fields"]])
    kept, unread = readable(table)
    return Content(
        attributes=kept,
        geometry=geometry,
        broken=broken,
        rows=np.arange(1, len(geometry) + 1),
        crs=meta["crs"],
        unread=unread,
    )


def _errors() -> tuple[type[Exception], ...]:
    from pyogrio import errors  # noqa: PLC0415

    return errors.DataSourceError, errors.DataLayerError, errors.FeatureError, errors.FieldError


def readable(table: pa.Table) -> tuple[pa.Table, tuple[str, ...]]:
    """(columns of plain values, names of those of other types)."""
    kept: list[str] = []
    unread: list[str] = []
    for field in table.schema:
        kind = field.type
        if pa.types.is_dictionary(kind):
            kind = kind.value_type
        plain = not any(is_kind(kind) for is_kind in _NOT_PLAIN)
        (kept if plain else unread).append(field.name)
    chosen = table.select(kept)
    columns = [
        column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
        for column in chosen.columns
    ]
    return pa.table(columns, names=kept), tuple(unread)


def _damaged(reason: str) -> Rejected:
    return Rejected(
        "E_FGB",
        "FlatGeobuf 无法读取",
        f"the FlatGeobuf cannot be read: {reason[:200]}",
        fix=("请重新导出", "export it again"),
    )
