"""The child process for untrusted files: every limit is tried for real."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from app.jobs import landlock
from app.jobs.sandbox import Cancelled, Limits, SandboxError, environment, execute, run
from geo.errors import Rejected

pytestmark = pytest.mark.unit
TARGETS = "tests.app.sandbox_targets"
ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def wait_for_end(pid: int, seconds: float = 5) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not alive(pid):
            return True
        time.sleep(0.02)
    return False


def failed(tmp_path: Path, function: str, arguments: dict | None = None, **limits) -> SandboxError:
    with pytest.raises(SandboxError) as caught:
        run(f"{TARGETS}:{function}", arguments or {}, tmp_path, Limits(**limits))
    return caught.value


def test_result_progress_and_folder(tmp_path: Path) -> None:
    seen: list[tuple[str, float | None]] = []
    done = execute(
        f"{TARGETS}:echo",
        {"name": "地块", "n": 1.5},
        tmp_path,
        on_progress=lambda stage, fraction: seen.append((stage, fraction)),
    )
    assert done.result["arguments"] == {"name": "地块", "n": 1.5}
    assert done.result["cwd"] == str(tmp_path.resolve())
    assert seen == [("一半", 0.5), ("完成", 1.0)]
    assert done.isolation["network"] in {"namespace", "user-namespace", "hook"}
    assert list(tmp_path.iterdir()) == []  # the private TMPDIR is gone


def test_environment_is_an_allow_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "s3cret")
    monkeypatch.setenv("GDAL_VRT_ENABLE_PYTHON", "YES")
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    seen = run(f"{TARGETS}:echo", {}, tmp_path)["environment"]
    assert "SECRET_TOKEN" not in seen
    assert "PYTHONPATH" not in seen
    assert seen["GDAL_VRT_ENABLE_PYTHON"] == "NO"
    assert seen["TMPDIR"].startswith(str(tmp_path.resolve()))
    assert set(seen) - {"LC_CTYPE"} <= set(environment(tmp_path)) | {"PATH", "TZ"}


def test_rejection_crosses_unchanged(tmp_path: Path) -> None:
    with pytest.raises(Rejected) as caught:
        run(f"{TARGETS}:reject", {}, tmp_path)
    error = caught.value
    assert (error.code, error.detail) == ("E_SHP_COUNTS", ("数量不符", "counts differ"))
    assert (error.where, error.fix) == ("地块.shp", ("重", "again"))
    assert not isinstance(error, SandboxError)


def test_error_is_hidden_from_users_and_kept_for_operators(tmp_path: Path) -> None:
    error = failed(tmp_path, "raise_error")
    assert error.code == "E_CRASH"
    assert "details for the operator" in error.log
    assert "details for the operator" not in str(error)


def test_cpu_bomb(tmp_path: Path) -> None:
    assert failed(tmp_path, "spin", cpu_s=1).code == "E_CPU"


@pytest.mark.parametrize("function", ["hold_memory", "hold_native_memory"])
def test_memory_bomb(tmp_path: Path, function: str) -> None:
    error = failed(tmp_path, function, {"megabytes": 2048}, memory_bytes=600 << 20)
    assert error.code == "E_MEMORY"


def test_large_file(tmp_path: Path) -> None:
    error = failed(tmp_path, "write", {"megabytes": 8}, file_bytes=4 << 20)
    assert error.code == "E_FILE_SIZE"


def test_wall_time(tmp_path: Path) -> None:
    started = time.monotonic()
    assert failed(tmp_path, "sleep", {"seconds": 60}, wall_s=1.0).code == "E_TIME"
    assert time.monotonic() - started < 10


def test_crash(tmp_path: Path) -> None:
    assert failed(tmp_path, "abort").code == "E_CRASH"


def test_unknown_function(tmp_path: Path) -> None:
    assert failed(tmp_path, "no_such_function").code == "E_CRASH"


def test_result_must_be_json(tmp_path: Path) -> None:
    assert failed(tmp_path, "not_json").code == "E_CRASH"


def test_output_is_bounded(tmp_path: Path) -> None:
    done = execute(f"{TARGETS}:chatter", {}, tmp_path)
    assert done.result == {"done": True}
    assert 1000 < len(done.log) <= 64 << 10


def test_cancel_kills_the_child(tmp_path: Path) -> None:
    pids: list[int] = []
    asked = threading.Event()

    def note(stage: str, _fraction: float | None) -> None:
        pids.append(int(stage.split()[1]))
        asked.set()

    with pytest.raises(Cancelled):
        run(f"{TARGETS}:sleep", {"seconds": 60}, tmp_path, on_progress=note, cancelled=asked.is_set)
    assert wait_for_end(pids[0])


def test_group_is_killed_when_the_child_ends(tmp_path: Path) -> None:
    left = run(f"{TARGETS}:stray_child", {}, tmp_path)["left"]
    assert wait_for_end(left)


def test_no_network(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.3)
        port = listener.getsockname()[1]
        done = execute(f"{TARGETS}:connect", {"port": port}, tmp_path)
        assert done.result["connected"] is False, done
        with pytest.raises(TimeoutError):
            listener.accept()


VRT = (
    '<OGRVRTDataSource><OGRVRTLayer name="a"><SrcDataSource>{source}</SrcDataSource>'
    "</OGRVRTLayer></OGRVRTDataSource>"
)


@pytest.mark.parametrize("name", ["a.shp", "a.kml", "a.txt", "a.vrt"])
def test_references_named_as_field_files_do_not_open(tmp_path: Path, name: str) -> None:
    secret = tmp_path / "secret.geojson"
    secret.write_text('{"type": "Point", "coordinates": [1, 2]}')
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        port = listener.getsockname()[1]
        for source in (str(secret), f"/vsicurl/http://127.0.0.1:{port}/a.geojson"):
            path = tmp_path / name
            path.write_text(VRT.format(source=source))
            answer = run(f"{TARGETS}:open_vector", {"path": str(path)}, tmp_path)
            assert answer["driver"] is None, answer
        with pytest.raises(TimeoutError):
            listener.accept()


def test_ordinary_files_do_open(tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    path.write_text('{"type": "Point", "coordinates": [123, 45]}')
    assert run(f"{TARGETS}:open_vector", {"path": str(path)}, tmp_path)["driver"] == "GeoJSON"


def test_raster_reference_does_not_open(tmp_path: Path) -> None:
    path = tmp_path / "scene.tif"
    path.write_text(
        '<VRTDataset rasterXSize="1" rasterYSize="1"><VRTRasterBand dataType="Byte" band="1">'
        "<SimpleSource><SourceFilename>/etc/hostname</SourceFilename></SimpleSource>"
        "</VRTRasterBand></VRTDataset>"
    )
    answer = run(f"{TARGETS}:open_raster", {"path": str(path)}, tmp_path)
    assert answer["driver"] is None, answer


def test_everything_imports_and_compiles_within_the_limits(tmp_path: Path) -> None:
    done = execute(f"{TARGETS}:import_all", {}, tmp_path)
    assert done.result == {"total": 10.0}


def test_child_dies_with_its_parent(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from app.jobs.sandbox import run\n"
        f"run('{TARGETS}:sleep', {{'seconds': 60}}, Path(sys.argv[1]),"
        " on_progress=lambda stage, _: print(stage, flush=True))"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline().split()[1])
    assert alive(child)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    assert wait_for_end(child)


@pytest.mark.skipif(landlock.version() < 1, reason="this kernel has no Landlock")
def test_confined_to_its_folder(tmp_path: Path) -> None:
    work, other = tmp_path / "work", tmp_path / "other"
    for folder in (work, other):
        folder.mkdir()
        (folder / "a.txt").write_text("12345")
    reads = [str(work / "a.txt"), str(other / "a.txt"), "/etc/passwd"]
    arguments = {"read": reads, "write": [str(work), str(other), "/tmp", str(ROOT)]}
    done = execute(f"{TARGETS}:touch", arguments, work, readable=[])
    assert done.isolation["files"] == "landlock"
    assert done.result["read"] == dict(zip(reads, [5, *["PermissionError"] * 2], strict=True))
    assert list(done.result["written"].values()) == [True, *["PermissionError"] * 3]
    assert not (other / "left.txt").exists()
    opened = execute(f"{TARGETS}:touch", {**arguments, "write": []}, work, readable=[other])
    assert opened.result["read"][reads[1]] == 5
    free = execute(f"{TARGETS}:touch", {**arguments, "write": []}, work)
    assert free.isolation["files"] == "open"
    assert free.result["read"]["/etc/passwd"] > 5


def test_libraries_load_while_confined(tmp_path: Path) -> None:
    assert execute(f"{TARGETS}:import_all", {}, tmp_path, readable=[]).result == {"total": 10.0}


@pytest.mark.skipif(landlock.version() < 4, reason="this kernel cannot restrict TCP")
def test_tcp_is_refused_where_no_namespace_can_be_had(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        script = (
            "import json, sys; from tests.app import sandbox_targets as t\n"
            f"print(json.dumps(t.restrict_tcp({{'port': {port}}}, None)))"
        )
        prepared = (  # what the sandbox does before: without it Landlock needs a privilege
            "import ctypes; ctypes.CDLL(None).prctl(38, 1, 0, 0, 0)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", prepared + script],
            capture_output=True, text=True, cwd=ROOT, check=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
    answer = json.loads(done.stdout)
    assert answer["restricted"] is True
    assert answer["connected"] is False
