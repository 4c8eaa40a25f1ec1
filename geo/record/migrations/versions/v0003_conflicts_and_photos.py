"""Conflicts of offline edits, kept until somebody decides, and photos of features."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "sys_conflicts",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("layer", sa.String(40), nullable=False),
        sa.Column("fid", sa.BigInteger, nullable=False),
        sa.Column("base_version", sa.BigInteger, nullable=False),
        sa.Column("operation", sa.String(8), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("person_id", sa.BigInteger, nullable=False),
        sa.Column("person", sa.String(80), nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("state", sa.String(16), nullable=False, server_default=sa.text("'open'")),
        sa.Column("created_at", sa.String(24), nullable=False),
        sa.Column("resolved_by", sa.String(80)),
        sa.Column("resolved_at", sa.String(24)),
        sa.Column("revision", sa.BigInteger),
        sa.CheckConstraint(
            "state IN ('open', 'mine', 'theirs', 'merged')", name="ck_sys_conflicts_state"
        ),
        sa.CheckConstraint("operation IN ('update', 'delete')", name="ck_sys_conflicts_operation"),
    )
    op.create_index("sys_conflicts_open", "sys_conflicts", ["state", "layer", "fid"])
    op.create_table(
        "sys_photos",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("layer", sa.String(40), nullable=False),
        sa.Column("fid", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.String(64), sa.ForeignKey("sys_blobs.sha256"), nullable=False),
        sa.Column("media_type", sa.String(40), nullable=False),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
        sa.Column("taken_at", sa.String(24)),
        sa.Column("lon", sa.Float),
        sa.Column("lat", sa.Float),
        sa.Column("person", sa.String(80), nullable=False),
        sa.Column("created_at", sa.String(24), nullable=False),
        sa.Column("removed_at", sa.String(24)),
    )
    op.create_index("sys_photos_feature", "sys_photos", ["layer", "fid"])
