"""A connection to the database of the public record: opened, judged fit for ballots, and asked in transactions.

SQLite keeps everything in one file for one process; PostgreSQL serves several. Either must promise that what was committed is
still there after a power cut: the pragmas and settings are read back, not hoped for. Design decision 9.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, QueuePool, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from veche.crypto.errors import Refused, Unsupported
from veche.observer.turns import Turns

DATABASE_NAME: Final = "veche.sqlite3"
"""What SQLite's file is called in a server's folder."""

BUSY_SECONDS: Final = 20
_FULL: Final = 2

_PRAGMAS: Final = {"journal_mode": "wal", "synchronous": _FULL, "foreign_keys": 1}
"""What every SQLite connection must answer. `synchronous` 2 is FULL: a commit returns after its fsync."""

_UNSAFE: Final = {"fsync": ("off",), "synchronous_commit": ("off", "local"), "full_page_writes": ("off",)}
"""PostgreSQL settings under which an acknowledged ballot could be lost."""


class Database:
    """`writing()` is a transaction that holds the write lock from its beginning (SQLite) or takes row locks (PostgreSQL)."""

    def __init__(self, url: str, *, pool: int = 20, read_only: bool = False) -> None:
        """With `read_only` nothing is ever written, no file is made, and the rights to read are enough."""
        self.sqlite = make_url(url).get_backend_name() == "sqlite"
        self._turns = Turns()
        if read_only:
            self._reader = _reading_engine(url, pool) if self.sqlite else _engine(url, False, "", pool)
            self._writer = self._reader
            return
        self._reader = _engine(url, self.sqlite, "DEFERRED", pool)
        self._writer = _engine(url, self.sqlite, "IMMEDIATE", pool) if self.sqlite else self._reader

    @property
    def engine(self) -> Engine:
        """The engine that writes, for migrations."""
        return self._writer

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that only reads: one state of the database, whatever is written meanwhile."""
        with self._reader.connect() as connection:
            if not self.sqlite:
                connection = connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            with connection.begin():
                yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that is committed at the end, or rolled back if anything is raised."""
        turn = self._turns.turn(BUSY_SECONDS / 2) if self.sqlite else nullcontext()
        with turn, self._writer.connect() as connection, connection.begin():
            yield connection

    def verify_durable(self) -> None:
        """Check that this database keeps what it has committed. Raises Refused `not-durable`, Unsupported `no-database`."""
        try:
            with self._writer.connect() as connection:
                if self.sqlite:
                    found = {name: connection.execute(text(f"PRAGMA {name}")).scalar() for name in _PRAGMAS}
                    wrong = {name: value for name, value in found.items() if value != _PRAGMAS[name]}
                else:
                    shown = {name: str(connection.execute(text(f"SHOW {name}")).scalar()) for name in _UNSAFE}
                    wrong = {name: value for name, value in shown.items() if value in _UNSAFE[name]}
        except DBAPIError as error:
            raise Unsupported("no-database", f"the database does not answer: {why(error)}") from error
        if wrong:
            told = ", ".join(f"{name} is {value}" for name, value in wrong.items())
            raise Refused("not-durable", f"the database could lose what it has acknowledged: {told}. No ballot is taken so")

    def close(self) -> None:
        self._reader.dispose()
        self._writer.dispose()


def why(error: DBAPIError) -> str:
    """The driver's reason in one line, without the statement and its values."""
    return str(error.orig).strip().split("\n")[0]


def _engine(url: str, sqlite: bool, begin: str, pool: int) -> Engine:
    # An error's text would else repeat the values of the statement: a ballot, a session.
    common: dict[str, Any] = {"pool_size": pool, "max_overflow": 0, "hide_parameters": True}
    if not sqlite:
        return create_engine(url, pool_timeout=BUSY_SECONDS, pool_pre_ping=True, **common)
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False}, **common)

    def connected(connection: Any, _: Any) -> None:
        # The driver's own transactions begin too late; ours begin with the statement below.
        connection.isolation_level = None
        for name, value in _PRAGMAS.items():
            connection.execute(f"PRAGMA {name}={value}")

    def begun(connection: Connection) -> None:
        connection.exec_driver_sql(f"BEGIN {begin}")

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", begun)
    return engine


def _reading_engine(url: str, pool: int) -> Engine:
    """SQLite's own read-only mode: a path that is wrong is an error and no empty database."""
    path = Path(make_url(url).database or "").absolute()

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=BUSY_SECONDS, check_same_thread=False)

    # A URL without a file would be a database in memory, with a pool of one connection.
    engine = create_engine(url, creator=connect, poolclass=QueuePool, pool_size=pool, max_overflow=0)

    def connected(connection: Any, _: Any) -> None:
        connection.isolation_level = None

    def begun(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN DEFERRED")

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", begun)
    return engine
