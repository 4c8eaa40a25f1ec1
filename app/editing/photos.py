"""Photos of features: blobs by hash, cleaned in a limited process before anybody sees them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row, select

from app import blobs
from app.jobs.sandbox import Limits
from app.jobs.sandbox import run as sandboxed
from app.problems import not_found
from app.times import now
from geo.record.protocol import Author
from geo.record.tables import photos

if TYPE_CHECKING:
    from app.auth import User
    from app.state import State

#: A child that needs more than this for a photo has a bomb in its hands.
_LIMITS = Limits(cpu_s=30, memory_bytes=2 << 30, wall_s=60, file_bytes=256 << 20)


def clean(state: State, received: blobs.Received) -> tuple[blobs.Blob, blobs.Blob, dict[str, Any]]:
    """(photo, small picture, what is known of it); the bytes that came are dropped.

    Raises `Rejected` E_PHOTO, `SandboxError`.
    """
    settings = state.settings
    settings.work_folder.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix="photo-", dir=settings.work_folder) as name:
            folder = Path(name)
            files = {key: folder / key for key in ("output", "small")}
            arguments = {
                "source": str(received.temporary.resolve()),
                "position": settings.photo_position == "keep",
                **{key: str(path.resolve()) for key, path in files.items()},
            }
            about = sandboxed(
                "geo.formats.photo:main", arguments, folder, _LIMITS,
                readable=[received.temporary.resolve()],
            )  # fmt: skip
            photo = settings.blobs.keep(files["output"])
            small = settings.blobs.keep(files["small"])
    finally:
        received.drop()
    return photo, small, about


def add(
    connection: Connection, state: State, layer: str, fid: int, user: User,
    made: tuple[blobs.Blob, blobs.Blob, dict[str, Any]],
) -> dict[str, Any]:  # fmt: skip
    """The photo's row and its place in the log; the same photo of a feature is kept once."""
    photo, small, about = made
    mine = (photos.c.layer == layer, photos.c.fid == fid, photos.c.removed_at.is_(None))
    again = connection.execute(select(photos).where(*mine, photos.c.sha256 == photo.sha256)).first()
    if again is not None:
        return describe(again)
    blobs.note(connection, photo, about["media_type"])
    blobs.note(connection, small, "image/jpeg")
    row = {
        "layer": layer, "fid": fid, "sha256": photo.sha256, "small_sha256": small.sha256,
        "person": user.name, "created_at": now(), **about,
    }  # fmt: skip
    (stored,) = connection.execute(photos.insert().values(**row).returning(photos)).all()
    detail = {"id": stored.id, "layer": layer, "fid": fid, "sha256": photo.sha256}
    state.record.event(
        "photo.add", Author(user.name, "photo", "edit"), detail, connection=connection
    )
    return describe(stored)


def of_feature(state: State, layer: str, fid: int) -> list[dict[str, Any]]:
    query = select(photos).where(
        photos.c.layer == layer, photos.c.fid == fid, photos.c.removed_at.is_(None)
    )
    with state.record.read() as connection:
        return [describe(row) for row in connection.execute(query.order_by(photos.c.id))]


def get(state: State, number: int) -> Row[Any]:
    """Raises `Problem` E_NOT_FOUND, for a removed one, too."""
    with state.record.read() as connection:
        row = connection.execute(select(photos).where(photos.c.id == number)).one_or_none()
    if row is None or row.removed_at is not None:
        raise not_found(f"没有照片 {number}", f"There is no photo {number}", where="photo")
    return row


def remove(connection: Connection, state: State, number: int, user: User) -> None:
    """Shown no more. The bytes stay with the log until the blobs are swept by a person."""
    connection.execute(photos.update().where(photos.c.id == number).values(removed_at=now()))
    state.record.event(
        "photo.remove", Author(user.name, "photo", "edit"), {"id": number}, connection=connection
    )


def describe(row: Row[Any]) -> dict[str, Any]:
    return {
        "id": row.id,
        "layer": row.layer,
        "fid": row.fid,
        "href": f"/photos/{row.id}",
        "small": f"/photos/{row.id}?size=small",
        "sha256": row.sha256,
        "media_type": row.media_type,
        "width": row.width,
        "height": row.height,
        "taken_at": row.taken_at,
        "lon": row.lon,
        "lat": row.lat,
        "author": row.person,
        "created_at": row.created_at,
    }
