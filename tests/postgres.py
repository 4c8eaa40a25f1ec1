"""A private PostgreSQL server with PostGIS for tests and benchmarks.

It lives in a temporary folder, listens on 127.0.0.1 on a free port, and is gone afterwards.
PostgreSQL refuses to run as root: root starts it as the user `postgres`.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.environment import postgres_bin

START_SECONDS = 30.0


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class PostgresServer:
    """A running server; the superuser is `postgres`, without a password."""

    bin: Path
    port: int
    start: Callable[[], subprocess.Popen[bytes]]
    process: subprocess.Popen[bytes]

    def crash(self) -> None:
        """Stopped with -m immediate (SIGQUIT: nothing is written any more), and started again."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(START_SECONDS)
        self.process = self.start()

    def url(self, database: str = "postgres", scheme: str = "postgresql") -> str:
        return f"{scheme}://postgres@127.0.0.1:{self.port}/{database}"

    def sql(self, statements: str, database: str = "postgres") -> str:
        """Run statements with psql and give back unaligned output. Raises on the first error."""
        return self._psql(["-c", statements], database)

    def copy(
        self, into: str, lines: Iterable[bytes], database: str = "postgres", options: str = ""
    ) -> None:
        """`COPY into FROM STDIN options`; each line ends with a newline."""
        with subprocess.Popen(
            self._command(database, ["-c", f"COPY {into} FROM STDIN {options}"]),
            stdin=subprocess.PIPE,
        ) as process:
            assert process.stdin is not None
            process.stdin.writelines(lines)
            process.stdin.close()
            if process.wait() != 0:
                raise RuntimeError(f"COPY into {into} failed")

    def create_database(self, name: str) -> None:
        """A new database with the PostGIS extension."""
        self.sql(f'CREATE DATABASE "{name}"')
        self.sql("CREATE EXTENSION postgis", name)

    def drop_database(self, name: str) -> None:
        """Whoever is connected to it is thrown out."""
        self.sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def _psql(self, arguments: list[str], database: str) -> str:
        done = subprocess.run(
            self._command(database, arguments), check=False, capture_output=True, text=True
        )
        if done.returncode != 0:
            raise RuntimeError(done.stderr.strip())
        return done.stdout.strip()

    def _command(self, database: str, arguments: list[str]) -> list[str]:
        options = ["--no-psqlrc", "-qAtX", "-v", "ON_ERROR_STOP=1", self.url(database)]
        return [str(self.bin / "psql"), *options, *arguments]


def emptied(url: str) -> str:
    """A database without the tables that were in it; PostGIS stays."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        names = connection.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' "
            "AND relnamespace = 'public'::regnamespace AND relname <> 'spatial_ref_sys'"
        ).fetchall()
        for (name,) in names:
            connection.execute(f'DROP TABLE IF EXISTS "{name}" CASCADE')
        connection.execute("DROP FUNCTION IF EXISTS sys_log_refuse() CASCADE")
    return url


@contextmanager
def postgres_server(settings: Mapping[str, str] | None = None) -> Iterator[PostgresServer]:
    """Start a server, stop it at the end. Raises FileNotFoundError where PostGIS is missing.

    `settings` are server settings, such as `{"shared_buffers": "512MB"}`. Writes are not flushed to
    the disk (fsync off): nothing in this server outlives it.
    """
    bin_folder = postgres_bin()
    if bin_folder is None:
        raise FileNotFoundError("PostgreSQL with PostGIS is not installed")
    as_user = _unprivileged()
    folder = Path(tempfile.mkdtemp(prefix="liangtian-postgres-"))
    try:
        if as_user:
            shutil.chown(folder, as_user["user"], as_user["group"])
        data = folder / "data"
        subprocess.run(
            [
                *(bin_folder / "initdb", "-D", data, "-U", "postgres", "-A", "trust"),
                *("-E", "UTF8", "--locale=C.UTF-8", "--no-sync"),
            ],
            check=True,
            capture_output=True,
            cwd=folder,
            **as_user,
        )
        port = free_port()
        options = {"fsync": "off", "unix_socket_directories": str(folder), **(settings or {})}
        log = folder / "log"

        def start() -> subprocess.Popen[bytes]:
            with log.open("ab") as output:
                process = subprocess.Popen(
                    [bin_folder / "postgres", "-D", data, "-p", str(port), "-h", "127.0.0.1"]
                    + [f"--{name}={value}" for name, value in options.items()],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    cwd=folder,
                    **as_user,
                )
            _wait(bin_folder, port, process, log)
            return process

        server = PostgresServer(bin_folder, port, start, start())
        try:
            yield server
        finally:
            server.process.send_signal(signal.SIGINT)  # "fast" shutdown
            server.process.wait(START_SECONDS)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unprivileged() -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    entry = pwd.getpwnam("postgres")
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _wait(bin_folder: Path, port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    ready = [str(bin_folder / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
    while subprocess.run(ready, check=False).returncode != 0:
        if process.poll() is not None or time.monotonic() > until:
            raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text(errors='replace')}")
        time.sleep(0.1)
