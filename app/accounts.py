"""A person and a token as they are told; lists in their columns are JSON, null for all."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row


def names_in(text: str | None) -> tuple[str, ...]:
    return tuple(json.loads(text or "[]"))


def text_of(values: Collection[str]) -> str | None:
    return json.dumps(sorted(set(values))) if values else None


@dataclass(frozen=True)
class Person:
    id: int
    name: str
    role: str
    counties: tuple[str, ...]
    disabled: bool
    has_password: bool
    created_at: str

    @classmethod
    def of(cls, row: Row[Any]) -> Person:
        return cls(
            row.id,
            row.name,
            row.role,
            names_in(row.counties),
            bool(row.disabled),
            row.password_hash is not None,
            row.created_at,
        )


@dataclass(frozen=True)
class Token:
    """What is told of a token; its text is shown once, when it is issued."""

    id: int
    label: str
    role: str
    layers: tuple[str, ...] | None
    counties: tuple[str, ...]
    created_at: str
    expires_at: str | None

    @classmethod
    def of(cls, row: Row[Any]) -> Token:
        return cls(
            row.id,
            row.label or "",
            row.role,
            None if row.layers is None else names_in(row.layers),
            names_in(row.counties),
            row.created_at,
            row.expires_at,
        )
