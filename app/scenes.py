"""The register of scenes: rows of the record that say what the numbers in a raster mean."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from app.problems import Problem
from app.settings import Settings
from app.times import now
from geo.record.protocol import Author, Record
from geo.record.tables import jobs, scenes
from geo.soil.scene import Scene

#: Folder below the raster root of the files that the service has made itself.
MADE = "scenes"
#: Jobs in these states use their scenes still.
_USING = ("queued", "running", "done")


def every(record: Record) -> list[Scene]:
    """All scenes, by id."""
    with record.read() as connection:
        rows = connection.execute(select(scenes.c.body).order_by(scenes.c.id))
        return [Scene.model_validate_json(row.body) for row in rows]


def get(record: Record, scene_id: str) -> Scene:
    """A scene by id. Raises `Problem` E_NOT_FOUND."""
    with record.read() as connection:
        return _get(connection, scene_id)


def here(settings: Settings, scene: Scene) -> Scene:
    """The scene, its file fetched from the nodes' object store if this node has none.

    Raises `Problem` E_OBJECT_STORE.
    """
    settings.shared.get(_key(scene.path), settings.raster_folder / scene.path)
    return scene


def share(settings: Settings, path: str, file: Path) -> None:
    """Keep a raster where all nodes find it. Raises `Problem` E_OBJECT_STORE."""
    settings.shared.put(_key(path), file)


def _key(path: str) -> str:
    return f"rasters/{path}"


def usable(record: Record, scene_id: str) -> Scene:
    """A scene for new work. Raises `Problem` E_NOT_FOUND, E_SCENE_RETIRED."""
    scene = get(record, scene_id)
    if scene.retired:
        raise Problem(
            "E_SCENE_RETIRED",
            f"影像 {scene_id} 已停用",
            f"The scene {scene_id} is retired",
            where="scene",
            fix=("换一景影像，或由管理人员恢复", "Take another, or ask a manager to bring it back"),
        )
    return scene


def _get(connection: Connection, scene_id: str) -> Scene:
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
        put(connection, record, scene, author)


def put(connection: Connection, record: Record, scene: Scene, author: Author) -> None:
    """Store a new scene in the caller's transaction. Raises `Problem` E_SCENE_EXISTS."""
    refuse_taken(connection, scene.id)
    connection.execute(
        scenes.insert().values(id=scene.id, body=scene.model_dump_json(), created_at=now())
    )
    detail = {"id": scene.id, "sha256": scene.sha256, "sources": [s.sha256 for s in scene.sources]}
    record.event("scene.register", author, detail, connection=connection)


def refuse_taken(connection: Connection, scene_id: str) -> None:
    """Raises `Problem` E_SCENE_EXISTS."""
    query = select(scenes.c.id).where(scenes.c.id == scene_id)
    if connection.execute(query).one_or_none() is not None:
        raise Problem(
            "E_SCENE_EXISTS",
            f"已有编号为 {scene_id} 的影像",
            f"There is a scene {scene_id} already",
            where="id",
            fix=("换一个 id，或先删除原有影像", "Take another id, or delete the scene first"),
        )


def retire(record: Record, scene_id: str, retired: bool, author: Author) -> Scene:
    """Take a scene out of new work or bring it back. Raises `Problem` E_NOT_FOUND."""
    with record.write() as connection:
        scene = _get(connection, scene_id)
        if scene.retired == retired:
            return scene
        scene = scene.model_copy(update={"retired": retired})
        connection.execute(
            scenes.update().where(scenes.c.id == scene_id).values(body=scene.model_dump_json())
        )
        detail = {"id": scene_id, "retired": retired}
        record.event("scene.retire", author, detail, connection=connection)
    return scene


def delete(record: Record, settings: Settings, scene_id: str, author: Author) -> None:
    """Take a scene that no run looked at out of the register; a file that we made goes with it.

    Raises `Problem` E_NOT_FOUND, E_SCENE_USED.
    """
    with record.write() as connection:
        scene = _get(connection, scene_id)
        using = users(connection, scene_id)
        if using:
            first = ", ".join(map(str, using[:10]))
            raise Problem(
                "E_SCENE_USED",
                f"{len(using)} 次计算用到影像 {scene_id}（{first}），删除后这些结果就无法核对",
                f"{len(using)} runs used the scene {scene_id} ({first}); without it they could "
                "not be checked any more",
                where="scene",
                fix=("请改为停用（PATCH retired=true）", "Retire it instead (PATCH retired=true)"),
                extra={"runs": using[:100], "count": len(using)},
            )
        connection.execute(scenes.delete().where(scenes.c.id == scene_id))
        detail = {"id": scene_id, "sha256": scene.sha256}
        record.event("scene.delete", author, detail, connection=connection)
    if scene.path.startswith(f"{MADE}/"):
        (settings.raster_folder / scene.path).unlink(missing_ok=True)
        settings.shared.delete(_key(scene.path))


def users(connection: Connection, scene_id: str) -> list[int]:
    """Numbers of the jobs that look or looked at a scene, newest first."""
    quoted = json.dumps(scene_id)
    rows = connection.execute(
        select(jobs.c.id, jobs.c.kind, jobs.c.state, jobs.c.args)
        .where(
            jobs.c.kind.like("soil.%"),
            jobs.c.kind != "soil.scene",
            jobs.c.state.in_(_USING),
            jobs.c.args.contains(quoted, autoescape=True),
        )
        .order_by(jobs.c.id.desc())
    )
    return [
        row.id
        for row in rows
        # A composite that is done has pixels of its own.
        if not (row.kind == "soil.composite" and row.state == "done")
        and _names(json.loads(row.args), scene_id)
    ]


def _names(args: dict[str, Any], scene_id: str) -> bool:
    return any(
        value == scene_id or (isinstance(value, list) and scene_id in value)
        for value in args.values()
    )
