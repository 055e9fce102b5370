"""A ballot made by the real belenios-tool from the files that the server hands out goes into our ballot box."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.interop.tool import BeleniosTool
from tests.service.hand_clock import HandClock
from tests.service.town import ServedTown, open_town
from veche.cli.demo_town import login
from veche.observer.audit import audit
from veche.service.application import create_application
from veche.service.server import Server

pytestmark = pytest.mark.interop


@pytest.fixture
def client(server: Server) -> Iterator[TestClient]:
    with TestClient(create_application(server)) as made:
        yield made


@pytest.fixture
def town(server: Server, clock: HandClock, tmp_path: Path) -> ServedTown:
    return open_town(server, clock, tmp_path / "town")


def test_a_ballot_of_belenios_tool_from_the_served_archive_is_accepted(
    client: TestClient, town: ServedTown, belenios_tool: Path, tmp_path: Path
) -> None:
    folder = BeleniosTool(belenios_tool).at(tmp_path / "tool")
    served = client.get(f"/observer/elections/{town.uuid}/archive.bel")
    assert served.status_code == 200
    folder.file(f"{town.uuid}.bel", served.content)
    for place, marks in ((0, [[1, 0, 0]]), (1, [[0, 0, 1]])):
        raw = folder.generate_ballot(town.codes[login(place)], marks)
        answer = client.post(f"/api/elections/{town.uuid}/ballots", content=raw)
        assert answer.status_code == 201, answer.text
    report = audit(town.source(), level="strict")
    assert (report.verdict, report.counts["ballots"]) == ("ok", 2)
