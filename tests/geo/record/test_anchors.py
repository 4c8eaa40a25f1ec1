"""Signed anchors: what a chain alone cannot show, and what is done to the anchors themselves."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from geo.record import sqlite
from geo.record.anchors import FILE, KEY, PUBLIC, Anchors
from geo.record.log import GENESIS, canonical, link
from tests.geo.record.builders import AUTHOR, create, plots

pytestmark = [pytest.mark.unit, pytest.mark.faults]

ANCHORED = (4, 8, 12)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a record of three commits, each anchored."""
    folder = tmp_path_factory.mktemp("anchored")
    with create(folder / "live.gpkg") as record:
        for i in range(3):
            record.commit([plots(3, start=3 * i)], AUTHOR)
            Anchors(folder).append(record)
        record.copy_to(folder / "record.gpkg")
    for name in ("live.gpkg", "live.gpkg-wal", "live.gpkg-shm"):
        (folder / name).unlink(missing_ok=True)
    return folder


@pytest.fixture
def forged(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "forged"))


def check(folder: Path, public: bytes | None = None) -> set[tuple[str, int | None]]:
    """(kind, seq) of all that is found."""
    anchors, problems = Anchors(folder).check(public)
    with create(folder / "record.gpkg") as record:
        found = record.verify(anchors)
    return {(p.kind, p.seq) for p in (*problems, *found.problems)}


def sql(folder: Path, *statements: str | Callable[[Any], None]) -> None:
    """As somebody with all rights on the database would."""
    with closing(sqlite.connect(folder / "record.gpkg")) as connection:
        saved = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'sys%'"
        ).fetchall()
        for name, _ in saved:
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            if callable(statement):
                statement(connection)
            else:
                connection.execute(statement)
        for _, text in saved:
            connection.execute(text)


def rewrite(connection: Any) -> None:
    """Another author for everything, and a chain that holds."""
    h = GENESIS
    rows = connection.execute("SELECT seq, body, geom FROM sys_log ORDER BY seq").fetchall()
    for seq, body, geom in rows:
        document = orjson.loads(body)
        if "author" in document:
            document["author"] = "李工"
        text = canonical(document)
        h = link(h, text, geom)
        connection.execute(
            "UPDATE sys_log SET body = ?, h = ? WHERE seq = ?", (text.decode(), h, seq)
        )


def lines(folder: Path) -> list[bytes]:
    return (folder / FILE).read_bytes().splitlines(keepends=True)


def test_what_is_whole_is_found_whole(original: Path, forged: Path) -> None:
    anchors, problems = Anchors(forged).check()
    assert ([a.seq for a in anchors], problems) == (list(ANCHORED), [])
    assert check(forged) == set()
    assert (original / KEY).stat().st_mode & 0o777 == 0o600
    assert (original / FILE).stat().st_mode & 0o777 == 0o600


def test_log_rewritten_whole(forged: Path) -> None:
    sql(forged, rewrite)
    assert check(forged) == {("anchor", seq) for seq in ANCHORED}


def test_log_cut_between_commits(forged: Path) -> None:
    sql(forged, "DELETE FROM sys_log WHERE seq > 8", "DELETE FROM plots WHERE log_seq > 8")
    assert check(forged) == {("anchor", 12)}


def test_log_emptied(forged: Path) -> None:
    sql(forged, "DELETE FROM sys_log", "DELETE FROM plots")
    assert check(forged) == {("anchor", seq) for seq in ANCHORED}


def test_record_put_back_from_an_older_copy(forged: Path, tmp_path: Path) -> None:
    (forged / "record.gpkg").unlink()
    with create(tmp_path / "old.gpkg") as record:
        record.commit([plots(3)], AUTHOR)
        record.copy_to(forged / "record.gpkg")
    assert {kind for kind, _ in check(forged)} == {"anchor"}


def test_log_rewritten_and_the_anchors_with_it(forged: Path) -> None:
    """Who may write the anchors, too, and has the key, is found by a copy of them elsewhere."""
    shutil.copytree(forged, forged.parent / "elsewhere")
    sql(forged, rewrite)
    (forged / FILE).unlink()
    with create(forged / "record.gpkg") as record:
        Anchors(forged).append(record)
    assert check(forged) == set()
    anchors, problems = Anchors(forged.parent / "elsewhere").check()
    assert problems == []
    with create(forged / "record.gpkg") as record:
        assert not record.verify(anchors).ok


def test_anchors_of_another_key_are_found_by_the_public_key_kept_elsewhere(forged: Path) -> None:
    public = (forged / PUBLIC).read_bytes()
    sql(forged, rewrite)
    for name in (FILE, KEY, PUBLIC):
        (forged / name).unlink()
    with create(forged / "record.gpkg") as record:
        Anchors(forged).append(record)
    assert check(forged) == set()
    assert check(forged, public) == {("anchors", 12)}


def test_anchor_with_another_hash(forged: Path) -> None:
    kept = lines(forged)
    document = orjson.loads(kept[1])
    kept[1] = canonical({**document, "h": "0" * 64}) + b"\n"
    (forged / FILE).write_bytes(b"".join(kept))
    assert check(forged) == {("anchors", 8), ("anchors", 12)}


def test_anchor_signed_by_somebody_else(forged: Path) -> None:
    kept = lines(forged)
    document = orjson.loads(kept[2])
    del document["signature"]
    signature = Ed25519PrivateKey.generate().sign(canonical(document)).hex()
    kept[2] = canonical({**document, "signature": signature}) + b"\n"
    (forged / FILE).write_bytes(b"".join(kept))
    assert check(forged) == {("anchors", 12)}


@pytest.mark.parametrize(
    ("order", "seqs"),
    [((0, 2), {12}), ((1, 2), {8}), ((1, 0, 2), {4, 8, 12}), ((0, 1, 1, 2), {8})],
    ids=["middle-removed", "first-removed", "swapped", "repeated"],
)
def test_anchors_taken_out_or_moved(forged: Path, order: tuple[int, ...], seqs: set[int]) -> None:
    kept = lines(forged)
    (forged / FILE).write_bytes(b"".join(kept[i] for i in order))
    assert check(forged) == {("anchors", seq) for seq in seqs}


def test_last_anchor_torn(forged: Path) -> None:
    """A line that the power cut in two is told, and the next anchor begins a line of its own."""
    (forged / FILE).write_bytes(b"".join(lines(forged))[:-30])
    assert check(forged) == {("anchors", None)}
    with create(forged / "record.gpkg") as record:
        record.event("later", AUTHOR, {})
        Anchors(forged).append(record)
    assert check(forged) == {("anchors", None)}
    assert Anchors(forged).check()[0][-1].seq == 13


def test_public_key_missing(forged: Path) -> None:
    (forged / PUBLIC).unlink()
    assert check(forged) == {("anchors", None)}


def test_nothing_new_is_not_anchored_again(tmp_path: Path) -> None:
    anchors = Anchors(tmp_path / "a")
    with create(tmp_path / "record.gpkg") as record:
        record.commit([plots(1)], AUTHOR)
        for _ in range(3):
            anchors.append(record)
        assert len(lines(tmp_path / "a")) == 1
        last = anchors.last()
        assert last is not None
        assert record.holds(last)
        record.event("x", AUTHOR, {})
        anchors.append(record)
    assert len(lines(tmp_path / "a")) == 2
