"""What killed processes and lost interest leave in the data folder; a worker removes it."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

from sqlalchemy import select

from app import resumables, scenes
from app.blobs import path_of
from app.jobs.queue import ENDED, Queue
from app.state import State
from geo.record.tables import blobs

#: Younger files may belong to a request that another process is answering now.
_OLD = 3600
#: A blob is in place before the row that speaks of it; after a day no row will come.
_ORPHAN = 24 * 3600


def sweep(state: State) -> None:
    """Folders of dead jobs, half-received files, blobs that no row knows."""
    settings = state.settings
    # Folders first, jobs afterwards: whatever runs has its row before its folder.
    folders = list(settings.work_folder.glob("job-*"))
    queue = Queue(state.record)
    living = {f"job-{j.id}-{j.attempt}-{(j.lease or '')[-8:]}" for j in queue.running()}
    for path in folders:
        if path.name not in living:
            shutil.rmtree(path, ignore_errors=True)
    for path in settings.work_folder.glob("soil-*.npz*"):  # checkpoints of runs
        job = queue.get(int(path.name.split(".")[0].removeprefix("soil-")))
        if job is None or job.state in ENDED:
            path.unlink(missing_ok=True)
    for pattern in ("overlap-*", "download-*"):
        for path in settings.work_folder.glob(pattern):
            if _age(path) > _OLD:
                shutil.rmtree(path, ignore_errors=True)
    for path in (settings.blob_folder / "incoming").glob("*"):
        if _age(path) > _OLD:
            path.unlink(missing_ok=True)
    resumables.sweep(state)
    shutil.rmtree(settings.data / "staging", ignore_errors=True)  # of version 0.1
    _orphans(state)
    _rasters(state)


def _rasters(state: State) -> None:
    """Delete rasters that a job made and whose scene never came to be."""
    folder = state.settings.raster_folder / scenes.MADE
    old = [path for path in folder.glob("*") if _age(path) > _ORPHAN]
    if old:
        known = {scene.path for scene in scenes.every(state.record)}
        for path in old:
            if f"{scenes.MADE}/{path.name}" not in known:
                path.unlink(missing_ok=True)


def _orphans(state: State) -> None:
    """Delete blobs without a row that are older than a day."""
    folder = state.settings.blob_folder
    files = {p.name: p for p in folder.glob("??/*") if len(p.name) == 64 and _age(p) > _ORPHAN}
    if not files:
        return
    with state.record.read() as connection:
        known = set(connection.execute(select(blobs.c.sha256)).scalars())
    for name in files.keys() - known:
        trash = folder / "incoming" / f"trash-{name}"
        trash.parent.mkdir(exist_ok=True)
        # Whoever publishes the same bytes now has either put a new file in the place of this
        # one, which we then have in hand and put back, or finds the place empty.
        try:
            files[name].rename(trash)
        except FileNotFoundError:
            continue
        if _age(trash) > _ORPHAN:
            trash.unlink()
        else:
            place = path_of(folder, name)
            try:
                os.link(trash, place)
            except FileExistsError:
                pass
            finally:
                trash.unlink()


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
