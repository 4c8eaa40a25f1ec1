"""The base of a layer's snapshot on disk: build, swap, find.

``FOLDER/{layer}/{revision}-{seq}/`` holds a ``current`` and a ``past`` segment and
``meta.json``. A folder is written under a temporary name, made durable, and
renamed: a crash leaves the old base or the new one, never half of one. Readers
keep the files they have mapped; only the newest folder is kept by name.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from geo.layers import Layer
from geo.record.protocol import Entries, Record
from geo.snapshot import rows
from geo.snapshot.density import Density, density
from geo.snapshot.segment import Segment, hilbert_order, index

FORMAT = 2
Progress = Callable[[str, int], None]


@dataclass(frozen=True)
class Base:
    """An opened base: all versions up to ``seq`` of the log (revision ``revision``)."""

    revision: int
    seq: int
    current: Segment
    past: Segment


def fingerprint(layer: Layer) -> str:
    """Changes when the columns that a layer's base holds change."""
    shape = [FORMAT, layer.geometry, [(f.name, f.type) for f in layer.fields]]
    return hashlib.sha256(json.dumps(shape).encode()).hexdigest()[:16]


def latest(folder: Path, layer: Layer, newer_than: int = -1) -> Base | None:
    """Open the newest whole base of a layer; None where none fits or none is newer (by seq)."""
    for _ in range(3):  # a folder may be replaced between listing and opening
        found = _newest(folder / layer.id, layer)
        if found is None or found[1]["seq"] <= newer_than:
            return None
        path, meta = found
        try:
            current = Segment.open(layer, path, "current")
            past = Segment.open(layer, path, "past")
            for segment, name in ((current, "density"), (past, "gone")):
                if layer.geometry:
                    segment.density = Density.from_json(meta[name])
        except FileNotFoundError:
            continue
        return Base(meta["revision"], meta["seq"], current, past)
    return None


def _newest(folder: Path, layer: Layer) -> tuple[Path, dict[str, Any]] | None:
    for path in sorted(folder.glob("[0-9]*"), reverse=True):
        try:
            meta = json.loads((path / "meta.json").read_text())
        except (FileNotFoundError, ValueError):
            continue
        if meta.get("fingerprint") == fingerprint(layer):
            return path, meta
    return None


@contextmanager
def lock(folder: Path, layer: Layer) -> Iterator[bool]:
    """Whether this process may build the layer's base now; the kernel frees a dead holder's."""
    (folder / layer.id).mkdir(parents=True, exist_ok=True)
    with (folder / layer.id / ".lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def compact(
    record: Record,
    layer: Layer,
    folder: Path,
    progress: Progress | None = None,
    *,
    least: int = 0,
) -> bool:
    """Fold all newer entries of the log into a new base, if there are ``least`` of them.

    False if another process is at it.
    """
    with lock(folder, layer) as mine:
        if not mine:
            return False
        head = record.head()
        base = latest(folder, layer)
        since = base.seq if base else 0
        entries = list(_reported(record, layer, since, head.seq, progress))
        if base is not None and sum(map(len, entries)) < least:
            return True
        delta = index(layer, rows.batch_of(layer, entries))
        if base is not None:
            for part in entries:
                close([base.current], part.fid, part.revision)
        _publish(folder / layer.id, layer, head.revision, head.seq, base, delta)
        return True


def close(
    segments: list[Segment], fid: np.ndarray, revision: np.ndarray
) -> list[tuple[Segment, np.ndarray]]:
    """Close the open rows of these features at the first revision that touches each.

    Gives the rows that were closed.
    """
    fids, first = np.unique(fid, return_index=True)
    starts = revision[first]
    done = []
    for segment in segments:
        found = segment.open_rows_of(fids)
        if len(found):
            segment.closed[found] = starts[np.searchsorted(fids, segment.fid[found])]
            done.append((segment, found))
    return done


def _reported(
    record: Record, layer: Layer, since: int, until: int, progress: Progress | None
) -> Iterator[Entries]:
    done = 0
    for entries in record.entries(layer.id, since, until):
        done += len(entries.fid)
        if progress:
            progress(layer.id, done)
        yield entries


def _publish(
    folder: Path, layer: Layer, revision: int, seq: int, base: Base | None, delta: Segment
) -> None:
    old = [base.current, base.past] if base else []
    # What `closed` says counts, not the column: closing happens after mapping.
    everything = [*old, delta]
    current = merge(layer, [(s, np.flatnonzero(s.closed == 0)) for s in everything])
    past = merge(layer, [(s, np.flatnonzero(s.closed != 0)) for s in everything])
    current, past = current.with_levels(), past.with_levels()

    temporary = folder / f"tmp-{os.getpid()}"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    current.write(temporary, "current")
    past.write(temporary, "past")
    meta: dict[str, Any] = {
        "layer": layer.id,
        "revision": revision,
        "seq": seq,
        "rows": current.length,
        "past": past.length,
        "fingerprint": fingerprint(layer),
    }
    if layer.geometry:
        here = density(current)
        meta["density"] = here.to_json()
        # One version of each feature that is gone: together with what is there now about
        # as much as there was at any time.
        fids, latest_row = np.unique(past.fid[::-1], return_index=True)
        gone = past.length - 1 - latest_row[~np.isin(fids, current.fid)]
        first = here.first if here.rows else None
        meta["gone"] = density(past, gone, first=first).to_json()
    (temporary / "meta.json").write_text(json.dumps(meta))
    for path in temporary.iterdir():
        _sync(path)
    _sync(temporary)
    final = folder / f"{revision:012d}-{seq:014d}"
    shutil.rmtree(final, ignore_errors=True)
    temporary.rename(final)
    _sync(folder)
    for path in folder.iterdir():
        if path.is_dir() and path != final:
            shutil.rmtree(path, ignore_errors=True)


def merge(layer: Layer, parts: list[tuple[Segment, np.ndarray | None]]) -> Segment:
    """One segment of the chosen rows (None: all) of several, along the Hilbert curve."""
    batches, closed = [], []
    for segment, chosen in parts:
        if chosen is None or len(chosen) == segment.length:
            batches.append(segment.batch)
            closed.append(segment.closed)
        else:
            batches.append(segment.batch.take(pa.array(chosen)))
            closed.append(segment.closed[chosen])
    batch = rows.concat(layer, batches)
    order = hilbert_order(batch)
    return index(layer, batch.take(pa.array(order)), np.concatenate(closed)[order])


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
