"""Alembic's entry: connects to the URL it was handed, and runs the migrations in one transaction."""

from __future__ import annotations

from alembic import context
from sqlalchemy import create_engine

from veche.observer.tables import RECORD
from veche.service.tables import SERVICE

engine = create_engine(context.config.attributes["url"])
with engine.begin() as connection:
    context.configure(connection=connection, target_metadata=[RECORD, SERVICE], render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()
engine.dispose()
