"""Tokens limited to layers and counties, and failed logins."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("sys_tokens", sa.Column("layers", sa.Text))
    op.add_column("sys_tokens", sa.Column("counties", sa.Text))
    op.create_table(
        "sys_logins",
        sa.Column("key", sa.LargeBinary(32), primary_key=True),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("failed_at", sa.String(24), nullable=False),
        sa.Column("until", sa.String(24)),
    )
