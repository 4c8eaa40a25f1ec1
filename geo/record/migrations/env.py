"""Run by Alembic: on the connection that `geo.record.migrate` hands over, in its transaction."""

from __future__ import annotations

from alembic import context

from geo.record.migrate import VERSION_TABLE
from geo.record.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
