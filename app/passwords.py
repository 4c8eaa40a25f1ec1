"""Passwords: argon2id, and checks that take as long for nobody's as for somebody's."""

from __future__ import annotations

import secrets
import threading
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

#: One or two at a time: each check takes 64 MiB and a core.
_checking = threading.BoundedSemaphore(2)
_hasher = PasswordHasher()


def hashed(password: str) -> str:
    """argon2id, as a PHC string."""
    return _hasher.hash(password)


@lru_cache(maxsize=1)
def _nobodys() -> str:
    return hashed(secrets.token_urlsafe())


def matches(password: str, password_hash: str | None) -> bool:
    """Whether it is the password; of nobody (None) it never is."""
    with _checking:
        try:
            _hasher.verify(password_hash or _nobodys(), password)
        except (VerificationError, InvalidHashError):
            return False
    return password_hash is not None
