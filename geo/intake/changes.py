"""From staged rows to a change set: what is new, changed, unchanged or absent by business key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from geo.errors import Rejected
from geo.intake.stage import Staged
from geo.layers import Layer
from geo.record.protocol import DELETE, INSERT, UPDATE, ChangeSet, attribute_schema
from geo.snapshot.view import View

#: 0.1 mm: what survives a trip through the formats that teams use.
_DECIMALS = 9
_SAME_PLACE = 1.5e-9


@dataclass(frozen=True)
class Difference:
    """Rows of the file against the layer; ``absent`` counts features that the file has not."""

    new: int
    changed: int
    unchanged: int
    absent: int


def changes(layer: Layer, staged: Staged, view: View) -> tuple[ChangeSet, Difference]:
    """The change set that staged rows make of a layer, by their mode.

    ``append`` adds all rows and refuses keys that exist; ``upsert`` updates what the key
    finds (fields that were not given stay as they are) and adds the rest; ``replace``
    deletes what the file does not name, too.
    Raises `Rejected` E_KEY_EXISTS, E_KEY_REPEATS, E_NO_KEY.
    """
    mode, attributes = staged.mode, staged.attributes
    geometry = staged.geometry if layer.geometry else None
    count = attributes.num_rows
    if not layer.key:
        if mode != "append":
            raise Rejected(
                "E_NO_KEY",
                f"{layer.title.zh}没有业务主键，只能追加",
                f"{layer.title.en} has no business key: rows can only be appended",
                where="mode",
            )
        return ChangeSet.inserts(layer.id, attributes, geometry), Difference(count, 0, 0, 0)
    keys = _keys(layer, [attributes.column(name).combine_chunks() for name in layer.key])
    _refuse_repeats(layer, keys)
    current = _Current.of(layer, view)
    found = pc.index_in(keys, value_set=current.keys).to_numpy(zero_copy_only=False)
    known = ~np.isnan(found)
    at = found[known].astype(np.int64)
    if mode == "append" and known.any():
        raise Rejected(
            "E_KEY_EXISTS",
            f"{int(known.sum())} 行的主键已存在，第一个是 {keys[int(np.argmax(known))].as_py()}",
            f"The key of {int(known.sum())} rows is stored already; the first is "
            f"{keys[int(np.argmax(known))].as_py()}",
            fix=("改用更新(upsert)模式", "Use the mode upsert"),
        )
    same = np.zeros(count, dtype=bool)
    rows = np.flatnonzero(known)
    attributes = current.fill(layer, at, attributes, rows, staged.given)
    same[rows] = current.same(layer, at, attributes.take(pa.array(rows)),
                              None if geometry is None else geometry[rows])  # fmt: skip
    touched = np.flatnonzero(~same)
    op = np.where(known, UPDATE, INSERT)[touched].astype(np.int8)
    fid = np.zeros(count, dtype=np.int64)
    fid[rows] = current.fid[at]
    absent = np.setdiff1d(np.arange(len(current.fid)), at)
    difference = Difference(
        int((~known).sum()), int((known & ~same).sum()), int(same.sum()), len(absent)
    )
    change = ChangeSet(
        layer.id,
        op,
        fid[touched],
        attributes.take(pa.array(touched)),
        None if geometry is None else geometry[touched],
    )
    if mode == "replace" and len(absent):
        change = _with_deletes(layer, change, current.fid[absent])
    return change, difference


def _keys(layer: Layer, columns: list[pa.Array]) -> pa.Array:
    texts = [pc.cast(column, pa.string()) for column in columns]
    return pc.binary_join_element_wise(*texts, "\x1f") if len(texts) > 1 else texts[0]


def _refuse_repeats(layer: Layer, keys: pa.Array) -> None:
    counts = pc.value_counts(keys)
    often = counts.filter(pc.greater(counts.field("counts"), 1))
    if len(often):
        first = often.field("values")[0].as_py()
        titles = "、".join(layer.by_name[name].title.zh for name in layer.key)
        raise Rejected(
            "E_KEY_REPEATS",
            f"文件中 {titles} 重复:{first}(共 {len(often)} 个)",
            f"The key {', '.join(layer.key)} repeats in the file: {first} ({len(often)} in all)",
            fix=("请在文件中改正重复的编号", "Mend the repeated keys in the file"),
        )


@dataclass(frozen=True)
class _Current:
    """The layer's features in one order."""

    fid: np.ndarray
    keys: pa.Array
    columns: dict[str, pa.Array]
    geometry: np.ndarray | None

    @classmethod
    def of(cls, layer: Layer, view: View) -> _Current:
        schema = attribute_schema(layer)
        matches = [(s, rows) for s, rows in view.match() if len(rows)]
        columns = {
            field.name: pa.concat_arrays(
                [s.column(field.name, rows).cast(field.type) for s, rows in matches]
                or [pa.array([], field.type)]
            )
            for field in schema
        }
        fids = [s.fid[rows] for s, rows in matches] or [np.empty(0, dtype=np.int64)]
        shapes = None
        if layer.geometry:
            parts = [s.geometries(rows) for s, rows in matches]
            shapes = np.concatenate(parts or [np.empty(0, dtype=object)])
        keys = _keys(layer, [columns[name] for name in layer.key])
        return cls(np.concatenate(fids), keys, columns, shapes)

    def fill(
        self, layer: Layer, at: np.ndarray, staged: pa.Table, rows: np.ndarray, given: Sequence[str]
    ) -> pa.Table:
        """Staged attributes; of known rows the fields that were not given as they are stored."""
        schema = attribute_schema(layer)
        stored_row = np.full(staged.num_rows, -1)
        stored_row[rows] = at
        there = pa.array(stored_row, mask=stored_row < 0)
        columns = [
            staged.column(f.name) if f.name in given else self.columns[f.name].take(there)
            for f in layer.fields
        ]
        return pa.table(columns, names=schema.names).cast(schema)

    def same(
        self, layer: Layer, at: np.ndarray, rows: pa.Table, geometry: np.ndarray | None
    ) -> np.ndarray:
        """bool[n]: which staged rows say what is stored at ``at`` already."""
        equal = np.ones(len(at), dtype=bool)
        for field in layer.fields:
            old = self.columns[field.name].take(pa.array(at))
            new = rows.column(field.name).combine_chunks()
            both = pc.fill_null(pc.equal(old, new), False)
            neither = pc.and_(pc.is_null(old), pc.is_null(new))
            equal &= pc.or_(both, neither).to_numpy(zero_copy_only=False)
        if geometry is not None and self.geometry is not None:
            old_shapes, new_shapes = _canonical(self.geometry[at]), _canonical(geometry)
            near = shapely.equals_exact(old_shapes, new_shapes, _SAME_PLACE)
            equal &= near | (shapely.is_missing(old_shapes) & shapely.is_missing(new_shapes))
        return equal


def _canonical(shapes: np.ndarray) -> np.ndarray:
    """Multi types with their rings begun at the same vertex, whatever the last digits are."""
    rounded = shapely.transform(_multi(shapes), lambda xy: np.round(xy, _DECIMALS))
    return shapely.normalize(rounded)


def _multi(shapes: np.ndarray) -> np.ndarray:
    """Single parts as Multi types, so that they compare with what is stored."""
    kinds = shapely.get_type_id(shapes)
    out = shapes.copy()
    polygons, lines = (
        kinds == shapely.GeometryType.POLYGON,
        kinds == shapely.GeometryType.LINESTRING,
    )
    if polygons.any():
        out[polygons] = shapely.multipolygons(shapes[polygons], indices=np.arange(polygons.sum()))
    if lines.any():
        out[lines] = shapely.multilinestrings(shapes[lines], indices=np.arange(lines.sum()))
    return out


def _with_deletes(layer: Layer, change: ChangeSet, fids: np.ndarray) -> ChangeSet:
    assert change.attributes is not None
    empty = pa.table(
        {f.name: pa.nulls(len(fids), f.type) for f in attribute_schema(layer)},
        schema=attribute_schema(layer),
    )
    geometry = change.geometry
    if geometry is not None:
        geometry = np.concatenate([geometry, np.full(len(fids), None)])
    return ChangeSet(
        change.layer,
        np.concatenate([change.op, np.full(len(fids), DELETE, np.int8)]),
        np.concatenate([change.fid, fids]),
        pa.concat_tables([change.attributes, empty]),
        geometry,
    )
