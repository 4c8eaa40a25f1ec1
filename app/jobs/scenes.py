"""Registering a scene as a job: files are gathered, looked at in a limited process, kept."""

from __future__ import annotations

import os
import posixpath
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, select

from app import blobs, s3, scenes
from app.jobs.sandbox import run as sandboxed
from geo.errors import Rejected
from geo.record.protocol import Author
from geo.record.tables import blobs as blob_rows
from geo.record.tables import jobs, uploads
from geo.soil.scene import Scene, digest, inside

if TYPE_CHECKING:
    from app.jobs.worker import Context, Effect

#: A COG may be this large; the largest stack of a Sentinel-2 tile takes some 3 GiB.
MOST_BYTES = 8 << 30


def register(context: Context) -> tuple[dict[str, Any], Effect | None]:
    """Check files, make them one COG where they are none, and write down what they are."""
    args, state = context.job.args, context.state
    with state.record.read() as connection:
        scenes.refuse_taken(connection, args["id"])
    given, stated, here = _gather(context)
    output = context.folder.resolve() / "out.tif"
    content = sandboxed(
        "geo.soil.admit:main",
        {
            "given": given,
            "stated": stated,
            "output": str(output),
            "root": str(state.settings.raster_folder.resolve()) if here else None,
            "href": here,
        },
        context.folder,
        replace(context.limits, file_bytes=MOST_BYTES),
        context.report,
        cancelled=context.cancelled,
        readable=[Path(file["path"]) for file in given],
    )
    scene = Scene.model_validate(content["scene"]).model_copy(update={"id": args["id"]})
    return publish(context, scene, output if content["made"] else None)


def compose(context: Context) -> tuple[dict[str, Any], Effect | None]:
    """Medians of the clear observations of scenes, as a new scene."""
    args, state = context.job.args, context.state
    with state.record.read() as connection:
        scenes.refuse_taken(connection, args["id"])
    used = [
        scenes.here(state.settings, scenes.get(state.record, scene_id))
        for scene_id in args["scenes"]
    ]
    root = state.settings.raster_folder.resolve()
    output = context.folder.resolve() / "out.tif"
    content = sandboxed(
        "geo.soil.composite:main",
        {
            **{name: args[name] for name in ("id", "title", "bands", "masks", "persistence")},
            "window": args["window"],
            "scenes": [scene.model_dump(mode="json") for scene in used],
            "root": str(root),
            "output": str(output),
        },
        context.folder,
        replace(
            context.limits,
            file_bytes=MOST_BYTES,
            # Every eight scenes may take as long as a job that reads one.
            cpu_s=context.limits.cpu_s * (1 + len(used) // 8),
            wall_s=context.limits.wall_s * (1 + len(used) // 8),
        ),
        context.report,
        cancelled=context.cancelled,
        readable=[inside(root, scene.path) for scene in used],
    )
    scene = Scene.model_validate(content["scene"]).model_copy(update={"id": args["id"]})
    told, effect = publish(context, scene, output)
    if scene.composed is not None:
        told["observations"] = scene.composed.observations
    return told, effect


def publish(
    context: Context, scene: Scene, made: Path | None
) -> tuple[dict[str, Any], Effect | None]:
    """Put the file that was made below the raster root; the effect registers the scene."""
    state = context.state
    root = state.settings.raster_folder.resolve()
    if made is not None:
        sha256 = digest(made)
        path = f"{scenes.MADE}/{scene.id}-{sha256[:12]}.tif"
        scene = scene.model_copy(
            update={"path": path, "sha256": sha256, "size": made.stat().st_size}
        )
        scenes.share(state.settings, path, made)
        _keep(made, root / path)
    else:
        scenes.share(state.settings, scene.path, root / scene.path)
    author = Author(
        context.job.person or "?", f"影像 {scene.title or scene.id}", f"scene:{scene.id}"
    )

    def effect(connection: Connection) -> None:
        scenes.put(connection, state.record, scene, author)
        _forget_blob(connection, context)

    told = {
        "scene": scene.id,
        "converted": made is not None,
        "scaling": scene.how_scaled,
        "warnings": [notice.model_dump() for notice in scene.warnings],
    }
    return told, effect


def _keep(made: Path, final: Path) -> None:
    """Durable at its place before any row speaks of it; the work folder may be another disk."""
    with blobs.disk_errors("rasters"):
        final.parent.mkdir(parents=True, exist_ok=True)
        near = final.with_suffix(".part")
        shutil.move(made, near)
        with near.open("rb") as file:
            os.fsync(file.fileno())
        near.replace(final)
        handle = os.open(final.parent, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _forget_blob(connection: Connection, context: Context) -> None:
    """An upload's bytes are in the COG now: without a row the sweeper takes them in a day."""
    sha256 = context.job.args.get("blob")
    if sha256 is None:
        return
    wanted = [
        select(uploads.c.id).where(uploads.c.sha256 == sha256),
        select(jobs.c.id).where(
            jobs.c.kind == "soil.scene",
            jobs.c.id != context.job.id,
            jobs.c.state != "done",
            jobs.c.args.contains(sha256),
        ),
    ]
    if all(connection.execute(query.limit(1)).first() is None for query in wanted):
        connection.execute(blob_rows.delete().where(blob_rows.c.sha256 == sha256))


def _gather(context: Context) -> tuple[list[dict[str, Any]], dict[str, Any], str | None]:
    """(files for the child, what is stated, the path below the root of a single local file)."""
    args, settings = context.job.args, context.state.settings
    stated = dict(args["stated"])
    if args.get("blob"):
        path = settings.blobs.path(args["blob"]).resolve()
        return [_file(path, args["title"], args.get("bands"))], stated, None
    href = args.get("href")
    if href is None:
        files = [
            _file(_local(context, one), posixpath.basename(one), [key])
            for key, one in args["bands"].items()
        ]
        return files, stated, None
    if href.lower().endswith((".json", ".geojson")):
        return (*_of_item(context, href, stated), None)
    path = _local(context, href)
    here = None
    if not href.startswith(s3.SCHEME):
        here = path.relative_to(settings.raster_folder.resolve()).as_posix()
    return [_file(path, posixpath.basename(href), args.get("bands"))], stated, here


def _file(path: Path, name: str, bands: Any) -> dict[str, Any]:
    return {"path": str(path), "name": name, "bands": bands}


def _local(context: Context, href: str) -> Path:
    """The file of an href, fetched if it lies in the object store."""
    settings = context.state.settings
    if not href.startswith(s3.SCHEME):
        return inside(settings.raster_folder, href)
    target = context.folder.resolve() / f"fetched-{len(list(context.folder.glob('fetched-*')))}"
    s3.fetch(settings.raster_s3, href, target, context.report, context.cancelled)
    return target


def _of_item(
    context: Context, href: str, stated: dict[str, Any]
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The files that a STAC item names, and what it says where the person said nothing."""
    item = _local(context, href)
    told = sandboxed(
        "geo.soil.stac:main",
        {"path": str(item), "chosen": context.job.args.get("bands")},
        context.folder,
        context.limits,
        context.report,
        cancelled=context.cancelled,
        readable=[item],
    )
    folder = posixpath.dirname(href)
    files: dict[str, dict[str, Any]] = {}
    for key, asset in told["assets"].items():
        place = _beside(folder, str(asset["href"]))
        if place not in files:
            files[place] = _file(_local(context, place), posixpath.basename(place), {})
        files[place]["bands"][key] = asset["bands"][key]
    known = {
        name: told[name]
        for name in ("sensor", "datetime", "baseline", "boa_offset_applied", "tags")
        if told[name] is not None and stated.get(name) is None
    }
    if "tags" in known:
        known["tags_from"] = "raster:bands"
    return list(files.values()), stated | {"title": stated.get("title") or told["id"]} | known


def _beside(folder: str, href: str) -> str:
    """An asset's href as one of the raster root or of the object store."""
    if href.startswith(s3.SCHEME) or "://" not in href:
        whole = href if href.startswith((s3.SCHEME, "/")) else f"{folder}/{href}".lstrip("/")
        scheme = s3.SCHEME if whole.startswith(s3.SCHEME) else ""
        return scheme + posixpath.normpath(whole.removeprefix(scheme))
    raise Rejected(
        "E_PATH",
        "条目中的资产必须与条目在同一影像根之下，不能是网址",
        "the assets of an item must lie below the raster root like the item; addresses are not "
        "followed",
        where=href[:200],
        fix=(
            "先把文件下载到影像根目录，并把 href 改为相对路径",
            "download the files to the raster root first and make the hrefs relative",
        ),
    )
