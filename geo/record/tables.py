"""System tables of the record, for any home (SQLAlchemy Core)."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

#: Raised with each change of the tables below, which comes with a step in `migrations`; a newer
#: file is refused, an older one is copied and then brought up to date when it is opened.
SCHEMA_VERSION = 5

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)
#: 64-bit; INTEGER on SQLite, where only that spelling is the rowid.
_Id = BigInteger().with_variant(Integer(), "sqlite")

ROLES = ("viewer", "field", "agronomist", "manager", "admin")
JOB_STATES = ("queued", "running", "done", "failed", "cancelled")
CONFLICT_STATES = ("open", "mine", "theirs", "merged")


def _one_of(column: str, values: tuple[str, ...]) -> str:
    return f"{column} IN ({', '.join(repr(value) for value in values)})"


# Times are text, ISO 8601 UTC with milliseconds: they sort, and read the same everywhere.
meta = Table(
    "sys_meta",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)

log = Table(
    "sys_log",
    metadata,
    Column("seq", _Id, primary_key=True, autoincrement=False),
    Column("revision", BigInteger, nullable=False),
    Column("kind", String(8), nullable=False),
    Column("layer", String(40)),
    Column("fid", BigInteger),
    # JSON as text: PostgreSQL's json keeps it to the letter, as the chain needs (jsonb does not).
    Column("body", Text().with_variant(JSON(), "postgresql"), nullable=False),
    Column("geom", LargeBinary),
    Column("h", LargeBinary(32), nullable=False),
    CheckConstraint(_one_of("kind", ("commit", "feature", "event")), name="kind"),
)
Index(
    "sys_log_feature",
    log.c.layer,
    log.c.fid,
    log.c.seq,
    sqlite_where=log.c.fid.is_not(None),
    postgresql_where=log.c.fid.is_not(None),
)
Index(
    "sys_log_commit",
    log.c.revision,
    unique=True,
    sqlite_where=text("kind = 'commit'"),
    postgresql_where=text("kind = 'commit'"),
)
Index(
    "sys_log_event",
    log.c.seq,
    sqlite_where=text("kind = 'event'"),
    postgresql_where=text("kind = 'event'"),
)

people = Table(
    "sys_people",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("name", String(80), nullable=False, unique=True),
    Column("password_hash", Text),  # argon2id, PHC string; NULL: tokens only
    Column("role", String(16), nullable=False),
    Column("counties", Text),  # JSON array of county codes; NULL: all
    Column("disabled", Integer, nullable=False, server_default=text("0")),
    Column("created_at", String(24), nullable=False),
    CheckConstraint(_one_of("role", ROLES), name="role"),
)

tokens = Table(
    "sys_tokens",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("token_sha256", LargeBinary(32), nullable=False, unique=True),
    Column("person_id", ForeignKey("sys_people.id", ondelete="CASCADE"), nullable=False),
    Column("role", String(16), nullable=False),  # at most the person's own
    Column("layers", Text),  # JSON array of layers; NULL: all
    Column("counties", Text),  # JSON array of county codes; NULL: the person's
    Column("kind", String(8), nullable=False, server_default=text("'token'")),
    Column("label", String(200)),
    Column("created_at", String(24), nullable=False),
    Column("expires_at", String(24)),
    Column("last_used_at", String(24)),
    CheckConstraint(_one_of("role", ROLES), name="role"),
    CheckConstraint(_one_of("kind", ("token", "session")), name="kind"),
)

#: Failed logins by name and by address (SHA-256), so that all workers count together.
logins = Table(
    "sys_logins",
    metadata,
    Column("key", LargeBinary(32), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("failed_at", String(24), nullable=False),
    Column("until", String(24)),  # nothing is tried before
)

blobs = Table(
    "sys_blobs",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("media_type", String(120)),
    Column("created_at", String(24), nullable=False),
)

jobs = Table(
    "sys_jobs",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("kind", String(40), nullable=False),
    Column("args", Text, nullable=False),  # JSON
    Column("state", String(16), nullable=False, server_default=text("'queued'")),
    Column("person_id", ForeignKey("sys_people.id")),
    Column("priority", Integer, nullable=False, server_default=text("0")),
    Column("attempt", Integer, nullable=False, server_default=text("0")),
    Column("lease_token", String(64)),
    Column("lease_until", String(24)),
    Column("heartbeat_at", String(24)),
    Column("cancel_requested", Integer, nullable=False, server_default=text("0")),
    Column("progress", Text),  # JSON
    Column("checkpoint", Text),  # JSON
    Column("idempotency_key", String(200), unique=True),
    Column("result", Text),  # JSON
    Column("problem", Text),  # JSON, RFC 9457
    Column("created_at", String(24), nullable=False),
    Column("started_at", String(24)),
    Column("finished_at", String(24)),
    CheckConstraint(_one_of("state", JOB_STATES), name="state"),
)
Index("sys_jobs_open", jobs.c.state, jobs.c.priority, jobs.c.id)

uploads = Table(
    "sys_uploads",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("layer", String(40), nullable=False),
    Column("file_name", Text, nullable=False),
    Column("sha256", ForeignKey("sys_blobs.sha256")),  # NULL until all bytes are there
    Column("size", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),
    Column("person_id", ForeignKey("sys_people.id")),
    Column("job_id", ForeignKey("sys_jobs.id")),
    Column("decisions", Text),  # JSON
    Column("report", Text),  # JSON
    Column("staged", String(64)),  # sha256 of the staged rows
    Column("sides", Text),  # JSON: name -> sha256 of the files beside the report
    Column("revision", BigInteger),  # of the commit
    Column("reverted_by", BigInteger),  # revision of the revert
    Column("created_at", String(24), nullable=False),
    Column("updated_at", String(24), nullable=False),
)
Index("sys_uploads_layer", uploads.c.layer, uploads.c.sha256)

resumables = Table(
    "sys_resumables",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("person_id", ForeignKey("sys_people.id"), nullable=False),
    Column("layer", String(40), nullable=False),
    Column("file_name", Text, nullable=False),
    Column("metadata", Text),  # as the client sent it
    Column("length", BigInteger, nullable=False),
    Column("durable", BigInteger, nullable=False),  # bytes that are on the disk for certain
    Column("sha256", String(64)),  # once all bytes are there
    Column("upload_id", ForeignKey("sys_uploads.id")),
    Column("gone", Integer, nullable=False, server_default=text("0")),  # terminated or expired
    Column("created_at", String(24), nullable=False),
    Column("expires_at", String(24), nullable=False),
)
Index("sys_resumables_expiry", resumables.c.gone, resumables.c.expires_at)

scenes = Table(
    "sys_scenes",
    metadata,
    Column("id", String(120), primary_key=True),
    Column("body", Text, nullable=False),  # JSON of geo.soil.scene.Scene
    Column("created_at", String(24), nullable=False),
)

#: Edits that met a newer version of their feature (offline work), kept until somebody decides.
conflicts = Table(
    "sys_conflicts",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("layer", String(40), nullable=False),
    Column("fid", BigInteger, nullable=False),
    Column("base_version", BigInteger, nullable=False),  # what the edit was made on
    Column("operation", String(8), nullable=False),
    Column("body", Text, nullable=False),  # JSON: what the edit would have stored
    Column("person_id", BigInteger, nullable=False),
    Column("person", String(80), nullable=False),
    Column("reason", Text),
    Column("state", String(16), nullable=False, server_default=text("'open'")),
    Column("created_at", String(24), nullable=False),
    Column("resolved_by", String(80)),
    Column("resolved_at", String(24)),
    Column("revision", BigInteger),  # of the commit that resolved it
    CheckConstraint(_one_of("state", CONFLICT_STATES), name="state"),
    CheckConstraint(_one_of("operation", ("update", "delete")), name="operation"),
)
Index("sys_conflicts_open", conflicts.c.state, conflicts.c.layer, conflicts.c.fid)

photos = Table(
    "sys_photos",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("layer", String(40), nullable=False),
    Column("fid", BigInteger, nullable=False),
    Column("sha256", ForeignKey("sys_blobs.sha256"), nullable=False),
    Column("small_sha256", String(64)),  # a JPEG of 480 pixels
    Column("media_type", String(40), nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("taken_at", String(24)),
    Column("lon", Float),  # EPSG:4490, degrees; only where the setting keeps positions
    Column("lat", Float),
    Column("person", String(80), nullable=False),
    Column("created_at", String(24), nullable=False),
    Column("removed_at", String(24)),
)
Index("sys_photos_feature", photos.c.layer, photos.c.fid)

idempotency = Table(
    "sys_idempotency",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("person_id", BigInteger, nullable=False),
    Column("key", String(200), nullable=False),
    Column("request_sha256", String(64), nullable=False),
    Column("status", Integer),  # NULL while the first request runs
    Column("headers", Text),  # JSON
    Column("body", LargeBinary),
    Column("created_at", String(24), nullable=False),
    UniqueConstraint("person_id", "key"),
)
