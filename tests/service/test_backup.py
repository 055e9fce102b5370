"""Backups are made while ballots come in, restored only where nothing is, and never to a state before an acknowledgement."""

from __future__ import annotations

import asyncio
import json
import secrets
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.engine import make_url

from tests.service.conftest import postgres_url
from tests.service.hand_clock import HandClock
from tests.service.real_server import fresh_ballots, open_now, running
from tests.service.town import ServedTown, open_town
from veche.crypto.errors import ElectionError
from veche.observer.audit import audit
from veche.observer.database_source import DatabaseSource
from veche.service.backup import MANIFEST, make_backup, read_manifest
from veche.service.restore import pack_keys, restore
from veche.service.server import Server, open_server
from veche.service.settings import Settings


@pytest.fixture
def town(server: Server, clock: HandClock, tmp_path: Path) -> ServedTown:
    return open_town(server, clock, tmp_path / "town")


@pytest.fixture
def place(settings: Settings, tmp_path: Path) -> Iterator[Settings]:
    """Another, empty place of the same kind of database."""
    if not settings.database:
        yield Settings(data=tmp_path / "restored", checkers=1)
        return
    name = f"veche_{secrets.token_hex(6)}"
    admin = create_engine(postgres_url(), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    url = make_url(postgres_url()).set(database=name).render_as_string(hide_password=False)
    yield Settings(data=tmp_path / "restored", database=url, checkers=1)
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


def cast(town: ServedTown, place: int) -> None:
    asyncio.run(town.server.casting.cast(town.uuid, town.ballot(place), "192.0.2.1"))


def copy_kept(settings: Settings, place: Settings, *names: str) -> None:
    """What an operator keeps apart from backups, put into the new place."""
    for name in names:
        shutil.copytree(settings.data / name, place.data / name)


def code(settings: Settings, source: Path, keys: Path | None = None) -> str:
    with pytest.raises(ElectionError) as refused:
        restore(settings, source, keys)
    return refused.value.code


def is_empty(place: Settings) -> bool:
    """Whether no database, and nothing of one, is in the place."""
    if place.database:
        engine = create_engine(place.database)
        found = inspect(engine).get_table_names()
        engine.dispose()
        return found == []
    return not any("sqlite" in path.name for path in place.data.rglob("*"))


def test_a_restored_server_goes_on_where_the_backup_was_made(town: ServedTown, place: Settings, tmp_path: Path) -> None:
    raw = town.ballot(0)
    first = asyncio.run(town.server.casting.cast(town.uuid, raw, "192.0.2.1"))
    made = make_backup(town.server.settings, tmp_path / "backup")
    assert set(made.heads) == {town.uuid}
    copy_kept(town.server.settings, place, "keys", "heads")
    restore(place, tmp_path / "backup")
    again = open_server(place, town.clock)
    try:
        # The same ballot has the same acknowledgement there, and another voter is let in.
        assert asyncio.run(again.casting.cast(town.uuid, raw, "192.0.2.1")).note == first.note
        assert asyncio.run(again.casting.cast(town.uuid, town.ballot(1), "192.0.2.1")).new
        report = audit(DatabaseSource(again.storage.database, again.storage.files, town.uuid), level="strict")
        assert (report.verdict, report.counts["ballots"]) == ("ok", 2)
    finally:
        again.close()


@pytest.mark.slow
def test_a_backup_made_while_ballots_come_in_is_one_whole_state(town: ServedTown, place: Settings, tmp_path: Path) -> None:
    ballots = [town.ballot(place % 6) for place in range(24)]

    def vote() -> None:
        for raw in ballots:
            asyncio.run(town.server.casting.cast(town.uuid, raw, "192.0.2.1"))

    voting = threading.Thread(target=vote)
    voting.start()
    made = [make_backup(town.server.settings, tmp_path / f"backup-{number}") for number in range(3)]
    voting.join()
    assert [one.heads[town.uuid].entries for one in made] == sorted(one.heads[town.uuid].entries for one in made)
    copy_kept(town.server.settings, place, "keys")
    restore(place, tmp_path / "backup-2")
    again = open_server(place, town.clock)
    try:
        report = audit(DatabaseSource(again.storage.database, again.storage.files, town.uuid), level="strict")
        assert report.verdict == "ok"
        # Its own heads reach exactly as far as the manifest says.
        assert (place.data / "heads" / town.uuid).exists()
    finally:
        again.close()


@pytest.mark.slow
def test_a_backup_beside_a_running_server_holds_every_ballot_that_was_acknowledged(
    database: str, place: Settings, tmp_path: Path
) -> None:
    town = open_now(tmp_path, database)
    ballots = fresh_ballots(town, 6)
    proxy = {"X-Forwarded-For": "192.0.2.99, 203.0.113.5"}
    with running(town, database, VECHE_TRUSTED_PROXY="127.0.0.1") as served:
        for number, raw in enumerate(ballots, 1):
            assert httpx.post(served.box, content=raw, headers=proxy, timeout=60).status_code == 201
            make_backup(town.server.settings, tmp_path / f"backup-{number}")
        assert httpx.get(f"{served.url}/readyz").status_code == 200
        assert served.stop() == 0
    # Whatever was acknowledged before the backup began is in it, each time one ballot more.
    entries = [read_manifest(tmp_path / f"backup-{number}").heads[town.uuid].entries for number in range(1, 7)]
    assert entries == list(range(entries[0], entries[0] + 6))
    copy_kept(town.server.settings, place, "heads")
    assert code(place, tmp_path / "backup-5") == "database-older"
    restore(place, tmp_path / "backup-6")
    # No address of the proxy's client is in database, files or log.
    for path in (path for path in tmp_path.rglob("*") if path.is_file()):
        assert b"203.0.113.5" not in path.read_bytes(), path


def test_a_backup_before_an_acknowledgement_is_refused_where_the_heads_are(
    town: ServedTown, place: Settings, tmp_path: Path
) -> None:
    make_backup(town.server.settings, tmp_path / "older")
    cast(town, 0)
    copy_kept(town.server.settings, place, "heads")
    assert code(place, tmp_path / "older") == "database-older"
    assert is_empty(place)
    make_backup(town.server.settings, tmp_path / "newer")
    restore(place, tmp_path / "newer")


def test_a_manifest_that_claims_more_than_its_database_has_is_refused(town: ServedTown, place: Settings, tmp_path: Path) -> None:
    make_backup(town.server.settings, tmp_path / "backup")
    cast(town, 0)
    copy_kept(town.server.settings, place, "heads")
    path = tmp_path / "backup" / MANIFEST
    forged = json.loads(path.read_bytes())
    forged["elections"][town.uuid]["entries"] += 1
    path.write_text(json.dumps(forged, separators=(",", ":")))
    assert code(place, tmp_path / "backup") == "database-older"
    assert is_empty(place)


@pytest.mark.parametrize("name", ["../../elsewhere", "/tmp/elsewhere", ""])
def test_a_manifest_that_names_a_place_for_a_head_is_no_backup(
    town: ServedTown, place: Settings, tmp_path: Path, name: str
) -> None:
    make_backup(town.server.settings, tmp_path / "backup")
    path = tmp_path / "backup" / MANIFEST
    forged = json.loads(path.read_bytes())
    forged["elections"] = {name: forged["elections"][town.uuid]}
    path.write_text(json.dumps(forged, separators=(",", ":")))
    assert code(place, tmp_path / "backup") == "backup-malformed"
    assert is_empty(place)


def test_a_database_with_another_history_is_refused(town: ServedTown, place: Settings, tmp_path: Path) -> None:
    cast(town, 0)
    make_backup(town.server.settings, tmp_path / "backup")
    copy_kept(town.server.settings, place, "heads")
    from veche.service.head_file import HeadFile

    path = place.data / "heads" / town.uuid
    head = HeadFile(path).read()
    assert head is not None
    path.unlink()
    HeadFile(path).write(type(head)(head.entries, head.height, "0" * 64))
    assert code(place, tmp_path / "backup") == "database-other"
    assert is_empty(place)


def test_a_changed_file_is_found_before_anything_is_written(server: Server, place: Settings, tmp_path: Path) -> None:
    made = make_backup(server.settings, tmp_path / "backup")
    path = tmp_path / "backup" / made.database_file
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert code(place, tmp_path / "backup") == "backup-damaged"
    assert not place.data.exists()


def test_a_place_that_has_a_database_is_never_restored_over(server: Server, tmp_path: Path) -> None:
    make_backup(server.settings, tmp_path / "backup")
    found = code(server.settings, tmp_path / "backup")
    # With SQLite the running server has the folder; without it there is still its database.
    assert found == ("already-running" if server.storage.database.sqlite else "place-not-empty")
    server.close()
    assert code(server.settings, tmp_path / "backup") == "place-not-empty"


def test_the_drill_of_the_documentation_gives_a_server_that_goes_on_signing(
    town: ServedTown, place: Settings, tmp_path: Path
) -> None:
    assert town.server.sequencer.sequence(town.uuid)
    make_backup(town.server.settings, tmp_path / "backup")
    copy_kept(town.server.settings, place, "keys", "heads", "log-state")
    state = (place.data / "log-state" / town.uuid).read_bytes()
    restore(place, tmp_path / "backup")
    restored = open_server(place, town.clock)
    try:
        assert (place.data / "log-state" / town.uuid).read_bytes() == state
        assert restored.sequencer.newest(town.uuid) == town.server.sequencer.newest(town.uuid)
        assert restored.sequencer.step() == 0
    finally:
        restored.close()


@pytest.mark.parametrize("name", ["public", "veche.sqlite3-wal", "notes.txt"])
def test_a_folder_with_anything_but_keys_and_heads_is_not_empty(server: Server, place: Settings, tmp_path: Path, name: str) -> None:
    make_backup(server.settings, tmp_path / "backup")
    place.data.mkdir()
    (place.data / name).write_text("x")
    assert code(place, tmp_path / "backup") == "place-not-empty"


def test_postgresql_tables_that_are_there_are_never_restored_over(server: Server, place: Settings, tmp_path: Path) -> None:
    if not place.database:
        pytest.skip("a question of PostgreSQL")
    make_backup(server.settings, tmp_path / "backup")
    engine = create_engine(place.database)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE notes (id int)"))
    engine.dispose()
    assert code(place, tmp_path / "backup") == "place-not-empty"


def test_keys_are_in_no_backup_and_in_a_private_file_when_asked(town: ServedTown, place: Settings, tmp_path: Path) -> None:
    make_backup(town.server.settings, tmp_path / "backup")
    secret = (town.server.settings.data / "keys" / town.uuid / "box.key").read_bytes()
    assert all(secret.strip() not in path.read_bytes() for path in (tmp_path / "backup").iterdir())
    packed = tmp_path / "keys.tar"
    assert pack_keys(town.server.settings.data, packed) == 2
    assert packed.stat().st_mode & 0o777 == 0o600
    restore(place, tmp_path / "backup", packed)
    restored = place.data / "keys" / town.uuid / "box.key"
    assert restored.read_bytes() == secret
    assert restored.stat().st_mode & 0o777 == 0o600
    assert restored.parent.stat().st_mode & 0o777 == 0o700


def test_keys_that_are_there_are_never_overwritten(town: ServedTown, place: Settings, tmp_path: Path) -> None:
    make_backup(town.server.settings, tmp_path / "backup")
    pack_keys(town.server.settings.data, tmp_path / "keys.tar")
    copy_kept(town.server.settings, place, "keys")
    assert code(place, tmp_path / "backup", tmp_path / "keys.tar") == "keys-exist"
    assert is_empty(place)


def test_a_file_that_holds_no_keys_is_refused_before_anything_is_written(server: Server, place: Settings, tmp_path: Path) -> None:
    make_backup(server.settings, tmp_path / "backup")
    (tmp_path / "keys.tar").write_bytes(b"no tar")
    assert code(place, tmp_path / "backup", tmp_path / "keys.tar") == "keys-malformed"
    outside = tmp_path / "outside.tar"
    import tarfile

    with tarfile.open(outside, "w") as archive:
        archive.add(tmp_path / "keys.tar", "keys/../../evil")
    assert code(place, tmp_path / "backup", outside) == "keys-malformed"
    assert not place.data.exists()


def test_a_backup_is_for_its_owner_alone_and_never_over_another(server: Server, tmp_path: Path) -> None:
    made = make_backup(server.settings, tmp_path / "backup")
    assert (tmp_path / "backup").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "backup").iterdir()} == {0o600}
    assert read_manifest(tmp_path / "backup") == made
    with pytest.raises(ElectionError, match="already there"):
        make_backup(server.settings, tmp_path / "backup")


def test_a_backup_that_failed_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "veche.sqlite3").write_bytes(b"this is no database at all, " * 100)
    with pytest.raises(Exception, match="database"):
        make_backup(Settings(data=tmp_path / "data"), tmp_path / "backup")
    assert not (tmp_path / "backup").exists()


def test_a_folder_without_a_whole_manifest_is_no_backup(server: Server, place: Settings, tmp_path: Path) -> None:
    make_backup(server.settings, tmp_path / "backup")
    path = tmp_path / "backup" / MANIFEST
    whole = path.read_bytes()
    for content in (b"", whole[:-10], whole.replace(b'"schema"', b'"scheme"'), whole.replace(b"database.", b"../database.")):
        path.write_bytes(content)
        assert code(place, tmp_path / "backup") == "backup-malformed"
    path.write_bytes(whole.replace(b"backup/v1", b"backup/v9"))
    assert code(place, tmp_path / "backup") == "backup-format"
    path.unlink()
    assert code(place, tmp_path / "backup") == "backup-malformed"


def test_a_backup_of_one_kind_is_not_restored_as_the_other(tmp_path: Path, postgres_database: str) -> None:
    small = Settings(data=tmp_path / "data", checkers=1)
    open_server(small).close()
    make_backup(small, tmp_path / "backup")
    assert code(Settings(data=tmp_path / "other", database=postgres_database), tmp_path / "backup") == "backup-kind"


def test_a_backup_of_a_newer_program_is_refused(server: Server, place: Settings, tmp_path: Path) -> None:
    with server.storage.database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    make_backup(server.settings, tmp_path / "backup")
    assert code(place, tmp_path / "backup") == "database-version"


def test_without_postgresql_programs_one_sentence_says_so(
    tmp_path: Path, postgres_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Settings(data=tmp_path / "data", database=postgres_database, checkers=1)
    open_server(made).close()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ElectionError, match="install PostgreSQL's client programs") as refused:
        make_backup(made, tmp_path / "backup")
    assert refused.value.code == "no-tool"
    assert not (tmp_path / "backup").exists()


def test_a_password_is_in_no_message_of_the_tools(tmp_path: Path, postgres_database: str) -> None:
    from veche.service.postgres_tools import run_tool

    url = make_url(postgres_database).set(password="geheim-4711", database="nowhere").render_as_string(hide_password=False)
    with pytest.raises(ElectionError) as refused:
        run_tool("pg_dump", url, [f"--file={tmp_path / 'dump'}"])
    assert refused.value.code == "tool-failed"
    assert '"nowhere" does not exist' in refused.value.message
    assert "geheim" not in refused.value.message
