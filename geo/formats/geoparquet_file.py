"""GeoParquet from outside (versions 1.0 and 1.1), read by Arrow alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from geo.errors import Rejected
from geo.formats.columns import check_width
from geo.formats.content import MAX_RECORDS, Content, from_wkb
from geo.formats.fgb_file import readable

MAGIC = b"PAR1"
MAX_BYTES = 3 << 30  # of the columns, unpacked


def read(path: Path, *, shapes: bool = True) -> Content:
    """Read the rows; without ``shapes`` a plain Parquet table will do.

    Raises `Rejected`: E_PARQUET (damaged, or an encoding that is not WKB),
    E_PARQUET_GEO (no geometry column), E_TOO_LARGE, E_COLUMNS.
    """
    try:
        with pq.ParquetFile(path, memory_map=False) as file:
            _limits(file.metadata)
            about = _geo(file.metadata.metadata or {})
            name = str(about.get("primary_column", "")) if about else ""
            column = (about.get("columns") or {}).get(name, {}) if about else {}
            if shapes and (not about or name not in file.schema_arrow.names):
                raise Rejected(
                    "E_PARQUET_GEO",
                    "Parquet 中没有图形列（缺少 geo 元数据）",
                    "the Parquet has no geometry column (its geo metadata is missing)",
                    fix=("请用支持 GeoParquet 的软件导出", "export it as GeoParquet"),
                )
            if name and str(column.get("encoding", "WKB")).upper() != "WKB":
                raise _damaged(
                    f"图形编码是 {column.get('encoding')}", f"its encoding is {column['encoding']}"
                )
            table = file.read()
            if table.num_rows != file.metadata.num_rows:
                raise _damaged("行数不符", "the number of rows does not agree")
            table.validate(full=True)
    except (pa.ArrowException, OSError, ValueError, AttributeError, TypeError) as error:
        if isinstance(error, Rejected):
            raise
        raise _damaged("文件损坏", str(error)[:200]) from error
    count = table.num_rows
    geometry, broken = np.full(count, None, dtype=object), np.zeros(count, np.bool_)
    spare = [n for n in table.column_names if n in (about or {}).get("columns", {}) or n == "bbox"]
    if name in table.column_names:
        values = table[name].to_pylist()
        if not all(value is None or isinstance(value, bytes) for value in values[:1000]):
            raise _damaged("图形列不是二进制", "its geometry column is not binary")
        geometry, broken = from_wkb(values)
    kept, unread = readable(table.drop_columns(spare))
    return Content(
        attributes=kept,
        geometry=geometry,
        broken=broken,
        rows=np.arange(1, count + 1),
        crs=_crs(column) if name else None,
        unread=unread,
    )


def _limits(metadata: Any) -> None:
    check_width(metadata.num_columns)
    size = sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups))
    if metadata.num_rows > MAX_RECORDS or size > MAX_BYTES:
        raise Rejected(
            "E_TOO_LARGE",
            f"{metadata.num_rows} 行，解压后 {size >> 20} MiB，超过上限",
            f"{metadata.num_rows} rows, {size >> 20} MiB unpacked, is over the limit",
            fix=("请拆分后上传", "split it and upload the parts"),
        )


def _geo(metadata: dict[bytes, bytes]) -> dict[str, Any]:
    found = json.loads(metadata.get(b"geo", b"{}"))
    if not isinstance(found, dict) or not isinstance(found.get("columns", {}), dict):
        raise ValueError("its geo metadata is no object")
    return found


def _crs(column: dict[str, Any]) -> str | None:
    """Absent means lon/lat on WGS 84 by the specification, null means that nobody knows."""
    if "crs" not in column:
        return "OGC:CRS84"
    system = column["crs"]
    if not isinstance(system, dict):
        return None
    identity = system.get("id")
    if isinstance(identity, dict) and identity.get("authority") in ("EPSG", "OGC"):
        return f"{identity['authority']}:{identity.get('code')}"
    return json.dumps(system)


def _damaged(zh: str, en: str) -> Rejected:
    return Rejected(
        "E_PARQUET", f"Parquet 无法读取：{zh}", f"the Parquet cannot be read: {en}",
        fix=("请重新导出为 GeoParquet（WKB）", "export it as GeoParquet with WKB again"),
    )  # fmt: skip
