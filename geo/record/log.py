"""The log: canonical bodies, the hash chain and its check. Knows no database.

``h = sha256(previous h || body || sha256(geometry))``; the first row follows 32 zero
bytes, a row without geometry adds nothing for it. ``body`` is JSON with sorted keys and
no spaces; it repeats the row's columns, so the chain covers them too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from operator import itemgetter
from typing import Any

import orjson

GENESIS = bytes(32)

#: seq, revision, kind, layer, fid, body, geom, h
LogRow = tuple[int, int, str, str | None, int | None, bytes, bytes | None, bytes]


@dataclass
class Tail:
    """End of the log; moved on while rows are written."""

    seq: int
    revision: int
    h: bytes


def canonical(document: Mapping[str, Any]) -> bytes:
    return orjson.dumps(document, option=orjson.OPT_SORT_KEYS)


def link(previous: bytes, body: bytes, geometry: bytes | None) -> bytes:
    if geometry is None:
        return sha256(previous + body).digest()
    return sha256(previous + body + sha256(geometry).digest()).digest()


def milliseconds(time: datetime) -> datetime:
    """``time`` in UTC, cut to what GeoPackage's DATETIME holds."""
    if time.tzinfo is None:
        raise ValueError("a time of the record needs a time zone")
    time = time.astimezone(UTC)
    return time.replace(microsecond=time.microsecond // 1000 * 1000)


def format_time(time: datetime) -> str:
    return milliseconds(time).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def parse_time(text: str) -> datetime:
    return datetime.fromisoformat(text)


_columns = itemgetter("seq", "revision", "kind")


def parsed(body: bytes) -> dict[str, Any]:
    """The document of a row; {} where it is none."""
    try:
        document = orjson.loads(body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


class ChainCheck:
    """Recomputes the chain row by row; keeps the first fault of each kind of place.

    ``before``: the row that those to come follow, as it is stored; ``promised``: the last seq of
    the commit that it belongs to.
    """

    def __init__(
        self,
        anchors: Mapping[int, str] | None = None,
        before: Tail | None = None,
        promised: int = 0,
    ) -> None:
        before = before or Tail(0, 0, GENESIS)
        self.h, self.seq, self.revision = before.h, before.seq, before.revision
        self.promised = promised
        self.rows = 0
        self.faults: list[tuple[str, int, str]] = []
        self._anchors = dict(anchors or {})

    def feed(self, rows: Iterable[LogRow]) -> None:
        """Check the hashes and the order of ``rows``, and the bodies of all but feature rows;
        of these `body` must be told what it says."""
        anchors = self._anchors
        for row in rows:
            seq, revision, kind, _, _, body, geometry, h = row
            self.rows += 1
            if seq != self.seq + 1:
                self._fault("order", self.seq + 1, f"seq {self.seq + 1} is missing")
            if geometry is None:
                digest = sha256(self.h + body).digest()
            else:
                digest = sha256(self.h + body + sha256(geometry).digest()).digest()
            if digest != h:
                self._fault("chain", seq, f"hash of row {seq} differs")
            if kind == "feature":
                if seq > self.promised:
                    self._fault("order", seq, "feature row outside its commit")
            else:
                document = parsed(body)
                self.body(row, document)
                if kind == "commit":
                    if revision != self.revision + 1 or seq <= self.promised:
                        self._fault("order", seq, "commit out of order")
                    self.revision = revision
                    self.promised = document.get("last_seq", seq)
            if seq in anchors and anchors.pop(seq) != h.hex():
                self._fault("anchor", seq, "anchored hash differs: the log was rewritten")
            # Continue from what is stored: one edited row is named once, not all after it.
            self.h, self.seq = h, seq

    def body(self, row: LogRow, document: Mapping[str, Any]) -> None:
        """The columns of a row must be what its body says ({} where it is unreadable)."""
        try:
            same = _columns(document) == row[:3]
        except KeyError:
            same = False
        if not (same and document.get("fid") == row[4] and document.get("layer") == row[3]):
            self._fault("body", row[0], f"row {row[0]}")

    def finish(self) -> None:
        """After the last row: the anchored rows that did not come."""
        for seq in sorted(self._anchors):
            self._fault("anchor", seq, "anchored row is missing")

    def unfinished(self, beyond: Collection[int] = ()) -> list[tuple[str, int, str]]:
        """At the end of the log: faults of a cut tail; ``beyond``: anchors after the last row."""
        faults = [("anchor", seq, "anchored row is missing") for seq in sorted(beyond)]
        if self.promised > self.seq:
            faults.insert(0, ("order", self.seq + 1, "the log ends inside a commit"))
        return faults

    def _fault(self, kind: str, seq: int, message: str) -> None:
        self.faults.append((kind, seq, message))
