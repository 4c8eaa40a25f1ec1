"""Files beside an upload's report, and uploads that come in pieces."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("sys_uploads", sa.Column("sides", sa.Text))
    op.create_table(
        "sys_resumables",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("person_id", _ID, sa.ForeignKey("sys_people.id"), nullable=False),
        sa.Column("layer", sa.String(40), nullable=False),
        sa.Column("file_name", sa.Text, nullable=False),
        sa.Column("metadata", sa.Text),
        sa.Column("length", sa.BigInteger, nullable=False),
        sa.Column("durable", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.String(64)),
        sa.Column("upload_id", _ID, sa.ForeignKey("sys_uploads.id")),
        sa.Column("gone", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("created_at", sa.String(24), nullable=False),
        sa.Column("expires_at", sa.String(24), nullable=False),
    )
    op.create_index("sys_resumables_expiry", "sys_resumables", ["gone", "expires_at"])
