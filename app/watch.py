"""Watches over the log: anchors it once a minute, and sees when it is not what it was.

Cheap enough to go on all the time: with each change one row of the log is compared with the
last anchor and with what this process saw before. The whole is recomputed by ``/audit/verify``,
``liangtian audit verify`` and every backup; the last outcome is kept beside the anchors.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from app.times import now
from geo.record.anchors import Anchors
from geo.record.protocol import Anchor, Problem, Record, Verification

log = logging.getLogger("liangtian")

#: Seconds between anchors while there are changes.
EVERY = 60.0
_OUTCOME, _BACKUP = "verified.json", "backup.json"


@dataclass(frozen=True)
class Outcome:
    """Of the last verification of the whole record."""

    ok: bool
    seq: int
    revision: int
    rows: int
    seconds: float
    time: str
    problems: int


class Watch:
    """One a process; several processes share the folder of anchors."""

    def __init__(self, record: Record, folder: Path) -> None:
        self.record = record
        self.anchors = Anchors(folder)
        #: What is wrong with the log, as far as a look at single rows tells; empty when nothing.
        self.fault = ""
        #: Why the last anchor could not be written; empty when it was.
        self.trouble = ""
        self._seen: Anchor | None = None
        self._due = 0.0
        self._lock = threading.Lock()

    def look(self, *, changed: bool) -> None:
        """Compare the log with what is known of it, and anchor it if that is due."""
        due = time.monotonic() >= self._due
        if not (changed or due):
            return
        with self._lock:
            known = [self._seen]
            if due:
                known.append(self.anchors.last())
            for anchor in known:
                if anchor is not None and not self.record.holds(anchor):
                    self.fault = f"row {anchor.seq} of the log is not what it was"
                    return
            self.fault = ""
            self._seen = self.record.anchor()
            if due:
                self._anchor()

    def anchor(self) -> Anchor | None:
        """Anchor the log now: after a seal, before a backup. None when it is not what it was."""
        with self._lock:
            last = self.anchors.last()
            if last is not None and not self.record.holds(last):
                self.fault = f"row {last.seq} of the log is not what it was"
                return None
            return self._anchor()

    def _anchor(self) -> Anchor | None:
        self._due = time.monotonic() + EVERY
        if self.record.head().seq == 0:
            return None
        try:
            made = self.anchors.append(self.record)
        except (OSError, ValueError) as error:
            # The service goes on; its health tells.
            self.trouble = f"the log is not anchored: {error}"
            log.exception("the log is not anchored")
            return None
        self.trouble = ""
        return made

    # -- the whole -------------------------------------------------------------------

    def verify(self, *, deep: bool = False, public: bytes | None = None) -> Verification:
        """Recompute the whole record against all anchors, and keep the outcome."""
        anchors, problems = self.anchors.check(public)
        found = with_problems(self.record.verify(anchors, deep=deep), problems)
        self._keep(found)
        return found

    def _keep(self, found: Verification) -> None:
        outcome = Outcome(
            found.ok, found.head.seq, found.head.revision, found.rows, found.seconds, now(),
            len(found.problems),
        )  # fmt: skip
        self._put(_OUTCOME, asdict(outcome))

    def note_backup(self, name: str, revision: int) -> None:
        """Remember the last backup that was tried and found good."""
        self._put(_BACKUP, {"name": name, "revision": revision, "time": now()})

    def backup(self) -> dict[str, Any] | None:
        """The last backup that was tried and found good."""
        try:
            found: dict[str, Any] = orjson.loads((self.anchors.folder / _BACKUP).read_bytes())
            return found
        except (FileNotFoundError, ValueError):
            return None

    def _put(self, name: str, content: dict[str, Any]) -> None:
        folder = self.anchors.folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = folder / f"{name}.{os.getpid()}.part"
        part.write_bytes(orjson.dumps(content))
        part.replace(folder / name)

    def outcome(self) -> Outcome | None:
        """Of the last verification; None before the first."""
        try:
            return Outcome(**orjson.loads((self.anchors.folder / _OUTCOME).read_bytes()))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    @property
    def sound(self) -> bool:
        """Whether nothing is known against the log."""
        outcome = self.outcome()
        return not self.fault and (outcome is None or outcome.ok)

    @property
    def anchored(self) -> bool:
        return not self.trouble


def with_problems(found: Verification, problems: Sequence[Problem]) -> Verification:
    return replace(found, problems=(*problems, *found.problems)) if problems else found
