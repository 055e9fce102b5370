"""`veche export`: what any web server or disk can hold, taken at one checkpoint, whole or not there."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from sqlalchemy import insert, select, update

from tests.cli.test_observe import observing
from tests.service.conftest import checkers, clock, database, postgres_database, postgres_tables, server, settings
from tests.service.hand_clock import HandClock
from tests.service.town import ServedTown, draft, open_town, plan
from veche.cli.main import run
from veche.ledger.signed_checkpoint import parse_signed
from veche.ledger.tile_reader import verify_tiles
from veche.observer import tables
from veche.observer.log_store import FolderTiles
from veche.observer.record_rows import election_row
from veche.service.sequencer import log_folder
from veche.service.server import Server

__all__ = ["checkers", "clock", "database", "postgres_database", "postgres_tables", "server", "settings"]


@contextmanager
def static(folder: Path) -> Iterator[str]:
    """What `python -m http.server` serves."""
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(folder))
    handler.log_message = lambda *_: None  # type: ignore[attr-defined]
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{serving.server_address[1]}"
        serving.shutdown()


def export(town: ServedTown, folder: Path) -> int:
    settings = town.server.settings
    named = ["--database", settings.database_url] if settings.database else []
    return run(["export", town.uuid, str(folder), "--data", str(settings.data), *named])


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def town(server: Server, clock: HandClock, tmp_path: Path) -> ServedTown:
    """Four ballots; the log has signed three of them."""
    town = open_town(server, clock, tmp_path / "town")
    for place in range(4):
        if place == 3:
            server.sequencer.sequence(town.uuid)
        asyncio.run(server.casting.cast(town.uuid, town.ballot(place), "192.0.2.1"))
    return town


def test_an_export_ends_at_its_checkpoint_and_stands_the_strict_audit(town: ServedTown, tmp_path: Path) -> None:
    assert export(town, tmp_path / "e") == 0
    note = (tmp_path / "e" / "checkpoint").read_bytes()
    assert note == (log_folder(town.server.storage.root, town.uuid) / "checkpoint").read_bytes()
    size = parse_signed(note).checkpoint.size
    assert len((tmp_path / "e" / "entries.jsonl").read_bytes().splitlines()) == size
    verify_tiles(FolderTiles(tmp_path / "e"), parse_signed(note).checkpoint)
    assert run(["audit", str(tmp_path / "e"), "--level", "strict"]) == 0
    assert not list(tmp_path.glob(".e.*"))
    with town.server.storage.database.reading() as connection:
        assert election_row(connection, town.uuid).entries == size + 1


def test_after_the_count_the_export_is_audited_with_its_result(town: ServedTown, tmp_path: Path) -> None:
    town.close()
    town.tally()
    town.count()
    town.server.sequencer.sequence(town.uuid)
    (tmp_path / "e").mkdir()
    assert export(town, tmp_path / "e") == 0
    assert run(["audit", str(tmp_path / "e"), "--level", "strict"]) == 0


def test_a_plain_web_server_serves_every_byte_as_the_server_does(town: ServedTown, tmp_path: Path) -> None:
    assert export(town, tmp_path / "e") == 0
    data = ["--server", str(town.server.settings.data), "--data", str(tmp_path / "copies")]
    named = ["--database", town.server.settings.database_url] if town.server.settings.database else []
    with static(tmp_path / "e") as address, observing(*data, *named) as observer:
        served = f"{observer}/observer/elections/{town.uuid}"
        for name in sorted(names(tmp_path / "e")):
            ours = httpx.get(f"{served}/{'archive.bel' if name.endswith('.bel') else name}").content
            plain = httpx.get(f"{address}/{name}").content
            # Archive and entries go on after the checkpoint.
            assert ours.startswith(plain), name
            assert ours == plain or name == "entries.jsonl" or name.endswith(".bel")
        assert run(["audit", served, "--level", "strict"]) == 0
        assert run(["watch", served, "--once", "--evidence", str(tmp_path / "evidence")]) == 0


def test_a_log_of_many_thousand_entries_has_every_tile_that_its_size_shows(
    server: Server, clock: HandClock, tmp_path: Path
) -> None:
    town, size = draft(server, clock, tmp_path / "town", plan(6, clock.now())), 16_390
    with server.storage.database.writing() as connection:
        first = election_row(connection, town.uuid).entries
        suspended = connection.execute(select(tables.entries.c.text).where(tables.entries.c.place == 0)).scalar_one()
        rows = [{"uuid": town.uuid, "place": at, "kind": "Manifest", "text": suspended} for at in range(first, size)]
        connection.execute(insert(tables.entries), rows)
        connection.execute(update(tables.elections).values(entries=size))
    server.sequencer.sequence(town.uuid)
    assert export(town, tmp_path / "e") == 0
    verify_tiles(FolderTiles(tmp_path / "e"), parse_signed((tmp_path / "e" / "checkpoint").read_bytes()).checkpoint)


def test_what_is_there_is_never_written_over(town: ServedTown, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "e").mkdir()
    (tmp_path / "e" / "mine").write_text("kept")
    (tmp_path / "f").write_text("a file")
    for name in ("e", "f"):
        assert export(town, tmp_path / name) == 1
        assert "folder-taken" in capsys.readouterr().err
    assert names(tmp_path / "e") == {"mine"}


def test_entries_that_do_not_give_the_signed_root_are_no_export(
    town: ServedTown, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entries = tables.entries
    with town.server.storage.database.writing() as connection:
        place = connection.execute(select(entries.c.place).where(entries.c.kind == "Ballot").limit(1)).scalar_one()
        text = connection.execute(select(entries.c.text).where(entries.c.place == place)).scalar_one()
        connection.execute(update(entries).where(entries.c.place == place).values(text=text.replace(b"0", b"1")))
    assert export(town, tmp_path / "e") == 1
    assert "root-differs" in capsys.readouterr().err
    assert not (tmp_path / "e").exists()
    assert not list(tmp_path.glob(".e.*"))


def test_a_record_without_a_checkpoint_is_exported_and_said_to_be_so(
    server: Server, clock: HandClock, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    town = open_town(server, clock, tmp_path / "town")
    assert export(town, tmp_path / "e") == 0
    assert "without its log" in capsys.readouterr().err
    assert not (tmp_path / "e" / "tile").exists()
