"""A whole campaign over HTTP only: three contests, sixty voters, two of three trustees, votes cast again, one trustee missing.

Played once on each kind of database; then audited by us, by other people's tool, and searched for what must not be there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import MetaData, create_engine, select

from tests.interop.tool import BeleniosTool
from tests.service.conftest import empty_postgres
from tests.service.hand_clock import HandClock
from tests.service.http_campaign import HttpCampaign, campaign
from veche.ballot.encrypted_ballot import read_ballot
from veche.ballot.prepared_ballot import Choices
from veche.cli.main import run
from veche.ledger.chain_reader import read_chain
from veche.ledger.event import EventType
from veche.observer.sources import open_source

VOTERS = 60
# One process plays the campaign, and all tests of this module look at it.
pytestmark = pytest.mark.slow


@dataclass(frozen=True, slots=True)
class Played:
    """A campaign that was played to its end, on a server that still runs."""

    story: HttpCampaign
    folder: Path
    database: str


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def played(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    folder = tmp_path_factory.mktemp("campaign")
    if request.param == "sqlite":
        with campaign(folder, "", HandClock(), VOTERS) as story:
            play(story)
            yield Played(story, folder, story.server.settings.database_url)
        return
    with empty_postgres() as url, campaign(folder, url, HandClock(), VOTERS) as story:
        play(story)
        yield Played(story, folder, url)


def choices_of(number: int, place: int) -> Choices:
    """What voter `place` chooses in district `number`: spread over all answers."""
    if number == 1:
        return (tuple(int(place % 4 == one) for one in range(4)),)
    if number == 2:
        return (tuple(int(place % 3 == one) for one in range(3)),)
    return ((1, int(place % 2 == 0), 0),)


def play(story: HttpCampaign) -> None:
    """The contests open one after the other; the second is open while people vote in the first."""
    story.prepare()
    for number, uuid in enumerate(story.uuids, 1):
        story.open(uuid)
        story.vote(uuid, [(place, choices_of(number, place)) for place in range(VOTERS - number)])
    for number, uuid in enumerate(story.uuids, 1):
        # Every tenth voter votes again, for what voter 1 had chosen.
        story.vote(uuid, [(place, choices_of(number, 1)) for place in range(0, VOTERS - number, 10)])
    for uuid in story.uuids:
        story.close(uuid)
        story.count(uuid, present=(1, 3))
    story.certify(story.uuids[0])


def expected(number: int) -> list[int]:
    """The plain count."""
    last = {place: choices_of(number, 1 if place % 10 == 0 else place)[0] for place in range(VOTERS - number)}
    return [sum(marks[one] for marks in last.values()) for one in range(len(choices_of(number, 0)[0]))]


def test_each_contest_is_counted_rightly_and_stands_the_audit(played: Played, capsys: pytest.CaptureFixture[str]) -> None:
    story = played.story
    for number, uuid in enumerate(story.uuids, 1):
        capsys.readouterr()
        assert run(["audit", story.record(uuid), "--level", "strict", "--json"]) == 0
        audited = json.loads(capsys.readouterr().out)
        assert (audited["verdict"], audited["level"]) == ("ok", "strict")
        assert audited["state"] == ("certified" if number == 1 else "published")
        assert audited["result"] == [expected(number)]
        assert audited["counts"]["ballots"] == len(story.accepted[uuid])
        # The server signs its logs without being told to, and the same run has checked that.
        checked = {one["code"]: one["checked"] for one in audited["steps"]}
        assert checked["log-root"] == 1 and checked["log-tiles"] >= 2


@pytest.mark.interop
def test_other_peoples_tool_accepts_each_archive_and_ballot_and_adds_up_the_same(
    played: Played, belenios_tool: Path, tmp_path: Path
) -> None:
    tool = BeleniosTool(belenios_tool)
    for uuid in played.story.uuids:
        with open_source(played.story.record(uuid)).archive() as stream:
            archive = stream.read()
        bench = tool.at(tmp_path / uuid)
        path = bench.file(f"{uuid}.bel", archive)
        bench.verify()
        with path.open("rb") as stream:
            chain = list(read_chain(stream))
        tally = next(item for item in chain if item.event.type is EventType.ENCRYPTED_TALLY)
        assert list(bench.compute_encrypted_tally()) == [record.content for record in tally.records]
        assert tool.objections(path, [item for item in chain if item.event.type is EventType.BALLOT]) == []


def rows_of(database: str) -> dict[str, list[dict[str, object]]]:
    """Every row of every table."""
    engine, found = create_engine(database), MetaData()
    found.reflect(engine)
    with engine.connect() as connection:
        rows = {name: [dict(row._mapping) for row in connection.execute(select(table))] for name, table in found.tables.items()}
    engine.dispose()
    return rows


def test_no_table_joins_a_person_a_session_or_an_address_with_a_ballot(played: Played) -> None:
    rows, story = rows_of(played.database), played.story
    secret = {*story.codes.values()}
    about_ballots = {read_ballot(raw).tracker for raws in story.accepted.values() for raw in raws}
    about_ballots |= {read_ballot(raw).credential for raws in story.accepted.values() for raw in raws}
    record = {"ballot", "credential", "entry", "archive_record", "data_file", "election", "turnout"}
    for name, found in rows.items():
        text = "\n".join(str({key: _shown(value) for key, value in row.items()}) for row in found)
        assert not [code for code in secret if code in text], f"{name} holds a voter's code"
        assert "127.0.0.1" not in re.sub(r"127\.0\.0\.1:\d+", "", text), f"{name} holds an address"
        assert "python-httpx" not in text, f"{name} holds a user agent"
        if name not in record and name != "contest":
            assert not [one for one in about_ballots if one in text], f"{name} speaks of ballots or credentials"
    # What stands beside a tracker: places in the record, and the time that the voter's own acknowledgement has.
    assert set(rows["ballot"][0]) == {"uuid", "tracker", "height", "credential", "event", "time", "offset", "size"}
    assert set(rows["turnout"][0]) == {"uuid", "hour", "ballots", "voters"}
    people = {name for name, found in rows.items() if found and {"account", "email", "token"} & set(found[0])}
    assert people.isdisjoint(record)


def test_no_file_of_the_server_holds_a_code_a_token_or_an_address(played: Played) -> None:
    story = played.story
    tokens = [one.invitation.partition("#")[2] for one in story.trustees]
    tokens += [story.olga.headers["X-CSRF-Token"], *(cookie.value or "" for cookie in story.olga.cookies.jar)]
    secret = [one.encode() for one in (*story.codes.values(), *tokens) if one]
    files = [path for path in (played.folder / "data").rglob("*") if path.is_file()]
    assert len(files) > 10
    for path in files:
        content = path.read_bytes()
        assert not [one for one in secret if one in content], f"{path.name} holds a secret"


def _shown(value: object) -> object:
    return bytes(value).decode("utf-8", "replace") if isinstance(value, bytes | memoryview) else value
