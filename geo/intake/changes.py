"""From staged rows to a change set: what is new, changed, unchanged or absent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from geo.errors import Rejected
from geo.intake.stage import Staged
from geo.layers import Layer
from geo.record.protocol import DELETE, INSERT, UPDATE, ChangeSet, attribute_schema
from geo.snapshot.view import View

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: 0.1 mm: what survives a trip through the formats that teams use.
_DECIMALS = 9
_SAME_PLACE = 1.5e-9


@dataclass(frozen=True)
class Difference:
    """Rows of the file against the layer; ``absent`` counts features that the file has not.

    ``matched``: how the known rows were recognised (key, geometry, similarity). ``scope``: the
    counties that the file covers; features of other counties are neither absent nor deleted.
    """

    new: int
    changed: int
    unchanged: int
    absent: int
    matched: dict[str, int] = field(default_factory=dict)
    scope: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Outcome:
    """What a commit would do.

    For each staged row ``status`` is new, changed or unchanged, and ``fid`` its feature, 0 for
    new ones; ``absent``: fids of the features that the file has not. ``change`` has the rows that
    are not unchanged, in their order, then what is deleted.
    """

    change: ChangeSet
    difference: Difference
    status: NDArray[np.str_]
    fid: NDArray[np.int64]
    absent: NDArray[np.int64]


def changes(layer: Layer, staged: Staged, view: View) -> tuple[ChangeSet, Difference]:
    """The change set of `plan`, and the difference that it tells."""
    made = plan(layer, staged, view)
    return made.change, made.difference


def plan(layer: Layer, staged: Staged, view: View) -> Outcome:
    """The change set that staged rows make of a layer, by their mode.

    ``append`` adds all rows and refuses keys that exist; ``upsert`` updates the features that
    rows were recognised as, by key or as `geo.intake.compare` found (fields that were not
    given stay as they are), and adds the rest; ``replace`` deletes what the file does not
    name, too, within the counties that it covers.
    Raises `Rejected` E_KEY_EXISTS, E_KEY_REPEATS, E_NO_KEY.
    """
    mode, attributes = staged.mode, staged.attributes
    geometry = staged.geometry if layer.geometry else None
    count = attributes.num_rows
    if not layer.key and (mode == "append" or staged.match is None):
        if mode != "append":
            raise Rejected(
                "E_NO_KEY",
                f"{layer.title.zh}没有业务主键，只能追加",
                f"{layer.title.en} has no business key: rows can only be appended",
                where="mode",
                fix=("请用追加(append)模式", "Use the mode append"),
            )
        change = ChangeSet.inserts(layer.id, attributes, geometry)
        nothing = np.empty(0, np.int64)
        return Outcome(
            change, Difference(count, 0, 0, 0), np.full(count, "new"), change.fid, nothing
        )
    current = _Current.of(layer, view)
    place, how = _recognise(layer, staged, current)
    known = place >= 0
    if mode == "append" and known.any():
        first = key_texts(layer, [attributes[name] for name in layer.key])[int(np.argmax(known))]
        raise Rejected(
            "E_KEY_EXISTS",
            f"{int(known.sum())} 行的主键已存在，第一个是 {first.as_py()}",
            f"The key of {int(known.sum())} rows is stored already; the first is {first.as_py()}",
            fix=("改用更新(upsert)模式", "Use the mode upsert"),
        )
    rows, at = np.flatnonzero(known), place[known]
    same = np.zeros(count, dtype=bool)
    attributes = current.fill(layer, at, attributes, rows, staged.given)
    same[rows] = current.same(layer, at, attributes.take(pa.array(rows)),
                              None if geometry is None else geometry[rows])  # fmt: skip
    touched = np.flatnonzero(~same)
    op = np.where(known, UPDATE, INSERT)[touched].astype(np.int8)
    fid = np.zeros(count, dtype=np.int64)
    fid[rows] = current.fid[at]
    scope = _scope(layer, staged)
    inside = np.ones(len(current.fid), bool)
    if scope:
        there = pc.is_in(current.columns[str(layer.county_field)], value_set=pa.array(scope))
        inside = there.to_numpy(zero_copy_only=False)
    inside[at] = False
    absent = np.flatnonzero(inside)
    difference = Difference(
        int((~known).sum()), int((known & ~same).sum()), int(same.sum()), len(absent),
        {kind: n for kind in ("key", "geometry", "similarity") if (n := int((how == kind).sum()))},
        scope,
    )  # fmt: skip
    change = ChangeSet(
        layer.id,
        op,
        fid[touched],
        attributes.take(pa.array(touched)),
        None if geometry is None else geometry[touched],
    )
    if mode == "replace" and len(absent):
        change = _with_deletes(layer, change, current.fid[absent])
    status = np.where(known, np.where(same, "unchanged", "changed"), "new")
    return Outcome(change, difference, status, fid, current.fid[absent])


def _recognise(
    layer: Layer, staged: Staged, current: _Current
) -> tuple[NDArray[np.int64], NDArray[np.str_]]:
    """(place in ``current`` of each row, -1 for new ones; how it was recognised)."""
    count = staged.attributes.num_rows
    place, how = np.full(count, -1, np.int64), np.full(count, "", dtype="<U10")
    if layer.key:
        keys = key_texts(layer, [staged.attributes[name] for name in layer.key])
        _refuse_repeats(layer, keys)
        found = pc.index_in(keys, value_set=current.keys)
        known = np.asarray(found.is_valid())
        place[known], how[known] = found.drop_null().to_numpy(), "key"
    if staged.match is None or staged.mode == "append":
        return place, how
    order = np.argsort(current.fid)
    free = np.ones(len(current.fid), bool)
    free[place[place >= 0]] = False
    for row in np.flatnonzero((staged.match >= 0) & (place < 0)).tolist():
        at = int(np.searchsorted(current.fid, staged.match[row], sorter=order))
        # What was deleted or recognised otherwise since the file was looked at is no match.
        if at < len(order) and current.fid[order[at]] == staged.match[row] and free[order[at]]:
            place[row], free[order[at]] = order[at], False
            how[row] = staged.matched_by[row] or "geometry" if staged.matched_by else "geometry"
    return place, how


def _scope(layer: Layer, staged: Staged) -> list[str]:
    name = layer.county_field
    if name is None or name not in staged.given:
        return []
    return sorted(v for v in staged.attributes[name].unique().to_pylist() if v is not None)


def key_texts(layer: Layer, columns: Sequence[pa.Array | pa.ChunkedArray]) -> pa.Array:
    """The business key of rows as one text each, of its columns; a layer with a key only."""
    texts = [pc.cast(column, pa.string()) for column in columns]
    key = pc.binary_join_element_wise(*texts, "\x1f") if len(layer.key) > 1 else texts[0]
    return key.combine_chunks() if isinstance(key, pa.ChunkedArray) else key


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
            f.name: pa.concat_arrays(
                [s.column(f.name, rows).cast(f.type) for s, rows in matches]
                or [pa.array([], f.type)]
            )
            for f in schema
        }
        fids = [s.fid[rows] for s, rows in matches] or [np.empty(0, dtype=np.int64)]
        shapes = None
        if layer.geometry:
            parts = [s.geometries(rows) for s, rows in matches]
            shapes = np.concatenate(parts or [np.empty(0, dtype=object)])
        count = len(columns[schema.names[0]])
        keys = pa.nulls(count, pa.string())
        if layer.key:
            keys = key_texts(layer, [columns[name] for name in layer.key])
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
        for f in layer.fields:
            old = self.columns[f.name].take(pa.array(at))
            new = rows.column(f.name).combine_chunks()
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
