"""Sealed figures: a published total that can be recomputed to the last digit.

A seal holds the question, the revision, the answer in whole units, and a digest of every
feature that the answer was made of. `verify` asks again at that revision: the digests must be
the same, and so must every digit; where they are not, it names the features.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from pyproj import proj_version_str

from geo.errors import Rejected
from geo.layers import Layer, Text
from geo.snapshot.segment import Rows as SegmentRows
from geo.snapshot.segment import Segment
from geo.totals.question import Question, Views, Within, plan, rows_of
from geo.totals.total import Overlaps, Row, Total, total

FORMAT = 1
#: Features that are named one by one when they differ.
MOST_NAMED = 100
_DIGEST = 16
_SCHEMA = pa.schema([("layer", pa.string()), ("fid", pa.int64()), ("digest", pa.binary(_DIGEST))])


@dataclass(frozen=True)
class Seal:
    """``document`` is plain JSON; ``inputs`` has layer, fid and digest of every feature."""

    document: dict[str, Any]
    inputs: pa.Table


@dataclass(frozen=True)
class Difference:
    """Features of one layer that are not as they were sealed; lists are capped."""

    layer: str
    changed: tuple[int, ...]
    missing: tuple[int, ...]
    extra: tuple[int, ...]
    count: int


@dataclass(frozen=True)
class Verdict:
    """``ok``: inputs and every digit are the sealed ones.

    ``inputs``: what differs at the sealed revision (somebody changed the record itself);
    ``since``: what ordinary edits have changed since, which breaks nothing.
    """

    ok: bool
    same_result: bool
    inputs: tuple[Difference, ...]
    since: tuple[Difference, ...]
    result: dict[str, Any]
    libraries: dict[str, tuple[str, str]]


def seal(found: Total, views: Views, layers: Mapping[str, Layer]) -> Seal:
    """Seal an answer; ``views`` are those that it was computed from.

    Raises `Rejected` E_PARAMETER for a question that words alone cannot repeat.
    """
    inputs = _inputs(found.question, views, layers)
    document = {
        "format": FORMAT,
        "question": to_json(found.question),
        "revision": found.as_of,
        "result": _result(found),
        "method": found.method.model_dump(),
        "definition": found.definition.model_dump(),
        "inputs": [
            {"layer": each.layer, "revision": each.revision, **_summary(inputs, each.layer)}
            for each in found.inputs
        ],
        "libraries": _libraries(),
    }
    return Seal(document, inputs)


def verify(
    document: Mapping[str, Any],
    inputs: pa.Table,
    then: Views,
    now: Views,
    layers: Mapping[str, Layer],
    overlaps: Overlaps | None = None,
) -> Verdict:
    """Ask again. ``then``: the layers at the sealed revision, ``now``: as they are.

    Raises `Rejected` E_SEAL where ``inputs`` are not those of the document.
    """
    question = from_json(document["question"])
    for each in document["inputs"]:
        if _summary(inputs, each["layer"])["sha256"] != each["sha256"]:
            raise Rejected(
                "E_SEAL",
                f"封存的输入清单已被改动({each['layer']})",
                f"The sealed list of inputs has been changed ({each['layer']})",
                where=each["layer"],
                fix=("请从备份恢复该封存", "Restore the seal from a backup"),
            )
    again = total(then, question, layers, overlaps)
    result = _result(again)
    at = _differences(inputs, _inputs(question, then, layers))
    same = result == document["result"]
    today = _libraries()
    libraries = {
        name: (old, today.get(name, "")) for name, old in document["libraries"].items()
        if today.get(name) != old
    }  # fmt: skip
    since = _differences(inputs, _inputs(question, now, layers))
    return Verdict(same and not at, same, at, since, result, libraries)


def to_json(question: Question) -> dict[str, Any]:
    """A question in words alone. Raises `Rejected` E_PARAMETER."""
    if question.selected or question.box is not None:
        raise Rejected(
            "E_PARAMETER",
            "封存只接受 filter、within 等可写成文字的条件",
            "A seal takes conditions in words only: filter, within, definition",
            where="filter",
            fix=("请把条件写成 filter(CQL2)", "Write the condition as a filter (CQL2)"),
        )
    within = question.within
    return {
        "layer": question.layer,
        "by": list(question.by),
        "on": list(question.on),
        "within": None if within is None else {
            "layer": within.layer,
            "keys": list(within.keys),
            "shape": None if within.shape is None else shapely.to_wkb(within.shape, hex=True),
        },
        "measure": question.measure,
        "filters": dict(question.filters),
        "sums": list(question.sums),
        "definition": question.definition,
        "meaning": question.meaning.model_dump() if question.meaning else None,
    }  # fmt: skip


def from_json(words: Mapping[str, Any]) -> Question:
    """The question that `to_json` wrote."""
    within = words["within"]
    meaning = words["meaning"]
    return Question(
        words["layer"],
        tuple(words["by"]),
        tuple(words["on"]),
        None if within is None else Within(
            within["layer"],
            tuple(within["keys"]),
            None if within["shape"] is None else shapely.from_wkb(within["shape"]),
        ),
        words["measure"],
        dict(words["filters"]),
        sums=tuple(words["sums"]),
        definition=words["definition"],
        meaning=Text(**meaning) if meaning else None,
    )  # fmt: skip


def _result(found: Total) -> dict[str, Any]:
    return {"rows": [_row(row) for row in found.rows], "total": _row(found.total)}


def _row(row: Row) -> dict[str, Any]:
    """Whole millionths of m² (m), and repr of sums: nothing is rounded on the way."""
    return {
        "group": [None if value is None else str(value) for value in row.group],
        "count": row.count,
        "units": row.units,
        "removed_units": row.removed_units,
        "sums": [repr(value) for value in row.sums],
    }


def _libraries() -> dict[str, str]:
    """What else could change a digit."""
    return {
        "geos": shapely.geos_version_string,
        "liangtian": version("liangtian"),
        "numpy": np.__version__,
        "proj": proj_version_str,
        "shapely": shapely.__version__,
    }


def _inputs(question: Question, views: Views, layers: Mapping[str, Layer]) -> pa.Table:
    """Every feature that the question reads, by layer and fid, with its digest."""
    asked = plan(question, layers)
    tables = []
    for name in asked.layers:
        view = views(name)
        filters = rows_of(asked, layers[name], view)
        groups = [k.field.name for k in asked.keys if k.field and k.layer.id == name]
        for segment, rows in view.match(filters):
            if len(rows):
                digests = pa.array(_digests(segment, rows, groups), pa.binary(_DIGEST))
                fids = pa.array(segment.fid[rows])
                tables.append(pa.table([pa.repeat(name, len(rows)), fids, digests], schema=_SCHEMA))
    if not tables:
        return _SCHEMA.empty_table()
    return pa.concat_tables(tables).sort_by([("layer", "ascending"), ("fid", "ascending")])


def _digests(segment: Segment, rows: SegmentRows, names: Sequence[str]) -> list[bytes]:
    """BLAKE2 of version, measure, the fields that make groups, and geometry (WKB, lon/lat).

    Not of all fields: a new field in the definition of a layer changes no sealed figure.
    """
    columns = [segment.column(name, rows) for name in ("version", *segment.layer.measures[:1])]
    columns += [segment.column(name, rows) for name in names]
    texts = [pc.fill_null(column.cast(pa.string()), "\0") for column in columns]
    told = pc.binary_join_element_wise(*texts, "\x1f").to_pylist()
    shapes: list[bytes | None] = [None] * len(rows)
    if segment.layer.geometry:
        shapes = shapely.to_wkb(segment.geometries(rows)).tolist()
    return [
        hashlib.blake2b(text.encode() + b"\0" + (shape or b""), digest_size=_DIGEST).digest()
        for text, shape in zip(told, shapes, strict=True)
    ]


def _of(inputs: pa.Table, layer: str) -> tuple[np.ndarray, np.ndarray]:
    """Fids (ascending) and digests of one layer."""
    mine = inputs.filter(pc.equal(inputs["layer"], layer)).combine_chunks()
    digests = np.array(mine["digest"].to_pylist(), dtype=f"S{_DIGEST}")
    return mine["fid"].to_numpy(), digests


def _summary(inputs: pa.Table, layer: str) -> dict[str, Any]:
    mine = inputs.filter(pc.equal(inputs["layer"], layer))
    digest = hashlib.sha256()
    digest.update(mine["fid"].to_numpy().astype("<i8").tobytes())
    digest.update(b"".join(mine["digest"].to_pylist()))
    return {"features": mine.num_rows, "sha256": digest.hexdigest()}


def _differences(sealed: pa.Table, found: pa.Table) -> tuple[Difference, ...]:
    names = sorted({*sealed["layer"].unique().to_pylist(), *found["layer"].unique().to_pylist()})
    out = []
    for name in names:
        fids, digests = _of(sealed, name)
        others, their = _of(found, name)
        both, mine, theirs = np.intersect1d(fids, others, return_indices=True)
        changed = both[digests[mine] != their[theirs]]
        missing, extra = np.setdiff1d(fids, others), np.setdiff1d(others, fids)
        count = len(changed) + len(missing) + len(extra)
        if count:
            out.append(Difference(name, _few(changed), _few(missing), _few(extra), count))
    return tuple(out)


def _few(fids: np.ndarray) -> tuple[int, ...]:
    return tuple(fids[:MOST_NAMED].tolist())
