"""Functions that the sandbox tests run in a child."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path
from typing import Any

from geo.errors import Rejected


def echo(arguments: dict[str, Any], progress: Any) -> dict[str, Any]:
    progress("一半", 0.5)
    progress("完成", 1.0)
    return {"arguments": arguments, "cwd": str(Path.cwd()), "environment": dict(os.environ)}


def reject(_arguments: dict[str, Any], _progress: Any) -> dict[str, Any]:
    raise Rejected(
        "E_SHP_COUNTS", "数量不符", "counts differ", where="地块.shp", fix=("重", "again")
    )


def raise_error(_arguments: dict[str, Any], _progress: Any) -> dict[str, Any]:
    raise RuntimeError("details for the operator")


def spin(_arguments: dict[str, Any], _progress: Any) -> dict[str, Any]:
    while True:
        pass


def sleep(arguments: dict[str, Any], progress: Any) -> dict[str, Any]:
    progress(f"pid {os.getpid()}", None)
    time.sleep(float(arguments["seconds"]))
    return {}


def hold_memory(arguments: dict[str, Any], _progress: Any) -> dict[str, Any]:
    blocks = [bytearray(1 << 20) for _ in range(int(arguments["megabytes"]))]
    return {"held": len(blocks)}


def hold_native_memory(arguments: dict[str, Any], _progress: Any) -> dict[str, Any]:
    import pyarrow as pa

    blocks = [pa.allocate_buffer(64 << 20) for _ in range(int(arguments["megabytes"]) // 64)]
    return {"held": len(blocks)}


def abort(_arguments: dict[str, Any], _progress: Any) -> dict[str, Any]:
    os.abort()


def write(arguments: dict[str, Any], _progress: Any) -> dict[str, Any]:
    with Path("large.bin").open("wb") as file:
        for _ in range(int(arguments["megabytes"])):
            file.write(bytes(1 << 20))
            file.flush()
    return {"written": True}


def connect(arguments: dict[str, Any], _progress: Any) -> dict[str, Any]:
    try:
        with socket.create_connection(("127.0.0.1", int(arguments["port"])), timeout=2) as link:
            link.sendall(b"hello")
        return {"connected": True}
    except OSError as error:
        return {"connected": False, "error": str(error)}


def open_vector(arguments: dict[str, Any], _progress: Any) -> dict[str, Any]:
    import pyogrio

    try:
        return {"driver": pyogrio.read_info(arguments["path"])["driver"]}
    except pyogrio.errors.DataSourceError as error:
        return {"driver": None, "error": str(error)}


def open_raster(arguments: dict[str, Any], _progress: Any) -> dict[str, Any]:
    import rasterio

    try:
        with rasterio.open(arguments["path"]) as raster:
            return {"driver": raster.driver}
    except rasterio.errors.RasterioIOError as error:
        return {"driver": None, "error": str(error)}


def chatter(_arguments: dict[str, Any], _progress: Any) -> dict[str, Any]:
    for _ in range(20_000):
        print("x" * 99)
    return {"done": True}


def import_all(_arguments: dict[str, Any], _progress: Any) -> dict[str, Any]:
    import numba
    import numpy as np
    import pyarrow
    import pyogrio
    import rasterio
    import shapely

    @numba.njit
    def total(values: Any) -> float:
        result = 0.0
        for value in values:
            result += value
        return result

    assert all((pyarrow, pyogrio, rasterio, shapely))
    return {"total": total(np.ones(10))}


def not_json(_arguments: dict[str, Any], _progress: Any) -> dict[str, Any]:
    return {"nan": float("nan")}


def stray_child(_arguments: dict[str, Any], progress: Any) -> dict[str, Any]:
    pid = os.fork()
    if pid == 0:
        time.sleep(600)
        os._exit(0)
    progress(f"pid {pid}", None)
    return {"left": pid}


def touch(arguments: dict[str, Any], _progress: Any) -> dict[str, Any]:
    """Which of the paths can be read, and which folders written."""
    answer: dict[str, Any] = {"read": {}, "written": {}}
    for path in arguments["read"]:
        try:
            answer["read"][path] = len(Path(path).read_bytes())
        except OSError as error:
            answer["read"][path] = type(error).__name__
    for folder in arguments["write"]:
        try:
            (Path(folder) / "left.txt").write_text("x")
            answer["written"][folder] = True
        except OSError as error:
            answer["written"][folder] = type(error).__name__
    import tempfile

    with tempfile.TemporaryFile() as file:
        file.write(b"x")
    return answer


def restrict_tcp(arguments: dict[str, Any], progress: Any) -> dict[str, Any]:
    """Landlock alone, in a process that had the network."""
    from app.jobs import landlock

    return {"restricted": landlock.restrict(readable=None), **connect(arguments, progress)}
