"""kill -9 at random: what was confirmed is there, what was not is not there in part."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from pathlib import Path

import httpx

from tests.conftest import Server, wait_job
from tests.faults.office import Ledger, Writers, kill_some, serving
from tests.faults.scorecard import Tell, rounds
from tests.files import many


def test_the_service_is_killed_at_random_under_load(tmp_path: Path, tell: Tell) -> None:
    """Two writers and uploads; the whole service or one of its processes dies at any time."""
    chance = random.Random(11)
    data = tmp_path / "data"
    ledger, kills, imported = Ledger(), 0, 0
    for round_ in range(rounds(2, 40)):
        with serving(data, workers=2) as server:
            with server.client("manager") as client:
                assert ledger.lost(client) == []
                hits = client.get("/collections/plots/items?resulttype=hits").json()
                # An import is there whole or not at all.
                assert hits["numberMatched"] % 40 == 0
                imported = hits["numberMatched"] // 40
            writers = Writers(server, ledger)
            sending = threading.Thread(target=send, args=(server, tmp_path, round_))
            sending.start()
            try:
                time.sleep(chance.uniform(0.2, 6))
                kill_some(server, chance)
                kills += 1
                time.sleep(0.3)
            finally:
                writers.stop()
                sending.join(60)
    with serving(data) as server, server.client("manager") as client:
        lost = ledger.lost(client)
        audit = client.get("/audit/verify").json()
    tell("kill -9 of the service or one of its processes, edits and imports under way", kills,
         acknowledged=len(ledger.confirmed), lost=len(lost),
         note=f"{imported} imports whole, 0 in part")  # fmt: skip
    assert lost == []
    assert ledger.odd == []
    assert audit["ok"] is True
    assert len(ledger.confirmed) > 10


def send(server: Server, folder: Path, number: int) -> None:
    """Upload and commit, as far as the service lives to see it."""
    content = many(folder / f"file-{number}", f"杀{number}-", 40)
    with contextlib.suppress(httpx.TransportError), server.client("manager") as client:
        answer = client.post("/uploads?layer=plots&filename=a.zip", content=content)
        if answer.status_code == 202 and wait_job(client, answer.json()["job"])["state"] == "done":
            client.post(f"/uploads/{answer.json()['id']}/commit")
