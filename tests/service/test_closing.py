"""The end of voting: each ballot is in with an acknowledgement before EndBallots, or refused, whatever happens meanwhile."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from tests.service.hand_clock import HandClock
from tests.service.stepped_clock import Machine
from tests.service.test_lifecycle import cast, incidents, row_of, verdict
from tests.service.town import HOUR, ServedTown, open_town
from veche.ballot.acknowledgement import parse_acknowledgement
from veche.ballot.encrypted_ballot import read_ballot
from veche.crypto.errors import ElectionError
from veche.ledger.event import EventType
from veche.observer.audit import audit
from veche.observer.record_rows import ballot_row
from veche.observer.tables import ballots, entries
from veche.service import lifecycle, voting
from veche.service.appender import Acknowledged
from veche.service.contest_desk import held_desk
from veche.service.lifecycle import advance
from veche.service.server import Server, open_server
from veche.service.settings import Settings
from veche.service.timers import Timers

CLIENTS = 200


def kinds(town: ServedTown) -> list[str]:
    """The types of all entries, in order."""
    with town.server.storage.database.reading() as connection:
        query = select(entries.c.kind).where(entries.c.uuid == town.uuid).order_by(entries.c.place)
        return list(connection.execute(query).scalars())


async def race(town: ServedTown, offered: Sequence[bytes], meanwhile: Callable[[], None]) -> list[Acknowledged | BaseException]:
    """All are cast at once, each by its own client; `meanwhile` runs in a thread when the first answers are there."""
    casting = town.server.casting
    clients = [asyncio.create_task(casting.cast(town.uuid, raw, f"192.0.2.{number}")) for number, raw in enumerate(offered)]
    await asyncio.wait(clients, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.to_thread(meanwhile)
    return await asyncio.gather(*clients, return_exceptions=True)


def verify_nothing_between(town: ServedTown, offered: Sequence[bytes], answers: Sequence[Acknowledged | BaseException]) -> int:
    """Each ballot is in the record and acknowledged, or not there and refused with `not-open`; how many are in."""
    log = town.manifest.log
    assert log is not None
    inside = 0
    with town.server.storage.database.reading() as connection:
        for raw, answer_given in zip(offered, answers, strict=True):
            stored = ballot_row(connection, town.uuid, read_ballot(raw).tracker)
            if isinstance(answer_given, Acknowledged):
                assert stored is not None
                said = parse_acknowledgement(answer_given.note, log.box)
                assert (said.tracker, said.height, said.event) == (stored.tracker, stored.height, stored.event)
                assert said.time < row_of(town).closes_at
                inside += 1
            else:
                assert isinstance(answer_given, ElectionError)
                assert answer_given.code == "not-open"
                assert stored is None
        assert len(connection.execute(select(ballots.c.tracker)).all()) == inside
    order = kinds(town)
    end = order.index(EventType.END_BALLOTS)
    assert order.index("closed") == end + 1
    assert "Ballot" not in order[end:]
    return inside


@pytest.mark.slow
def test_two_hundred_clients_race_the_close_and_nobody_is_left_in_between(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Machine(monkeypatch)
    server = open_server(settings, machine.steady)
    try:
        town = open_town(server, machine, tmp_path / "town", CLIENTS)
        offered = [town.ballot(place) for place in range(CLIENTS)]
        timers = Timers(server)
        machine.time = town.manifest.closes_at - 1

        def end_of_voting() -> None:
            # The wall clock is set an hour back and an hour ahead: nothing happens. A second later voting ends.
            for seconds in (-HOUR, 2 * HOUR, -HOUR):
                machine.step(seconds)
                assert timers.look() == []
            machine.time = town.manifest.closes_at
            assert timers.look() == [(town.uuid, "closed")]

        answers = asyncio.run(race(town, offered, end_of_voting))
        inside = verify_nothing_between(town, offered, answers)
        # A race in which one side always wins would show nothing.
        assert 0 < inside < CLIENTS
        report = audit(town.source(), level="strict")
        assert (report.verdict, report.state, report.counts["ballots"]) == ("ok", "closed", inside)
        # Whoever was acknowledged is told so after the close, too; whoever was refused stays refused.
        for raw, first in zip(offered[:3] + offered[-3:], [*answers[:3], *answers[-3:]], strict=True):
            again = asyncio.run(race(town, [raw], lambda: None))[0]
            if isinstance(first, Acknowledged):
                assert again == replace(first, new=False)
            else:
                assert isinstance(again, ElectionError)
                assert again.code == "not-open"
    finally:
        server.close()


@pytest.mark.postgresql
def test_clients_of_two_servers_race_a_close_by_a_third(
    postgres_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On PostgreSQL the election's row is all that they share."""
    machine = Machine(monkeypatch)
    settings = Settings(data=tmp_path / "data", database=postgres_database, checkers=1, worker=False)
    servers = [open_server(settings, machine.steady) for _ in range(3)]
    try:
        town = open_town(servers[0], machine, tmp_path / "town", 60)
        offered = [town.ballot(place) for place in range(60)]
        machine.time = town.manifest.closes_at - 1

        async def both() -> list[Acknowledged | BaseException]:
            def close() -> None:
                machine.time = town.manifest.closes_at
                assert Timers(servers[2]).look() == [(town.uuid, "closed")]

            first = race(town, offered[:30], close)
            second = race(replace(town, server=servers[1]), offered[30:], lambda: None)
            return [one for each in await asyncio.gather(first, second) for one in each]

        inside = verify_nothing_between(town, offered, asyncio.run(both()))
        assert 0 < inside < 60
        assert verdict(town) == ("ok", "closed")
    finally:
        for server in servers:
            server.close()


def test_several_processes_that_close_at_once_close_once(server: Server, clock: HandClock, tmp_path: Path) -> None:
    town = open_town(server, clock, tmp_path / "town")
    clock.time = town.manifest.closes_at
    done: list[str | None] = []
    start = threading.Barrier(8)

    def close() -> None:
        start.wait()
        done.append(advance(server, town.uuid))

    threads = [threading.Thread(target=close) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, done)) == [*["None"] * 7, "closed"]
    assert kinds(town).count("closed") == kinds(town).count("EndBallots") == 1
    assert verdict(town) == ("ok", "closed")


def test_a_process_that_was_down_over_the_deadline_closes_late_and_says_so(
    settings: Settings, clock: HandClock, tmp_path: Path
) -> None:
    server = open_server(settings, clock)
    town = open_town(server, clock, tmp_path / "town")
    cast(town, 0, 1)
    raw = town.ballot(2)
    server.close()
    clock.time = town.manifest.closes_at + 7 * HOUR
    later = open_server(settings, clock)
    try:
        town = replace(town, server=later)
        answers = asyncio.run(race(town, [raw], lambda: None))
        assert [getattr(one, "code", None) for one in answers] == ["not-open"]
        assert Timers(later).look() == [(town.uuid, "closed")]
        assert incidents(town) == [lifecycle.LATE_CLOSING]
        assert kinds(town)[-3:] == ["incident", "EndBallots", "closed"]
        assert verdict(town) == ("ok", "closed")
    finally:
        later.close()


def test_a_close_within_a_minute_needs_no_explanation(server: Server, clock: HandClock, tmp_path: Path) -> None:
    town = open_town(server, clock, tmp_path / "town")
    clock.time = town.manifest.closes_at + voting.TOLERANCE
    assert advance(server, town.uuid) == "closed"
    assert incidents(town) == []
    assert verdict(town) == ("ok", "closed")


def test_a_vote_that_is_suspended_over_its_end_closes_too(server: Server, clock: HandClock, tmp_path: Path) -> None:
    town = open_town(server, clock, tmp_path / "town")
    cast(town, 0, 1)
    with held_desk(server.storage, clock, town.uuid) as desk:
        voting.suspend(desk, "attack")
    clock.time = town.manifest.closes_at - 1
    assert advance(server, town.uuid) is None
    clock.time = town.manifest.closes_at
    assert advance(server, town.uuid) == "closed"
    assert verdict(town) == ("ok", "closed")


def test_end_ballots_and_closed_are_never_apart(
    server: Server, clock: HandClock, tmp_path: Path
) -> None:
    town = open_town(server, clock, tmp_path / "town")
    cast(town, 0)
    clock.time = town.manifest.closes_at
    before = row_of(town)
    refuse_closed(server, before)
    with pytest.raises(DBAPIError):
        advance(server, town.uuid)
    assert row_of(town) == before
    assert "EndBallots" not in kinds(town)
    allow_closed(server)
    assert advance(server, town.uuid) == "closed"
    assert verdict(town) == ("ok", "closed")


def refuse_closed(server: Server, row: object) -> None:
    """The database itself refuses the annex `closed`, after it has taken EndBallots."""
    with server.storage.database.writing() as connection:
        if server.storage.database.sqlite:
            connection.exec_driver_sql(
                "CREATE TRIGGER no_closed BEFORE INSERT ON entry WHEN NEW.kind = 'closed' BEGIN SELECT RAISE(ABORT, 'no'); END"
            )
        else:
            connection.exec_driver_sql("ALTER TABLE entry ADD CONSTRAINT no_closed CHECK (kind <> 'closed') NOT VALID")


def allow_closed(server: Server) -> None:
    with server.storage.database.writing() as connection:
        connection.exec_driver_sql(
            "DROP TRIGGER no_closed" if server.storage.database.sqlite else "ALTER TABLE entry DROP CONSTRAINT no_closed"
        )


def test_nothing_moves_the_end_nearer(server: Server, clock: HandClock, tmp_path: Path) -> None:
    town = open_town(server, clock, tmp_path / "town")
    for until in (town.manifest.closes_at - 1, town.manifest.closes_at):
        with pytest.raises(ElectionError) as refused, held_desk(server.storage, clock, town.uuid) as desk:
            voting.extend(desk, until, "rain")
        assert refused.value.code == "entry-time"
    clock.time = town.manifest.closes_at - 1
    with pytest.raises(ElectionError) as refused, held_desk(server.storage, clock, town.uuid) as desk:
        voting.close_vote(desk)
    assert refused.value.code == "too-early"
    assert row_of(town).closes_at == town.manifest.closes_at


def test_a_later_end_in_the_last_second_wins_and_from_the_end_on_it_loses(
    server: Server, clock: HandClock, tmp_path: Path
) -> None:
    town = open_town(server, clock, tmp_path / "town")
    ends = town.manifest.closes_at
    clock.time = ends - 1
    with held_desk(server.storage, clock, town.uuid) as desk:
        voting.extend(desk, ends + HOUR, "rain")
    clock.time = ends
    assert advance(server, town.uuid) is None
    cast(town, 0)
    clock.time = ends + HOUR
    with pytest.raises(ElectionError) as refused, held_desk(server.storage, clock, town.uuid) as desk:
        voting.extend(desk, ends + 2 * HOUR, "snow")
    assert refused.value.code == "entry-time"
    assert advance(server, town.uuid) == "closed"
    assert incidents(town) == []
    assert verdict(town) == ("ok", "closed")


def test_a_later_end_that_races_the_close_wins_or_loses_as_a_whole(server: Server, clock: HandClock, tmp_path: Path) -> None:
    town = open_town(server, clock, tmp_path / "town")
    ends = town.manifest.closes_at
    clock.time = ends - 1
    start, said = threading.Barrier(3), dict[str, object]()

    def extend() -> None:
        start.wait()
        try:
            with held_desk(server.storage, clock, town.uuid) as desk:
                voting.extend(desk, ends + HOUR, "rain")
            said["extend"] = "extended"
        except ElectionError as error:
            said["extend"] = error.code

    def close() -> None:
        start.wait()
        clock.time = ends
        said["close"] = advance(server, town.uuid)

    threads = [threading.Thread(target=extend), threading.Thread(target=close)]
    for thread in threads:
        thread.start()
    start.wait()
    for thread in threads:
        thread.join()
    closed = {"extend": "entry-time", "close": "closed"}, {"extend": "entry-order", "close": "closed"}
    assert said in (*closed, {"extend": "extended", "close": None})
    assert verdict(town)[0] == "ok"


def test_nothing_is_suspended_once_voting_has_ended(server: Server, clock: HandClock, tmp_path: Path) -> None:
    """Such an entry would excuse a close that comes hours late."""
    town = open_town(server, clock, tmp_path / "town")
    clock.time = town.manifest.closes_at
    with pytest.raises(ElectionError) as refused, held_desk(server.storage, clock, town.uuid) as desk:
        voting.suspend(desk, "attack")
    assert refused.value.code == "not-open"


def test_after_a_failed_write_no_step_is_taken(server: Server, clock: HandClock, tmp_path: Path) -> None:
    town = open_town(server, clock, tmp_path / "town")
    clock.time = town.manifest.closes_at
    server.storage.fail("the disk is full")
    with pytest.raises(ElectionError) as refused:
        advance(server, town.uuid)
    assert refused.value.code == "storage-failed"
    assert row_of(town).state == "open"


def test_a_wall_clock_set_by_an_hour_is_told_once_in_the_record_and_changes_nothing(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Machine(monkeypatch)
    server = open_server(settings, machine.steady)
    try:
        town = open_town(server, machine, tmp_path / "town")
        timers = Timers(server)
        timers.report_clock()
        assert incidents(town) == []
        machine.step(HOUR)
        before = machine.now()
        for _ in range(3):
            timers.report_clock()
        assert machine.now() == before
        assert incidents(town) == ["clock-stepped"]
        cast(town, 0)
        assert verdict(town) == ("ok", "open")
    finally:
        server.close()


