"""Servers for tests: the same tests on SQLite and on a real PostgreSQL.

Environment

VECHE_POSTGRES            URL of a PostgreSQL that tests may make databases in, e.g. postgresql+psycopg://postgres@127.0.0.1/postgres
VECHE_REQUIRE_POSTGRES=1  a test that finds none fails, where it would else be stepped around
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from tests.service.hand_clock import HandClock
from veche.service.ballot_checkers import BallotCheckers
from veche.service.schema import migrate
from veche.service.server import Server, open_server
from veche.service.settings import Settings

PEOPLE: Final = frozenset(
    f"test_{name}.py"
    for name in (
        "access", "accounts", "approvals", "audit_trail", "campaigns", "ceremonies", "health", "mail", "metrics",
        "organizer_actions", "registrar_routes", "route_table", "security_headers", "sessions", "trustee_routes",
    )
)  # fmt: skip
"""Tests of forms, links and roles, with plain SQL of a few rows: on PostgreSQL in `make soak`, CI has no time for it."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.name in PEOPLE and item.get_closest_marker("postgresql") is not None:
            item.add_marker(pytest.mark.soak)


def postgres_url() -> str:
    """The URL of a PostgreSQL server for tests; without one the test is stepped around, or fails where CI demands it."""
    url = os.environ.get("VECHE_POSTGRES", "")
    if not url:
        reason = "no PostgreSQL: set VECHE_POSTGRES to the URL of one that tests may make databases in"
        if os.environ.get("VECHE_REQUIRE_POSTGRES") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return url


@contextmanager
def empty_postgres(template: str = "template1") -> Iterator[str]:
    """The URL of a new database of a real PostgreSQL, dropped afterwards; empty, or a copy of the database `template`."""
    url, name = make_url(postgres_url()), f"veche_{secrets.token_hex(6)}"
    admin = create_engine(url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
    yield url.set(database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@pytest.fixture(scope="session")
def postgres_tables() -> Iterator[str]:
    """The name of a database with the tables of this version and nothing in them: most tests begin with a copy of it."""
    with empty_postgres() as url:
        migrate(url)
        yield str(make_url(url).database)


@pytest.fixture
def postgres_database(postgres_tables: str) -> Iterator[str]:
    """The URL of a database of a real PostgreSQL, with the tables of this version."""
    with empty_postgres(postgres_tables) as url:
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database(request: pytest.FixtureRequest) -> str:
    """The setting for an empty database, once for each kind; the empty text means SQLite."""
    return "" if request.param == "sqlite" else str(request.getfixturevalue("postgres_database"))


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def settings(tmp_path: Path, database: str) -> Settings:
    return Settings(data=tmp_path / "data", database=database, checkers=1, worker=False)


class LastingCheckers(BallotCheckers):
    """Processes that check ballots for one server after another: to start one takes longer than most tests."""

    def close(self) -> None:
        """A server's end is not theirs."""


@pytest.fixture(scope="session")
def checkers() -> Iterator[BallotCheckers]:
    """One process that checks ballots, as long as the tests run."""
    lasting = LastingCheckers(1)
    yield lasting
    BallotCheckers.close(lasting)


@pytest.fixture
def server(settings: Settings, clock: HandClock, checkers: BallotCheckers) -> Iterator[Server]:
    """A server over a fresh folder and database, without its web application."""
    opened = open_server(settings, clock, checkers)
    yield opened
    opened.close()
