"""Anchors: the end of the chain, signed and kept outside the database.

Whoever may write the database can rewrite the whole log so that its chain holds. Against that
the end of the chain is written, again and again, to a file that only grows, one line of JSON
an anchor: ``seq``, ``h``, ``revision``, ``time``, ``previous`` (SHA-256 of the line before,
so that lines cannot be taken out) and ``signature`` (Ed25519, RFC 8032, of the line's
canonical JSON without it). A rewritten or shortened log does not fit the anchors any more;
copies of the file and of ``public.pem`` elsewhere protect it against those who can write here.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from geo.record.log import canonical, format_time, parse_time
from geo.record.protocol import Anchor, Problem, Record

FILE, KEY, PUBLIC = "anchors.jsonl", "key.pem", "public.pem"
_TEXTS = {
    "line": ("锚点文件有一行不可读", "a line of the anchors cannot be read"),
    "gap": (
        "锚点文件中有行被删除、改动或调换",
        "lines of the anchors were removed, changed or moved",
    ),
    "signature": ("锚点签名不符", "the signature of an anchor does not hold"),
    "order": ("锚点次序不对", "the anchors are out of order"),
    "key": ("锚点公钥缺失或不可读", "the public key of the anchors is missing or cannot be read"),
}


class Anchors:
    """The anchors in one folder; made with a key of its own at the first anchor."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = folder / FILE

    # -- writing -------------------------------------------------------------------

    def append(self, record: Record) -> Anchor:
        """Sign the end of the record's log as it is now; the line is on the disk afterwards.

        Nothing is written when it is there already. The key must be the one of ``public.pem``.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._locked():
            anchor = record.anchor()
            last = self._last_lines()[-1]
            document = {
                "h": anchor.h,
                "previous": sha256(last).hexdigest(),
                "revision": record.head().revision,
                "seq": anchor.seq,
                "time": format_time(anchor.time),
            }
            before = self.last()
            if before is not None and (before.seq, before.h) == (anchor.seq, anchor.h):
                return anchor
            signature = self._key().sign(canonical(document)).hex()
            # A line that a power cut has torn ends where the new one begins.
            start = b"" if not last or self._file.read_bytes()[-1:] == b"\n" else b"\n"
            line = start + canonical({**document, "signature": signature}) + b"\n"
            descriptor = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(descriptor, line)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        return anchor

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One writer of all processes."""
        descriptor = os.open(self.folder / "lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _key(self) -> Ed25519PrivateKey:
        path = self.folder / KEY
        try:
            found = serialization.load_pem_private_key(path.read_bytes(), None)
            assert isinstance(found, Ed25519PrivateKey)
            return found
        except FileNotFoundError:
            pass
        key = Ed25519PrivateKey.generate()
        pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        _write(path, key.private_bytes(pem, pkcs8, serialization.NoEncryption()), 0o600)
        info = serialization.PublicFormat.SubjectPublicKeyInfo
        _write(self.folder / PUBLIC, key.public_key().public_bytes(pem, info), 0o644)
        return key

    # -- reading -------------------------------------------------------------------

    def last(self) -> Anchor | None:
        """The last anchor, unchecked; None before the first."""
        for line in reversed(self._last_lines()):
            with suppress(ValueError, KeyError, TypeError):
                return _anchor(orjson.loads(line))
        return None

    def _last_lines(self) -> list[bytes]:
        """The last few lines without their ends; one that is empty before the first."""
        try:
            with self._file.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - 8192))
                return file.read().rstrip(b"\n").split(b"\n")
        except FileNotFoundError:
            return [b""]

    def check(self, public: bytes | None = None) -> tuple[list[Anchor], list[Problem]]:
        """All anchors in order, and what is wrong with the file itself.

        ``public``: the public key (PEM) as it is kept elsewhere; else the one beside the file.
        """
        try:
            lines = self._file.read_bytes().splitlines()
        except FileNotFoundError:
            return [], []
        problems: list[Problem] = []
        key = self._public(public)
        if key is None:
            problems.append(_problem("key"))
        anchors: list[Anchor] = []
        previous, seq = b"", 0
        for number, line in enumerate(lines, 1):
            try:
                document = orjson.loads(line)
                signature = bytes.fromhex(document.pop("signature"))
                anchor = _anchor(document)
                told = str(document["previous"])
            except (ValueError, KeyError, TypeError, AttributeError):
                problems.append(_problem("line", None, number))
                previous = line
                continue
            if told != sha256(previous).hexdigest():
                problems.append(_problem("gap", anchor.seq, number))
            if anchor.seq <= seq:
                problems.append(_problem("order", anchor.seq, number))
            if key is not None:
                try:
                    key.verify(signature, canonical(document))
                    anchors.append(anchor)
                except InvalidSignature:
                    problems.append(_problem("signature", anchor.seq, number))
            previous, seq = line, anchor.seq
        return anchors, problems

    def _public(self, given: bytes | None) -> Ed25519PublicKey | None:
        with suppress(FileNotFoundError, ValueError):
            pem = given if given is not None else (self.folder / PUBLIC).read_bytes()
            found = serialization.load_pem_public_key(pem)
            if isinstance(found, Ed25519PublicKey):
                return found
        return None


def _anchor(document: dict[str, Any]) -> Anchor:
    return Anchor(int(document["seq"]), str(document["h"]), parse_time(document["time"]))


def _problem(kind: str, seq: int | None = None, number: int | None = None) -> Problem:
    zh, en = _TEXTS[kind]
    where = f" (line {number})" if number else ""
    return Problem("anchors", (zh + where, en + where), seq=seq)


def _write(path: Path, content: bytes, mode: int) -> None:
    """A new file, durable; never over an old one."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        os.write(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
