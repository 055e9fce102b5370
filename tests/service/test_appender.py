"""The thread that writes ballots: whoever went away and whatever fails, all who wait hear something, and it goes on or says so."""

from __future__ import annotations

import asyncio
import socket
import sqlite3
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.service.hand_clock import HandClock
from tests.service.real_server import audited, fresh_ballots, open_now, running
from tests.service.town import ServedTown, open_town
from veche.ballot.encrypted_ballot import EncryptedBallot, read_ballot
from veche.crypto.errors import Refused
from veche.observer.record_rows import BallotRow, ElectionRow, election_row
from veche.service.appender import Acknowledged, Appender, Busy
from veche.service.server import Server


@pytest.fixture
def town(server: Server, clock: HandClock, tmp_path: Path) -> ServedTown:
    return open_town(server, clock, tmp_path / "town")


def checked(raw: bytes) -> EncryptedBallot:
    return EncryptedBallot(raw, read_ballot(raw).tracker, read_ballot(raw).credential, ())


def cast(town: ServedTown, raw: bytes) -> Acknowledged:
    return asyncio.run(town.server.casting.cast(town.uuid, raw, "192.0.2.1"))


def note(_: object, __: ElectionRow, stored: BallotRow) -> bytes:
    return stored.tracker.encode()


def test_those_that_gave_up_before_their_turn_do_not_stop_the_others(town: ServedTown) -> None:
    appender = Appender(town.server.storage, town.clock, note)
    ballots = [checked(town.ballot(place)) for place in range(6)]
    answers = [appender.put(town.uuid, ballot, 1) for ballot in ballots for _ in range(20)]
    for answer in answers[::3]:
        answer.cancel()
    appender.close()
    for number, answer in enumerate(answers):
        assert answer.cancelled() or answer.result().note == ballots[number // 20].tracker.encode()
    assert not any(answer.cancelled() for place, answer in enumerate(answers) if place % 3)


def test_what_the_database_does_not_take_takes_nothing_from_those_beside_it(town: ServedTown) -> None:
    appender = Appender(town.server.storage, town.clock, note)
    ballots = [checked(town.ballot(place)) for place in range(6)]
    nameless = [replace(ballot, credential=None) for ballot in ballots[::2]]  # type: ignore[arg-type]  # a column that may not be null
    mixed = [one for pair in zip(nameless, ballots[1::2], strict=True) for one in pair]
    answers = [appender.put(town.uuid, ballot, 1) for ballot in mixed]
    appender.close()
    for answer in answers[::2]:
        with pytest.raises(Busy):
            answer.result()
    assert [answer.result().note.decode() for answer in answers[1::2]] == [ballot.tracker for ballot in ballots[1::2]]
    with town.server.storage.database.reading() as connection:
        assert election_row(connection, town.uuid).ballots == 3


def test_after_its_end_nobody_waits_for_ever(town: ServedTown) -> None:
    appender = Appender(town.server.storage, town.clock, note)
    appender.close()
    with pytest.raises(Busy):
        appender.put(town.uuid, checked(town.ballot(0)), 1)


@pytest.mark.filterwarnings("ignore")
def test_a_mistake_of_ours_is_not_silent_it_stops_the_box_and_answers_those_who_wait(town: ServedTown) -> None:
    def broken(_: object, __: ElectionRow, ___: BallotRow) -> bytes:
        raise KeyError("a mistake")

    appender = Appender(town.server.storage, town.clock, broken)
    waiting = appender.put(town.uuid, checked(town.ballot(0)), 1)
    with pytest.raises(Busy):
        waiting.result(30)
    with pytest.raises(Busy):
        for _ in range(1000):
            appender.put(town.uuid, checked(town.ballot(1)), 1)
            time.sleep(0.01)
    with pytest.raises(Refused, match="stopped accepting"):
        cast(town, town.ballot(2))
    appender.close()


def test_a_database_that_somebody_else_holds_is_busy_and_then_taken_up_again(
    town: ServedTown, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = town.server.storage
    if not storage.database.sqlite:
        pytest.skip("PostgreSQL waits for the row alone")
    holder = sqlite3.connect(town.server.settings.data / "veche.sqlite3", isolation_level=None)
    with storage.database.writing() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout=50")
    holder.execute("BEGIN IMMEDIATE")
    raw = town.ballot(0)
    with pytest.raises(Busy):
        cast(town, raw)
    holder.execute("ROLLBACK")
    holder.close()
    assert storage.failure is None
    assert cast(town, raw).new


def test_a_client_that_breaks_off_leaves_nothing_and_harms_nobody(tmp_path: Path, database: str) -> None:
    town = open_now(tmp_path, database)
    first, second = fresh_ballots(town, 2)
    with running(town, database) as server:
        place = (server.url.split("//")[1].split(":")[0], int(server.url.rpartition(":")[2]))
        head = f"POST /api/elections/{town.uuid}/ballots HTTP/1.1\r\nHost: x\r\nContent-Length: {len(first)}\r\n\r\n".encode()
        for sent in (head + first[:100], head, head[:40]):
            with socket.create_connection(place) as broken:
                broken.sendall(sent)
        # A ballot that arrived whole may be in, whether or not anybody waits for its answer.
        with socket.create_connection(place) as broken:
            broken.sendall(head + first)
        assert server.cast(second).status_code == 201
        assert server.cast(first).status_code in (200, 201)
        assert server.stop() == 0
        assert "error" not in server.log.read_text().lower()
    assert audited(town, database).counts["ballots"] == 2
