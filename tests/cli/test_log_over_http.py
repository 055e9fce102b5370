"""A voter, a mirror and a watch at a real server: from the cast to the receipt that is checked against the mirror's copy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.observer.live_server import serving
from tests.service.conftest import checkers, clock, database, postgres_database, postgres_tables, server, settings
from tests.service.hand_clock import HandClock
from tests.service.town import ServedTown, open_town
from veche.cli.main import run
from veche.service.application import create_application
from veche.service.server import Server

__all__ = ["checkers", "clock", "database", "postgres_database", "postgres_tables", "server", "settings"]


@pytest.fixture
def town(server: Server, clock: HandClock, tmp_path: Path) -> ServedTown:
    town = open_town(server, clock, tmp_path / "town")
    town.server.sequencer.sequence(town.uuid)
    return town


@pytest.fixture
def address(town: ServedTown) -> Iterator[str]:
    with serving(create_application(town.server)) as base:
        yield f"{base}/observer/elections/{town.uuid}"


def test_from_the_cast_to_the_receipt(town: ServedTown, address: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ballot, copy, kept = tmp_path / "ballot", str(tmp_path / "m"), str(tmp_path / "my.tlog-proof")
    ballot.write_bytes(town.ballot(0))
    assert run(["mirror", address, copy, "--once"]) == 0
    assert run(["voter", "send", str(ballot), "--election", address]) == 0
    assert run(["voter", "receipt", str(ballot), "--election", address, "--out", kept, "--wait", "0"]) == 1
    assert "not-in-log-yet" in capsys.readouterr().err
    town.server.sequencer.sequence(town.uuid)
    assert run(["voter", "receipt", str(ballot), "--election", address, "--out", kept]) == 0
    assert run(["voter", "check-receipt", f"{ballot}.ack", "--election", copy]) == 0
    assert "take a newer one" in capsys.readouterr().out
    assert run(["mirror", address, copy, "--once"]) == 0
    assert run(["audit", copy, "--level", "strict"]) == 0
    capsys.readouterr()
    for paper in (f"{ballot}.ack", kept):
        assert run(["voter", "check-receipt", paper, "--election", copy, "--ballot", str(ballot)]) == 0
        said = capsys.readouterr().out
        assert "In the public log: entry" in said
        assert "Not counted yet: voting goes on" in said
    watched = ["watch", address, "--once", "--seen", kept, "--acknowledgement", f"{ballot}.ack", "--evidence", str(tmp_path / "e")]
    assert run(watched) == 0
    assert "in the log, entry" in capsys.readouterr().out
