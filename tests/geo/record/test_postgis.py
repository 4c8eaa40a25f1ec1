"""What only the home in PostgreSQL has: rights, the change feed, lost servers, other hands."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psycopg
import pytest

from geo.record.place import open_record
from geo.record.postgis import PostgisRecord
from geo.record.postgres import APP_ROLE, connect
from geo.record.protocol import ChangeSet, SchemaMismatch, StorageError
from tests.environment import ROOT
from tests.geo.record.builders import AUTHOR, catalog, field, layer, plots, squares, table
from tests.postgres import PostgresServer, postgres_server

pytestmark = [pytest.mark.unit, pytest.mark.postgis]

Database = Callable[[], str]


@pytest.fixture
def url(database: Database) -> str:
    return database()


def opened(url: str) -> PostgisRecord:
    record = open_record(url, catalog())
    assert isinstance(record, PostgisRecord)
    return record


def test_the_service_cannot_change_the_log(url: str) -> None:
    with opened(url) as record:
        record.commit([plots(2)], AUTHOR)
        for statement in (
            "UPDATE sys_log SET body = '{}'", "DELETE FROM sys_log", "TRUNCATE sys_log",
            "ALTER TABLE sys_log DISABLE TRIGGER ALL", "DROP TABLE sys_log", "CREATE TABLE x ()",
        ):  # fmt: skip
            with (
                connect(url) as connection,
                pytest.raises(psycopg.errors.InsufficientPrivilege),
            ):
                connection.execute(statement)
        assert record.verify().ok


def test_even_the_owner_meets_a_guard(url: str) -> None:
    with opened(url) as record:
        record.commit([plots(2)], AUTHOR)
        for statement in ("UPDATE sys_log SET body = '{}'", "DELETE FROM sys_log",
                          "TRUNCATE sys_log"):  # fmt: skip
            with (
                psycopg.connect(url) as connection,
                pytest.raises(psycopg.errors.RaiseException, match="append-only"),
            ):
                connection.execute(statement)


FORGERIES = {
    "value": ("UPDATE plots SET ph = 9.9 WHERE fid = 2", "differs"),
    "day": ("UPDATE plots SET day = day + 1 WHERE fid = 2", "differs"),
    "moment": ("UPDATE plots SET seen = seen + interval '1 ms' WHERE fid = 2", "differs"),
    "shape": ("UPDATE plots SET geom = ST_Translate(geom, 1e-7, 0) WHERE fid = 2", "differs"),
    "area": ("UPDATE plots SET area_m2 = area_m2 * 1.0001 WHERE fid = 2", "differs"),
    "row deleted": ("DELETE FROM plots WHERE fid = 2", "missing"),
    "row added": ("INSERT INTO plots SELECT 99, geom, code, type, ph, count, saline, day, seen, "
                  "area_m2, version, revision, log_seq, updated_at FROM plots WHERE fid = 2",
                  "extra"),
    "body": ("UPDATE sys_log SET body = replace(body::text, '测试', '别的')::json WHERE seq = 1",
             "chain"),
    "log geometry": ("UPDATE sys_log SET geom = geom || '\\x00' WHERE seq = 3", "chain"),
    "log row deleted": ("DELETE FROM sys_log WHERE seq = 3", "order"),
    "log cut": ("DELETE FROM sys_log WHERE seq > 4", "anchor"),
}  # fmt: skip


@pytest.mark.faults
@pytest.mark.parametrize("name", FORGERIES)
def test_what_a_superuser_changes_is_found(url: str, name: str) -> None:
    """Whoever may do everything on the database server falsifies a row."""
    statement, kind = FORGERIES[name]
    with opened(url) as record:
        record.commit([plots(6)], AUTHOR)
        anchor = record.anchor()
        assert record.verify([anchor], deep=True).ok
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("ALTER TABLE sys_log DISABLE TRIGGER ALL")
            connection.execute(statement)
        found = record.verify([anchor], deep=True)
    assert kind in {problem.kind for problem in found.problems}, found.problems


def test_a_commit_of_another_process_is_noticed_within_300_ms(url: str) -> None:
    code = (
        "import sys; from tests.geo.record.builders import *\n"
        "from geo.record.place import open_record\n"
        "with open_record(sys.argv[1], catalog()) as r:\n"
        "    sys.stdin.readline()\n"
        "    r.commit([plots(1)], AUTHOR)\n"
        "    print(__import__('time').time(), flush=True)\n"
        "    sys.stdin.readline()\n"
    )
    with opened(url) as record:
        time.sleep(0.5)
        record.changed()
        child = subprocess.Popen(
            [sys.executable, "-c", code, url], cwd=ROOT, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        assert child.stdin
        assert child.stdout
        time.sleep(3)
        assert not record.changed()
        child.stdin.write("\n")
        child.stdin.flush()
        committed = float(child.stdout.readline())
        while not record.changed():
            assert time.time() - committed < 0.3
            time.sleep(0.005)
        assert record.head().revision == 1
        child.communicate("\n", timeout=30)


@pytest.mark.faults
def test_lost_connections_heal(url: str) -> None:
    """Every connection of a node is cut, the one that listens too."""
    with opened(url) as record:
        record.commit([plots(3)], AUTHOR)
        for _ in range(3):
            time.sleep(0.3)
            record.changed()
            with psycopg.connect(url, autocommit=True) as other:
                other.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            assert sum(len(e) for e in record.state("plots")) == 3
            until = time.monotonic() + 5
            while not record.changed():  # what was missed is looked for
                assert time.monotonic() < until
                time.sleep(0.05)
        record.commit([plots(1, 9)], AUTHOR)
        assert record.head().revision == 2


@pytest.mark.faults
@pytest.mark.timeout(300)
def test_a_server_that_crashes_again_and_again_loses_nothing_acknowledged() -> None:
    """PostgreSQL is stopped with -m immediate and started while four threads write."""
    rounds = 8 if os.environ.get("LIANGTIAN_FAULTS") == "full" else 2
    acknowledged: list[int] = []
    refused: list[str] = []
    stopping = threading.Event()
    with postgres_server({"fsync": "on"}) as server:
        server.create_database("record")
        url = server.url("record")
        with opened(url) as record:

            def write(number: int) -> None:
                start = number * 1_000_000
                while not stopping.is_set():
                    try:
                        _, (fids,) = record.commit([plots(1, start % 1000)], AUTHOR)
                        acknowledged.extend(fids.tolist())
                    except StorageError as error:
                        refused.append(error.code)
                        time.sleep(0.05)

            threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
            for thread in threads:
                thread.start()
            for _ in range(rounds):
                time.sleep(2)
                server.crash()
            time.sleep(1)
            stopping.set()
            for thread in threads:
                thread.join()
            stored = {int(fid) for e in record.state("plots") for fid in e.fid}
            found = record.verify(deep=True)
    assert found.ok
    assert len(acknowledged) > 20
    assert set(acknowledged) <= stored
    assert set(refused) <= {"E_NO_DATABASE", "E_BUSY"}
    # What was stored without an answer is at most one row a thread and crash.
    assert len(stored) - len(acknowledged) <= 4 * rounds


def test_two_nodes_keep_one_chain(url: str) -> None:
    with opened(url) as one, opened(url) as two:

        def write(record: PostgisRecord, start: int) -> None:
            for i in range(30):
                record.commit([plots(1, start + i)], AUTHOR)

        threads = [threading.Thread(target=write, args=a) for a in ((one, 0), (two, 100))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert one.head() == two.head()
        assert one.head().revision == 60
        assert two.verify(deep=True).ok


def test_new_fields_and_layers_become_columns_and_tables(url: str) -> None:
    with opened(url) as record:
        record.commit([plots(2)], AUTHOR)
    grown = layer("plots", "MultiPolygon", (*catalog().layers["plots"].fields, field("extra")))
    more = catalog(grown, *list(catalog().layers.values())[1:], layer("farms", "Point"))
    with open_record(url, more) as record:
        (entries,) = record.entries("plots")
        assert entries.attributes["extra"].to_pylist() == [None, None]
        assert record.verify(deep=True).ok
    changed = layer("plots", "MultiPolygon", (field("ph"),))
    with pytest.raises(SchemaMismatch, match=r"plots\.ph"):
        open_record(url, catalog(changed))


def test_a_user_without_rights_is_told_what_to_do(postgres: PostgresServer, url: str) -> None:
    name = url.rpartition("/")[2]
    postgres.sql(f"DROP ROLE IF EXISTS nobody_{name}; CREATE ROLE nobody_{name} LOGIN")
    poor = url.replace("postgres@", f"nobody_{name}@")
    try:
        with pytest.raises(SchemaMismatch) as caught:
            open_record(poor, catalog())
        assert caught.value.fix is not None
        assert "liangtian migrate" in caught.value.fix[1]
        with opened(url) as record:
            record.commit([plots(1)], AUTHOR)
        # A member of the service's role works on tables that the owner has made.
        postgres.sql(f"GRANT {APP_ROLE} TO nobody_{name}")
        with open_record(poor, catalog()) as record:
            record.commit([ChangeSet.updates("plots", [1], table(1), squares(1))], AUTHOR)
            assert record.verify(deep=True).ok
    finally:
        postgres.sql(f"REVOKE {APP_ROLE} FROM nobody_{name}")


def test_a_server_that_is_not_there() -> None:
    with pytest.raises(StorageError) as caught:
        open_record("postgresql://postgres@127.0.0.1:1/none", catalog())
    assert caught.value.code == "E_NO_DATABASE"
    assert caught.value.where == "127.0.0.1:1/none"


def test_large_commits_are_read_back_whole(url: str, tmp_path: Path) -> None:
    n = 12_000
    with opened(url) as record:
        _, (fids,) = record.commit([plots(n)], AUTHOR)
        record.commit(
            [ChangeSet.updates("plots", fids[:3000], table(3000, start=5), squares(3000, 7))],
            AUTHOR,
        )
        entries = list(record.entries("plots", batch=4000))
        assert sum(map(len, entries)) == n + 3000
        assert np.all(np.diff(np.concatenate([e.seq for e in entries])) >= 1)
        found = record.verify(deep=True)
        assert found.ok
        assert found.features == n
