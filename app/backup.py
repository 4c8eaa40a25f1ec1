"""Backups of a data folder, tried at once; and putting one back.

A backup is a folder: the record (a consistent copy made while the service runs), the files that
its rows speak of (blobs, rasters), the anchors with their keys, and a manifest with the SHA-256
of every file. It is named only after it was put back into an empty folder beside it and verified.
Snapshots are not in it: they are built from the record.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import select

from app import blobs
from app.settings import Settings
from app.watch import Watch, with_problems
from geo.errors import Rejected
from geo.layers import Catalog
from geo.record.anchors import Anchors
from geo.record.place import open_record
from geo.record.protocol import Author, Record, Verification
from geo.record.tables import SCHEMA_VERSION
from geo.record.tables import blobs as blob_table

MANIFEST = "manifest.json"
FORMAT = 1
RECORD, BLOBS, RASTERS, ANCHORS = "record.gpkg", "blobs", "rasters", "anchors"
#: Of the folder of anchors: what is of this machine only.
_NOT_KEPT = ("lock", "verified.json", "backup.json")
#: Told while files are copied: (done, of all).
Report = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Made:
    path: Path
    files: int
    size: int
    verified: Verification


def _quiet(_stage: str, _done: int, _all: int) -> None:
    """For callers that show no progress."""


def make(
    settings: Settings, catalog: Catalog, record: Record, target: Path, report: Report = _quiet
) -> Made:
    """Back the data folder up into a new folder within ``target``, and try to restore it.

    Raises `Rejected` E_BACKUP when a file is not what it should be or the trial fails; then
    nothing is left there. Raises `StorageError`, OSError.
    """
    watch = Watch(record, settings.anchor_folder)
    if watch.anchor() is None and watch.fault:
        raise _failed("日志与锚点不符", f"the log does not fit its anchors: {watch.fault}")
    if watch.trouble:
        raise _failed("无法写入锚点", watch.trouble)
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=".backup-", dir=target))
    try:
        record.copy_to(part / RECORD)
        with _copied(part, catalog) as copy:
            head, end = copy.head(), copy.anchor()
            with copy.read() as connection:
                wanted = [row.sha256 for row in connection.execute(select(blob_table.c.sha256))]
        _copy_all(settings, part, wanted, report)
        files = {str(p.relative_to(part)): _told(p) for p in _files(part)}
        manifest = {
            "format": FORMAT,
            "software": version("liangtian"),
            "schema": SCHEMA_VERSION,
            "time": datetime.now(UTC),
            "revision": head.revision,
            "seq": head.seq,
            "h": end.h,
            "files": files,
        }
        content = orjson.dumps(manifest, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)
        _write(part / MANIFEST, content)
        with tempfile.TemporaryDirectory(prefix=".trial-", dir=target) as trial:
            found = _restored(part, Path(trial), catalog, report, link=True)
        name = f"liangtian-{datetime.now(UTC):%Y%m%d-%H%M%S}-r{head.revision}"
        final = target / name
        part.rename(final)
        _sync(target)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    digest = hashlib.sha256(content).hexdigest()
    detail = {"revision": head.revision, "seq": head.seq, "manifest": digest}
    record.event("backup", Author("system", "backup"), detail)
    watch.note_backup(name, head.revision)
    return Made(final, len(files), sum(f["size"] for f in files.values()), found)


def restore(backup: Path, data: Path, catalog: Catalog, report: Report = _quiet) -> Verification:
    """Put a backup back into a folder that is empty or not there, and verify it.

    Raises `Rejected` E_NOT_EMPTY, E_BACKUP (damaged, or not a backup), `SchemaTooNew`.
    """
    if data.exists() and any(data.iterdir()):
        raise Rejected(
            "E_NOT_EMPTY",
            f"目录 {data} 不是空的，不会覆盖其中的内容",
            f"The folder {data} is not empty; nothing in it is overwritten",
            where=str(data),
            fix=("换一个空目录", "Name an empty folder"),
        )
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        found = _restored(backup, data, catalog, report, link=False)
    except BaseException:
        for path in data.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        raise
    _sync(data)
    return found


# -- steps ---------------------------------------------------------------------


def _restored(
    backup: Path, data: Path, catalog: Catalog, report: Report, *, link: bool
) -> Verification:
    """Check every file by the manifest while it is put into ``data``, then verify the record.

    ``link``: large files that nobody writes to get a second name in place of a copy.
    """
    manifest = _manifest(backup)
    files: dict[str, dict[str, Any]] = manifest["files"]
    for done, (name, told) in enumerate(sorted(files.items())):
        report("恢复 restore", done, len(files))
        source, final = backup / name, data / name
        if ".." in Path(name).parts or Path(name).is_absolute() or not source.is_file():
            raise _failed("备份中缺少文件", "a file of the backup is missing", name)
        final.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if link and name.startswith((f"{BLOBS}/", f"{RASTERS}/")):
            found = _told(source)
            os.link(source, final)
        else:
            found = _copy(source, final)
        if found != told:
            raise _failed("备份中的文件已损坏", "a file of the backup is damaged", name)
    with _copied(data, catalog) as record:
        anchors, problems = Anchors(data / ANCHORS).check()
        found_ = with_problems(record.verify(anchors), problems)
        head = record.head()
        with record.read() as connection:
            for row in connection.execute(select(blob_table.c.sha256, blob_table.c.size)):
                path = blobs.path_of(data / BLOBS, row.sha256)
                if not path.is_file() or path.stat().st_size != row.size:
                    raise _failed("备份中缺少附件", "a file that the record names is missing",
                                  row.sha256)  # fmt: skip
    if not found_.ok:
        zh, en = found_.problems[0].message
        raise _failed(f"恢复后的数据未通过核对：{zh}", f"the restored record does not verify: {en}")
    if (head.seq, found_.h) != (manifest["seq"], manifest["h"]):
        raise _failed("备份与清单不符", "the record is not the one of the manifest", RECORD)
    return found_


def _manifest(backup: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = orjson.loads((backup / MANIFEST).read_bytes())
        if found["format"] != FORMAT or not isinstance(found["files"], dict):
            raise ValueError("format")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _failed("不是备份目录，或清单损坏", "not a backup, or its manifest is damaged",
                      MANIFEST) from error  # fmt: skip
    return found


def _copied(folder: Path, catalog: Catalog) -> Record:
    """The record in a folder of ours; a context manager."""
    return open_record(folder / RECORD, catalog)


def _copy_all(settings: Settings, part: Path, wanted: list[str], report: Report) -> None:
    """Everything beside the record. What a row speaks of must be there and be itself."""
    rasters = [p for p in _files(settings.raster_folder) if p.is_file()]
    total = len(wanted) + len(rasters)
    for done, sha256 in enumerate(wanted):
        report("备份 backup", done, total)
        source = settings.blobs.path(sha256)
        try:
            found = _copy(source, blobs.path_of(part / BLOBS, sha256))
        except FileNotFoundError as error:
            raise _failed("附件缺失", "a file that the record names is missing", sha256) from error
        if found["sha256"] != sha256:
            raise _failed("附件已损坏", "a file that the record names is damaged", sha256)
    for done, source in enumerate(rasters):
        report("备份 backup", len(wanted) + done, total)
        _copy(source, part / RASTERS / source.relative_to(settings.raster_folder))
    for source in _files(settings.anchor_folder):
        if source.name not in _NOT_KEPT and not source.name.endswith(".part"):
            _copy(source, part / ANCHORS / source.name)
    report("备份 backup", total, total)


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file() and _ours(path))


def _ours(path: Path) -> bool:
    """SQLite's own files beside a record that is open belong to it."""
    return not path.name.endswith(("-wal", "-shm"))


def _copy(source: Path, final: Path) -> dict[str, Any]:
    """Copy durably; returns size and SHA-256 of what was read."""
    final.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    mode = source.stat().st_mode & 0o777
    descriptor = os.open(final, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with source.open("rb") as reader, os.fdopen(descriptor, "wb") as writer:
        while chunk := reader.read(1 << 20):
            digest.update(chunk)
            size += len(chunk)
            writer.write(chunk)
        writer.flush()
        os.fsync(writer.fileno())
    return {"size": size, "sha256": digest.hexdigest()}


def _told(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return {"size": path.stat().st_size, "sha256": sha256}


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _failed(zh: str, en: str, where: str | None = None) -> Rejected:
    return Rejected("E_BACKUP", zh, en, where=where,
                    fix=("换一个备份，或检查磁盘后重新备份",
                         "Use another backup, or check the disk and make a new one"))  # fmt: skip
