# ruff: noqa: S608 - names come from checked layer definitions
"""Does the record still say what was committed? Chain, anchors, tables against log."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from time import perf_counter
from typing import Any

import numpy as np
import orjson

from geo.layers import Catalog, Layer
from geo.record import blob, schema
from geo.record.log import ChainCheck
from geo.record.protocol import Anchor, Head, Problem, Verification, measure_column

_BATCH = 5_000
#: problems kept in the answer; a wrecked file must not fill the memory
LIMIT = 1_000
_CHAIN_TEXTS = {
    "chain": "哈希链不符",
    "order": "日志行缺失或次序不对",
    "body": "日志行的列与正文不符",
    "anchor": "与外部锚点不符，日志被重写或截断",
}


def verify(connection: Any, catalog: Catalog, anchors: Sequence[Anchor]) -> Verification:
    """Inside one read transaction of ``connection``."""
    start = perf_counter()
    check = ChainCheck({anchor.seq: anchor.h for anchor in anchors})
    last = {name: _Last() for name in catalog.layers}
    cursor = connection.execute(
        "SELECT seq, revision, kind, layer, fid, body, geom, h FROM sys_log ORDER BY seq"
    )
    while rows := cursor.fetchmany(_BATCH):
        for row, document in zip(rows, check.feed(rows), strict=True):
            if row[2] == "feature" and row[3] in last:
                last[row[3]].add(row[4], row[0], document.get("op") == "delete")
    check.finish()
    problems = [
        Problem(kind, (_CHAIN_TEXTS[kind], message), seq=seq) for kind, seq, message in check.faults
    ]
    features = 0
    for layer in catalog.layers.values():
        count, found = _compare(connection, layer, last[layer.id].alive())
        features += count
        problems += found
    return Verification(
        rows=check.rows,
        features=features,
        head=Head(check.revision, check.seq),
        h=check.h.hex(),
        broken_seq=min((seq for _, seq, _ in check.faults), default=None),
        problems=tuple(problems[:LIMIT]),
        seconds=perf_counter() - start,
    )


class _Last:
    """The last log row of each feature of a layer."""

    def __init__(self) -> None:
        self._fid, self._seq, self._gone = array("q"), array("q"), array("b")

    def add(self, fid: int, seq: int, gone: bool) -> None:
        self._fid.append(fid)
        self._seq.append(seq)
        self._gone.append(gone)

    def alive(self) -> tuple[np.ndarray, np.ndarray]:
        """fid (sorted) and seq of the features that exist according to the log."""
        fid = np.frombuffer(self._fid, np.int64)
        seq = np.frombuffer(self._seq, np.int64)
        gone = np.frombuffer(self._gone, np.int8)
        order = np.lexsort((seq, fid))
        fid, seq, gone = fid[order], seq[order], gone[order]
        keep = np.append(fid[1:] != fid[:-1], True)[: len(fid)] & (gone == 0)
        return fid[keep], seq[keep]


def _compare(
    connection: Any, layer: Layer, alive: tuple[np.ndarray, np.ndarray]
) -> tuple[int, list[Problem]]:
    problems: list[Problem] = []

    def add(kind: str, zh: str, en: str, fid: int | None, seq: int | None) -> None:
        problems.append(Problem(kind, (zh, en), seq=seq, layer=layer.id, fid=fid))

    seq_of = dict(zip(alive[0].tolist(), alive[1].tolist(), strict=True))
    booleans = [f.name for f in layer.fields if f.type == "boolean"]
    names = sorted(f.name for f in layer.fields)
    measure = measure_column(layer)
    columns = ", ".join(f"t.{schema.quote(name)}" for name in names)
    cursor = connection.execute(
        f"SELECT t.fid, t.version, t.revision, t.log_seq, {f't.{measure}' if measure else 'NULL'}, "
        f"{'t.geom' if layer.geometry else 'NULL'}, l.body, l.geom, {columns} "
        f"FROM {schema.quote(layer.id)} t LEFT JOIN sys_log l ON l.seq = t.log_seq ORDER BY t.fid"
    )
    count = 0
    while rows := cursor.fetchmany(_BATCH):
        count += len(rows)
        for fid, version, revision, seq, number, geom, body, wkb, *values in rows:
            wanted = seq_of.pop(fid, None)
            if wanted is None:
                add("extra", "表中的要素在日志中不存在", "feature is not in the log", fid, seq)
                continue
            if wanted != seq or body is None:
                add("stale", "表中的要素不是日志中的最新版本", "not the last version", fid, wanted)
                continue
            current = dict(zip(names, values, strict=True))
            for name in booleans:
                if current[name] is not None:
                    current[name] = bool(current[name])
            if not _same(body, current, version, revision, number) or not _same_shape(geom, wkb):
                add("differs", "要素与日志不符", "feature differs from the log", fid, seq)
            if len(problems) >= LIMIT:
                return count, problems
    for fid, seq in list(seq_of.items())[:LIMIT]:
        add("missing", "日志中的要素在表中缺失", "feature is missing from the table", fid, seq)
    if layer.geometry:
        problems += _check_index(connection, layer)
    return count, problems


def _same(
    body: str, current: dict[str, Any], version: int, revision: int, number: float | None
) -> bool:
    try:
        document = orjson.loads(body)
        after = document["after"]
        return (
            document["version"] == version
            and document["revision"] == revision
            and document["measure"] == number
            # A field that the definition gained later is absent from older rows.
            and (after == current or all(after.get(k) == v for k, v in current.items()))
        )
    except (ValueError, KeyError, AttributeError):
        return False


def _same_shape(geom: bytes | None, wkb: bytes | None) -> bool:
    if geom is None or wkb is None:
        return geom is wkb
    return len(geom) == len(wkb) + blob.HEADER_SIZE and geom.endswith(wkb)


def _check_index(connection: Any, layer: Layer) -> list[Problem]:
    """R-tree: as many boxes as geometries, each around its geometry's envelope."""
    table, rtree = schema.quote(layer.id), schema.quote(schema.rtree_name(layer))
    (shapes, boxes) = connection.execute(
        f"SELECT (SELECT count(*) FROM {table} WHERE geom IS NOT NULL), "
        f"(SELECT count(*) FROM {rtree})"
    ).fetchone()
    if shapes == boxes:
        return []
    text = (
        f"空间索引有 {boxes} 项，图形有 {shapes} 个",
        f"the spatial index has {boxes} boxes for {shapes} geometries",
    )
    return [Problem("index", text, layer=layer.id)]
