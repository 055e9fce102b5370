"""The version of the database's tables: made and moved on by Alembic's migrations in `service/migrations`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, create_engine, event, inspect, text
from sqlalchemy.engine import make_url

from veche.crypto.errors import Inconsistent, Refused
from veche.observer.database import BUSY_SECONDS, Database
from veche.observer.tables import RECORD
from veche.service.tables import SERVICE

MIGRATIONS: Final = Path(__file__).with_name("migrations")
IN_USE: Final = ("open", "suspended")
"""States of a contest in which its tables are left alone."""

_LOCK: Final = 0x7665636865
"""PostgreSQL's advisory lock of whoever changes tables: two servers that begin at once make them once."""


@dataclass(frozen=True, slots=True)
class SchemaStatus:
    """`found` is empty where the database has no tables; `in_use` are the uuids of contests that voters are in."""

    found: str
    wanted: str
    in_use: tuple[str, ...]

    @property
    def current(self) -> bool:
        return self.found == self.wanted


def migrate(url: str) -> None:
    """The database has the tables of this version, all or none of the changes. Nothing happens when it has them already."""
    with _alone(url) as connection:
        _upgrade(connection)


def upgrade(url: str) -> SchemaStatus:
    """As `migrate`; what was found before. Raises Refused `contest-open` while voters are in a contest, `database-version`.

    The question and the change are one transaction: nobody can open a contest between them.
    """
    with _alone(url) as connection:
        if connection.dialect.name == "postgresql" and inspect(connection).has_table("election"):
            connection.execute(text("LOCK TABLE election IN SHARE ROW EXCLUSIVE MODE"))
        before = _status(connection)
        if before.current:
            return before
        if before.in_use:
            named = ", ".join(before.in_use)
            raise Refused(
                "contest-open", f"voting goes on in {named}: tables are not changed under an open contest. Upgrade after its close"
            )
        if before.found and not is_known(before.found):
            raise Refused(
                "database-version",
                f"the database has version {before.found}, which this program does not know: a newer one made it. Run that one",
            )
        _upgrade(connection)
        return before


def schema_status(database: Database) -> SchemaStatus:
    """Which version the database has, which this program needs, and whether a change would disturb anybody."""
    with database.reading() as connection:
        return _status(connection)


def verify_current(database: Database) -> None:
    """Check that the tables are those of this version. Raises Refused `database-version`, Inconsistent `database-damaged`."""
    with database.reading() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
        there = set(inspect(connection).get_table_names())
    wanted = wanted_version()
    if found != wanted:
        raise Refused("database-version", f"the database has version {found}, this program needs {wanted}: veche db upgrade")
    missing = sorted(set(described_tables().tables) - there)
    if missing:
        raise Inconsistent(
            "database-damaged",
            f"the database has lost its table {missing[0]}: restore the newest backup",
        )


def described_tables() -> MetaData:
    """Every table as this program describes it: those of the record, and the server's own."""
    tables = MetaData()
    for table in (*RECORD.sorted_tables, *SERVICE.sorted_tables):
        table.to_metadata(tables)
    return tables


@lru_cache(maxsize=1)
def wanted_version() -> str:
    """The newest version that this program knows."""
    return str(ScriptDirectory.from_config(_config()).get_current_head())


def is_known(version: str) -> bool:
    """Whether this program can read, or bring up to date, tables of this version."""
    return version in {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}


def _status(connection: Connection) -> SchemaStatus:
    found = MigrationContext.configure(connection).get_current_revision() or ""
    in_use: tuple[str, ...] = ()
    if inspect(connection).has_table("election"):
        # Plain SQL: the tables may be those of another version.
        rows = connection.execute(text("SELECT uuid, state FROM election ORDER BY uuid"))
        in_use = tuple(str(row.uuid) for row in rows if row.state in IN_USE)
    return SchemaStatus(found, wanted_version(), in_use)


def _upgrade(connection: Connection) -> None:
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


@contextmanager
def _alone(url: str) -> Iterator[Connection]:
    """A transaction in which nobody else changes tables; on SQLite nobody else writes at all."""
    sqlite = make_url(url).get_backend_name() == "sqlite"
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS} if sqlite else {})
    if sqlite:
        # The driver would commit before each CREATE TABLE; so it is told to leave transactions to us.
        event.listen(engine, "connect", _leave_transactions)
        event.listen(engine, "begin", _begin_writing)
    try:
        with engine.begin() as connection:
            if not sqlite:
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            yield connection
    finally:
        engine.dispose()


def _leave_transactions(connection: Any, _: Any) -> None:
    connection.isolation_level = None


def _begin_writing(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _config() -> Config:
    config = Config()
    # % has a meaning of its own in Alembic's file format.
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config
