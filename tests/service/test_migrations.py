"""The tables that migrations make are the tables as they are described, and no other version is worked with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, inspect, text

from tests.service.conftest import empty_postgres
from veche.crypto.errors import Refused
from veche.observer.database import Database
from veche.service.schema import MIGRATIONS, described_tables, migrate, schema_status, upgrade, verify_current, wanted_version


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database of each kind; other tests begin with tables that are there already."""
    if request.param == "sqlite":
        yield f"sqlite+pysqlite:///{tmp_path / 'fresh.sqlite3'}"
        return
    with empty_postgres() as made:
        yield made


def test_migrated_tables_are_the_described_ones(url: str) -> None:
    migrate(url)
    engine = create_engine(url)
    with engine.connect() as connection:
        tables = described_tables()
        context = MigrationContext.configure(connection, opts={"compare_type": True, "target_metadata": tables})
        differences = compare_metadata(context, tables)
    engine.dispose()
    assert differences == [], "python docs/make_migration.py writes what is missing"


def test_the_check_that_real_elections_have_no_offset_is_in_the_database(url: str) -> None:
    # Alembic compares no such check.
    migrate(url)
    engine = create_engine(url)
    found = inspect(engine).get_check_constraints("election")
    engine.dispose()
    assert [one["name"] for one in found] == ["real_elections_have_no_offset"]


def test_migrating_twice_changes_nothing(url: str) -> None:
    migrate(url)
    migrate(url)
    assert upgrade(url).current
    database = Database(url, pool=2)
    verify_current(database)
    status = schema_status(database)
    database.close()
    assert (status.found, status.in_use) == (wanted_version(), ())


def test_servers_that_begin_at_once_make_the_tables_once(url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(migrate, url) for _ in range(4)]:
            done.result()
    database = Database(url, pool=2)
    verify_current(database)
    database.close()


@pytest.mark.parametrize("version", ["0000", "9999"])
def test_another_version_is_refused(url: str, version: str) -> None:
    migrate(url)
    database = Database(url, pool=2)
    with database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :version"), {"version": version})
    with pytest.raises(Refused, match="veche db upgrade") as refused:
        verify_current(database)
    database.close()
    assert refused.value.code == "database-version"
    with pytest.raises(Refused, match="a newer one made it"):
        upgrade(url)


def test_tables_without_a_version_are_refused(url: str) -> None:
    database = Database(url, pool=2)
    with pytest.raises(Refused, match="version None"):
        verify_current(database)
    database.close()


def test_a_migration_that_fails_leaves_nothing(url: str) -> None:
    # A table of that name is in the way of the last one that the migration makes.
    database = Database(url, pool=2)
    with database.writing() as connection:
        connection.execute(text("CREATE TABLE ceremony_message (name text)"))
    with pytest.raises(Exception, match="exists"):
        migrate(url)
    assert inspect(database.engine).get_table_names() == ["ceremony_message"]
    database.close()


def test_migrations_are_fixed_texts_in_one_line_of_versions() -> None:
    pages = {path.name: path.read_text("utf-8") for path in sorted((MIGRATIONS / "versions").glob("[0-9]*.py"))}
    before = "None"
    for name, content in pages.items():
        # What imports the tables as they are described today does something else tomorrow.
        assert "veche" not in content, name
        assert "create_all" not in content, name
        assert re.search(rf"^down_revision = {before}$", content, re.MULTILINE), name
        before = f'"{name[:4]}"'
        assert f"revision = {before}" in content
    assert before == f'"{wanted_version()}"'
