# ruff: noqa: S608 - names come from checked layer definitions
"""Does the record still say what was committed? Chain, anchors, tables against log."""

from __future__ import annotations

import os
from array import array
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from multiprocessing import get_context
from operator import itemgetter
from time import perf_counter
from typing import Any

import numpy as np
import orjson
import shapely

from geo.layers import Catalog, Layer
from geo.record.log import ChainCheck, LogRow, Tail, parsed
from geo.record.prepare import measure
from geo.record.protocol import Anchor, Head, Problem, Verification, measure_column
from geo.record.session import Session, quote

_BATCH = 300  # small: what is parsed stays in the processor's cache
#: problems kept in the answer; a wrecked file must not fill the memory
LIMIT = 1_000
_TEXTS = {
    "chain": ("哈希链不符", "the hash chain does not hold"),
    "order": ("日志行缺失或次序不对", "log rows are missing or out of order"),
    "body": ("日志行的列与正文不符", "columns of a log row differ from its body"),
    "anchor": ("与外部锚点不符，日志被重写或截断", "the log was rewritten or cut after an anchor"),
    "differs": ("要素与日志不符", "the feature differs from the log"),
    "measure": ("面积或长度与图形不符", "area or length does not follow from the geometry"),
    "stale": ("表中的要素不是日志中的最新版本", "the feature is not the log's last version"),
    "extra": ("表中的要素在日志中不存在", "the feature is not in the log"),
    "missing": ("日志中的要素在表中缺失", "the feature is missing from the table"),
    "index": ("空间索引与图形不符", "the spatial index differs from the geometries"),
}


#: rows of the log that a process takes at a time
_STRETCH = 25_000


@dataclass
class _Part:
    """What a stretch of the log told; ``tables``: layer -> fid, seq, gone, problems."""

    chain: ChainCheck
    tables: dict[str, tuple[array[int], array[int], array[int], list[Problem]]]


def verify(
    session: Session,
    catalog: Catalog,
    anchors: Sequence[Anchor],
    deep: bool,
    again: Callable[[], Session] | None = None,
) -> Verification:
    """Inside one read transaction of ``session``; reads each row of the log once.

    ``again`` opens another session in another process: a long log is then read in stretches by
    as many processes as there are processors.
    """
    start = perf_counter()
    wanted = {anchor.seq: anchor.h for anchor in anchors}
    (last,) = session.execute("SELECT coalesce(max(seq), 0) FROM sys_log").fetchone()
    stretches = list(pairwise([*range(0, last, _STRETCH), last])) or [(0, 0)]
    parts = _together(session, catalog, wanted, deep, stretches, again)
    end = parts[-1].chain
    faults = [fault for part in parts for fault in part.chain.faults]
    faults += end.unfinished({seq for seq in wanted if seq > last})
    problems = [_problem(kind, seq=seq, en=message) for kind, seq, message in faults]
    features = 0
    for layer in catalog.layers.values():
        table = _Table(session, layer, deep)
        for part in parts:
            table.add(*part.tables[layer.id])
        problems += table.finish()
        features += table.features
    return Verification(
        rows=sum(part.chain.rows for part in parts),
        features=features,
        head=Head(end.revision, end.seq),
        h=end.h.hex(),
        broken_seq=min((seq for _, seq, _ in faults), default=None),
        problems=tuple(problems[:LIMIT]),
        seconds=perf_counter() - start,
        anchors=len(anchors),
    )


def _together(
    session: Session,
    catalog: Catalog,
    anchors: dict[int, str],
    deep: bool,
    stretches: list[tuple[int, int]],
    again: Callable[[], Session] | None,
) -> list[_Part]:
    """This process takes stretches from the end, others from the beginning until they meet."""
    others = min((os.cpu_count() or 1) - 1, len(stretches) // 3) if again else 0
    if not others:
        return [_check(session, catalog, anchors, deep, *edge) for edge in stretches]
    assert again is not None
    with ProcessPoolExecutor(others, mp_context=get_context("spawn")) as pool:
        asked = [
            pool.submit(_elsewhere, again, catalog, anchors, deep, *edge) for edge in stretches
        ]
        parts = [
            _check(session, catalog, anchors, deep, *edge) if future.cancel() else future
            for future, edge in reversed(list(zip(asked, stretches, strict=True)))
        ]
        return [part.result() if isinstance(part, Future) else part for part in reversed(parts)]


def _elsewhere(
    again: Callable[[], Session], catalog: Catalog, anchors: dict[int, str], deep: bool, *edge: int
) -> _Part:
    with closing(again()) as session:
        return _check(session, catalog, anchors, deep, *edge)


def _check(
    session: Session, catalog: Catalog, anchors: dict[int, str], deep: bool, after: int, until: int
) -> _Part:
    """Rows with after < seq <= until: their chain, and the table rows that they left."""
    within = {seq: h for seq, h in anchors.items() if after < seq <= until}
    chain = ChainCheck(within, *_before(session, after))
    tables = {layer.id: _Table(session, layer, deep) for layer in catalog.layers.values()}
    cursor = session.stream(
        f"SELECT seq, revision, kind, layer, fid, {session.BODY}, geom, h FROM sys_log "
        "WHERE seq > ? AND seq <= ? ORDER BY seq",
        (after, until),
    )
    while rows := cursor.fetchmany(_BATCH):
        chain.feed(rows)
        found: dict[str, list[LogRow]] = {}
        for row in rows:
            if row[2] == "feature":
                if row[3] in tables:
                    found.setdefault(row[3], []).append(row)
                else:
                    chain.body(row, parsed(row[5]))
        for name, mine in found.items():
            tables[name].compare(mine, chain)
    chain.finish()
    return _Part(chain, {name: table.found() for name, table in tables.items()})


def _before(session: Session, seq: int) -> tuple[Tail | None, int]:
    """The row that those after ``seq`` follow, and the end of its commit."""
    row = session.execute(
        "SELECT seq, h FROM sys_log WHERE seq <= ? ORDER BY seq DESC LIMIT 1", (seq,)
    ).fetchone()
    if row is None:
        return None, 0
    commit = session.execute(
        f"SELECT revision, {session.BODY} FROM sys_log WHERE kind = 'commit' AND seq <= ? "
        "ORDER BY seq DESC LIMIT 1",
        (seq,),
    ).fetchone()
    if commit is None:
        return Tail(row[0], 0, row[1]), 0
    return Tail(row[0], commit[0], row[1]), parsed(commit[1]).get("last_seq", seq)


def _problem(
    kind: str,
    *,
    seq: int | None = None,
    layer: str | None = None,
    fid: int | None = None,
    en: str | None = None,
) -> Problem:
    zh, text = _TEXTS[kind]
    return Problem(kind, (zh, f"{text}: {en}" if en else text), seq=seq, layer=layer, fid=fid)


_numbers = itemgetter("version", "revision", "measure")
_AFTER = b'{"after":'


def _numbers_of(document: dict[str, Any]) -> tuple[Any, ...] | None:
    try:
        return _numbers(document)
    except KeyError:
        return None


class _Table:
    """One layer's table, compared with its log rows while these stream by."""

    def __init__(self, session: Session, layer: Layer, deep: bool) -> None:
        self.features = 0
        self._session = session
        self._layer = layer
        self._deep = deep and layer.geometry is not None
        self._problems: list[Problem] = []
        self._fid, self._seq, self._gone = array("q"), array("q"), array("b")
        self._names = sorted(field.name for field in layer.fields)
        self._truths = [field.name for field in layer.fields if field.type == "boolean"]
        # With a second name itemgetter always gives a tuple.
        self._values = itemgetter(*self._names, *self._names[:1])
        texts = dict(zip([field.name for field in layer.fields], session.texts(layer), strict=True))
        columns = [texts[name] for name in (*self._names, *self._names[:1])]
        number = measure_column(layer) or "NULL"
        chosen = (
            f"SELECT t.fid, t.log_seq, t.version, t.revision, {number}, "
            f"{session.geometry_of(layer)}, {', '.join(columns)} "
        )
        table = quote(layer.id)
        self._select = (
            f"{chosen} FROM {session.KEYS} JOIN {table} t ON t.fid = j.value "
            "WHERE t.log_seq BETWEEN ? AND ?"
        )
        self._run = (
            f"{chosen} FROM {table} t WHERE t.fid BETWEEN ? AND ? AND t.log_seq BETWEEN ? AND ?"
        )

    def compare(self, rows: list[LogRow], chain: ChainCheck) -> None:
        """Log rows against their bodies, and against the table rows that they left."""
        last: dict[int, LogRow] = {row[4]: row for row in rows}  # type: ignore[misc]
        low, high, seqs = min(last), max(last), (rows[0][0], rows[-1][0])
        if high - low < 2 * len(last):  # as a rule features come in runs
            asked = self._session.execute(self._run, (low, high, *seqs))
        else:
            asked = self._session.execute(self._select, (self._session.keys(list(last)), *seqs))
        table_rows = asked.fetchall()
        current = {stored[1]: stored for stored in table_rows}
        self._fid.extend([row[4] for row in rows])  # type: ignore[misc]
        self._seq.extend([row[0] for row in rows])
        for row in rows:
            stored, body = current.get(row[0]), row[5]
            whole = b""
            if stored is not None and stored[0] != row[4]:
                stored = None
            if stored is not None:
                # Most bodies begin with what the table row would be written as: then the
                # values are the same, and only the rest of the body has to be read.
                whole = _AFTER + self._written(stored) + b","
            if stored is not None and body.startswith(whole):
                document = parsed(b"{" + body[len(whole) :])
                good = self._same_shape(stored, row[6]) and _numbers_of(document) == stored[2:5]
            else:
                document = parsed(body)
                good = stored is None or self._same(stored, row[6], document)
            chain.body(row, document)
            self._gone.append(document.get("op") == "delete")
            if not good:
                self._add("differs", row[0], row[4])
        if self._deep:
            self._check_geometry(table_rows)

    def _written(self, stored: tuple[Any, ...]) -> bytes:
        """The values of a table row as a body has them."""
        after = dict(zip(self._names, stored[6:], strict=False))
        for name in self._truths:
            if after[name] is not None:
                after[name] = bool(after[name])
        return orjson.dumps(after)

    def _same_shape(self, stored: tuple[Any, ...], wkb: bytes | None) -> bool:
        geom = stored[5]
        if geom is None or wkb is None:
            return geom is wkb
        return len(geom) == len(wkb) + self._session.HEADER and geom.endswith(wkb)

    def _same(self, stored: tuple[Any, ...], wkb: bytes | None, document: dict[str, Any]) -> bool:
        if not self._same_shape(stored, wkb):
            return False
        try:
            after, numbers = document["after"], _numbers(document)
        except KeyError:
            return False
        if after is None or numbers != stored[2:5]:
            return False
        try:
            return self._values(after) == stored[6:]
        except KeyError:
            # A field that the definition gained later is absent from older rows.
            values = stored[6 : 6 + len(self._names)]
            return tuple(after.get(name) for name in self._names) == values

    def _check_geometry(self, table_rows: list[tuple[Any, ...]]) -> None:
        """Envelope and measure follow from the coordinates (1e-9 of it for the measure)."""
        rows = [row for row in table_rows if row[5] is not None]
        try:
            geometry = shapely.from_wkb([row[5][self._session.HEADER :] for row in rows])
        except (ValueError, shapely.errors.GEOSException):
            self._add("differs", rows[0][1], rows[0][0])
            return
        right = self._session.enveloped([row[5] for row in rows], shapely.bounds(geometry))
        stored = np.array([row[4] for row in rows], np.float64)
        with np.errstate(invalid="ignore"):
            off = np.abs(measure(self._layer, geometry) - stored) > 1e-9 * np.abs(stored)
        for i, row in enumerate(rows):
            if not right[i]:
                self._add("differs", row[1], row[0])
            if off[i]:
                self._add("measure", row[1], row[0])

    def found(self) -> tuple[array[int], array[int], array[int], list[Problem]]:
        """What the rows of a stretch told, for `add` of another table."""
        return self._fid, self._seq, self._gone, self._problems

    def add(
        self, fid: array[int], seq: array[int], gone: array[int], problems: list[Problem]
    ) -> None:
        self._fid.extend(fid)
        self._seq.extend(seq)
        self._gone.extend(gone)
        self._problems.extend(problems)

    def finish(self) -> list[Problem]:
        """After the last row of the log: what is missing, too much or too old."""
        fids, seqs = self._alive()
        rows = self._session.execute(
            f"SELECT fid, log_seq FROM {quote(self._layer.id)} ORDER BY fid"
        ).fetchall()
        self.features = len(rows)
        stored = np.array(rows, np.int64).reshape(-1, 2)
        if not np.array_equal(stored, np.column_stack([fids, seqs])):
            wanted = dict(zip(fids.tolist(), seqs.tolist(), strict=True))
            for fid, seq in rows:
                expected = wanted.pop(fid, None)
                if expected is None:
                    self._add("extra", seq, fid)
                elif expected != seq:
                    self._add("stale", expected, fid)
            for fid, seq in wanted.items():
                self._add("missing", seq, fid)
        if self._layer.geometry:
            for seq, fid, what in self._session.index_faults(self._layer, self._deep):
                self._add("index", seq, fid, what)
        return self._problems

    def _alive(self) -> tuple[np.ndarray, np.ndarray]:
        """fid (sorted) and last seq of the features that exist according to the log."""
        fid = np.frombuffer(self._fid, np.int64)
        seq = np.frombuffer(self._seq, np.int64)
        order = np.lexsort((seq, fid))
        fid, seq, gone = fid[order], seq[order], np.frombuffer(self._gone, np.int8)[order]
        keep = np.append(fid[1:] != fid[:-1], True)[: len(fid)] & (gone == 0)
        return fid[keep], seq[keep]

    def _add(self, kind: str, seq: int | None, fid: int | None, en: str | None = None) -> None:
        if len(self._problems) < LIMIT:
            self._problems.append(_problem(kind, seq=seq, layer=self._layer.id, fid=fid, en=en))
