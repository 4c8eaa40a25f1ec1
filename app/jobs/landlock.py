"""Landlock: a process gives up files and TCP for good, without any privilege.

Linux 5.13+ for files (ABI 1), 6.7+ for TCP (ABI 4); see landlock(7). Standard library
only: it runs in the sandboxed child before anything else is imported.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterable
from pathlib import Path

# The same numbers on every architecture.
_CREATE, _ADD_RULE, _RESTRICT = 444, 445, 446
_VERSION, _PATH_BENEATH = 1, 1
_EXECUTE, _WRITE, _READ, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_FILES_V1 = (1 << 13) - 1
_REFER, _TRUNCATE, _IOCTL = 1 << 13, 1 << 14, 1 << 15
_ON_FILES = _EXECUTE | _WRITE | _READ | _TRUNCATE | _IOCTL
_TCP = 3  # bind and connect

_READING = _EXECUTE | _READ | _READ_DIR


def version() -> int:
    """ABI version of the running kernel; 0 where Landlock is missing or switched off."""
    return max(0, _call(_CREATE, None, 0, _VERSION))


def restrict(
    *, readable: Iterable[Path] | None, writable: Iterable[Path] = (), network: bool = False
) -> bool:
    """Keep this process to these paths (None: files stay open to it) and, with
    ``network=False``, from TCP. False when the kernel cannot do all of it."""
    abi = version()
    if abi < 1 or (not network and abi < 4):
        return False
    files = 0
    if readable is not None:
        files = _FILES_V1 | (_REFER if abi >= 2 else 0) | (_TRUNCATE if abi >= 3 else 0)
    attributes = struct.pack("<2Q", files, 0 if network else _TCP)
    ruleset = _call(_CREATE, attributes, 16 if abi >= 4 else 8, 0)
    if ruleset < 0:
        return False
    try:
        for path in readable or ():
            _allow(ruleset, path, _READING & files)
        for path in writable if readable is not None else ():
            _allow(ruleset, path, files & ~_EXECUTE)
        return _call(_RESTRICT, ruleset, 0) == 0
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: Path, access: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # what is not there needs no permission
    try:
        if not path.is_dir():
            access &= _ON_FILES
        _call(_ADD_RULE, ruleset, _PATH_BENEATH, struct.pack("<Qi", access, descriptor), 0)
    finally:
        os.close(descriptor)


def _call(number: int, *arguments: object) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    wide = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return int(libc.syscall(ctypes.c_long(number), *wide))
