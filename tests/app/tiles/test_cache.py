"""The caches: bounded, one maker a key, nothing that has changed, nothing half-written."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.tiles.cache import OVERHEAD, Cache, Claim, Entry
from app.tiles.disk import Disk

pytestmark = pytest.mark.unit


def entry(size: int = 10, made: int = 1) -> Entry:
    return Entry(made, "identity", bytes(size))


def get(cache: Cache, key: object, make, changed: int = 1, revision: int = 1) -> Entry:
    """What a request does."""
    found = cache.claim(key, changed, revision)
    if isinstance(found, Entry):
        return found
    return cache.settle(found, make) if found.mine else found.future.result(timeout=10)


def test_the_weight_never_exceeds_the_bound():
    cache = Cache(50_000)
    sizes = [100 * (i % 40) for i in range(400)]
    for i, size in enumerate(sizes):
        get(cache, i, lambda size=size: entry(size))
        assert cache.weight <= 50_000
    assert cache.weight > 40_000
    # What was used last is there, what was used first is not.
    assert cache.peek(399, 1, 1) is not None
    assert cache.peek(0, 1, 1) is None
    kept = [size for i, size in enumerate(sizes) if cache.peek(i, 1, 1)]
    assert cache.weight == sum(kept) + OVERHEAD * len(kept)


def test_use_keeps_an_entry():
    cache = Cache(10 * (OVERHEAD + 10))
    for i in range(40):
        get(cache, "used", entry)
        get(cache, i, entry)
    assert cache.peek("used", 1, 1) is not None
    assert cache.counts.misses == 41


def test_nothing_is_kept_without_room():
    for cache, size in ((Cache(0), 1), (Cache(1000), 1000)):
        assert len(get(cache, "a", lambda size=size: entry(size)).body) == size
        assert cache.weight == 0
        assert cache.peek("a", 1, 1) is None


def test_one_maker_for_many_threads():
    cache, made, together = Cache(10**6), [], threading.Barrier(12)

    def make() -> Entry:
        made.append(threading.get_ident())
        time.sleep(0.05)
        return entry()

    def ask(_: int) -> Entry:
        together.wait(timeout=10)
        return get(cache, "a", make)

    with ThreadPoolExecutor(12) as threads:
        for round_ in range(5):
            answers = list(threads.map(ask, range(12)))
            assert len({id(a) for a in answers}) == 1
            assert len(made) == round_ + 1
            with cache._lock:
                cache._kept.clear()
    assert cache.counts.misses == 5
    assert cache.counts.hits + cache.counts.joined == 55


def test_all_who_wait_learn_of_a_failure_and_the_next_one_tries_again():
    cache = Cache(10**6)
    claim = cache.claim("a", 1, 1)
    other = cache.claim("a", 1, 1)
    assert isinstance(claim, Claim)
    assert isinstance(other, Claim)
    assert (claim.mine, other.mine) == (True, False)
    with pytest.raises(ZeroDivisionError):
        cache.settle(claim, lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        other.future.result(timeout=1)
    assert get(cache, "a", entry) == entry()


def test_a_waiting_client_that_goes_away_cancels_nothing():
    cache = Cache(10**6)
    claim, other = cache.claim("a", 1, 1), cache.claim("a", 1, 1)
    assert isinstance(claim, Claim)
    assert isinstance(other, Claim)
    assert not other.future.cancel()
    assert cache.settle(claim, entry) == entry()


def test_an_entry_holds_until_something_changes_in_it():
    cache = Cache(10**6)
    get(cache, "a", lambda: entry(1, made=5), changed=3, revision=5)
    assert cache.peek("a", 3, 5) is not None
    assert cache.peek("a", 3, 9) is not None  # later edits elsewhere
    assert cache.peek("a", 6, 9) is None  # an edit in it
    assert cache.peek("a", 3, 4) is None  # asked by one who is not as far yet
    get(cache, "a", lambda: entry(2, made=9), changed=6, revision=9)
    get(cache, "a", lambda: entry(1, made=5), changed=3, revision=5)
    # A thread with an old view that comes late does not put the old one back.
    assert len(cache.peek("a", 6, 9).body) == 2


def test_on_disk(tmp_path: Path):
    disk = Disk(tmp_path / "tiles", 10**6)
    assert disk.find("a") is None
    kept = Entry(7, "br", b"body" * 1000)
    disk.keep("a", kept, 1234)
    assert disk.find("a") == (kept, 1234)
    assert Disk(tmp_path / "tiles", 10**6).find("a") == (kept, 1234)
    assert disk.find("b") is None
    # A worker that is behind does not put back what one that is further on has replaced.
    disk.keep("a", Entry(6, "br", b"older"), 1233)
    assert disk.find("a") == (kept, 1234)
    disk.keep("a", Entry(8, "br", b"newer"), 1235)
    assert disk.find("a") == (Entry(8, "br", b"newer"), 1235)


def test_a_damaged_file_is_no_tile(tmp_path: Path):
    disk = Disk(tmp_path, 10**6)
    disk.keep("a", Entry(7, "gzip", b"body" * 100), 1234)
    (path,) = [p for p in tmp_path.rglob("*") if p.is_file()]
    whole = path.read_bytes()
    for length in (0, 3, 20, len(whole) - 1):
        path.write_bytes(whole[:length])
        assert disk.find("a") is None
    for place in range(0, len(whole), 7):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert disk.find("a") is None
    path.write_bytes(whole)
    assert disk.find("a") is not None


def test_the_folder_stays_small_and_loses_the_oldest(tmp_path: Path):
    disk = Disk(tmp_path, 400_000)
    for i in range(150):
        disk.keep(str(i), entry(8000), 1)
        os.utime(disk._path(str(i)), (i + 1.0, i + 1.0))
        used = sum(p.stat().st_blocks * 512 for p in tmp_path.rglob("*") if p.is_file())
        assert used <= 400_000
    assert used > 200_000
    assert disk.find("149") is not None
    assert disk.find("0") is None


def test_a_disk_that_takes_nothing_is_no_error(tmp_path: Path):
    (tmp_path / "file").write_text("not a folder")
    disk = Disk(tmp_path / "file", 10**6)
    disk.keep("a", entry(), 1)
    assert disk.find("a") is None
