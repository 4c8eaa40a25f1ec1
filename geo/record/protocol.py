"""What the record promises, whatever file or server holds it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pyarrow as pa

from geo.layers import Catalog, Layer

if TYPE_CHECKING:
    from sqlalchemy import Connection, Executable

INSERT, UPDATE, DELETE = 1, 2, 3
OPERATIONS = {"insert": INSERT, "update": UPDATE, "delete": DELETE}
OPERATION_NAMES = {code: name for name, code in OPERATIONS.items()}

ARROW_TYPES: dict[str, pa.DataType] = {
    "string": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "datetime": pa.timestamp("us", tz="UTC"),
}


@lru_cache(maxsize=256)
def attribute_schema(layer: Layer) -> pa.Schema:
    """Arrow schema of a layer's own fields, in their order."""
    return pa.schema([pa.field(f.name, ARROW_TYPES[f.type]) for f in layer.fields])


def measure_column(layer: Layer) -> str | None:
    """The computed number that the record stores for the layer, if any."""
    if layer.geometry == "MultiPolygon":
        return "area_m2"
    return "length_m" if layer.geometry == "MultiLineString" else None


class RecordError(Exception):
    """The record refuses or cannot do something. ``detail`` is (zh, en)."""

    code = "E_RECORD"

    def __init__(self, zh: str, en: str, *, where: str | None = None) -> None:
        super().__init__(f"{self.code}: {en}" + (f" [{where}]" if where else ""))
        self.detail = (zh, en)
        self.where = where
        self.fix: tuple[str, str] | None = None


@dataclass(frozen=True)
class Conflict:
    """``current`` is None when the feature does not exist (any more)."""

    fid: int
    expected: int | None
    current: int | None


class VersionConflict(RecordError):
    """A change was made on a version of a feature that is not the current one."""

    code = "E_VERSION_CONFLICT"

    def __init__(self, layer: str, conflicts: Sequence[Conflict]) -> None:
        self.layer = layer
        self.conflicts = tuple(conflicts)
        first = self.conflicts[0]
        super().__init__(
            f"{len(self.conflicts)} 个要素已被他人修改或删除",
            f"{len(self.conflicts)} features were changed or deleted meanwhile; first: fid "
            f"{first.fid}, expected version {first.expected}, current {first.current}",
            where=f"{layer}/{first.fid}",
        )
        self.fix = ("重新读取要素后再修改", "read the feature again and repeat the change")


class SchemaTooNew(RecordError):
    """The file was written by a newer version of the software."""

    code = "E_SCHEMA_TOO_NEW"


class SchemaMismatch(RecordError):
    """The file's tables do not fit the layer definitions."""

    code = "E_SCHEMA_MISMATCH"


class StorageError(RecordError):
    """The disk or the database refused. ``code`` says which; see `STORAGE_TEXTS`."""

    def __init__(self, code: str, where: str | None = None) -> None:
        self.code = code
        zh, en = STORAGE_TEXTS[code]
        super().__init__(zh, en, where=where)


STORAGE_TEXTS = {
    "E_SQLITE_TOO_OLD": (
        "SQLite 版本低于 3.51.3，存在 WAL 损坏缺陷，拒绝启动；请安装 pysqlite3",
        "SQLite is older than 3.51.3 and can corrupt WAL databases; install pysqlite3",
    ),
    "E_NETWORK_FILE_SYSTEM": (
        "数据库不能放在网络文件系统上；请改用本机磁盘",
        "the database must be on a local disk, not on a network file system",
    ),
    "E_DISK_FULL": ("磁盘已满，修改未保存", "the disk is full; nothing was changed"),
    "E_READ_ONLY": ("数据库只读，修改未保存", "the database is read-only; nothing was changed"),
    "E_BUSY": (
        "数据库正忙，修改未保存；请稍后重试",
        "the database is busy; nothing was changed; try again in a few seconds",
    ),
    "E_STORAGE_FAULT": (
        "写入磁盘出错，已停止写入；请检查磁盘并重启服务",
        "writing to disk failed; writes are stopped until the disk is checked and the "
        "service restarted",
    ),
    "E_NO_DATABASE": (
        "数据库服务器没有应答；修改可能未保存，请用相同的 Idempotency-Key 重试",
        "the database server does not answer; a change may not be stored: repeat it with the "
        "same Idempotency-Key",
    ),
    "E_DATABASE_TOO_OLD": (
        "数据库服务器不符合要求：需要 PostgreSQL 15+、PostGIS 3.3+、UTF8 编码",
        "the database server does not do: PostgreSQL 15+, PostGIS 3.3+ and UTF8 are needed",
    ),
    "E_CANNOT_OPEN": ("无法打开数据库文件", "the database file cannot be opened"),
    "E_NOT_A_RECORD": ("不是本系统的数据库文件", "the file is not a record of this system"),
}


@dataclass(frozen=True)
class Author:
    """Who and why. ``source`` names what carried the change: "upload:7", "seed", ..."""

    name: str
    reason: str
    source: str | None = None


@dataclass
class ChangeSet:
    """Changes of one layer, columnar; n rows.

    op: int8[n] of INSERT, UPDATE, DELETE. fid: int64[n], 0 for inserts; an insert with a
    fid brings back a deleted feature. attributes: the whole new state (the layer's fields),
    ignored for deletes; may be None when all rows are deletes. geometry: shapely[n] in
    EPSG:4490, lon/lat, None inside for null; None as a whole leaves geometries of updates
    as they are. expected_version: int64[n]; 0 or less does not check that row.
    """

    layer: str
    op: np.ndarray
    fid: np.ndarray
    attributes: pa.Table | None
    geometry: np.ndarray | None = None
    expected_version: np.ndarray | None = None

    @classmethod
    def inserts(
        cls, layer: str, attributes: pa.Table, geometry: np.ndarray | None = None
    ) -> ChangeSet:
        n = attributes.num_rows
        return cls(layer, np.full(n, INSERT, np.int8), np.zeros(n, np.int64), attributes, geometry)

    @classmethod
    def deletes(
        cls, layer: str, fid: np.ndarray, expected_version: np.ndarray | None = None
    ) -> ChangeSet:
        op = np.full(len(fid), DELETE, np.int8)
        return cls(layer, op, np.asarray(fid, np.int64), None, None, expected_version)

    @classmethod
    def updates(
        cls,
        layer: str,
        fid: np.ndarray,
        attributes: pa.Table,
        geometry: np.ndarray | None = None,
        expected_version: np.ndarray | None = None,
    ) -> ChangeSet:
        op = np.full(len(fid), UPDATE, np.int8)
        fid = np.asarray(fid, np.int64)
        return cls(layer, op, fid, attributes, geometry, expected_version)


@dataclass(frozen=True)
class Head:
    """The last revision and the last seq of the log; both 0 for an empty record."""

    revision: int
    seq: int


@dataclass(frozen=True)
class Commit:
    revision: int
    time: datetime
    author: Author
    layers: tuple[str, ...]
    first_seq: int
    last_seq: int
    counts: dict[str, dict[str, int]]
    #: layer -> (first, last) seq of its feature rows
    ranges: dict[str, tuple[int, int]] = field(default_factory=dict)


@dataclass
class Entries:
    """Feature rows of the log, one layer, in seq order; all columns have n rows.

    time: datetime64[us], UTC. measure: area_m2 or length_m, NaN when none. attributes:
    typed by the layer's fields, all null for a delete. geometry: WKB bytes or None.
    """

    layer: str
    seq: np.ndarray
    revision: np.ndarray
    fid: np.ndarray
    version: np.ndarray
    op: np.ndarray
    time: np.ndarray
    measure: np.ndarray
    attributes: pa.Table
    geometry: np.ndarray

    def __len__(self) -> int:
        return len(self.seq)


@dataclass(frozen=True)
class HistoryItem:
    """One version of a feature. ``attributes`` and ``geometry`` (WKB) are None for a delete."""

    seq: int
    revision: int
    version: int
    operation: str
    time: datetime
    author: Author
    attributes: dict[str, Any] | None
    measure: float | None
    geometry: bytes | None
    before: int | None


@dataclass(frozen=True)
class Event:
    """A row of the log that changes no feature: a login, a refused upload, a seal."""

    seq: int
    revision: int
    time: datetime
    action: str
    author: Author
    detail: dict[str, Any]


@dataclass(frozen=True)
class Anchor:
    """What is written outside the database so that rewriting the whole log shows."""

    seq: int
    h: str
    time: datetime


@dataclass(frozen=True)
class Problem:
    """``kind``: chain, order, body, anchor; missing, extra, stale, differs, measure, index;
    anchors (the file of anchors itself)."""

    kind: str
    message: tuple[str, str]
    seq: int | None = None
    layer: str | None = None
    fid: int | None = None


@dataclass(frozen=True)
class Verification:
    """``broken_seq``: first row of the log that does not hold; ``problems`` is capped."""

    rows: int
    features: int
    head: Head
    h: str
    broken_seq: int | None
    problems: tuple[Problem, ...]
    seconds: float
    #: with how many anchors the log was compared
    anchors: int = 0

    @property
    def ok(self) -> bool:
        return not self.problems


class Record(Protocol):
    """The write side. One object serves all threads of a process."""

    catalog: Catalog

    @property
    def faulty(self) -> bool: ...
    @property
    def shared(self) -> bool: ...
    def touch(self, statement: Executable) -> None: ...
    def commit(
        self,
        changes: Sequence[ChangeSet],
        author: Author,
        *,
        time: datetime | None = None,
        connection: Connection | None = None,
    ) -> tuple[Commit, list[np.ndarray]]: ...
    def event(
        self,
        action: str,
        author: Author,
        detail: dict[str, Any],
        *,
        connection: Connection | None = None,
    ) -> int: ...
    def head(self) -> Head: ...
    def changed(self) -> bool: ...
    def commits(self, since: int = 0) -> list[Commit]: ...
    def events(
        self, since_seq: int = 0, limit: int = 1000, action: str | None = None, **which: Any
    ) -> list[Event]: ...
    def entries(
        self, layer: str, since_seq: int = 0, until_seq: int | None = None, batch: int = 50_000
    ) -> Iterator[Entries]: ...
    def state(
        self, layer: str, revision: int | None = None, batch: int = 50_000
    ) -> Iterator[Entries]: ...
    def history(self, layer: str, fid: int) -> list[HistoryItem]: ...
    def inverse(self, revision: int) -> list[ChangeSet]: ...
    def as_of_revision(self, time: datetime) -> int: ...
    def anchor(self) -> Anchor: ...
    def holds(self, anchor: Anchor) -> bool: ...
    def copy_to(self, path: Path) -> None: ...
    def verify(self, anchors: Sequence[Anchor] = (), *, deep: bool = False) -> Verification: ...
    def read(self) -> AbstractContextManager[Connection]: ...
    def write(self) -> AbstractContextManager[Connection]: ...
    def close(self) -> None: ...
    def __enter__(self) -> Record: ...
    def __exit__(self, *_: object) -> None: ...
