"""Answers that never arrive, editors that race, keys that are sent again."""

from __future__ import annotations

import random
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from tests.conftest import Server
from tests.faults.office import sample, serving
from tests.faults.scorecard import Tell, rounds


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("answers") / "data") as server:
        yield server


def test_of_two_editors_one_wins_every_time(office: Server, tell: Tell) -> None:
    """Two PATCH with the same ETag: one 200, one 412 with the current state; nothing is lost."""
    races = rounds(60, 1000)
    with (
        office.client("field") as first, office.client("manager") as second,
        ThreadPoolExecutor(2) as pool,
    ):  # fmt: skip
        clients = {"a": first, "b": second}
        made = first.post("/collections/samples/items", json=sample(f"R{secrets.token_hex(4)}"))
        path = made.headers["Location"]
        assert first.patch(path, json={"properties": {"remark": "x"}}).status_code == 428
        for number in range(races):
            tag = first.get(path).headers["ETag"]
            barrier = threading.Barrier(2)

            def edit(who: str, barrier: Any = barrier, tag: str = tag) -> httpx.Response:
                change = {"properties": {"remark": who}}
                barrier.wait()
                return clients[who[0]].patch(path, json=change, headers={"If-Match": tag})

            both = (f"a{number}", f"b{number}")
            answers = dict(zip(both, pool.map(edit, both), strict=True))
            codes = {who: answer.status_code for who, answer in answers.items()}
            assert sorted(codes.values()) == [200, 412], {w: a.text for w, a in answers.items()}
            winner, loser = sorted(codes, key=lambda who: codes[who])
            stale = answers[loser].json()
            assert stale["current"]["properties"]["remark"] == winner
        history = first.get(f"{path}/history").json()["versions"]
    assert len(history) == races + 1
    tell("two editors with the same ETag", races, acknowledged=races, lost=0)


def test_an_answer_that_is_lost_has_one_effect(office: Server, tell: Tell) -> None:
    """The connection breaks after the request; the same key again gives the same, once."""
    chance, tries, cut = random.Random(3), rounds(12, 200), 0
    address = httpx.URL(office.url)
    with office.client("field") as client:
        for _ in range(tries):
            code, key = f"U{secrets.token_hex(6)}", secrets.token_hex(8)
            body = orjson.dumps(sample(code))
            head = (
                f"POST /collections/samples/items HTTP/1.1\r\nHost: {address.host}\r\n"
                f"Authorization: Bearer {office.tokens['field']}\r\nIdempotency-Key: {key}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            with socket.create_connection((address.host, address.port or 80), 10) as connection:
                connection.sendall(head.encode() + body)
                time.sleep(chance.uniform(0, 0.06))
            cut += 1
            again = [repeated(client, code, key) for _ in range(2)]
            assert [answer.status_code for answer in again] == [201, 201], again[0].text
            assert again[0].json() == again[1].json()
            query = {"filter": f"code = '{code}'", "resulttype": "hits"}
            found = client.get("/collections/samples/items", params=query).json()
            assert found["numberMatched"] == 1
    tell("answer lost after the commit, sent again with its Idempotency-Key", cut,
         acknowledged=tries, lost=0, note="one effect each")  # fmt: skip


def repeated(client: httpx.Client, code: str, key: str) -> httpx.Response:
    """The answer to a key, once the first request with it is through."""
    while True:
        headers = {"Idempotency-Key": key}
        answer = client.post("/collections/samples/items", json=sample(code), headers=headers)
        if answer.status_code != 409:
            return answer
        time.sleep(0.05)


def test_a_key_outlives_a_restart(tmp_path: Path, tell: Tell) -> None:
    data, key = tmp_path / "data", {"Idempotency-Key": "over-night"}
    answers = []
    for _ in range(2):
        with serving(data) as server, server.client("field") as client:
            for _ in range(2):
                body = sample("K-1")
                answers.append(client.post("/collections/samples/items", json=body, headers=key))
            hits = client.get("/collections/samples/items?resulttype=hits").json()
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    assert hits["numberMatched"] == 1
    tell("the same key before and after a restart", len(answers), note="one effect, same answer")
