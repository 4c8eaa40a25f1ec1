"""The blocks of a run counted by the workers of a Dask cluster (``dask.distributed``).

A task takes some blocks (aligned to the tiles of the COG, each read once) and gives the units of
the zones that they touch. Workers add these up among themselves in a tree of `FAN`, sparse: what
comes back is one array. Units are whole numbers, so neither the order nor a worker that died and
whose blocks another one counted again changes a bit.

The workers see the raster root at the same path as who asks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo.errors import Rejected
from geo.soil.blocks import Plan, Task, count, tasks
from geo.soil.raster import Reader
from geo.soil.scene import Scene
from geo.soil.zonal import Tally

Ints = NDArray[np.int64]
Progress = Callable[[int, int], None]
#: how many partial sums a worker adds up at once
FAN = 8
#: how often blocks may lose their worker before the run fails
_RETRIES = 5
_CONNECT_S = "20s"

#: (zones[m] ascending, units[m, classes]): rows of zones that have any
Sparse = tuple[Ints, Ints]


class Cluster:
    """A connection to a scheduler; a context manager. What is not fetched when it closes is
    forgotten there."""

    def __init__(self, address: str) -> None:
        """Raises `Rejected` E_CLUSTER when no scheduler with workers answers."""
        try:
            import distributed  # noqa: PLC0415 - only who computes on a cluster has it
        except ImportError as error:
            raise _away("dask.distributed is not installed") from error
        try:
            client: Any = distributed.Client
            self._client = client(address, timeout=_CONNECT_S, set_as_default=False)
            self._client.wait_for_workers(1, timeout=20)
        except (OSError, TimeoutError) as error:
            raise _away(str(error)) from error

    def __enter__(self) -> Cluster:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.close()

    def verify(self, root: Path, scenes: Sequence[Scene]) -> Callable[[], None]:
        """Begin to compare the scenes' files with what was registered; call for the outcome."""
        future = self._client.submit(_verify, root, tuple(scenes), retries=_RETRIES, pure=False)
        result: Callable[[], None] = future.result
        return result

    def counted(self, plan: Plan, tally: Tally, progress: Progress | None = None) -> None:
        """Fill the tally. ``progress(done, blocks)`` may raise to stop.

        Raises `Rejected` (E_RASTER_*, E_CLUSTER), and what ``progress`` raises.
        """
        import distributed  # noqa: PLC0415
        from distributed.scheduler import KilledWorker  # noqa: PLC0415

        done_first: Any = distributed.as_completed
        index = tally.index
        sizes: dict[Any, int] = {}
        leaves = []
        for task in tasks(plan, index, index.blocks):
            future = self._client.submit(_counted, task, retries=_RETRIES, pure=False)
            sizes[future.key] = len(task.index.blocks)
            leaves.append(future)
        level: list[Any] = leaves
        while len(level) > 1:
            level = [
                self._client.submit(_added, level[k : k + FAN], retries=_RETRIES, pure=False)
                for k in range(0, len(level), FAN)
            ]
        try:
            done = 0
            for future in done_first(leaves, loop=self._client.loop):
                done += sizes[future.key]
                if future.status == "error":
                    future.result()
                if progress is not None:
                    progress(done, len(index.blocks))
            for future in level:
                tally.merge(*future.result())
        except KilledWorker as error:
            raise _away(str(error)) from error


def _counted(task: Task) -> Sparse:
    units = count(task)
    some = np.flatnonzero(units.any(axis=1))
    return task.zones[some], units[some]


def _added(parts: Sequence[Sparse]) -> Sparse:
    zones = np.concatenate([zones for zones, _ in parts])
    units = np.concatenate([units for _, units in parts])
    every, place = np.unique(zones, return_inverse=True)
    total = np.zeros((len(every), units.shape[1]), np.int64)
    np.add.at(total, place, units)
    return every, total


def _verify(root: Path, scenes: tuple[Scene, ...]) -> None:
    for scene in scenes:
        with Reader.open(root, scene, verify=True):
            pass


def _away(why: str) -> Rejected:
    return Rejected(
        "E_CLUSTER",
        f"计算集群不可用：{why}",
        f"The cluster cannot be used: {why}",
        fix=("请管理员检查 LIANGTIAN_DASK 的调度器和工作进程后重试",
             "An administrator checks the scheduler of LIANGTIAN_DASK and its workers"),
    )  # fmt: skip
