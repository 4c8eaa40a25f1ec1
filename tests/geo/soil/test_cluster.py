"""Runs over a Dask cluster of processes: the same bits as alone, whoever dies on the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest

from geo.errors import Rejected
from geo.soil.cluster import Cluster, _added
from tests.conftest import ROOT, free_port
from tests.geo.soil.test_blocks import computed, same, world

pytestmark = [pytest.mark.unit, pytest.mark.timeout(180)]
__all__ = ["world"]  # the fixture

WORKERS = 3


@dataclass
class Processes:
    address: str
    workers: list[subprocess.Popen[bytes]]


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    """A scheduler and workers, started as the compose file starts them."""
    folder = tmp_path_factory.mktemp("dask")
    address = f"tcp://127.0.0.1:{free_port()}"
    port = address.rpartition(":")[2]

    def start(*arguments: str) -> subprocess.Popen[bytes]:
        with (folder / "log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "distributed.cli." + arguments[0], *arguments[1:]],
                cwd=ROOT, stdout=log, stderr=log, env={**os.environ, "PYTHONPATH": str(ROOT)},
            )  # fmt: skip

    scheduler = start("dask_scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard")
    workers = [
        start("dask_worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard",
              "--local-directory", str(folder / f"w{number}"))
        for number in range(WORKERS)
    ]  # fmt: skip
    yield Processes(address, workers)
    for process in (*workers, scheduler):
        process.kill()
        process.wait()


@pytest.mark.parametrize("pair", [False, True])
def test_a_cluster_changes_no_bit(world, processes: Processes, pair: bool) -> None:
    seen: list[tuple[int, int]] = []
    with Cluster(processes.address) as cluster:
        found = computed(
            world, pair, cluster=cluster, progress=lambda done, of: seen.append((done, of))
        )
    same(found, computed(world, pair))
    assert seen[-1][0] == seen[-1][1] == max(done for done, _ in seen)


@pytest.mark.faults
def test_a_worker_killed_in_the_middle_changes_no_bit(world, processes: Processes) -> None:
    """kill -9 of a worker of the cluster while its blocks are counted."""
    victim = processes.workers.pop()
    killed: list[int] = []

    def kill(done: int, blocks: int) -> None:
        if not killed and done < blocks:
            os.kill(victim.pid, signal.SIGKILL)
            killed.append(done)
            time.sleep(0.3)  # what it held is lost before anybody fetched it

    with Cluster(processes.address) as cluster:
        found = computed(world, True, cluster=cluster, progress=kill)
    victim.wait()
    assert killed
    same(found, computed(world, True))


def test_a_stopped_run_leaves_the_cluster_usable(world, processes: Processes) -> None:
    def stop(done: int, blocks: int) -> None:
        raise InterruptedError

    with Cluster(processes.address) as cluster:
        with pytest.raises(InterruptedError):
            computed(world, cluster=cluster, progress=stop)
        same(computed(world, cluster=cluster), computed(world))


def test_what_a_worker_refuses_is_told(world, processes: Processes) -> None:
    folder, scenes, zones = world
    other = scenes[0].model_copy(update={"sha256": "0" * 64})
    with Cluster(processes.address) as cluster, pytest.raises(Rejected) as caught:
        computed((folder, [other], zones), cluster=cluster)
    assert caught.value.code.startswith("E_RASTER")


def test_no_scheduler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("geo.soil.cluster._CONNECT_S", "1s")
    with pytest.raises(Rejected) as caught:
        Cluster("tcp://127.0.0.1:1")
    assert caught.value.code == "E_CLUSTER"


def test_partial_sums_add_up() -> None:
    one = np.array([1, 4]), np.array([[1, 2], [3, 4]])
    two = np.array([0, 4]), np.array([[5, 6], [7, 8]])
    zones, units = _added([one, two])
    assert zones.tolist() == [0, 1, 4]
    assert units.tolist() == [[5, 6], [1, 2], [10, 12]]
