"""The first tables: where records of version 1 begin. New records are made whole."""

from __future__ import annotations

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Nothing: version 1 is what these records have."""
