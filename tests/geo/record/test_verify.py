"""Falsification: whatever is changed behind the record's back, `verify` names it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely

from geo.record import blob, sqlite
from geo.record import verify as verifying
from geo.record.geopackage import GeoPackageRecord, open_record
from geo.record.log import GENESIS, canonical, link
from geo.record.protocol import Anchor, ChangeSet
from tests.geo.record.builders import AUTHOR, catalog, create, plots, squares, table

pytestmark = [pytest.mark.unit, pytest.mark.faults]

#: seq 1 commit, 2..11 inserts, 12 commit, 13 update of fid 1, 14 commit, 15 delete of fid 2
ANCHORED, LAST = 11, 15


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Anchor]:
    path = tmp_path_factory.mktemp("verify") / "original.gpkg"
    with create(path) as record:
        record.commit([plots(10)], AUTHOR)
        anchor = record.anchor()
        record.commit([ChangeSet.updates("plots", [1], table(1, start=30), squares(1, 30))], AUTHOR)
        record.commit([ChangeSet.deletes("plots", [2])], AUTHOR)
        assert record.verify([anchor], deep=True).ok
        assert record.head().seq == LAST
        record.copy_to(path.with_name("copy.gpkg"))
    assert anchor.seq == ANCHORED
    return path.with_name("copy.gpkg"), anchor


@pytest.fixture
def forge(
    original: tuple[Path, Anchor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Any]:
    """Run statements on a copy as someone with all rights would, then verify it: as a whole, and
    in stretches of two rows, which must find the same."""

    def run(*statements: str | Callable[[Any], None], deep: bool = False, anchored: bool = True):  # type: ignore[no-untyped-def]
        path = tmp_path / "forged.gpkg"
        shutil.copy(original[0], path)
        with closing(sqlite.connect(path)) as connection:
            saved = connection.execute(
                "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'sys%'"
            ).fetchall()
            for name, _ in saved:
                connection.execute(f"DROP TRIGGER {name}")
            connection.execute("PRAGMA ignore_check_constraints = ON")
            for statement in statements:
                if callable(statement):
                    statement(connection)
                else:
                    connection.execute(statement)
            for _, sql in saved:
                connection.execute(sql)
        with open_record(path, catalog()) as record:
            anchors = [original[1]] if anchored else []
            found = record.verify(anchors, deep=deep)
            with monkeypatch.context() as patched:
                patched.setattr(verifying, "_STRETCH", 2)
                patched.setattr(os, "cpu_count", lambda: 1)
                pieces = record.verify(anchors, deep=deep)
        assert set(pieces.problems) == set(found.problems)
        assert (pieces.broken_seq, pieces.rows) == (found.broken_seq, found.rows)
        return {(p.kind, p.seq, p.fid) for p in found.problems}, found.broken_seq

    return run


LOG_NAMES = [
    "attribute", "author", "geometry-swapped", "geometry-removed",
    "hash", "fid-column", "layer-column", "revision-column",
    "kind-column", "row-deleted", "first-row-deleted", "last-row-deleted",
    "tail-deleted", "renumbered", "reordered", "row-inserted",
    "body-unreadable", "body-no-object",
]  # fmt: skip
LOG_FORGERIES = [
    ("UPDATE sys_log SET body = replace(body, '0.1', '0.2') WHERE seq = 2", "chain", 2),
    ("UPDATE sys_log SET body = replace(body, '王工', '李工') WHERE seq = 1", "chain", 1),
    ("UPDATE sys_log SET geom = (SELECT geom FROM sys_log WHERE seq = 3) WHERE seq = 4",
     "chain", 4),
    ("UPDATE sys_log SET geom = NULL WHERE seq = 5", "chain", 5),
    ("UPDATE sys_log SET h = zeroblob(32) WHERE seq = 6", "chain", 6),
    ("UPDATE sys_log SET fid = 9 WHERE seq = 6", "body", 6),
    ("UPDATE sys_log SET layer = 'treatments' WHERE seq = 6", "body", 6),
    ("UPDATE sys_log SET revision = 2 WHERE seq = 6", "body", 6),
    ("UPDATE sys_log SET kind = 'event' WHERE seq = 6", "body", 6),
    ("DELETE FROM sys_log WHERE seq = 7", "order", 7),
    ("DELETE FROM sys_log WHERE seq = 1", "order", 1),
    ("DELETE FROM sys_log WHERE seq >= 15", "order", 15),
    ("DELETE FROM sys_log WHERE seq >= 3", "order", 3),
    ("UPDATE sys_log SET seq = 100 WHERE seq = 15", "order", 15),
    ("UPDATE sys_log SET seq = -seq WHERE seq IN (3, 4)", "order", 3),
    ("INSERT INTO sys_log SELECT 16, revision, kind, layer, fid, body, geom, h FROM sys_log "
     "WHERE seq = 15", "chain", 16),
    ("UPDATE sys_log SET body = '{' WHERE seq = 8", "body", 8),
    ("UPDATE sys_log SET body = '[]' WHERE seq = 8", "body", 8),
]  # fmt: skip


@pytest.mark.parametrize(("statement", "kind", "seq"), LOG_FORGERIES, ids=LOG_NAMES)
def test_forged_log(forge: Callable[..., Any], statement: str, kind: str, seq: int) -> None:
    problems, broken = forge(statement)
    assert (kind, seq, None) in problems
    assert broken == seq or (broken is not None and broken < seq)


TABLE_NAMES = [
    "area-raised", "area-removed", "code", "yes-and-no",
    "day-removed", "version", "revision", "geometry-swapped",
    "geometry-removed", "older-log-row", "first-version-again", "log-row-that-is-not",
    "deleted", "renumbered-missing", "renumbered-extra", "undeleted",
    "inserted", "index-row-deleted",
]  # fmt: skip
TABLE_FORGERIES = [
    ("UPDATE plots SET area_m2 = area_m2 + 666.7 WHERE fid = 3", "differs", 4, 3),
    ("UPDATE plots SET area_m2 = NULL WHERE fid = 3", "differs", 4, 3),
    ("UPDATE plots SET code = '假' WHERE fid = 3", "differs", 4, 3),
    ("UPDATE plots SET saline = 1 - saline WHERE fid = 4", "differs", 5, 4),
    ("UPDATE plots SET day = NULL WHERE fid = 3", "differs", 4, 3),
    ("UPDATE plots SET version = 9 WHERE fid = 3", "differs", 4, 3),
    ("UPDATE plots SET revision = 9 WHERE fid = 3", "differs", 4, 3),
    ("UPDATE plots SET geom = (SELECT geom FROM plots WHERE fid = 5) WHERE fid = 3",
     "differs", 4, 3),
    ("UPDATE plots SET geom = NULL WHERE fid = 3", "differs", 4, 3),
    ("UPDATE plots SET log_seq = 5 WHERE fid = 3", "stale", 4, 3),
    ("UPDATE plots SET log_seq = 2 WHERE fid = 1", "stale", 13, 1),
    ("UPDATE plots SET log_seq = 9999 WHERE fid = 3", "stale", 4, 3),
    ("DELETE FROM plots WHERE fid = 3", "missing", 4, 3),
    ("UPDATE plots SET fid = 77 WHERE fid = 3", "missing", 4, 3),
    ("UPDATE plots SET fid = 77 WHERE fid = 3", "extra", 4, 77),
    ("INSERT INTO plots (fid, version, revision, log_seq, updated_at) VALUES (2, 1, 1, 3, '')",
     "extra", 3, 2),
    ("INSERT INTO treatments (version, revision, log_seq, updated_at) VALUES (1, 1, 2, '')",
     "extra", 2, 1),
    ("DELETE FROM rtree_plots_geom WHERE id = 3", "index", None, None),
]  # fmt: skip


@pytest.mark.parametrize(("statement", "kind", "seq", "fid"), TABLE_FORGERIES, ids=TABLE_NAMES)
def test_forged_table(
    forge: Callable[..., Any], statement: str, kind: str, seq: int | None, fid: int | None
) -> None:
    problems, broken = forge(statement)
    assert (kind, seq, fid) in problems
    assert broken is None


def test_two_features_that_change_places(forge: Callable[..., Any]) -> None:
    problems, _ = forge(
        "UPDATE plots SET fid = -3 WHERE fid = 3",
        "UPDATE plots SET fid = 3 WHERE fid = 4",
        "UPDATE plots SET fid = 4 WHERE fid = -3",
    )
    assert {("stale", 4, 3), ("stale", 5, 4)} <= problems


def test_deep_looks_into_envelopes_and_index(forge: Callable[..., Any]) -> None:
    move = "UPDATE rtree_plots_geom SET minx = 123.5, maxx = 123.6 WHERE id = 3"
    assert forge(move)[0] == set()
    assert ("index", 4, 3) in forge(move, deep=True)[0]

    def lie(connection: Any) -> None:
        (stored,) = connection.execute("SELECT geom FROM plots WHERE fid = 4").fetchone()
        wrong = blob.headers(np.array([[0.0, 0.0, 1.0, 1.0]])) + blob.wkb_of(stored)
        connection.execute("UPDATE plots SET geom = ? WHERE fid = 4", (wrong,))

    assert ("differs", 5, 4) in forge(lie, deep=True)[0]


def rewrite(change: Callable[[dict[str, Any]], None]) -> Callable[[Any], None]:
    """An administrator who edits the past and recomputes everything that follows."""

    def run(connection: Any) -> None:
        h = GENESIS
        for seq, body, geom in connection.execute(
            "SELECT seq, body, geom FROM sys_log ORDER BY seq"
        ).fetchall():
            document = json.loads(body)
            change(document)
            text = canonical(document)
            h = link(h, text, geom)
            connection.execute(
                "UPDATE sys_log SET body = ?, h = ? WHERE seq = ?", (text.decode(), h, seq)
            )

    return run


def test_a_rewritten_log_is_found_by_its_anchor(forge: Callable[..., Any]) -> None:
    def double(document: dict[str, Any]) -> None:
        if document.get("fid") == 3:
            document["measure"] *= 2

    forged = (rewrite(double), "UPDATE plots SET area_m2 = area_m2 * 2 WHERE fid = 3")
    assert forge(*forged, anchored=False) == (set(), None)
    problems, broken = forge(*forged)
    assert (problems, broken) == ({("anchor", ANCHORED, None)}, ANCHORED)
    # The rewritten area does not follow from the geometry either.
    assert ("measure", 4, 3) in forge(*forged, anchored=False, deep=True)[0]


def test_a_cut_log_is_found_by_its_anchor(
    forge: Callable[..., Any],
) -> None:
    problems, _ = forge("DELETE FROM plots", "DELETE FROM sys_log")
    assert problems == {("anchor", ANCHORED, None)}


def test_sql_cannot_change_the_log(record: GeoPackageRecord) -> None:
    record.commit([plots(1)], AUTHOR)
    for statement in ("UPDATE sys_log SET body = ''", "DELETE FROM sys_log"):
        with pytest.raises(Exception, match="append-only"), record.write() as connection:
            connection.exec_driver_sql(statement)
    assert record.verify().ok


def test_lost_triggers_come_back_and_the_log_says_so(
    original: tuple[Path, Anchor], tmp_path: Path
) -> None:
    path = tmp_path / "stripped.gpkg"
    shutil.copy(original[0], path)
    with closing(sqlite.connect(path)) as connection:
        connection.execute("DROP TRIGGER sys_log_no_update")
        connection.execute("DROP TRIGGER rtree_plots_geom_insert")
    for expected in (1, 1):
        with open_record(path, catalog()) as record:
            events = record.events()
            assert [e.action for e in events] == ["triggers.restored"] * expected
            assert events[0].detail == {"names": ["rtree_plots_geom_insert", "sys_log_no_update"]}
            assert record.verify(deep=True).ok


def test_the_chain_can_be_recomputed_by_anyone(record: GeoPackageRecord) -> None:
    """The rule in the documentation, in six lines, without our code."""
    record.commit([plots(5)], AUTHOR)
    h = bytes(32)
    with record.read() as connection:
        for body, geom, stored in connection.exec_driver_sql(
            "SELECT body, geom, h FROM sys_log ORDER BY seq"
        ):
            h = sha256(h + body.encode() + (sha256(geom).digest() if geom else b"")).digest()
            assert h == stored
    assert record.anchor().h == h.hex() == record.verify().h


def test_geometry_in_the_log_is_what_the_table_holds(record: GeoPackageRecord) -> None:
    record.commit([plots(3)], AUTHOR)
    with record.read() as connection:
        pairs = connection.exec_driver_sql(
            "SELECT t.geom, l.geom FROM plots t JOIN sys_log l ON l.seq = t.log_seq"
        ).all()
    for stored, wkb in pairs:
        assert blob.wkb_of(stored) == wkb
        assert shapely.from_wkb(wkb).geom_type == "MultiPolygon"


def test_several_processes_find_what_one_finds(
    original: tuple[Path, Anchor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "forged.gpkg"
    shutil.copy(original[0], path)
    with closing(sqlite.connect(path)) as connection:
        connection.execute("UPDATE plots SET ph = 9.9 WHERE fid = 4")
    with open_record(path, catalog()) as record:
        alone = record.verify([original[1]])
        monkeypatch.setattr(verifying, "_STRETCH", 1)
        monkeypatch.setattr(os, "cpu_count", lambda: 3)
        together = record.verify([original[1]])
    assert together.problems == alone.problems
    assert [(p.kind, p.fid) for p in together.problems] == [("differs", 4)]
    assert (together.rows, together.h) == (LAST, alone.h)
