"""A record moved from one home to the other and back: nothing is lost, the chain is the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import insert, select

from geo.errors import Rejected
from geo.record import tables, transfer
from geo.record.base import BaseRecord
from geo.record.place import open_record
from geo.record.protocol import ChangeSet
from tests.geo.record.builders import AUTHOR, catalog, create, plots, squares, table

pytestmark = [pytest.mark.unit, pytest.mark.postgis]


def fill(record: BaseRecord) -> None:
    record.commit([plots(40), ChangeSet.inserts("treatments", table(5))], AUTHOR)
    record.commit([ChangeSet.updates("plots", [3, 5], table(2, start=50), squares(2, 90))], AUTHOR)
    record.commit([ChangeSet.deletes("plots", [39, 40])], AUTHOR)
    record.event("login", AUTHOR, {"person": "王工"})
    with record.write() as connection:
        person = {"name": "王工", "role": "field", "created_at": "2026-01-01T00:00:00.000Z"}
        connection.execute(insert(tables.people).values(id=7, **person))
        token = {"role": "field", "created_at": "2026-01-01T00:00:00.000Z", "person_id": 7}
        connection.execute(insert(tables.tokens).values(token_sha256=b"\0" * 31 + b"\xff", **token))
        body = {"id": "s2", "body": '{"a": 1}', "created_at": "2026-01-01T00:00:00.000Z"}
        connection.execute(insert(tables.scenes).values(**body))


def told(record: BaseRecord) -> dict[str, object]:
    found: dict[str, object] = {"head": record.head(), "commits": record.commits(),
                                "events": record.events()}  # fmt: skip
    for name in record.catalog.layers:
        for part in record.state(name):
            found[name] = (part.attributes.to_pylist(), part.geometry.tolist(), part.fid.tolist())
            found[f"{name} measures"] = np.nan_to_num(part.measure).tolist()
    with record.read() as connection:
        for one in (tables.people, tables.tokens, tables.scenes):
            found[one.name] = connection.execute(select(one)).all()
    return found


def test_there_and_back(database: Callable[[], str], tmp_path: Path) -> None:
    with (
        create(tmp_path / "first.gpkg") as first,
        open_record(database(), catalog()) as server,
        create(tmp_path / "second.gpkg") as second,
    ):
        fill(first)
        anchor, seen = first.anchor(), []
        transfer.copy(first, server, lambda name, done, of: seen.append((name, done, of)))
        transfer.copy(server, second)
        assert ("sys_log", anchor.seq, anchor.seq) in seen
        for record in (server, second):
            found = record.verify([anchor], deep=True)
            assert found.ok, found.problems
            assert found.h == anchor.h
            assert told(record) == told(first)
        # Life goes on after the move: ids of features, people and the chain.
        for record in (server, second):
            _, (fids,) = record.commit([plots(1)], AUTHOR)
            assert fids.tolist() == [41]
            with record.write() as connection:
                other = {"name": "b", "role": "viewer", "created_at": "2026-01-01T00:00:00.000Z"}
                made = connection.execute(insert(tables.people).values(**other))
                assert made.inserted_primary_key == (8,)
            assert record.verify([anchor], deep=True).ok


def test_a_copy_of_the_server_is_a_geopackage(database: Callable[[], str], tmp_path: Path) -> None:
    with open_record(database(), catalog()) as server:
        fill(server)
        server.copy_to(tmp_path / "copy.gpkg")
        with open_record(tmp_path / "copy.gpkg", catalog()) as copy:
            assert copy.verify([server.anchor()], deep=True).ok
            assert told(copy) == told(server)
        with pytest.raises(FileExistsError):
            server.copy_to(tmp_path / "copy.gpkg")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["copy.gpkg"]
    assert (tmp_path / "copy.gpkg").stat().st_mode & 0o777 == 0o600


def test_nothing_is_overwritten(database: Callable[[], str], tmp_path: Path) -> None:
    with create(tmp_path / "a.gpkg") as source, open_record(database(), catalog()) as target:
        fill(source)
        target.commit([plots(1)], AUTHOR)
        before = target.head()
        with pytest.raises(Rejected) as caught:
            transfer.copy(source, target)
        assert caught.value.code == "E_NOT_EMPTY"
        assert target.head() == before
