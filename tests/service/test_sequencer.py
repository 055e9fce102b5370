"""Checkpoints follow the record: never beyond it, never against each other, and served with what witnesses said."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import insert, update

from tests.service.hand_clock import HandClock
from tests.service.town import ServedTown, draft, open_town, plan
from veche.crypto.errors import Inconsistent, Refused
from veche.ledger.signed_checkpoint import verify_log
from veche.ledger.tile_reader import proven_consistency, verify_tiles
from veche.observer import tables
from veche.observer.log_store import FolderTiles
from veche.observer.record_rows import election_row
from veche.service.sequencer import Sequencer, Sequencing, log_folder
from veche.service.server import Server


def fresh(server: Server) -> Sequencer:
    """The sequencer of a process that has just begun."""
    made = Sequencer(server.storage, server.clock, server.keys)
    made.verify_start()
    return made


def entries(town: ServedTown) -> int:
    with town.server.storage.database.reading() as connection:
        return election_row(connection, town.uuid).entries


def test_a_record_that_has_just_begun_has_a_checkpoint_that_its_log_key_signed(
    server: Server, clock: HandClock, tmp_path: Path
) -> None:
    town = draft(server, clock, tmp_path / "town", plan(6, clock.now()))
    assert server.sequencer.newest(town.uuid) is None
    assert server.sequencer.step() == 1
    newest = server.sequencer.newest(town.uuid)
    assert newest is not None
    assert town.manifest.log is not None
    verify_log(newest, town.manifest.log.origin, town.manifest.log.keys)
    assert newest.checkpoint.size == entries(town)
    verify_tiles(FolderTiles(log_folder(server.storage.root, town.uuid)), newest.checkpoint)


def to_next_tick(town: ServedTown) -> None:
    """The clock stands at the beginning of the log's next period."""
    assert town.manifest.log is not None
    period = town.manifest.log.period
    town.clock.time += period - town.clock.time % period


def test_while_people_vote_checkpoints_come_at_the_ticks_of_a_grid(server: Server, clock: HandClock, tmp_path: Path) -> None:
    town = open_town(server, clock, tmp_path / "town")
    to_next_tick(town)
    assert server.sequencer.step() == 1
    before = server.sequencer.newest(town.uuid)
    asyncio.run(server.casting.cast(town.uuid, town.ballot(0), "192.0.2.1"))
    assert town.manifest.log is not None
    clock.time += town.manifest.log.period - 1
    assert server.sequencer.step() == 0
    assert server.sequencer.newest(town.uuid) == before
    clock.time += 1
    told: list[str] = []
    server.sequencer.signed.append(told.append)
    assert server.sequencer.step() == 1
    assert told == [town.uuid]
    after = server.sequencer.newest(town.uuid)
    assert before is not None
    assert after is not None
    proven_consistency(FolderTiles(log_folder(server.storage.root, town.uuid)), before.checkpoint, after.checkpoint)


def test_the_first_cast_after_a_quiet_time_is_not_timed_by_a_checkpoint(server: Server, clock: HandClock, tmp_path: Path) -> None:
    town = open_town(server, clock, tmp_path / "town")
    server.sequencer.step()
    for _ in range(3):
        to_next_tick(town)
        assert server.sequencer.step() == 0
    asyncio.run(server.casting.cast(town.uuid, town.ballot(0), "192.0.2.1"))
    clock.time += 1
    assert server.sequencer.step() == 0
    to_next_tick(town)
    assert server.sequencer.step() == 1


def test_a_clock_that_is_set_back_does_not_keep_a_log_from_being_signed(server: Server, clock: HandClock, tmp_path: Path) -> None:
    town = open_town(server, clock, tmp_path / "town")
    server.sequencer.step()
    asyncio.run(server.casting.cast(town.uuid, town.ballot(0), "192.0.2.1"))
    clock.time -= 3600
    assert server.sequencer.step() == 1


def test_a_process_that_begins_within_a_period_signs_at_the_next(server: Server, clock: HandClock, tmp_path: Path) -> None:
    town = open_town(server, clock, tmp_path / "town")
    to_next_tick(town)
    server.sequencer.step()
    asyncio.run(server.casting.cast(town.uuid, town.ballot(0), "192.0.2.1"))
    again = fresh(server)
    assert again.step() == 0
    to_next_tick(town)
    assert again.step() == 1


def test_a_damaged_state_of_an_open_election_stops_its_log_alone(server: Server, clock: HandClock, tmp_path: Path) -> None:
    town = open_town(server, clock, tmp_path / "town")
    server.sequencer.step()
    asyncio.run(server.casting.cast(town.uuid, town.ballot(0), "192.0.2.1"))
    (server.storage.root / "log-state" / town.uuid).write_bytes(b"{}")
    other = draft(server, clock, tmp_path / "other", plan(6, clock.now(), "district-2"))
    to_next_tick(town)
    # Both a process that has looked before, and one that looks for the first time.
    server.sequencer.step()
    assert server.sequencer.stopped == {town.uuid: "log-state"}
    assert server.sequencer.newest(other.uuid) is not None
    unaware = Sequencer(server.storage, server.clock, server.keys)
    unaware.step()
    assert unaware.stopped == {town.uuid: "log-state"}
    server.storage.verify_writable()


def test_an_election_that_has_closed_has_its_last_checkpoint_at_once(server: Server, clock: HandClock, tmp_path: Path) -> None:
    town = open_town(server, clock, tmp_path / "town")
    town.close()
    assert server.sequencer.step() == 1
    newest = server.sequencer.newest(town.uuid)
    assert newest is not None
    assert newest.checkpoint.size == entries(town)


@pytest.mark.parametrize("size", [70_000, 16_385])
def test_many_entries_at_once_leave_every_tile_that_their_size_shows(
    server: Server, clock: HandClock, tmp_path: Path, size: int
) -> None:
    town = draft(server, clock, tmp_path / "town", plan(6, clock.now()))
    with server.storage.database.writing() as connection:
        fresh_rows = [
            {"uuid": town.uuid, "place": place, "kind": "Ballot", "text": b"%d" % place} for place in range(entries(town), size)
        ]
        connection.execute(insert(tables.entries), fresh_rows)
        connection.execute(update(tables.elections).values(entries=size))
    assert server.sequencer.sequence(town.uuid)
    newest, folder = server.sequencer.newest(town.uuid), log_folder(server.storage.root, town.uuid)
    assert newest is not None
    verify_tiles(FolderTiles(folder), newest.checkpoint)
    for path in [one for one in folder.rglob("*") if one.is_file() and ".p" in one.parent.name]:
        path.unlink()
    fresh(server)
    verify_tiles(FolderTiles(folder), newest.checkpoint)


def test_two_sequencers_of_one_folder_continue_each_other(server: Server, clock: HandClock, tmp_path: Path) -> None:
    town = draft(server, clock, tmp_path / "town", plan(6, clock.now()))
    first, second = fresh(server), fresh(server)
    assert first.sequence(town.uuid)
    assert not second.sequence(town.uuid)
    town.make_keys()
    assert second.sequence(town.uuid)
    town.drill()
    assert first.sequence(town.uuid)
    assert first.newest(town.uuid) == second.newest(town.uuid)


def test_a_line_of_a_witness_that_the_manifest_does_not_name_is_left_out(server: Server, clock: HandClock, tmp_path: Path) -> None:
    town = draft(server, clock, tmp_path / "town", plan(6, clock.now()))
    with pytest.raises(Refused, match="no checkpoint"):
        server.sequencer.add_cosignatures(town.uuid, [])
    server.sequencer.sequence(town.uuid)
    before = server.sequencer.newest(town.uuid)
    assert before is not None
    server.sequencer.add_cosignatures(town.uuid, ["— stranger.example/w AAAAAAAA"])
    assert server.sequencer.newest(town.uuid) == before


def test_a_lost_key_stops_the_log_and_nothing_else(server: Server, clock: HandClock, tmp_path: Path) -> None:
    town = draft(server, clock, tmp_path / "town", plan(6, clock.now()))
    (server.storage.root / "keys" / town.uuid / "log.key").unlink()
    assert server.sequencer.step() == 0
    assert server.sequencer.stopped == {town.uuid: "log-key"}
    server.storage.verify_writable()


def test_the_thread_signs_and_stops(server: Server, clock: HandClock, tmp_path: Path) -> None:
    town = draft(server, clock, tmp_path / "town", plan(6, clock.now()))
    thread = Sequencing(server.sequencer)
    told: list[str] = []
    server.sequencer.signed.append(told.append)
    thread.start()
    for _ in range(100):
        if told:
            break
        thread._stopping.wait(0.05)
    thread.stop()
    assert told == [town.uuid]


def test_a_signed_state_that_goes_back_is_noticed(server: Server, clock: HandClock, tmp_path: Path) -> None:
    town = draft(server, clock, tmp_path / "town", plan(6, clock.now()))
    server.sequencer.sequence(town.uuid)
    path = server.storage.root / "log-state" / town.uuid
    old = path.read_bytes()
    town.make_keys()
    server.sequencer.sequence(town.uuid)
    path.write_bytes(old)
    with pytest.raises(Inconsistent) as refusal:
        server.sequencer.sequence(town.uuid)
    assert refusal.value.code == "log-state"


def test_checkpoints_of_a_contest_under_500_voters_are_a_minute_apart(server: Server, clock: HandClock, tmp_path: Path) -> None:
    for voters, period in ((499, 60), (500, 10)):
        town = draft(server, clock, tmp_path / str(voters), plan(voters, clock.now(), f"district-{voters}"))
        assert town.manifest.log is not None
        assert town.manifest.log.period == period
