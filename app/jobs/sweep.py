"""What killed processes leave behind in the data folder; the worker removes it when it starts."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from sqlalchemy import select

from app.state import State
from geo.record.tables import uploads

#: Younger files may belong to a request that another process is answering now.
_OLD = 3600
_WAITING = ("ready", "committing", "inspecting")


def sweep(state: State) -> None:
    """Folders of dead jobs, half-received files, and rows staged for nothing."""
    settings = state.settings
    for path in settings.work_folder.glob("job-*"):
        shutil.rmtree(path, ignore_errors=True)
    for path in settings.work_folder.glob("overlap-*"):
        if _old(path):
            shutil.rmtree(path, ignore_errors=True)
    for path in (settings.blob_folder / "incoming").glob("*"):
        if _old(path):
            path.unlink(missing_ok=True)
    with state.record.read() as connection:
        waiting = {
            str(row.id)
            for row in connection.execute(select(uploads.c.id).where(uploads.c.state.in_(_WAITING)))
        }
    for path in (settings.data / "staging").glob("*.arrow"):
        if path.stem not in waiting:
            path.unlink(missing_ok=True)


def _old(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime > _OLD
    except FileNotFoundError:
        return False
