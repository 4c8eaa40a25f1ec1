"""The one place that opens PostgreSQL: connections, what their errors mean, and who listens."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import psycopg
from sqlalchemy import exc

from geo.record.protocol import StorageError

log = logging.getLogger("liangtian")

MINIMUM = (15, 0)
POSTGIS_MINIMUM = (3, 3)
#: The role that a connection of the service takes: it cannot change or cut the log.
APP_ROLE = "liangtian_app"
CHANNEL = "liangtian"
LOCK_TIMEOUT_MS = 5000
_CONNECT_SECONDS = 5
_AGAIN_SECONDS = 0.2


def is_url(place: object) -> bool:
    """Whether a place of the record is a PostgreSQL server."""
    return str(place).startswith(("postgresql://", "postgres://"))


def shown(url: str) -> str:
    """The address without its password, for messages."""
    place = psycopg.conninfo.conninfo_to_dict(url)
    return f"{place.get('host', '')}:{place.get('port') or 5432}/{place.get('dbname', '')}"


def connect(url: str, *, role: str | None = APP_ROLE, autocommit: bool = False) -> Any:
    """A connection with the record's settings; a role of None keeps the user's own rights."""
    options = f"-c lock_timeout={LOCK_TIMEOUT_MS} -c timezone=UTC -c client_min_messages=warning"
    connection = psycopg.connect(
        url,
        autocommit=autocommit,
        connect_timeout=_CONNECT_SECONDS,
        options=options + (f" -c role={role}" if role else ""),
        application_name="liangtian",
        # A server that went away without a word is noticed.
        keepalives_idle=10,
        keepalives_interval=5,
        keepalives_count=3,
    )
    connection.prepare_threshold = 5
    return connection


#: class or whole of an SQLSTATE -> our code; the longest that fits counts
_CODES = {
    "08": "E_NO_DATABASE",
    "25006": "E_READ_ONLY",
    "28": "E_CANNOT_OPEN",
    "3D": "E_CANNOT_OPEN",
    "40": "E_BUSY",
    "53": "E_BUSY",
    "53100": "E_DISK_FULL",
    "55P03": "E_BUSY",
    "57014": "E_BUSY",
    "57P": "E_NO_DATABASE",
    "58030": "E_STORAGE_FAULT",
    "XX001": "E_STORAGE_FAULT",
    "XX002": "E_STORAGE_FAULT",
}


def storage_code(error: BaseException) -> str | None:
    """Our code for an error of the driver (or SQLAlchemy's wrapping); None if it is no failure
    of the server."""
    original = error.orig if isinstance(error, exc.DBAPIError) else error
    state = getattr(original, "sqlstate", None)
    if state is None:
        lost = isinstance(original, psycopg.OperationalError | psycopg.InterfaceError)
        return "E_NO_DATABASE" if lost else None
    return next((_CODES[state[:n]] for n in (5, 3, 2) if state[:n] in _CODES), None)


@contextmanager
def storage_errors(where: str) -> Iterator[None]:
    """Turn failures of the server into `StorageError`."""
    try:
        yield
    except (exc.DBAPIError, psycopg.Error) as error:
        code = storage_code(error)
        if code is None:
            raise
        raise StorageError(code, where) from error


class Feed(threading.Thread):
    """Listens for commits of all nodes; `moves` counts them.

    What was missed while the connection was lost is one move: whoever follows catches up by
    revision, not by what is in a notice. A notice says who sent it: this process's own commits
    are moves at once (`own`), not a second time when their notices come.
    """

    def __init__(self, url: str) -> None:
        super().__init__(name="change-feed", daemon=True)
        self._url = url
        self.sender = uuid4().hex
        self._stopping = threading.Event()
        self.moves = 1

    def run(self) -> None:
        while not self._stopping.is_set():
            try:
                with connect(self._url, autocommit=True) as connection:
                    connection.execute(f"LISTEN {CHANNEL}")
                    self.moves += 1
                    while not self._stopping.is_set():
                        for notice in connection.notifies(timeout=1.0, stop_after=1):
                            if notice.payload != self.sender:
                                self.moves += 1
            except psycopg.Error as error:
                log.warning("the change feed is interrupted: %s", error)
                self._stopping.wait(_AGAIN_SECONDS)

    def own(self) -> None:
        """This process has committed."""
        self.moves += 1

    def stop(self) -> None:
        self._stopping.set()
