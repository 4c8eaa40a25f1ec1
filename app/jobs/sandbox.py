"""Run one function of an importable module in a fresh, limited child process.

Untrusted files are only ever parsed here: no network, limited memory, CPU time,
file size and wall time, a scrubbed environment, a private temporary folder, and
no GDAL driver that follows references to other files or addresses. The child
dies with its parent. A crash costs one job, never the service.

The child is trusted until it opens the file and not afterwards: what it sends
back is bounded and checked here. Linux only.
"""

from __future__ import annotations

import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from app.jobs.drivers import GDAL_ENVIRONMENT
from geo.errors import Rejected

Progress = Callable[[str, float | None], None]

_CHILD = Path(__file__).with_name("sandbox_child.py")
_ROOT = Path(__file__).parents[2]
_MESSAGE_BYTES = 64 << 20
_LOG_BYTES = 64 << 10
_KEPT = ("PATH", "LD_LIBRARY_PATH", "TZ", "NUMBA_CACHE_DIR")


@dataclass(frozen=True)
class Limits:
    """What a child may use. Measured: imports take 0.15 GiB of data, 0.7 GiB of addresses."""

    cpu_s: int = 600
    memory_bytes: int = 4 << 30
    mapped_bytes: int = 6 << 30
    file_bytes: int = 4 << 30
    wall_s: float = 1800
    open_files: int = 256


@dataclass(frozen=True)
class Finished:
    """A run that returned: its result, what it used and how it was closed off."""

    result: dict[str, Any]
    isolation: dict[str, str]
    wall_s: float
    cpu_s: float
    peak_bytes: int
    log: str


class SandboxError(Rejected):
    """The child did not finish. ``log`` (its last output) is for operators, not for users."""

    log: str = ""


class Cancelled(Exception):
    """The caller asked to stop; the child and its process group are gone."""


#: code: what happened (zh, en), what to do (zh, en)
_TEXTS: dict[str, tuple[tuple[str, str], tuple[str, str]]] = {
    "E_MEMORY": (
        ("处理此文件所需内存超过限额", "this file needs more memory than a job may use"),
        ("请拆分为较小的文件后重试", "split it into smaller files and try again"),
    ),
    "E_CPU": (
        ("处理此文件的计算时间超过限额", "this file needs more computing time than a job may use"),
        ("请检查有无异常复杂的图形，或拆分文件", "look for extremely complex shapes, or split it"),
    ),
    "E_TIME": (
        ("处理超时", "the work took longer than a job may take"),
        ("请拆分文件后重试", "split the file and try again"),
    ),
    "E_FILE_SIZE": (
        ("处理中产生的文件超过限额", "the work wrote a file larger than a job may write"),
        ("请拆分文件后重试", "split the file and try again"),
    ),
    "E_DISK_FULL": (
        ("磁盘空间不足", "the disk is full"),
        ("请联系管理员释放空间后重试", "ask the administrator to free space, then try again"),
    ),
    "E_CRASH": (
        (
            "读取此文件时程序异常中止；服务未受影响",
            "reading this file ended abnormally; nothing else did",
        ),
        ("请在桌面软件中重新导出后再上传", "export it again from desktop software, then upload"),
    ),
}


def environment(temporary: Path) -> dict[str, str]:
    """The child's whole environment: an allow-list, one thread a library, closed GDAL."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {
        **kept,
        "HOME": str(temporary),
        "TMPDIR": str(temporary),
        "LANG": "C.UTF-8",
        # Threads multiply memory and CPU; a job is one core of a small machine.
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "ARROW_DEFAULT_MEMORY_POOL": "system",
        "MALLOC_ARENA_MAX": "2",
        **GDAL_ENVIRONMENT,
    }


@dataclass
class _Watch:
    """The parent's side of one child: its pipes, its clock and what it said."""

    process: subprocess.Popen[bytes]
    channel: int
    on_progress: Progress | None
    buffer: bytearray = field(default_factory=bytearray)
    log: bytearray = field(default_factory=bytearray)
    isolation: dict[str, str] = field(default_factory=dict)
    answer: dict[str, Any] | None = None

    def follow(self, deadline: float, cancelled: Callable[[], bool] | None) -> None:
        """Read until the child has ended. Raises `Cancelled` or `TimeoutError`."""
        assert self.process.stdout is not None
        output = self.process.stdout.fileno()
        ended = os.pidfd_open(self.process.pid)
        with selectors.DefaultSelector() as selector:
            for descriptor in (self.channel, output, ended):
                os.set_blocking(descriptor, False)
                selector.register(descriptor, selectors.EVENT_READ)
            try:
                while True:
                    ready = {key.fd for key, _ in selector.select(0.25)}
                    for descriptor in (self.channel, output):
                        if descriptor in ready and not self._read(descriptor):
                            selector.unregister(descriptor)
                    # The child's last words are in the pipes before it has ended.
                    if ready == {ended}:
                        return
                    if time.monotonic() > deadline:
                        raise TimeoutError
                    if cancelled is not None and cancelled():
                        raise Cancelled
            finally:
                os.close(ended)

    def _read(self, descriptor: int) -> bool:
        try:
            data = os.read(descriptor, 1 << 16)
        except BlockingIOError:
            return True
        if descriptor != self.channel:
            self.log += data
            del self.log[: max(0, len(self.log) - _LOG_BYTES)]
            return bool(data)
        self.buffer += data
        while (end := self.buffer.find(b"\n")) >= 0:
            line = bytes(self.buffer[:end])
            del self.buffer[: end + 1]
            self._message(line)
        if len(self.buffer) > _MESSAGE_BYTES:
            raise _error("E_CRASH", "the child's answer is too long")
        return bool(data)

    def _message(self, line: bytes) -> None:
        try:
            message = json.loads(line)
            if "progress" in message:
                stage, fraction = message["progress"]
                if self.on_progress is not None:
                    self.on_progress(
                        str(stage)[:200], None if fraction is None else float(fraction)
                    )
            elif "isolation" in message:
                self.isolation = {str(k): str(v) for k, v in message["isolation"].items()}
            else:
                self.answer = message
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise _error("E_CRASH", f"the child's answer cannot be read: {error}") from error


#: Less free space than this is a full disk, bytes.
_FULL = 1 << 20


def execute(
    target: str,
    arguments: Mapping[str, Any],
    folder: Path,
    limits: Limits = Limits(),
    on_progress: Progress | None = None,
    *,
    cancelled: Callable[[], bool] | None = None,
    readable: Sequence[Path] | None = None,
    network: bool = False,
) -> Finished:
    """Run ``module:function`` as ``function(arguments, progress)`` in a child; wait for it.

    ``arguments`` and the function's result are JSON; ``progress(stage, fraction)``
    arrives at ``on_progress`` in this thread. ``folder`` is the child's working
    directory and holds its private TMPDIR. ``cancelled`` is asked four times a second.
    With ``readable`` (files or folders, may be empty) the child can read nothing else but
    ``folder`` and the program, and write in ``folder`` alone, where the kernel has Landlock;
    `Finished.isolation` says what was had. ``network``: for a child that reads no untrusted file.

    The child lives no longer than the calling *thread*: call it from one that waits.

    Raises whatever `Rejected` the function raised; `SandboxError` with E_MEMORY,
    E_CPU, E_TIME, E_FILE_SIZE, E_DISK_FULL or E_CRASH; `Cancelled`.
    """
    folder = folder.resolve()
    temporary = Path(tempfile.mkdtemp(prefix="tmp-", dir=folder))
    started = time.monotonic()
    reading, writing = os.pipe()
    try:
        request = {
            "target": target,
            "arguments": dict(arguments),
            "parent": os.getpid(),
            "channel": writing,
            "limits": asdict(limits),
            "network": network,
            "readable": None if readable is None else [str(p.resolve()) for p in readable],
            "path": [str(_ROOT), *(str(Path(p).resolve()) for p in sys.path if p)],
        }
        with tempfile.TemporaryFile(dir=temporary) as stdin:
            stdin.write(json.dumps(request, allow_nan=False).encode())
            stdin.seek(0)
            process = subprocess.Popen(  # noqa: S603 (our own interpreter, our own script)
                [sys.executable, "-I", "-X", "faulthandler", str(_CHILD)],
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=(writing,),
                cwd=folder,
                env=environment(temporary),
                start_new_session=True,
            )
        os.close(writing)
        writing = -1
        watch = _Watch(process, reading, on_progress)
        reason = None
        try:
            watch.follow(started + limits.wall_s, cancelled)
        except TimeoutError:
            reason = "E_TIME"
        finally:
            usage = _bury(process)
        wall = time.monotonic() - started
        try:
            return _judge(watch, usage, limits, reason, wall)
        except SandboxError as error:
            # Libraries tell of a full disk in words of their own, or not at all.
            if error.code == "E_CRASH" and shutil.disk_usage(folder).free < _FULL:
                raise _error("E_DISK_FULL", error.log) from error
            raise
    finally:
        os.close(reading)
        if writing >= 0:
            os.close(writing)
        shutil.rmtree(temporary, ignore_errors=True)


def run(
    target: str,
    arguments: Mapping[str, Any],
    folder: Path,
    limits: Limits = Limits(),
    on_progress: Progress | None = None,
    *,
    cancelled: Callable[[], bool] | None = None,
    readable: Sequence[Path] | None = None,
    network: bool = False,
) -> dict[str, Any]:
    """`execute`, for callers that want the result only."""
    return execute(
        target, arguments, folder, limits, on_progress,
        cancelled=cancelled, readable=readable, network=network,
    ).result  # fmt: skip


def _bury(process: subprocess.Popen[bytes]) -> Any:
    """Kill what is left of the group, then reap; return its resource usage."""
    try:
        # Before reaping, so that the group's number still belongs to us.
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        process.kill()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.stdout is not None:
        process.stdout.close()
    return usage


def _judge(watch: _Watch, usage: Any, limits: Limits, reason: str | None, wall: float) -> Finished:
    log = watch.log.decode("utf-8", "replace")
    cpu = usage.ru_utime + usage.ru_stime
    code = watch.process.returncode
    answer = watch.answer or {}
    if reason is None and code == 0 and isinstance(answer.get("result"), dict):
        peak = usage.ru_maxrss * 1024
        return Finished(answer["result"], watch.isolation, wall, cpu, peak, log)
    if reason is None and isinstance(answer.get("rejected"), dict):
        raise _rejected(answer["rejected"])
    if reason is None and answer.get("failed") in _TEXTS:
        raise _error(answer["failed"], f"{answer.get('error', '')}\n{log}")
    if reason is None:
        reason = _reason(code, cpu, limits, log)
    raise _error(reason, f"exit {code} after {cpu:.1f} s of CPU\n{log}")


def _reason(code: int, cpu: float, limits: Limits, log: str) -> str:
    if code == -signal.SIGXCPU or (code == -signal.SIGKILL and cpu >= limits.cpu_s):
        return "E_CPU"
    if code == -signal.SIGXFSZ:
        return "E_FILE_SIZE"
    # Nobody else kills our children, but the kernel when memory runs out.
    if code == -signal.SIGKILL or "bad_alloc" in log or "MemoryError" in log:
        return "E_MEMORY"
    return "E_CRASH"


def _error(code: str, log: str) -> SandboxError:
    (zh, en), fix = _TEXTS[code]
    error = SandboxError(code, zh, en, fix=fix)
    error.log = log[-_LOG_BYTES:]
    return error


def _rejected(content: dict[str, Any]) -> Rejected:
    zh, en = (str(text)[:4000] for text in content["detail"])
    fix, where = content.get("fix"), content.get("where")
    return Rejected(
        str(content["code"])[:80],
        zh,
        en,
        where=None if where is None else str(where)[:1000],
        fix=None if not fix else (str(fix[0])[:2000], str(fix[1])[:2000]),
    )
