"""Alembic's entry: runs the migrations in the transaction that it was handed; see `service/schema.py`."""

from __future__ import annotations

from alembic import context

from veche.service.schema import described_tables

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=described_tables(),
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
