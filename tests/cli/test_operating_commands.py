"""The operator's commands as they are typed: what they say, how they end, and that no password is ever in it."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.cli.rehearsals import veche
from tests.service.conftest import clock, database, postgres_database, postgres_tables
from tests.service.hand_clock import HandClock
from tests.service.town import draft, open_town, plan
from veche.service.server import Server, open_server
from veche.service.settings import Settings

__all__ = ("clock", "database", "postgres_database", "postgres_tables")

SECRET = "geheim-4711"


@pytest.fixture(autouse=True)
def alone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the machine that runs the tests counts, and `veche-data` lies in a folder of the test's own."""
    if "database" in request.fixturenames:
        # Made first: where the tests' PostgreSQL is stands in the environment, too.
        request.getfixturevalue("database")
    for name in os.environ:
        if name.startswith("VECHE_"):
            monkeypatch.delenv(name)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def server(tmp_path: Path, database: str, clock: HandClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server whose settings the commands find in the environment."""
    if database:
        monkeypatch.setenv("VECHE_DATABASE", database)
    opened = open_server(Settings(data=tmp_path / "veche-data", database=database, checkers=1), clock)
    yield opened
    opened.close()


Captured = pytest.CaptureFixture[str]


def test_config_check_shows_every_setting_and_no_password(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    monkeypatch.setenv("VECHE_DATABASE", f"postgresql+psycopg://veche:{SECRET}@db/veche")
    monkeypatch.setenv("VECHE_SMTP", f"smtps://veche:{SECRET}@mx.example:465")
    monkeypatch.setenv("VECHE_MAIL_FROM", "vote@vote.example")
    assert veche("config", "check") == 0
    shown = capsys.readouterr()
    assert "* VECHE_DATABASE           postgresql+psycopg://veche:(hidden)@db/veche" in shown.out
    assert "  VECHE_PORT               8000" in shown.out
    assert SECRET not in shown.out + shown.err
    assert {f"VECHE_{name.upper()}" for name in Settings.model_fields} <= set(shown.out.split())


def test_config_check_names_what_is_no_setting_and_what_contradicts(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    monkeypatch.setenv("VECHE_BASEURL", "https://vote.example")
    monkeypatch.setenv("VECHE_WORKER", "false")
    assert veche("config", "check") == 1
    told = capsys.readouterr().err
    assert "VECHE_BASEURL is no setting" in told
    assert "nobody would open or close" in told
    assert veche("config", "check", "--json") == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["unknown"], len(found["contradictions"])) == (["VECHE_BASEURL"], 1)


def test_a_setting_that_cannot_be_read_is_named_without_its_value(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    monkeypatch.setenv("VECHE_DATABASE", f"no url {SECRET}")
    for line in ("config check", "doctor", "db status", "backup to"):
        assert veche(*line.split()) == 1
        told = capsys.readouterr()
        assert told.err == "VECHE_DATABASE: is not a database URL [settings]\n"
        assert told.out == ""


def test_a_backup_says_what_it_holds_and_what_not(server: Server, clock: HandClock, tmp_path: Path, capsys: Captured) -> None:
    town = open_town(server, clock, tmp_path / "town")
    assert veche("backup", tmp_path / "backup") == 0
    told = capsys.readouterr()
    assert "1 elections" in told.out
    assert "The signing keys are not in it" in told.err
    assert veche("backup", tmp_path / "backup") == 1
    assert "[backup-exists]" in capsys.readouterr().err
    assert veche("backup", tmp_path / "second", "--with-keys", tmp_path / "keys.tar") == 0
    assert "lock it away" in capsys.readouterr().err
    assert (tmp_path / "keys.tar").stat().st_mode & 0o777 == 0o600
    assert veche("backup", tmp_path / "third", "--with-keys", tmp_path / "third" / "keys.tar") == 1
    assert "[keys-in-backup]" in capsys.readouterr().err
    assert veche("backup", tmp_path / "third", "--with-keys", tmp_path / "keys.tar") == 1
    assert not (tmp_path / "third").exists()
    # Restored without its keys, the command says for which election they lack.
    if server.storage.database.sqlite:
        assert veche("restore", tmp_path / "backup", "--data", tmp_path / "new") == 0
        assert f"Without its key no ballot is taken in {town.uuid}" in capsys.readouterr().err
        assert veche("restore", tmp_path / "backup", "--data", tmp_path / "newer", "--keys", tmp_path / "keys.tar") == 0
        assert "Without its key" not in capsys.readouterr().err


def test_the_version_of_the_tables_is_shown_and_brought_up_to_date(server: Server, capsys: Captured) -> None:
    sqlite = server.storage.database.sqlite
    assert veche("db", "status") == 0
    assert "open      no contest" in capsys.readouterr().out
    if sqlite:
        assert veche("db", "upgrade") == 1
        assert "[already-running]" in capsys.readouterr().err
        server.close()
    assert veche("db", "upgrade") == 0
    assert "nothing to do" in capsys.readouterr().out


def test_tables_are_not_changed_under_an_open_contest(
    server: Server, clock: HandClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    town = open_town(server, clock, tmp_path / "town")
    server.close()
    # A program that needs a newer version than this database has.
    monkeypatch.setattr("veche.service.schema.wanted_version", lambda: "9999")
    assert veche("db", "upgrade") == 1
    assert f"voting goes on in {town.uuid}" in capsys.readouterr().err
    assert veche("db", "status") == 1
    assert "needed    9999" in capsys.readouterr().out


def test_a_database_of_a_newer_program_is_left_alone(server: Server, capsys: Captured) -> None:
    with server.storage.database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    server.close()
    assert veche("db", "upgrade") == 1
    assert "a newer one made it" in capsys.readouterr().err


def test_asking_for_the_version_makes_no_database(tmp_path: Path, capsys: Captured) -> None:
    assert veche("db", "status") == 1
    assert "[no-database]" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def faults(capsys: Captured) -> dict[str, str]:
    """What `veche doctor` finds wrong."""
    capsys.readouterr()
    code = veche("doctor", "--json")
    found = json.loads(capsys.readouterr().out)["findings"]
    wrong = {one["about"]: one["message"] for one in found if not one["fine"]}
    assert code == (1 if wrong else 0)
    # Tests set their own clock, and a machine for tests is often kept by no time server.
    return {about: message for about, message in wrong.items() if about not in ("times", "clock", "disk")}


def test_a_healthy_server_has_no_findings(server: Server, clock: HandClock, tmp_path: Path, capsys: Captured) -> None:
    town = open_town(server, clock, tmp_path / "town")
    asyncio.run(server.casting.cast(town.uuid, town.ballot(0), "192.0.2.1"))
    server.sequencer.step()
    with server.storage.database.reading() as connection:
        server.storage.files.extend(connection, town.uuid)
    assert faults(capsys) == {}
    assert veche("doctor") in (0, 1)
    lines = capsys.readouterr().out.splitlines()
    assert {line[:4] for line in lines} <= {"ok  ", "BAD "}
    assert {"settings", "keys", "database", "tables", "heads", "files", "jobs", "mail", "disk", "clock"} <= {
        line[4:].split()[0] for line in lines
    }


def test_nothing_is_made_by_looking(tmp_path: Path, capsys: Captured) -> None:
    assert faults(capsys) == {}
    assert list(tmp_path.iterdir()) == []


def test_keys_that_others_can_read_are_found(server: Server, clock: HandClock, tmp_path: Path, capsys: Captured) -> None:
    town = draft(server, clock, tmp_path / "town", plan(6, clock.now()))
    server.sequencer.step()
    assert faults(capsys) == {}
    key = server.settings.data / "keys" / town.uuid / "box.key"
    key.chmod(0o644)
    assert "others can read" in faults(capsys)["keys"]
    key.chmod(0o600)
    key.unlink()
    assert "Bring keys/ back" in faults(capsys)["box key"]


def test_a_folder_that_others_can_look_into_is_found(server: Server, capsys: Captured) -> None:
    server.settings.data.chmod(0o755)
    assert "chmod o=" in faults(capsys)["folder"]


def test_files_that_are_not_the_databases_are_found(server: Server, clock: HandClock, tmp_path: Path, capsys: Captured) -> None:
    town = open_town(server, clock, tmp_path / "town")
    server.sequencer.step()
    with server.storage.database.reading() as connection:
        server.storage.files.extend(connection, town.uuid)
    for path in (server.storage.files.archive(town.uuid), server.storage.files.entries(town.uuid)):
        content = path.read_bytes()
        changed = bytearray(content)
        changed[len(changed) // 2] ^= 1
        path.write_bytes(changed)
        assert town.uuid in faults(capsys)["files"]
        path.write_bytes(content[:-1])
        assert town.uuid in faults(capsys)["files"]
        path.write_bytes(content)
        assert faults(capsys) == {}
    # What stands behind the part that is known to be whole is nobody's concern: it is cut off when the file next grows.
    with server.storage.files.archive(town.uuid).open("ab") as stream:
        stream.write(b"torn")
    assert faults(capsys) == {}
    server.storage.files.archive(town.uuid).unlink()
    assert town.uuid in faults(capsys)["files"]


def test_a_database_behind_the_heads_is_found(server: Server, clock: HandClock, tmp_path: Path, capsys: Captured) -> None:
    town = open_town(server, clock, tmp_path / "town")
    with server.storage.database.writing() as connection:
        connection.execute(text("UPDATE election SET entries = entries - 1 WHERE uuid = :uuid"), {"uuid": town.uuid})
    assert "older copy" in faults(capsys)["heads"]


def test_tables_of_another_version_are_found(server: Server, capsys: Captured) -> None:
    with server.storage.database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    assert "veche db upgrade" in faults(capsys)["tables"]


def test_a_database_that_forgets_is_found(server: Server, capsys: Captured) -> None:
    if server.storage.database.sqlite:
        pytest.skip("SQLite is told on every connection")
    with server.storage.database.writing() as connection:
        connection.execute(text(f"ALTER DATABASE {connection.engine.url.database} SET synchronous_commit = off"))
    assert "synchronous_commit is off" in faults(capsys)["database"]


def test_jobs_that_nobody_does_are_found(server: Server, capsys: Captured) -> None:
    row = "INSERT INTO job (kind, payload, topic, due_at, status, attempts) VALUES ('mail', '{}', 'a', 1, :status, 0)"
    for status, named in (("failed", "failed for good"), ("waiting", "no worker runs")):
        with server.storage.database.writing() as connection:
            connection.execute(text("DELETE FROM job"))
            connection.execute(text(row), {"status": status})
        assert named in faults(capsys)["jobs"]


def test_a_record_ahead_of_the_clock_is_found(server: Server, clock: HandClock, tmp_path: Path, capsys: Captured) -> None:
    clock.time = 4_000_000_000
    open_town(server, clock, tmp_path / "town")
    capsys.readouterr()
    assert veche("doctor") == 1
    assert "ahead of this machine's clock" in capsys.readouterr().out


@pytest.fixture
def mail_server() -> Iterator[int]:
    """Something that says it takes mail, on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection, connection.makefile("rwb") as stream:
                stream.write(b"220 mx.example\r\n")
                stream.flush()
                while line := stream.readline():
                    stream.write(b"221 bye\r\n" if line.upper().startswith(b"QUIT") else b"250 ok\r\n")
                    stream.flush()

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield int(listener.getsockname()[1])


def test_a_mail_server_is_asked_whether_it_is_there(monkeypatch: pytest.MonkeyPatch, mail_server: int, capsys: Captured) -> None:
    monkeypatch.setenv("VECHE_MAIL_FROM", "vote@vote.example")
    monkeypatch.setenv("VECHE_SMTP", f"smtp://veche:{SECRET}@127.0.0.1:{mail_server}")
    assert faults(capsys) == {}
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    monkeypatch.setenv("VECHE_SMTP", f"smtp://veche:{SECRET}@127.0.0.1:{port}")
    found = faults(capsys)["mail"]
    assert f"127.0.0.1 port {port} does not answer" in found
    assert SECRET not in found
