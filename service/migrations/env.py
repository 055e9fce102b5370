"""Alembic's entry: runs the migrations in the transaction that it was handed; see `service/schema.py`."""

from __future__ import annotations

from alembic import context

from veche.observer.tables import RECORD
from veche.service.tables import SERVICE

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=[RECORD, SERVICE],
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
