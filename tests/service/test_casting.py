"""The ballot box of the server: what it takes, what it refuses, and that everybody hears the truth about it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.service.hand_clock import HandClock
from tests.service.town import ServedTown, open_town
from veche.ballot.acknowledgement import parse_acknowledgement, verify_acknowledgement
from veche.ballot.encrypted_ballot import read_ballot
from veche.crypto.errors import ElectionError
from veche.observer.audit import audit
from veche.service.appender import Acknowledged
from veche.service.server import Server


@pytest.fixture
def town(server: Server, clock: HandClock, tmp_path: Path) -> ServedTown:
    return open_town(server, clock, tmp_path / "town")


def cast(town: ServedTown, raw: bytes) -> Acknowledged:
    return asyncio.run(town.server.casting.cast(town.uuid, raw, "192.0.2.1"))


def refusal(town: ServedTown, raw: bytes) -> str:
    with pytest.raises(ElectionError) as refused:
        cast(town, raw)
    return refused.value.code


def test_a_whole_election_in_the_database_stands_the_audit(town: ServedTown) -> None:
    for place in range(4):
        assert cast(town, town.ballot(place)).new
    assert cast(town, town.ballot(0, ((0, 1, 0),))).new
    town.close()
    town.tally()
    town.count()
    report = audit(town.source(), level="strict")
    assert (report.verdict, report.state, report.counts["ballots"]) == ("ok", "published", 5)
    assert report.to_json()["result"] == [[3, 1, 0]]


def test_an_acknowledgement_names_the_ballot_and_its_place(town: ServedTown) -> None:
    raw = town.ballot(0)
    answer = cast(town, raw)
    log = town.manifest.log
    assert log is not None
    said = parse_acknowledgement(answer.note, log.box)
    sealed = town.sealed()
    verify_acknowledgement(said, sealed.election.fingerprint, sealed.setup or "", read_ballot(raw).tracker)
    assert (said.height, said.time) == (1, town.clock.now())


def test_the_same_ballot_again_gives_the_same_bytes_and_adds_nothing(town: ServedTown) -> None:
    raw = town.ballot(0)
    first = cast(town, raw)
    town.clock.time += 100
    again = cast(town, raw)
    assert (first.new, again.new, first.note == again.note) == (True, False, True)
    town.close()
    assert cast(town, raw).note == first.note
    assert audit(town.source()).counts["ballots"] == 1


def test_a_hundred_at_once_give_one_event_and_equal_acknowledgements(town: ServedTown) -> None:
    raw = town.ballot(0)

    async def together() -> list[Acknowledged]:
        return await asyncio.gather(*(town.server.casting.cast(town.uuid, raw, "192.0.2.1") for _ in range(100)))

    answers = asyncio.run(together())
    assert len({answer.note for answer in answers}) == 1
    assert sum(answer.new for answer in answers) == 1
    assert audit(town.source()).counts["ballots"] == 1


def test_before_the_opening_and_from_the_end_on_nothing_is_taken(town: ServedTown) -> None:
    raw = town.ballot(0)
    town.clock.time = town.manifest.closes_at
    assert refusal(town, raw) == "not-open"
    town.clock.time = town.manifest.closes_at - 1
    assert cast(town, raw).new


def test_nobody_hears_of_a_ballot_whose_head_was_damaged_and_nothing_more_is_taken(town: ServedTown) -> None:
    head = town.server.settings.data / "heads" / town.uuid
    head.write_bytes(b"?" * head.stat().st_size)
    assert refusal(town, town.ballot(0)) == "storage-failed"
    assert town.server.storage.failure is not None
    assert refusal(town, town.ballot(1)) == "storage-failed"
