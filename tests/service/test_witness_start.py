"""Before a server signs anything, its witnesses are asked: an old backup and another history are caught, silence is told."""

from __future__ import annotations

import re
import shutil
import threading
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from sqlalchemy import delete, update

from tests.observer.witness_process import NAME, in_thread, new_witness
from tests.service.hand_clock import HandClock
from tests.service.town import ServedTown, draft, plan
from tests.service.witnessed_town import answering, code, confirmed, saying, submission, town_with, wait_for
from veche.crypto.errors import Inconsistent
from veche.crypto.scalar import system_randomness
from veche.crypto.signed_note import ML_DSA_44, VerifierKey
from veche.crypto.signing_key import SigningKey
from veche.observer import witness_server
from veche.observer.tables import elections, entries
from veche.observer.witness import open_witness
from veche.service.at_work import at_work
from veche.service.sequencer import Sequencer
from veche.service.server import Server, open_server
from veche.service.witness_start import verify_witnesses


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "witness"


@pytest.fixture
def key(folder: Path) -> VerifierKey:
    return new_witness(folder)


def reopened(town: ServedTown, url: str) -> Server:
    """The same folder and database, opened by a new process with the witness in its settings."""
    town.server.close()
    return open_server(town.server.settings.model_copy(update={"witnesses": f"{NAME}={url}", "sign_log": True}), town.clock)


def old_backup(town: ServedTown, *, outside: bool) -> None:
    """The database is as it was after the first entries; `outside`: the state outside the database is lost as well."""
    with town.server.storage.database.writing() as connection:
        connection.execute(delete(entries).where(entries.c.place >= 2))
        connection.execute(update(elections).values(entries=2))
    shutil.rmtree(town.server.storage.root / "heads", ignore_errors=True)
    if outside:
        shutil.rmtree(town.server.storage.root / "log-state")
        shutil.rmtree(town.server.storage.root / "log")


@pytest.fixture
def grown(server: Server, clock: HandClock, tmp_path: Path, folder: Path, key: VerifierKey) -> ServedTown:
    """Three entries of which the witness has cosigned all."""
    town = town_with(server, clock, tmp_path, folder, key)
    town.make_keys()
    server.sequencer.sequence(town.uuid)
    with in_thread(folder) as witness:
        assert submission(town, witness.url).step(NAME) == 1
    return town


def test_an_old_backup_is_caught_by_a_witness_where_the_outside_state_is_lost_too(grown: ServedTown, folder: Path) -> None:
    old_backup(grown, outside=True)
    with in_thread(folder) as witness, pytest.raises(Inconsistent, match="cosigned 3 entries") as refusal:
        reopened(grown, witness.url)
    assert refusal.value.code == "witness-ahead"
    assert not (grown.server.storage.root / "log" / grown.uuid / "checkpoint").exists(), "nothing was signed"


def test_an_old_backup_with_the_outside_state_is_caught_without_a_witness(grown: ServedTown) -> None:
    old_backup(grown, outside=False)
    with pytest.raises(Inconsistent) as refusal:
        reopened(grown, "http://127.0.0.1:9")
    assert refusal.value.code == "log-behind"


def changed(town: ServedTown) -> None:
    """Another history of the same length, with no state outside the database, that this server has begun to sign."""
    shutil.rmtree(town.server.storage.root / "log-state")
    shutil.rmtree(town.server.storage.root / "log")
    with town.server.storage.database.writing() as connection:
        connection.execute(update(entries).where(entries.c.place == 1).values(text=b"another"))


def test_another_history_is_caught_by_the_checkpoint_that_the_witness_shows(grown: ServedTown, folder: Path) -> None:
    changed(grown)
    with in_thread(folder) as witness, pytest.raises(Inconsistent) as refusal:
        reopened(grown, witness.url)
    assert refusal.value.code == "witness-contradicts"


def test_another_history_is_caught_by_a_witness_that_shows_no_checkpoint(
    grown: ServedTown, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed(grown)
    forked = Sequencer(grown.server.storage, grown.clock, grown.server.keys)
    forked.sequence(grown.uuid)
    monkeypatch.setattr(witness_server, "_NEWEST", re.compile("nothing"))
    with in_thread(folder) as witness, pytest.raises(Inconsistent) as refusal:
        reopened(grown, witness.url)
    assert refusal.value.code == "witness-contradicts"


def test_a_lost_state_is_taken_from_the_witness_when_the_database_is_whole(grown: ServedTown, folder: Path) -> None:
    shutil.rmtree(grown.server.storage.root / "log-state")
    shutil.rmtree(grown.server.storage.root / "log")
    with in_thread(folder) as witness:
        server = reopened(grown, witness.url)
        try:
            newest = server.sequencer.newest(grown.uuid)
            assert newest is not None
            assert newest.checkpoint.size == 3
        finally:
            server.close()


def test_a_witness_that_lags_or_says_nothing_is_only_told_of(grown: ServedTown) -> None:
    for status, body in ((404, b""), (503, b""), (200, b"nonsense"), (409, b"0\n"), (409, b"2\n")):
        with answering(saying(status, body)) as url:
            reopened(grown, url).close()


def test_a_witness_that_hangs_holds_up_the_start_for_a_bounded_time(grown: ServedTown) -> None:
    hangs = threading.Event()

    def hang(_: BaseHTTPRequestHandler) -> None:
        hangs.wait(30)

    with answering(hang) as url:
        began = time.monotonic()
        verify_witnesses(grown.server.sequencer, grown.server.storage.root, {NAME: url}, seconds=0.3)
        assert time.monotonic() - began < 3
        hangs.set()


@pytest.mark.parametrize("first", [False, True], ids=["the answering key last", "the answering key first"])
def test_a_witness_with_two_keys_of_one_name_is_asked_and_either_key_confirms(
    server: Server, clock: HandClock, tmp_path: Path, folder: Path, key: VerifierKey, first: bool
) -> None:
    spare = SigningKey.generate(NAME, system_randomness, ML_DSA_44).verifier
    pair = (key, spare) if first else (spare, key)
    two = "".join(f"witness {word} {one.text()}\n" for word, one in zip(("one", "two"), pair, strict=True)) + "quorum none\n"
    town = draft(server, clock, tmp_path / "town", {**plan(6, clock.now()), "policy": two})
    assert town.manifest.log is not None
    open_witness(folder, time.time).store.add_log(town.manifest.log.keys)
    server.sequencer.sequence(town.uuid)
    with in_thread(folder) as witness:
        verify_witnesses(server.sequencer, server.storage.root, {NAME: witness.url})
        made = submission(town, witness.url)
        assert made.step(NAME) == 1
        assert code(made) == "confirmed"
    assert confirmed(town) == 1


def test_a_server_at_work_has_its_checkpoints_confirmed(grown: ServedTown, folder: Path) -> None:
    with in_thread(folder) as witness:
        server = reopened(grown, witness.url)
        try:
            grown.server = server
            grown.drill()
            with at_work(server):
                wait_for(
                    lambda: server.sequencer.newest(grown.uuid) and confirmed(grown) == 1 and code(server.witnesses) == "confirmed"
                )
        finally:
            server.close()
