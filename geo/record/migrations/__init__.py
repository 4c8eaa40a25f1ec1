"""Steps between versions of the system tables (Alembic); `geo.record.migrate` takes them.

A change of `geo.record.tables` raises its ``SCHEMA_VERSION`` to n and comes with
``versions/v<n>_<what>.py``, whose ``revision`` is n as four digits. What is released is
never edited again. The layers' own tables follow their definitions and need no step.
"""
