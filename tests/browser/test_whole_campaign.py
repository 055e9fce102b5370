"""A campaign of three contests run completely by clicking, and what everybody can check of it afterwards."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.clicked_campaign import BLANK, DESK, ONE, THREE, TWO, VOTES, Story, counted, picture, plan, play
from tests.browser.conftest import watched_pages
from tests.browser.demonstration import Demonstration
from tests.browser.organizer_desk import Organizer
from tests.browser.registrar_office import Office
from tests.interop.tool import BeleniosTool
from tests.service.hand_clock import HandClock
from tests.service.http_campaign import running
from tests.service.signed_in import account
from veche.ledger.chain_reader import read_chain
from veche.ledger.event import EventType
from veche.observer.sources import open_source

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def story(chromium: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """The campaign, played to its end on a server that still runs."""
    folder, clock = tmp_path_factory.mktemp("campaign"), HandClock()
    with running(folder / "data", "", clock) as (server, base), watched_pages(chromium, Demonstration(base, folder, {})) as device:
        for email in ("olga@example.org", "oleg@example.org"):
            account(server, email)
        people = [Organizer(server, f"{name}@example.org", device(viewport=DESK)) for name in ("olga", "oleg")]
        office, contests = Office(folder / "office", tuple(VOTES)), plan(clock.time)
        told = Story(base, clock, folder, device, people[0], people[1], office, device(), contests)
        play(told)
        yield told


@pytest.mark.parametrize("title", [ONE, TWO, THREE])
def test_everybody_sees_certified_totals_of_what_was_voted(story: Story, title: str) -> None:
    page = story.observe(title)
    picture(page, f"result-{title}")
    assert "Certified result" in page.text()
    rows = [row.locator("th, td").all_inner_texts() for row in page.page.locator("table.result tbody tr").all()]
    seen = {answer.strip().replace("Blank votes", BLANK): int(votes) for answer, votes in rows}
    assert {answer: votes for answer, votes in seen.items() if votes} == counted(title)


def test_the_command_on_the_observers_page_finds_nothing_wrong(story: Story) -> None:
    for title in (ONE, TWO, THREE):
        shown = story.observe(title).page.locator("pre", has_text="veche audit").inner_text().split()
        assert shown[:2] == ["veche", "audit"] and shown[-2:] == ["--level", "strict"]
        command = [sys.executable, "-m", "veche.cli.main", *shown[1:]]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr


def test_other_peoples_tool_accepts_every_ballot_that_the_browser_made(story: Story, belenios_tool: Path, tmp_path: Path) -> None:
    tool, ballots = BeleniosTool(belenios_tool), 0
    for record in story.records:
        with open_source(record).archive() as stream:
            archive = stream.read()
        name = f"{record.rpartition('/')[2]}.bel"
        bench = tool.at(tmp_path / name)
        path = bench.file(name, archive)
        bench.verify()
        with path.open("rb") as stream:
            chain = [item for item in read_chain(stream) if item.event.type is EventType.BALLOT]
        assert tool.objections(path, chain) == []
        ballots += len(chain)
    assert ballots == sum(len(votes) for votes in VOTES.values()) + 1
