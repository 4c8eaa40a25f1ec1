"""Seals in the record: an event of the log holds the document's hash, blobs hold the rest."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson
import pyarrow as pa
from sqlalchemy import Connection

from app import blobs
from app.problems import not_found
from app.state import State
from geo.errors import Rejected
from geo.record.protocol import Author, Event
from geo.totals.seal import Seal

ACTION = "total.seal"
#: Seals that a list looks through.
MOST = 100_000
ARROW = "application/vnd.apache.arrow.file"


def store(
    state: State, seal: Seal, title: str, author: Author, connection: Connection
) -> tuple[int, dict[str, Any]]:
    """Keep a seal: its files first, then the event that names them by their SHA-256.

    Gives the seal's number (the event's place in the log) and its detail.
    """
    document = orjson.dumps(seal.document, option=orjson.OPT_SORT_KEYS)
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_file(sink, seal.inputs.schema, options=options) as writer:
        writer.write_table(seal.inputs)
    store = state.settings.blobs
    kept = [store.put(document), store.put(sink.getvalue().to_pybytes())]
    detail = {
        "title": title,
        "layer": seal.document["question"]["layer"],
        "revision": seal.document["revision"],
        "total": seal.document["result"]["total"],
        "document": kept[0].sha256,
        "inputs": kept[1].sha256,
    }
    for blob, kind in zip(kept, ("application/json", ARROW), strict=True):
        blobs.note(connection, blob, kind)
    return state.record.event(ACTION, author, detail, connection=connection), detail


def listed(state: State, limit: int) -> list[Event]:
    """Seals, newest first."""
    return state.record.events(limit=MOST, action=ACTION)[::-1][:limit]


def find(state: State, seal_id: int) -> Event:
    """A seal by its number (the place in the log). Raises `Problem` E_NOT_FOUND."""
    found = state.record.events(seal_id - 1, 1)
    if not found or found[0].seq != seal_id or found[0].action != ACTION:
        raise not_found(f"没有封存 {seal_id}", f"There is no seal {seal_id}")
    return found[0]


def load(state: State, event: Event) -> tuple[dict[str, Any], pa.Table]:
    """Document and inputs of a seal. Raises `Rejected` E_SEAL when a file is not what it was."""
    document, inputs = (
        _read(state, event.detail[name], event.seq) for name in ("document", "inputs")
    )
    return orjson.loads(document), pa.ipc.open_file(pa.py_buffer(inputs)).read_all()


def _read(state: State, sha256: str, seal_id: int) -> bytes:
    try:
        content = state.settings.blobs.path(sha256).read_bytes()
    except FileNotFoundError:
        content = b""
    if hashlib.sha256(content).hexdigest() != sha256:
        raise Rejected(
            "E_SEAL",
            f"封存 {seal_id} 的文件缺失或已被改动",
            f"A file of seal {seal_id} is missing or has been changed",
            where=sha256,
            fix=("请从备份恢复该文件", "Restore the file from a backup"),
        )
    return content
