"""A contest goes on by itself: by the clock, by the trustees' and the registrar's work, and by nobody else's word."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import insert, select, update

from tests.service.hand_clock import HandClock
from tests.service.town import HOUR, ServedTown, draft, open_town, plan
from veche.crypto.canonical_json import Json
from veche.crypto.errors import ElectionError, Inconsistent
from veche.ledger.annex import Cancelled, Incident
from veche.ledger.entry import parse_entry
from veche.observer.audit import audit
from veche.observer.record_rows import ElectionRow, election_row, entries_but_ballots
from veche.service import counting, lifecycle, voting
from veche.service.approvals import Approval
from veche.service.approved_steps import KEYS_LOST, end_election
from veche.service.audit_trail import notes_of
from veche.service.contest_desk import held_desk
from veche.service.jobs import queue_job
from veche.service.lifecycle import advance, count_now
from veche.service.roll_call import FRESH
from veche.service.server import Server
from veche.service.tables import campaigns, jobs, roll_calls
from veche.service.timers import Timers
from veche.service.worker import Worker


def row_of(town: ServedTown) -> ElectionRow:
    with town.server.storage.database.reading() as connection:
        return election_row(connection, town.uuid)


def answer(town: ServedTown, *owners: int, time: int | None = None) -> None:
    """These trustees answer the roll-call."""
    with town.server.storage.database.writing() as connection:
        for owner in owners:
            values = {"uuid": town.uuid, "owner": owner, "time": town.clock.now() if time is None else time}
            connection.execute(insert(roll_calls).values(values))


def cast(town: ServedTown, *places: int) -> None:
    for place in places:
        assert asyncio.run(town.server.casting.cast(town.uuid, town.ballot(place), "192.0.2.1")).new


def incidents(town: ServedTown) -> list[str]:
    with town.server.storage.database.reading() as connection:
        rows = entries_but_ballots(connection, town.uuid)
    found = [parse_entry(one.text, town.uuid) for one in rows]
    return [one.code for one in found if isinstance(one, Incident)]


def verdict(town: ServedTown) -> tuple[str, str | None]:
    report = audit(town.source(), level="strict")
    return report.verdict, report.state


def sealed_town(server: Server, clock: HandClock, folder: Path, voters: int = 4, **changes: object) -> ServedTown:
    town = draft(server, clock, folder, {**plan(voters, clock.now()), **changes})  # type: ignore[dict-item]
    town.make_keys()
    town.drill()
    town.register(voters)
    town.seal()
    town.issue()
    return town


@pytest.fixture
def town(server: Server, clock: HandClock, tmp_path: Path) -> ServedTown:
    return open_town(server, clock, tmp_path / "town")


def test_a_contest_lives_its_whole_life_by_itself_and_stands_the_audit_at_every_stage(
    server: Server, clock: HandClock, tmp_path: Path
) -> None:
    town = draft(server, clock, tmp_path / "town", plan(4, clock.now()))
    town.make_keys()
    town.drill()
    town.register(4)
    town.approve_seal()
    worker = Worker(server)
    with server.storage.database.writing() as connection:
        queue_job(connection, "seal", f"seal {town.uuid}", {"election": town.uuid}, clock.now())
    assert worker.do_one()
    assert verdict(town) == ("ok", "sealed")
    town.issue()
    answer(town, 1, 2, 3)
    assert advance(server, town.uuid) is None
    clock.time = town.manifest.opens_at
    assert advance(server, town.uuid) == "open"
    assert verdict(town) == ("ok", "open")
    cast(town, 0, 1, 2)
    assert advance(server, town.uuid) is None
    clock.time = town.manifest.closes_at
    assert advance(server, town.uuid) == "closed"
    assert verdict(town) == ("ok", "closed")
    assert advance(server, town.uuid) is None
    assert not worker.do_one()
    town.issue([])
    assert advance(server, town.uuid) is None
    assert worker.do_one()
    assert verdict(town) == ("ok", "decrypting")
    assert advance(server, town.uuid) is None
    for place in (1, 3):
        delivery = town.share(place)
        with held_desk(server.storage, clock, town.uuid) as desk:
            counting.add_share(desk, delivery)
    assert advance(server, town.uuid) == "tallied"
    assert verdict(town) == ("ok", "tallied")
    assert advance(server, town.uuid) is None
    assert not worker.do_one()
    with server.storage.database.writing() as connection:
        queue_job(connection, "publish", f"publish {town.uuid}", {"election": town.uuid}, clock.now())
    assert worker.do_one()
    report = audit(town.source(), level="strict")
    assert (report.verdict, report.state, report.to_json()["result"]) == ("ok", "published", [[3, 0, 0]])
    with server.storage.database.reading() as connection:
        told = [(one.action, one.who) for one in reversed(notes_of(connection, row_of(town).campaign))]
        ended = set(connection.execute(select(jobs.c.status)).scalars())
    assert told == [(one, None) for one in ("sealed", "opened", "closed", "encrypted-tally", "result", "published")]
    assert ended == {"done"}
    assert incidents(town) == []


def test_one_too_few_at_the_roll_call_and_the_vote_does_not_open(server: Server, clock: HandClock, tmp_path: Path) -> None:
    town = sealed_town(server, clock, tmp_path / "town")
    answer(town, 1, 2)
    clock.time = town.manifest.opens_at
    assert advance(server, town.uuid) is None
    answer(town, 3)
    assert advance(server, town.uuid) == "open"


def test_an_answer_of_long_ago_does_not_count(server: Server, clock: HandClock, tmp_path: Path) -> None:
    town = sealed_town(server, clock, tmp_path / "town")
    answer(town, 1, 2)
    answer(town, 3, time=town.manifest.opens_at - FRESH - 1)
    clock.time = town.manifest.opens_at
    assert advance(server, town.uuid) is None
    with server.storage.database.writing() as connection:
        connection.execute(update(roll_calls).values(time=town.manifest.opens_at - FRESH))
    assert advance(server, town.uuid) == "open"


@pytest.mark.parametrize(("answered", "code"), [(-10, "late-opening"), (300, "late-roll-call")])
def test_a_late_opening_says_why_in_the_record(
    server: Server, clock: HandClock, tmp_path: Path, answered: int, code: str
) -> None:
    town = sealed_town(server, clock, tmp_path / "town")
    answer(town, 1, 2, 3, time=town.manifest.opens_at + answered)
    clock.time = town.manifest.opens_at + 301
    assert advance(server, town.uuid) == "open"
    assert incidents(town) == [code]
    assert verdict(town) == ("ok", "open")


def test_an_opening_within_a_minute_needs_no_explanation(server: Server, clock: HandClock, tmp_path: Path) -> None:
    town = sealed_town(server, clock, tmp_path / "town")
    answer(town, 1, 2, 3)
    clock.time = town.manifest.opens_at + voting.TOLERANCE
    assert advance(server, town.uuid) == "open"
    assert incidents(town) == []


def test_a_vote_that_did_not_open_before_its_end_never_opens(server: Server, clock: HandClock, tmp_path: Path) -> None:
    town = sealed_town(server, clock, tmp_path / "town")
    answer(town, 1, 2, 3)
    clock.time = town.manifest.closes_at
    assert advance(server, town.uuid) is None
    assert row_of(town).state == "sealed"


def test_fewer_than_the_minimum_are_withheld_after_the_registrar_s_last_word(town: ServedTown) -> None:
    cast(town, 0)
    town.clock.time = town.manifest.closes_at
    assert advance(town.server, town.uuid) == "closed"
    assert advance(town.server, town.uuid) is None
    town.issue([])
    assert advance(town.server, town.uuid) == "withheld"
    assert verdict(town) == ("ok", "withheld")
    assert not Worker(town.server).do_one()


def test_a_demonstration_publishes_by_itself_and_nothing_else_does(town: ServedTown) -> None:
    cast(town, 0, 1)
    town.close()
    town.tally()
    for place in (1, 2):
        delivery = town.share(place)
        with held_desk(town.server.storage, town.clock, town.uuid) as desk:
            counting.add_share(desk, delivery)
    assert advance(town.server, town.uuid) == "tallied"
    advance(town.server, town.uuid)
    assert not Worker(town.server).do_one()
    with town.server.storage.database.writing() as connection:
        connection.execute(update(campaigns).values(rehearsal=True, demo=True))
    advance(town.server, town.uuid)
    assert Worker(town.server).do_one()
    assert row_of(town).state == "published"


def test_work_done_twice_adds_nothing(town: ServedTown) -> None:
    cast(town, 0, 1)
    town.close()
    town.issue([])
    lifecycle.add_up(town.server, town.uuid)
    before = row_of(town)
    lifecycle.add_up(town.server, town.uuid)
    lifecycle.seal_contest(town.server, town.uuid)
    lifecycle.publish_result(town.server, town.uuid)
    assert row_of(town) == before


def test_a_tally_that_was_made_while_the_record_went_on_is_made_anew(town: ServedTown, monkeypatch: pytest.MonkeyPatch) -> None:
    cast(town, 0, 1)
    town.close()
    town.issue([])
    honest = counting.add_tally

    def overtaken(desk: object) -> object:
        with held_desk(town.server.storage, town.clock, town.uuid) as other:
            voting.add_incident(other, "meanwhile")
        return honest(desk)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(counting, "add_tally", overtaken)
        with pytest.raises(Inconsistent) as moved:
            lifecycle.add_up(town.server, town.uuid)
    assert moved.value.code == "record-moved"
    lifecycle.add_up(town.server, town.uuid)
    assert verdict(town) == ("ok", "decrypting")


def test_a_rehearsal_is_counted_at_once_when_asked(server: Server, clock: HandClock, tmp_path: Path) -> None:
    town = open_town(server, clock, tmp_path / "town", rehearsal=True)
    cast(town, 0, 1)
    assert count_now(server, town.uuid) == "closed"
    assert row_of(town).clock_offset == town.manifest.closes_at - clock.now()
    assert incidents(town) == []
    assert verdict(town) == ("ok", "closed")
    with pytest.raises(ElectionError, match="no vote to be ended"):
        count_now(server, town.uuid)


def test_a_rehearsal_s_clock_goes_forward_only(server: Server, clock: HandClock, tmp_path: Path) -> None:
    town = open_town(server, clock, tmp_path / "town", rehearsal=True)
    clock.time = town.manifest.closes_at + 30
    count_now(server, town.uuid)
    assert row_of(town).clock_offset == 0
    assert row_of(town).latest_time == clock.now()


def test_nobody_moves_the_clock_of_a_real_election(town: ServedTown) -> None:
    with pytest.raises(ElectionError) as refused:
        count_now(town.server, town.uuid)
    assert refused.value.code == "not-a-rehearsal"
    assert row_of(town).state == "open"


def give_up(town: ServedTown) -> None:
    """What two organizers have decided is done: too few trustees still have their keys."""
    details: dict[str, Json] = {"reason": KEYS_LOST, "successor": None, "state": row_of(town).state}
    decided = Approval(1, town.manifest.campaign, town.uuid, "cancel", details, 1, "Olga", town.clock.now(), "done", 2, None)
    with held_desk(town.server.storage, town.clock, town.uuid) as desk:
        end_election(desk, decided)


@pytest.mark.parametrize("stage", ["open", "closed", "decrypting"])
def test_keys_that_are_lost_end_in_a_cancelled_record_that_stands_the_audit(town: ServedTown, stage: str) -> None:
    cast(town, 0, 1)
    if stage != "open":
        town.close()
    if stage == "decrypting":
        town.tally()
        with held_desk(town.server.storage, town.clock, town.uuid) as desk:
            counting.add_share(desk, town.share(3))
    give_up(town)
    assert verdict(town) == ("ok", "cancelled")
    with town.server.storage.database.reading() as connection:
        last = entries_but_ballots(connection, town.uuid)[-1]
    said = parse_entry(last.text, town.uuid)
    assert isinstance(said, Cancelled)
    assert said.reason == "keys-lost"
    assert advance(town.server, town.uuid) is None


def test_keys_are_not_lost_when_enough_shares_are_there(town: ServedTown) -> None:
    cast(town, 0, 1)
    town.close()
    town.tally()
    for place in (1, 2):
        delivery = town.share(place)
        with held_desk(town.server.storage, town.clock, town.uuid) as desk:
            counting.add_share(desk, delivery)
    with pytest.raises(ElectionError) as refused:
        give_up(town)
    assert refused.value.code == "keys-there"


def test_timers_take_every_contest_as_far_as_it_can_go(server: Server, clock: HandClock, tmp_path: Path) -> None:
    first = sealed_town(server, clock, tmp_path / "first", contest="first")
    later = {"opens_at": clock.now() + 2 * HOUR}
    second = sealed_town(server, clock, tmp_path / "second", contest="second", **later)
    for town in (first, second):
        answer(town, 1, 2, 3)
    timers = Timers(server)
    assert timers.look() == []
    clock.time = first.manifest.opens_at
    assert timers.look() == [(first.uuid, "open")]
    clock.time = second.manifest.opens_at
    assert timers.look() == [(second.uuid, "open")]
    assert timers.look() == []
    clock.time = first.manifest.closes_at
    assert sorted(timers.look()) == sorted([(first.uuid, "closed"), (second.uuid, "closed")])


def test_trouble_with_one_contest_keeps_no_other_one_waiting(server: Server, clock: HandClock, tmp_path: Path) -> None:
    broken = sealed_town(server, clock, tmp_path / "broken", contest="a-broken-one")
    whole = sealed_town(server, clock, tmp_path / "whole", contest="whole")
    for town in (broken, whole):
        answer(town, 1, 2, 3)
    with server.storage.database.writing() as connection:
        connection.exec_driver_sql(f"UPDATE archive_record SET content = '' WHERE uuid = '{broken.uuid}' AND height = 0")
    clock.time = whole.manifest.opens_at
    assert Timers(server).look() == [(whole.uuid, "open")]
