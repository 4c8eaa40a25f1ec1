"""The staging file: checked rows of a layer, waiting to be committed.

An Arrow IPC file with the columns ``row`` (record number), the layer's fields in order,
``geometry`` (WKB, EPSG:4490), ``measure`` (m² or m), ``match`` and ``matched_by`` (the stored
feature that a row is, once `geo.intake.compare` has looked). Its metadata says whether it may be
committed; `load` refuses what may not.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import shapely

from geo.errors import Rejected
from geo.layers import Layer

if TYPE_CHECKING:
    from numpy.typing import NDArray

FILE = "staged.arrow"
_KEY = b"liangtian"


@dataclass(frozen=True)
class Staged:
    """What a staging file holds. ``given``: fields that the file or a person supplied;
    an upsert leaves the others as they are stored."""

    layer: str
    mode: str
    committable: bool
    given: tuple[str, ...]
    rows: NDArray[np.int64]
    attributes: pa.Table
    geometry: NDArray[np.object_]  # shapely, None for null
    measure: NDArray[np.float64]
    match: NDArray[np.int64] | None = None  # -1: no feature; None: nobody looked
    matched_by: list[str | None] | None = None


def save(
    path: Path,
    layer: Layer,
    rows: NDArray[np.int64],
    attributes: pa.Table,
    geometry: NDArray[np.object_],
    measure: NDArray[np.float64],
    *,
    mode: str,
    committable: bool,
    given: tuple[str, ...],
) -> None:
    """Write whole or not at all: a temporary file is flushed, then renamed."""
    about = {"layer": layer.id, "mode": mode, "committable": committable, "given": list(given)}
    columns: dict[str, pa.Array | pa.ChunkedArray] = {"row": pa.array(rows)}
    columns |= {field.name: attributes[field.name] for field in layer.fields}
    columns["geometry"] = pa.array(shapely.to_wkb(geometry), pa.large_binary(), from_pandas=True)
    columns["measure"] = pa.array(measure, from_pandas=True)
    columns["match"] = pa.nulls(len(rows), pa.int64())
    columns["matched_by"] = pa.nulls(len(rows), pa.string())
    _write(path, pa.table(columns), about)


def mark(
    path: Path, places: NDArray[np.int64], fids: NDArray[np.int64], how: list[str], *, sound: bool
) -> None:
    """Note which features rows are (``places`` in the file), and whether nothing speaks against
    a commit still."""
    with pa.memory_map(str(path)) as source:
        table = pa.ipc.open_file(source).read_all()
    about = json.loads((table.schema.metadata or {})[_KEY])
    about |= {"committable": about["committable"] and sound, "compared": True}
    match = np.full(table.num_rows, -1, np.int64)
    match[places] = fids
    words = np.full(table.num_rows, None, object)
    words[places] = how
    table = table.drop_columns(["match", "matched_by"])
    table = table.append_column("match", pa.array(match)).append_column(
        "matched_by", pa.array(words, pa.string())
    )
    _write(path, table, about)


def _write(path: Path, table: pa.Table, about: dict[str, Any]) -> None:
    table = table.replace_schema_metadata({_KEY: json.dumps(about)})
    temporary = path.with_suffix(".part")
    with temporary.open("wb") as file:
        with pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table, max_chunksize=65_536)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def load(path: Path, layer: Layer, *, preview: bool = False) -> Staged:
    """Read a staging file; it is small work in trusted code, but the file came out of the child.

    Raises `Rejected`: E_STAGED (not such a file, of another layer or of other fields),
    E_NOT_READY when rows have errors, unless ``preview``.
    """
    try:
        with pa.memory_map(str(path)) as source:
            table = pa.ipc.open_file(source).read_all()
        about = json.loads((table.schema.metadata or {})[_KEY])
        fields = [field.name for field in layer.fields]
        expected = ["row", *fields, "geometry", "measure", "match", "matched_by"]
        if about["layer"] != layer.id or table.column_names != expected:
            raise ValueError("another layer")
        table.validate(full=True)
        geometry = shapely.from_wkb(table["geometry"].to_numpy())
    except (KeyError, ValueError, OSError, pa.ArrowException, shapely.GEOSException) as error:
        raise Rejected(
            "E_STAGED",
            "暂存文件与图层不符，请重新检查此次上传",
            f"the staging file does not fit the layer ({error})",
            where=path.name,
            fix=("请重新上传", "upload the file again"),
        ) from error
    if not about["committable"] and not preview:
        raise Rejected(
            "E_NOT_READY",
            "此次上传还有错误，不能入库",
            "the upload has errors and cannot be committed",
            where=path.name,
            fix=("请按报告修改后重新上传", "mend what the report lists and upload again"),
        )
    return Staged(
        layer=layer.id,
        mode=about["mode"],
        committable=about["committable"],
        given=tuple(about["given"]),
        rows=table["row"].to_numpy(),
        attributes=table.select(fields),
        geometry=geometry,
        measure=table["measure"].to_numpy(),
        match=table["match"].to_numpy() if about.get("compared") else None,
        matched_by=table["matched_by"].to_pylist() if about.get("compared") else None,
    )
