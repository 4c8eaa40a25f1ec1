"""The register of scenes: rows of the record that say what the numbers in a raster mean."""

from __future__ import annotations

from sqlalchemy import select

from app.problems import Problem
from app.times import now
from geo.record.protocol import Author, Record
from geo.record.tables import scenes
from geo.soil.scene import Scene


def every(record: Record) -> list[Scene]:
    """All scenes, by id."""
    with record.read() as connection:
        rows = connection.execute(select(scenes.c.body).order_by(scenes.c.id))
        return [Scene.model_validate_json(row.body) for row in rows]


def get(record: Record, scene_id: str) -> Scene:
    """A scene by id. Raises `Problem` E_NOT_FOUND."""
    with record.read() as connection:
        query = select(scenes.c.body).where(scenes.c.id == scene_id)
        body = connection.execute(query).scalar_one_or_none()
    if body is None:
        raise Problem(
            "E_NOT_FOUND",
            f"没有影像 {scene_id}",
            f"There is no scene {scene_id}",
            where="scene",
            fix=("可用影像见 /soil/scenes", "See /soil/scenes for the scenes there are"),
        )
    return Scene.model_validate_json(body)


def register(record: Record, scene: Scene, author: Author) -> None:
    """Store a scene's description; a scene of the same id is replaced."""
    with record.write() as connection:
        connection.execute(scenes.delete().where(scenes.c.id == scene.id))
        connection.execute(
            scenes.insert().values(id=scene.id, body=scene.model_dump_json(), created_at=now())
        )
        detail = {"id": scene.id, "sha256": scene.sha256}
        record.event("scene.register", author, detail, connection=connection)
