"""What a commit would do to a layer, and whether it is still what somebody was shown."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from app.problems import Problem
from geo.errors import Rejected
from geo.intake import sides
from geo.intake.changes import Difference, Outcome
from geo.intake.changes import plan as intake_plan
from geo.intake.stage import Staged
from geo.layers import Layer
from geo.record.protocol import DELETE, INSERT, ChangeSet, Record
from geo.snapshot.view import View

_LISTED = 100


@dataclass(frozen=True)
class Plan:
    """Staged rows against a layer as ``view`` shows it. ``digest`` is of all that they would do:
    operations, features and the versions of these that they replace."""

    view: View
    change: ChangeSet
    difference: Difference
    outcome: Outcome
    digest: str

    @classmethod
    def of(cls, layer: Layer, staged: Staged, view: View) -> Plan:
        """Raises `Rejected` as `geo.intake.changes.plan` does."""
        made = intake_plan(layer, staged, view)
        change = made.change
        digest = hashlib.sha256(np.asarray(change.op, np.int8).tobytes())
        digest.update(np.asarray(change.fid, np.int64).tobytes())
        versions = pc.fill_null(_of_fids(view, change.fid, "version").cast(pa.int64()), 0)
        digest.update(versions.to_numpy().tobytes())
        return cls(view, change, made.difference, made, digest.hexdigest())

    def save_features(self, path: Path, staged: Staged, stored: np.ndarray | None = None) -> None:
        """Which features the rows are; ``stored``: those of the change set, once committed."""
        fid = self.outcome.fid.copy()
        if stored is not None:
            touched = np.flatnonzero(self.outcome.status != "unchanged")
            fid[touched] = stored[: len(touched)]
        sides.save_features(path, staged.rows, self.outcome.status, fid, self.outcome.absent)

    def outdated(self, record: Record) -> bool:
        """Whether the layer has changed since; asked inside a transaction, it stays so."""
        return any(self.view.layer.id in c.layers for c in record.commits(self.view.revision))


def _of_fids(view: View, fids: np.ndarray, column: str) -> pa.Array:
    """A column's value for each fid; null where there is no such feature."""
    order = np.argsort(fids, kind="stable")
    places, parts = [], []
    for segment, rows in view.match():
        found = segment.fid[rows]
        at = np.searchsorted(fids, found, sorter=order)
        at = order[np.minimum(at, max(0, len(order) - 1))] if len(order) else at
        hit = fids[at] == found if len(order) else np.zeros(len(found), dtype=bool)
        places.append(at[hit])
        parts.append(segment.column(column, rows[hit]))
    where = np.full(len(fids), -1)
    if places:
        where[np.concatenate(places)] = np.arange(sum(map(len, places)))
    values = pa.concat_arrays(
        [p.cast(p.type.value_type) if pa.types.is_dictionary(p.type) else p for p in parts]
        or [pa.nulls(0)]
    )
    return values.take(pa.array(where, mask=where < 0))


def refuse_foreign(counties: tuple[str, ...], layer: Layer, change: ChangeSet, view: View) -> None:
    """Whoever is limited to counties changes nothing outside them: neither as it was, nor as it
    will be. Raises `Rejected` E_COUNTY."""
    if not counties or layer.county_field is None or not len(change.op):
        return
    mine = pa.array(counties)
    foreign = np.zeros(len(change.op), dtype=bool)
    written = np.asarray(change.op) != DELETE
    if change.attributes is not None:
        after = pc.is_in(change.attributes[layer.county_field].combine_chunks(), value_set=mine)
        foreign |= written & ~after.to_numpy(zero_copy_only=False)
    there = np.flatnonzero(np.asarray(change.op) != INSERT)
    before = _of_fids(view, np.asarray(change.fid)[there], layer.county_field)
    inside = pc.is_in(before.cast(pa.string()), value_set=mine).to_numpy(zero_copy_only=False)
    foreign[there] |= ~inside
    if foreign.any():
        raise Rejected(
            "E_COUNTY",
            f"{int(foreign.sum())} 个要素不在您负责的县区（{'、'.join(counties)}）",
            f"{int(foreign.sum())} features are not in the counties that you may change "
            f"({', '.join(counties)})",
            where=layer.county_field,
            fix=(
                "只上传本县区的要素，或请管理员提交",
                "upload features of your counties only, or ask a manager",
            ),
        )


def refuse_rivals(layer: Layer, change: ChangeSet, view: View) -> None:
    """A feature that a revert would bring back must not meet another of its key by now."""
    back = np.flatnonzero(np.asarray(change.op) == INSERT)
    if not layer.key or not len(back) or change.attributes is None:
        return
    wanted = _keys([change.attributes[n].combine_chunks().take(pa.array(back)) for n in layer.key])
    rivals = []
    for segment, rows in view.match():
        keys = _keys([segment.column(name, rows) for name in layer.key])
        hit = pc.is_in(keys, value_set=wanted).to_numpy(zero_copy_only=False)
        rivals += [
            {"fid": int(fid), "key": key.replace("\x1f", " / ")}
            for fid, key in zip(
                segment.fid[rows[hit]].tolist(), keys.filter(pa.array(hit)).to_pylist(),
                strict=True,
            )
        ]  # fmt: skip
    if rivals:
        raise Problem(
            "E_REVERT",
            f"{len(rivals)} 个已删除要素的编号又被新要素使用（{rivals[0]['key']}），不能撤销",
            f"{len(rivals)} keys of deleted features are in use again ({rivals[0]['key']}); "
            "the upload cannot be undone",
            fix=("先删除或改号这些新要素", "delete or renumber these newer features first"),
            extra={"features": rivals[:_LISTED], "count": len(rivals)},
        )


def _keys(columns: list[pa.Array]) -> pa.Array:
    texts = [pc.cast(column, pa.string()) for column in columns]
    return pc.binary_join_element_wise(*texts, "\x1f") if len(texts) > 1 else texts[0]
