"""The first tables: the public record, and the server's own."""

from __future__ import annotations

from alembic import op

from veche.observer.tables import RECORD
from veche.service.tables import SERVICE

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Until the first release the tables are made as they are described; from then on a migration is a fixed text."""
    RECORD.create_all(op.get_bind())
    SERVICE.create_all(op.get_bind())
