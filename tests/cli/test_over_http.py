"""Voters and registrar at a server's address: every command that takes a record's folder takes its address, too."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.observer.live_server import serving
from tests.service.conftest import checkers, clock, database, postgres_database, postgres_tables, server, settings
from tests.service.hand_clock import HandClock
from tests.service.town import ServedTown, draft, plan
from veche.cli.demo_town import login
from veche.cli.main import run
from veche.cli.registrar import register, save_registration
from veche.cli.voter_codes import parse_codes
from veche.crypto.scalar import system_randomness
from veche.observer.durable_files import write_private
from veche.service.application import create_application
from veche.service.server import Server

__all__ = ["checkers", "clock", "database", "postgres_database", "postgres_tables", "server", "settings"]

VOTERS = 6


@pytest.fixture
def town(server: Server, clock: HandClock, tmp_path: Path) -> ServedTown:
    """A sealed election whose registrar has her private folder: no code is handed out yet."""
    made = draft(server, clock, tmp_path / "town", plan(VOTERS, clock.now()))
    made.make_keys()
    made.drill()
    voters = "\n".join(["login", *(login(place) for place in range(VOTERS))]) + "\n"
    registration = register(voters.encode(), [], [made.manifest], system_randomness)
    save_registration(registration, tmp_path / "private", tmp_path / "public")
    made.codes, made.credentials = parse_codes(registration.codes), registration.public[made.uuid]
    made.seal()
    return made


@pytest.fixture
def address(server: Server, town: ServedTown) -> Iterator[str]:
    with serving(create_application(server)) as base:
        yield f"{base}/observer/elections/{town.uuid}"


def test_a_registrar_works_with_the_address_of_the_record(
    town: ServedTown, address: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record, key = ["--private", str(tmp_path / "private"), "--folder", address], tmp_path / "registrar.key"
    write_private(key, town.registrar.private_text().encode() + b"\n")
    assert run(["registrar", "letters", *record, "--out", str(tmp_path / "letters")]) == 0
    sheets = (tmp_path / "letters" / "letters.html").read_text("utf-8")
    assert sheets.count('<article lang="en">') == sheets.count('<article lang="ru">') == VOTERS
    assert run(["registrar", "issue", *record, "--key", str(key), "--out", str(tmp_path / "out"), "--all"]) == 0
    assert json.loads((tmp_path / "out" / f"issued-{VOTERS}.json").read_bytes())["election"] == town.uuid
    town.issue()
    capsys.readouterr()
    assert run(["registrar", "status", *record]) == 0
    assert f"named as handed out:       {VOTERS}" in capsys.readouterr().out


def test_a_voter_works_with_the_address_of_the_record(
    town: ServedTown, address: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    town.issue()
    town.open()
    code, ballot = tmp_path / "code", tmp_path / "ballot.json"
    code.write_text(town.codes[login(0)])
    given = ["--election", address, "--code-file", str(code), "--choose", "2"]
    assert run(["voter", "encrypt", *given, "--cast", str(ballot)]) == 0
    assert run(["voter", "encrypt", *given, "--open", str(tmp_path / "opened.json")]) == 0
    assert run(["voter", "check-opened", str(tmp_path / "opened.json"), "--election", address]) == 0
    assert run(["verify-ballot", "--election", address, str(ballot)]) == 0
    raw = ballot.read_bytes().removesuffix(b"\n")
    asyncio.run(town.server.casting.cast(town.uuid, raw, "192.0.2.1"))
    capsys.readouterr()
    assert run(["voter", "track", address, str(ballot)]) == 0
    assert "event 1." in capsys.readouterr().out
    assert run(["voter", "my-ballots", address, "--code-file", str(code)]) == 0
    assert "1 ballot(s) with your code" in capsys.readouterr().out
