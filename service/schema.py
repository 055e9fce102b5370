"""The version of the database's tables: made and moved on by Alembic's migrations in `service/migrations`."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from veche.crypto.errors import Refused
from veche.observer.database import Database

MIGRATIONS: Final = Path(__file__).with_name("migrations")


def migrate(url: str) -> None:
    """The database has the tables of this version."""
    command.upgrade(_config(url), "head")


def verify_current(database: Database) -> None:
    """Check that the tables are those of this version. Raises Refused `database-version`."""
    with database.reading() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    wanted = ScriptDirectory.from_config(_config("")).get_current_head()
    if found != wanted:
        raise Refused("database-version", f"the database has version {found}, this program needs {wanted}: veche db upgrade")


def _config(url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    # % has a meaning of its own in Alembic's file format.
    config.attributes["url"] = url
    return config
