"""The first code of a sandboxed child: closes the doors, then runs one function.

Started by `app.jobs.sandbox` as a script in isolated mode; imports the standard
library only until the doors are closed. Reads its request (JSON) from standard
input and answers with JSON lines on the channel's file descriptor.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import importlib
import json
import os
import resource
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_OUT_OF_MEMORY = ("bad_alloc", "out of memory", "cannot allocate memory", "unable to allocate")


def limit(limits: dict[str, int]) -> None:
    """Set the process limits; all but the CPU one cannot be raised again."""
    memory = limits["memory_bytes"]
    pairs = {
        resource.RLIMIT_CORE: (0, 0),
        resource.RLIMIT_FSIZE: (limits["file_bytes"],) * 2,
        resource.RLIMIT_NOFILE: (limits["open_files"],) * 2,
        # SIGXCPU at the soft limit says why; SIGKILL follows if it is ignored.
        resource.RLIMIT_CPU: (limits["cpu_s"], limits["cpu_s"] + 5),
        # DATA counts what is really writable. AS also counts mapped files and the code of
        # libraries (0.7 GiB with everything imported), so it is only the outer fence.
        resource.RLIMIT_DATA: (memory, memory),
        resource.RLIMIT_AS: (memory + limits["mapped_bytes"],) * 2,
    }
    for kind, wanted in pairs.items():
        ceiling = resource.getrlimit(kind)[1]
        if ceiling != resource.RLIM_INFINITY:
            wanted = (min(wanted[0], ceiling), min(wanted[1], ceiling))  # noqa: PLW2901
        resource.setrlimit(kind, wanted)


def die_with(parent: int) -> None:
    """Be killed when the thread that started us ends, however it ends."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if os.getppid() != parent:  # it died before the call above
        os._exit(1)
    # When memory runs out the kernel should take us first; a container may forbid to say so.
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("900")
    os.nice(15)  # answering comes first
    # Its session is a group of its own for the scheduler, beside which its niceness says nothing.
    with contextlib.suppress(OSError):
        Path("/proc/self/autogroup").write_text("15")


def leave_network() -> str:
    """Move into an empty network namespace; return how the network is closed."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET) == 0:
        return "namespace"
    uid, gid = os.getuid(), os.getgid()
    if libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) == 0:
        for path, text in (
            ("/proc/self/setgroups", "deny"),
            ("/proc/self/uid_map", f"{uid} {uid} 1"),
            ("/proc/self/gid_map", f"{gid} {gid} 1"),
        ):
            try:
                Path(path).write_text(text)
            except OSError:
                break  # unmapped ids still own our files; only names of owners are lost
        return "user-namespace"
    return "hook"


def confine(request: dict[str, Any], network: str) -> tuple[str, str]:
    """Give up files and, without a namespace, TCP: (network, files) as they are closed now."""
    from app.jobs import landlock  # noqa: PLC0415 (found once sys.path is set)

    wanted = request["readable"]
    readable = None
    if wanted is not None:
        system = (
            sys.prefix, sys.base_prefix, *sys.path, "/usr", "/lib", "/lib64", "/etc/ld.so.cache",
            "/etc/localtime", "/dev/null", "/dev/urandom", "/proc/self", "/proc/cpuinfo",
            "/proc/meminfo", "/sys/devices/system/cpu",
        )  # fmt: skip
        readable = [Path(path) for path in (*system, *wanted)]
    inside = network != "hook"
    writable = [Path.cwd(), Path("/dev/null")]
    done = False
    if readable is not None or not inside:
        done = landlock.restrict(readable=readable, writable=writable, network=inside)
        if not done and readable is not None:  # an older kernel: files at least
            done = landlock.restrict(readable=readable, writable=writable, network=True)
            return network, "landlock" if done else "open"
    files = "landlock" if done and readable is not None else "open"
    return ("landlock-tcp" if done and not inside else network), files


def forbid_sockets() -> None:
    """Refuse sockets to Python code (GDAL's are closed by the environment)."""

    def hook(event: str, _args: tuple[object, ...]) -> None:
        if event in ("socket.connect", "socket.bind", "socket.sendto", "socket.getaddrinfo"):
            raise PermissionError(errno.EACCES, f"no network in this process ({event})")

    sys.addaudithook(hook)


class Channel:
    """JSON lines to the parent."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def send(self, message: dict[str, Any]) -> None:
        data = json.dumps(message, ensure_ascii=True, allow_nan=False).encode() + b"\n"
        while data:
            data = data[os.write(self._descriptor, data) :]

    def progress(self, stage: str, fraction: float | None = None) -> None:
        self.send({"progress": [str(stage), None if fraction is None else float(fraction)]})


def failure(error: BaseException) -> dict[str, Any]:
    """Describe an exception; a refusal (`geo.errors.Rejected`) crosses unchanged."""
    code, detail = getattr(error, "code", None), getattr(error, "detail", None)
    if isinstance(code, str) and isinstance(detail, tuple) and len(detail) == 2:
        where, fix = getattr(error, "where", None), getattr(error, "fix", None)
        return {"rejected": {"code": code, "detail": detail, "where": where, "fix": fix}}
    text = str(error).lower()
    number = getattr(error, "errno", None)
    if isinstance(error, MemoryError) or any(sign in text for sign in _OUT_OF_MEMORY):
        name = "E_MEMORY"
    elif number == errno.EFBIG:
        name = "E_FILE_SIZE"
    elif number == errno.ENOSPC:
        name = "E_DISK_FULL"
    else:
        name = "E_CRASH"
    return {"failed": name, "error": f"{type(error).__name__}: {error}"[:2000]}


def main() -> int:
    request = json.load(sys.stdin)
    channel = Channel(request["channel"])
    die_with(request["parent"])
    os.umask(0o077)
    sys.path.extend(request["path"])
    network, files = confine(request, "open" if request["network"] else leave_network())
    if network in ("hook", "landlock-tcp"):
        forbid_sockets()
    limit(request["limits"])
    channel.send({"isolation": {"network": network, "files": files}})
    module, _, name = request["target"].partition(":")
    try:
        function: Callable[..., Any] = getattr(importlib.import_module(module), name)
        answer = {"result": function(request["arguments"], channel.progress)}
        channel.send(answer)
    except BaseException as error:
        answer = failure(error)
        if "failed" in answer:
            traceback.print_exc()
        del error
        channel.send(answer)
        return 3
    return 0


if __name__ == "__main__":
    socket.setdefaulttimeout(5)
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # No interpreter shutdown: native libraries' destructors have crashed after good results.
    os._exit(status)
