"""Files beside the report: every issue, and every row of the file with its status.

The report lists the first hundred issues of a code; people who mend a file need them all.
``issues.arrow``: row, code, severity, zh, en, where, fix_zh, fix_en, lon, lat.
``rows.arrow``: row, status, codes, key, repaired, stated_m2, computed_m2, lon, lat; the status is
rejected, deleted or valid, and once the layer was looked at new, changed or unchanged.
``faulty.arrow``: row, geometry (WKB, EPSG:4490) of rejected rows as they came.
``features.arrow``: row, fid, operation; the feature that a row is or, after the commit, has
become; features that the file has not stand there with operation absent and no row.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from geo.intake.issues import Issues
from geo.intake.report import Issue
from geo.layers import Layer

if TYPE_CHECKING:
    from numpy.typing import NDArray

ISSUES, ROWS = "issues.arrow", "rows.arrow"
FAULTY, FEATURES = "faulty.arrow", "features.arrow"
_ISSUES = pa.schema(
    [("row", pa.int64()), ("code", pa.string()), ("severity", pa.string()), ("zh", pa.string()),
     ("en", pa.string()), ("where", pa.string()), ("fix_zh", pa.string()),
     ("fix_en", pa.string()), ("lon", pa.float64()), ("lat", pa.float64())]
)  # fmt: skip


def save_issues(path: Path, issues: Iterable[Issue]) -> None:
    """Write issues in their order; the file is replaced whole."""
    write(path, _issues_table(issues))


def _issues_table(issues: Iterable[Issue]) -> pa.Table:
    none = (None, None)
    rows = [
        (i.row, i.code, i.severity, i.zh, i.en, i.where, *(i.fix or none), *(i.point or none))
        for i in issues
    ]
    columns = list(zip(*rows, strict=True)) or [()] * len(_ISSUES)
    arrays = [pa.array(c, field.type) for c, field in zip(columns, _ISSUES, strict=True)]
    return pa.table(arrays, schema=_ISSUES)


def rows_table(
    issues: Issues,
    attributes: pa.Table,
    layer: Layer,
    *,
    records: int,
    repaired: NDArray[np.bool_],
    stated: NDArray[np.float64] | None,
    computed: NDArray[np.float64],
    points: NDArray[np.float64],
) -> pa.Table:
    """One line a record of the file, in its order, those marked as deleted too."""
    count = len(issues.rows)
    codes = issues.codes()
    keys = [pc.cast(attributes[name], pa.string()) for name in layer.key]
    key = (
        pc.binary_join_element_wise(*keys, " / ", null_handling="replace", null_replacement="")
        if keys
        else pa.nulls(count, pa.string())
    )
    table = pa.table(
        {
            "row": pa.array(issues.rows),
            "status": pa.array(np.where(issues.bad, "rejected", "valid").tolist(), pa.string()),
            "codes": pa.array([", ".join(codes.get(i, ())) for i in range(count)], pa.string()),
            "key": key,
            "repaired": pa.array(repaired & ~issues.bad),
            "stated_m2": pa.array(np.full(count, np.nan) if stated is None else stated,
                                  from_pandas=True),
            "computed_m2": pa.array(computed, from_pandas=True),
            "lon": pa.array(points[:, 0], from_pandas=True),
            "lat": pa.array(points[:, 1], from_pandas=True),
        }
    )  # fmt: skip
    if records > count:
        gone = np.setdiff1d(np.arange(1, records + 1), issues.rows)
        blank: dict[str, Any] = {f.name: pa.nulls(len(gone), f.type) for f in table.schema}
        blank |= {"row": pa.array(gone, pa.int64()), "codes": pa.array([""] * len(gone))}
        blank |= {"status": pa.array(["deleted"] * len(gone))}
        table = pa.concat_tables([table, pa.table(blank, schema=table.schema)]).sort_by("row")
    return table


def write(path: Path, table: pa.Table) -> None:
    """An Arrow file, replaced whole."""
    temporary = path.with_suffix(".part")
    with pa.OSFile(str(temporary), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=65_536)
    temporary.replace(path)


def read(path: Path) -> pa.Table:
    """A file of this module. Raises `OSError` and `pa.ArrowInvalid`."""
    with pa.memory_map(str(path)) as source:
        return pa.ipc.open_file(source).read_all()


def extend(
    folder: Path, found: Iterable[Issue], rows: NDArray[np.int64], status: NDArray[np.str_] | None
) -> None:
    """Add what was found later: issues, and the status of staged rows (by record number)."""
    found = list(found)
    if found:
        before = read(folder / ISSUES)
        write(folder / ISSUES, pa.concat_tables([before, _issues_table(found)]))
    table = read(folder / ROWS)
    names = pa.array(rows)
    place = pc.index_in(table["row"], value_set=names)
    if status is not None:
        known = pc.take(pa.array(status.tolist(), pa.string()), place)
        table = table.set_column(
            table.column_names.index("status"), "status", pc.coalesce(known, table["status"])
        )
    codes: dict[int, list[str]] = {}
    for issue in found:
        if issue.row is not None and issue.code not in codes.setdefault(issue.row, []):
            codes[issue.row].append(issue.code)
    if codes:
        texts = [
            ", ".join(filter(None, [text, *codes.get(row, ())]))
            for row, text in zip(table["row"].to_pylist(), table["codes"].to_pylist(), strict=True)
        ]
        table = table.set_column(table.column_names.index("codes"), "codes", pa.array(texts))
    write(folder / ROWS, table)


def save_faulty(
    path: Path, rows: NDArray[np.int64], geometry: NDArray[np.object_], bad: NDArray[np.bool_]
) -> bool:
    """Shapes of rejected rows as they came, in EPSG:4490, for people to see; False for none."""
    drawn = bad & ~shapely.is_missing(geometry)
    drawn[drawn] = np.isfinite(shapely.bounds(geometry[drawn])).all(axis=1)
    if drawn.any():
        wkb = pa.array(shapely.to_wkb(geometry[drawn]), pa.large_binary())
        write(path, pa.table({"row": pa.array(rows[drawn]), "geometry": wkb}))
    return bool(drawn.any())


def save_features(
    path: Path,
    rows: NDArray[np.int64],
    status: NDArray[np.str_],
    fid: NDArray[np.int64],
    absent: NDArray[np.int64],
) -> None:
    """Which feature each staged row is (0: none yet), and which ones the file has not."""
    none = pa.nulls(len(absent), pa.int64())
    columns = {
        "row": pa.concat_arrays([pa.array(rows, pa.int64()), none]),
        "fid": pa.array(np.concatenate([fid, absent])),
        "operation": pa.array([*status.tolist(), *["absent"] * len(absent)], pa.string()),
    }
    write(path, pa.table(columns))
