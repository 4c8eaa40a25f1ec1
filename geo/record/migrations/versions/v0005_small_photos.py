"""A small picture beside each photo."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("sys_photos", sa.Column("small_sha256", sa.String(64)))
