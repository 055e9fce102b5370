"""What befell other logs befalls ours: each accident is noticed, and nothing is signed over it."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import DBAPIError

from tests.service.hand_clock import HandClock
from tests.service.town import ServedTown, draft, plan
from veche.crypto.errors import Inconsistent, Refused
from veche.ledger.checkpoint import Checkpoint
from veche.ledger.signed_checkpoint import sign_checkpoint
from veche.ledger.tile_reader import TileReader, proven_consistency, verify_tiles
from veche.observer import durable_files, log_store
from veche.observer.log_store import FolderTiles
from veche.observer.record_rows import election_row
from veche.observer.tables import elections, entries
from veche.service.log_state import LogStateFile
from veche.service.sequencer import Sequencer, log_folder
from veche.service.server import Server, open_server


@pytest.fixture
def town(server: Server, clock: HandClock, tmp_path: Path) -> ServedTown:
    """An election with a signed log, and an entry that is not in it yet."""
    town = draft(server, clock, tmp_path / "town", plan(6, clock.now()))
    server.sequencer.sequence(town.uuid)
    town.make_keys()
    return town


def begun(server: Server) -> Sequencer:
    """A process that begins over this folder and database."""
    made = Sequencer(server.storage, server.clock, server.keys)
    made.verify_start()
    return made


def signed(town: ServedTown) -> bytes:
    return (town.server.storage.root / "log-state" / town.uuid).read_bytes()


def code_of(act: Callable[[], object]) -> str:
    with pytest.raises(Inconsistent) as refusal:
        act()
    return refusal.value.code


def flip(path: Path, place: int = 0) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def test_a_flipped_bit_in_a_stored_entry_is_not_signed(server: Server, town: ServedTown) -> None:
    before = signed(town)
    with server.storage.database.writing() as connection:
        changed = bytearray(connection.execute(select(entries.c.text).where(entries.c.place == 1)).scalar_one())
        changed[9] ^= 1
        connection.execute(update(entries).where(entries.c.place == 1).values(text=bytes(changed)))
    assert code_of(lambda: begun(server)) == "log-differs"
    unaware = Sequencer(server.storage, server.clock, server.keys)
    assert code_of(lambda: unaware.sequence(town.uuid)) == "log-differs"
    assert signed(town) == before


def test_an_entry_that_is_gone_is_not_signed_over(server: Server, town: ServedTown) -> None:
    before = signed(town)
    with server.storage.database.writing() as connection:
        connection.execute(delete(entries).where(entries.c.place == 0))
    assert code_of(lambda: begun(server)) == "log-differs"
    assert signed(town) == before


def test_a_new_entry_that_is_gone_is_not_signed_over(server: Server, town: ServedTown) -> None:
    before = signed(town)
    with server.storage.database.writing() as connection:
        connection.execute(delete(entries).where(entries.c.place == 2))
    assert code_of(lambda: server.sequencer.sequence(town.uuid)) == "log-differs"
    assert signed(town) == before


def test_an_older_database_is_refused(server: Server, town: ServedTown) -> None:
    before = signed(town)
    with server.storage.database.writing() as connection:
        connection.execute(update(elections).values(entries=1))
    assert code_of(lambda: begun(server)) == "log-behind"
    assert code_of(lambda: server.sequencer.sequence(town.uuid)) == "log-behind"
    assert signed(town) == before


def test_a_signed_log_whose_election_the_database_does_not_know_is_refused(server: Server, town: ServedTown) -> None:
    state = server.storage.root / "log-state" / town.uuid
    shutil.copy(state, state.with_name("ABCDEFGHJKLMNP"))
    assert code_of(lambda: begun(server)) == "log-behind"


def test_a_state_that_got_lost_is_taken_from_what_was_served(server: Server, town: ServedTown) -> None:
    (server.storage.root / "log-state" / town.uuid).unlink()
    with server.storage.database.writing() as connection:
        connection.execute(update(elections).values(entries=1))
    assert code_of(lambda: begun(server)) == "log-behind"


def test_a_damaged_state_is_refused(server: Server, town: ServedTown) -> None:
    flip(server.storage.root / "log-state" / town.uuid)
    assert code_of(lambda: begun(server)) == "log-state"
    assert code_of(lambda: server.sequencer.sequence(town.uuid)) == "log-state"


@pytest.mark.parametrize("name", ["tile/entries/000.p/2", "tile/0/000.p/2"])
def test_a_changed_tile_is_noticed_and_a_missing_one_made_again(server: Server, town: ServedTown, name: str) -> None:
    path = log_folder(server.storage.root, town.uuid) / name
    right = path.read_bytes()
    flip(path)
    assert code_of(lambda: begun(server)) == "tile-changed"
    path.unlink()
    begun(server)
    assert path.read_bytes() == right


def test_a_tile_of_the_next_size_that_is_there_with_other_bytes_is_not_signed_over(server: Server, town: ServedTown) -> None:
    before = signed(town)
    folder = log_folder(server.storage.root, town.uuid)
    with server.storage.database.reading() as connection:
        size = connection.execute(select(elections.c.entries)).scalar_one()
    (folder / f"tile/0/000.p/{size}").write_bytes(bytes(32 * size))
    assert code_of(lambda: server.sequencer.sequence(town.uuid)) == "tile-changed"
    assert signed(town) == before


def test_a_full_disk_stops_the_server_and_a_new_start_goes_on(
    server: Server, town: ServedTown, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = signed(town)

    def full(path: Path, content: bytes, private: bool = False) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    with monkeypatch.context() as patched:
        patched.setattr(log_store, "replace", full)
        assert server.sequencer.step() == 0
    assert signed(town) == before
    with pytest.raises(Refused, match="No space left"):
        server.storage.verify_writable()
    server.storage._failure = None
    assert begun(server).sequence(town.uuid)


def test_a_crash_between_signing_and_serving_is_mended_at_the_next_start(server: Server, town: ServedTown) -> None:
    served = log_folder(server.storage.root, town.uuid) / "checkpoint"
    old = served.read_bytes()
    server.sequencer.sequence(town.uuid)
    new = served.read_bytes()
    served.write_bytes(old)
    begun(server)
    assert served.read_bytes() == new


def test_a_database_and_a_state_older_than_what_is_served_sign_nothing(server: Server, town: ServedTown) -> None:
    state, served = server.storage.root / "log-state" / town.uuid, log_folder(server.storage.root, town.uuid) / "checkpoint"
    old = state.read_bytes()
    server.sequencer.sequence(town.uuid)
    new = served.read_bytes()
    state.write_bytes(old)
    with server.storage.database.writing() as connection:
        connection.execute(delete(entries).where(entries.c.place >= 2))
        connection.execute(update(elections).values(entries=2))
    assert code_of(lambda: begun(server)) == "log-behind"
    grow_by(server, town, 2)
    # Also a process that does not look first, and where the tiles of the other history were cleared away.
    shutil.rmtree(served.parent / "tile")
    unaware = Sequencer(server.storage, server.clock, server.keys)
    assert code_of(lambda: unaware.sequence(town.uuid)) == "log-behind"
    assert code_of(lambda: begun(server)) == "log-behind"
    assert (state.read_bytes(), served.read_bytes()) == (old, new)


def test_what_is_served_with_another_root_of_the_same_size_is_never_written_over(server: Server, town: ServedTown) -> None:
    state, served = server.storage.root / "log-state" / town.uuid, log_folder(server.storage.root, town.uuid) / "checkpoint"
    size = LogStateFile(state).read()
    assert size is not None
    other = Checkpoint(size.checkpoint().origin, size.size, bytes(32))
    served.write_bytes(sign_checkpoint(other, server.sequencer.signers(town.uuid)))
    before = served.read_bytes()
    assert code_of(lambda: begun(server)) == "log-behind"
    assert served.read_bytes() == before


@pytest.mark.parametrize("damage", [b"", b"nonsense", "text", "signature", "larger"])
def test_a_damaged_checkpoint_is_served_again_as_it_was_signed(server: Server, town: ServedTown, damage: bytes | str) -> None:
    served = log_folder(server.storage.root, town.uuid) / "checkpoint"
    right = served.read_bytes()
    if isinstance(damage, bytes):
        served.write_bytes(damage)
    elif damage == "larger":
        # Nobody's signature: it says nothing about what the log has signed.
        served.write_bytes(right.replace(b"\n2\n", b"\n9\n", 1))
    else:
        # A letter of the root, or one in the middle of the signature.
        flip(served, right.index(b"\n2\n") + 5 if damage == "text" else -20)
    assert served.read_bytes() != right
    begun(server)
    assert served.read_bytes() == right


def grow_by(server: Server, town: ServedTown, count: int) -> None:
    """So many entries more, whatever they say."""
    with server.storage.database.writing() as connection:
        size = election_row(connection, town.uuid, lock=True).entries
        rows = [{"uuid": town.uuid, "place": at, "kind": "Ballot", "text": b"%d" % at} for at in range(size, size + count)]
        connection.execute(insert(entries), rows)
        connection.execute(update(elections).values(entries=size + count))


@pytest.mark.parametrize("name", ["tile/0/000", "tile/entries/000", "tile/1/000.p/1"])
def test_a_full_tile_that_changes_while_the_server_runs_ends_the_log(server: Server, town: ServedTown, name: str) -> None:
    grow_by(server, town, 300)
    assert server.sequencer.sequence(town.uuid)
    before, path = signed(town), log_folder(server.storage.root, town.uuid) / name
    # The last byte: the first ones of a bundle say how long an entry is.
    flip(path, -1)
    changed = path.read_bytes()
    grow_by(server, town, 1)
    assert server.sequencer.step() == 0
    assert server.sequencer.stopped == {town.uuid: "tile-changed"}
    assert server.sequencer.step() == 0
    assert signed(town) == before
    assert path.read_bytes() == changed, "it is kept as evidence and never written over"
    assert code_of(lambda: begun(server)) == "tile-changed"


def test_a_full_tile_with_other_bytes_where_a_new_one_belongs_is_never_written_over(server: Server, town: ServedTown) -> None:
    before, path = signed(town), log_folder(server.storage.root, town.uuid) / "tile/0/000"
    path.write_bytes(bytes(32 * 256))
    grow_by(server, town, 300)
    assert server.sequencer.step() == 0
    assert server.sequencer.stopped == {town.uuid: "tile-changed"}
    assert (signed(town), path.read_bytes()) == (before, bytes(32 * 256))


def test_a_write_that_fails_at_any_place_is_made_up_for_at_the_next_start(
    server: Server, town: ServedTown, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill, left = durable_files._fill, 0

    def failing(handle: int, content: bytes) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            os.write(handle, content[: len(content) // 2])
            os.close(handle)
            raise OSError(errno.EIO, "Input/output error")
        fill(handle, content)

    store = FolderTiles(log_folder(server.storage.root, town.uuid))
    for place in range(100):
        grow_by(server, town, 300)
        before, left = signed(town), place
        with monkeypatch.context() as patched:
            patched.setattr(durable_files, "_fill", failing)
            done = server.sequencer.step()
        if done:
            break
        state = LogStateFile(server.storage.root / "log-state" / town.uuid).read()
        assert state is not None
        # What was signed has all of its tiles; what was not leaves the state as it was.
        assert TileReader(store, state.size).root() == state.root
        assert signed(town) == before or left == -1
        with pytest.raises(Refused, match="Input/output"):
            server.storage.verify_writable()
        server.storage._failure = None
        again = begun(server)
        newest = again.newest(town.uuid)
        assert newest is not None
        assert again.sequence(town.uuid) or signed(town) != before
        later = again.newest(town.uuid)
        assert later is not None
        proven_consistency(store, newest.checkpoint, later.checkpoint)
        verify_tiles(store, later.checkpoint)
    assert place > 5, "bundle, tiles, state and checkpoint were each the one that failed"


@pytest.mark.parametrize("name", ["entry", "election"])
def test_a_deleted_table_is_noticed_and_nothing_is_signed(server: Server, town: ServedTown, name: str) -> None:
    before = signed(town)
    sqlite = server.storage.database.sqlite
    with closing(server.storage.database.engine.raw_connection()) as connection:
        if sqlite:
            connection.cursor().execute("PRAGMA foreign_keys=0")
        connection.cursor().execute(f"DROP TABLE {name}" + ("" if sqlite else " CASCADE"))
        connection.commit()
    served = log_folder(server.storage.root, town.uuid) / "checkpoint"
    note = served.read_bytes()
    with pytest.raises(DBAPIError):
        server.sequencer.sequence(town.uuid)
    server.close()
    assert code_of(lambda: open_server(server.settings)) == "database-damaged"
    assert (signed(town), served.read_bytes()) == (before, note)
