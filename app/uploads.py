"""Uploads as rows of the record: found for whoever may see them, begun, moved between states."""

from __future__ import annotations

import json
from typing import Any

import orjson
from fastapi import Request
from sqlalchemy import Connection, Row, Select, select

from app import blobs
from app.auth import User
from app.blobs import Received
from app.idempotency import Answer
from app.jobs import queue
from app.problems import Problem, not_found
from app.state import State
from app.times import now
from geo.record.tables import people, uploads

#: In these states the same bytes for the same layer need no second look.
_ALIVE = ("inspecting", "needs_input", "ready", "committing", "committed")


def query() -> Select[Any]:
    return select(uploads, people.c.name.label("person")).join(
        people, people.c.id == uploads.c.person_id, isouter=True
    )


def of_request(request: Request, upload_id: int) -> Row[Any]:
    """The upload, if it is the asker's own or they oversee; another's does not exist."""
    state: State = request.app.state.liangtian
    with state.record.read() as connection:
        row = of_user(connection, request.state.user, upload_id)
    state.catch_up()
    return row


def of_user(connection: Connection, user: User, upload_id: int) -> Row[Any]:
    """As `of_request`, inside a transaction. Raises `Problem` E_NOT_FOUND."""
    row = connection.execute(query().where(uploads.c.id == upload_id)).one_or_none()
    mine = row is not None and (user.oversees or row.person == user.name)
    if row is None or not (mine and user.sees(row.layer)):
        raise not_found(f"没有上传 {upload_id}", f"There is no upload {upload_id}")
    return row


def public(row: Row[Any], *, report: bool = True) -> dict[str, Any]:
    """What an answer shows."""
    shown = {
        "id": row.id,
        "layer": row.layer,
        "file_name": row.file_name,
        "sha256": row.sha256,
        "size": row.size,
        "state": row.state,
        "job": row.job_id,
        "person": row.person,
        "decisions": json.loads(row.decisions or "{}"),
        "report": json.loads(row.report) if row.report else None,
        "revision": row.revision,
        "reverted_by": row.reverted_by,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }
    return shown if report else {k: v for k, v in shown.items() if k != "report"}


def must_be(row: Row[Any], *states: str) -> None:
    """Raises `Problem` E_STATE."""
    if row.state not in states:
        raise Problem(
            "E_STATE",
            f"上传当前状态为 {row.state}，不能执行此操作",
            f"The upload is {row.state}; this cannot be done now",
            where="state",
            extra={"state": row.state},
        )


def move(connection: Connection, row: Row[Any], **values: object) -> None:
    """Change an upload's row, if nobody has changed its state meanwhile."""
    same = (uploads.c.id == row.id, uploads.c.state == row.state)
    done = connection.execute(uploads.update().where(*same).values(updated_at=now(), **values))
    if done.rowcount == 0:
        raise Problem("E_STATE", "上传状态刚刚改变", "The upload's state has just changed")


def begin(
    connection: Connection,
    state: State,
    user: User,
    received: Received,
    layer: str,
    name: str,
    media_type: str | None,
    *,
    force: bool = False,
) -> Answer:
    """Publish the bytes, make the upload and its job: 202 with both numbers.

    The same bytes for the same layer are told the earlier upload with 200, unless ``force``:
    one's own that is not rejected, discarded or reverted, or anybody's that is committed.
    """
    earlier = None if force else _earlier(connection, user, received.blob.sha256, layer)
    if earlier is not None:
        received.drop()
        return _told(earlier)
    received.publish()
    blobs.note(connection, received.blob, media_type)
    done = connection.execute(
        uploads.insert().values(
            layer=layer,
            file_name=name,
            sha256=received.blob.sha256,
            size=received.blob.size,
            state="inspecting",
            person_id=user.id,
            decisions="{}",
            created_at=now(),
            updated_at=now(),
        )
    )
    assert done.inserted_primary_key is not None
    upload_id = int(done.inserted_primary_key[0])
    job = queue.put(connection, "upload.inspect", {"upload": upload_id}, user.name, user.counties)
    connection.execute(uploads.update().where(uploads.c.id == upload_id).values(job_id=job))
    body = orjson.dumps({"id": upload_id, "job": job})
    return Answer(202, body, {"Location": f"/uploads/{upload_id}"})


def known(connection: Connection, upload_id: int) -> Answer:
    """The answer that tells an upload which has begun before."""
    return _told(connection.execute(select(uploads).where(uploads.c.id == upload_id)).one())


def _told(row: Row[Any]) -> Answer:
    told = {"id": row.id, "state": row.state, "duplicate": True}
    told |= {"job": row.job_id, "revision": row.revision}
    return Answer(200, orjson.dumps(told), {"Location": f"/uploads/{row.id}"})


def _earlier(connection: Connection, user: User, sha256: str, layer: str) -> Row[Any] | None:
    mine = uploads.c.state.in_(_ALIVE) & (uploads.c.person_id == user.id)
    stored = uploads.c.state == "committed"
    found = (
        select(uploads)
        .where(uploads.c.layer == layer, uploads.c.sha256 == sha256, mine | stored)
        .order_by(uploads.c.id.desc())
        .limit(1)
    )
    return connection.execute(found).one_or_none()
