"""`veche observe`: the public record of a server's database, served by a process that has none of the server's code."""

from __future__ import annotations

import asyncio
import re
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from tests.service.conftest import checkers, clock, database, postgres_database, postgres_tables, server, settings
from tests.service.hand_clock import HandClock
from tests.service.town import ServedTown, open_town
from veche.cli.main import run
from veche.observer.observe import open_record
from veche.observer.record_rows import all_elections
from veche.service.server import Server

__all__ = ["checkers", "clock", "database", "postgres_database", "postgres_tables", "server", "settings"]

WITHOUT_SERVICE = """
import sys

class Barred:
    def find_spec(self, name, *_):
        if name == "veche.service" or name.startswith("veche.service."):
            raise ImportError("an observer has no code of the operator")

sys.meta_path.insert(0, Barred())
from veche.cli.main import run
code = run(sys.argv[1:])
assert not any(name.startswith("veche.service") for name in sys.modules), "the service was imported"
sys.exit(code)
"""


@contextmanager
def observing(*options: str) -> Iterator[str]:
    """The address of a `veche observe` whose interpreter refuses to import anything of the service."""
    command = [sys.executable, "-c", WITHOUT_SERVICE, "observe", "--port", "0", *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = process.stderr.readline()
        found = re.search(r"http://\S+(?=/observer/elections)", said)
        try:
            assert found is not None, said + process.stderr.read()
            yield found.group()
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(20)


@pytest.fixture
def town(server: Server, clock: HandClock, tmp_path: Path) -> ServedTown:
    return open_town(server, clock, tmp_path / "town")


@pytest.fixture
def url(server: Server, tmp_path: Path) -> Iterator[str]:
    """A way to the database with rights to read only; everything in it is there already."""
    full = make_url(server.settings.database_url)
    if full.get_backend_name() == "sqlite":
        yield server.settings.database_url
        return
    name = f"observer_{secrets.token_hex(4)}"
    admin = create_engine(full, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE ROLE {name} LOGIN"))
        for table in ("election", "entry", "archive_record", "data_file", "ballot", "credential", "turnout"):
            connection.execute(text(f"GRANT SELECT ON {table} TO {name}"))
    yield full.set(username=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.execute(text(f"DROP OWNED BY {name}"))
        connection.execute(text(f"DROP ROLE {name}"))
    admin.dispose()


def test_the_record_is_served_without_any_code_of_the_service(town: ServedTown, url: str, tmp_path: Path) -> None:
    with observing("--database", url, "--data", str(tmp_path / "copies")) as address:
        listed = httpx.get(f"{address}/observer/elections").json()["elections"]
        assert [one["election"] for one in listed] == [town.uuid]
        assert run(["audit", f"{address}/observer/elections/{town.uuid}", "--level", "strict"]) == 0
        assert httpx.get(f"{address}/api/elections/{town.uuid}").status_code == 404
        assert httpx.get(f"{address}/nothing").json()["code"] == "not-found"
    assert (tmp_path / "copies" / town.uuid / "entries.jsonl").exists()


def test_what_the_server_takes_meanwhile_is_seen(town: ServedTown, url: str, tmp_path: Path) -> None:
    with observing("--database", url, "--data", str(tmp_path / "copies")) as address:
        election = f"{address}/observer/elections/{town.uuid}"
        assert httpx.get(election).json()["ballots"] == 0
        asyncio.run(town.server.casting.cast(town.uuid, town.ballot(0), "192.0.2.1"))
        assert httpx.get(election).json()["ballots"] == 1
        assert run(["audit", election]) == 0


def test_a_database_that_is_none_ends_the_command_with_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = tmp_path / "missing.sqlite3"
    assert run(["observe", "--database", f"sqlite:///{missing}", "--data", str(tmp_path / "copies")]) == 2
    assert not missing.exists()
    (tmp_path / "text.sqlite3").write_text("no database at all, and long enough to be looked at" * 20)
    assert run(["observe", "--database", f"sqlite:///{tmp_path / 'text.sqlite3'}"]) == 2
    assert run(["observe", "--database", "nonsense"]) == 2
    assert run(["observe", "--database", "nonsense+driver://x/y"]) == 2
    said = capsys.readouterr().err
    assert "no-database" in said or "database" in said
    assert "Traceback" not in said


def test_an_observer_can_write_nothing(town: ServedTown, url: str) -> None:
    opened = open_record(url)
    with pytest.raises(DBAPIError), opened.writing() as connection:
        connection.execute(text("UPDATE election SET ballots = 0"))
    opened.close()


def test_a_database_whose_server_is_down_is_served(server: Server, clock: HandClock, tmp_path: Path) -> None:
    open_town(server, clock, tmp_path / "town")
    url = server.settings.database_url
    server.close()
    opened = open_record(url)
    with opened.reading() as connection:
        assert len(all_elections(connection)) == 1
    opened.close()
