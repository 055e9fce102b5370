"""A log that stopped, and what witnesses say, is told in health, figures, the operator's status and by the doctor."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.observer.witness_process import NAME, new_witness
from tests.service.hand_clock import HandClock
from tests.service.signed_in import account, sign_in
from tests.service.test_metrics import figures, scraped
from tests.service.town import ServedTown, draft, plan
from veche.service.application import create_application
from veche.service.doctor import examine
from veche.service.server import Server
from veche.service.settings import Settings
from veche.service.settings_check import contradictions


@pytest.fixture
def database() -> str:
    """SQLite alone: nothing here depends on the kind of database."""
    return ""


@pytest.fixture
def town(server: Server, clock: HandClock, tmp_path: Path) -> ServedTown:
    key = new_witness(tmp_path / "witness")
    clock.time = int(time.time()) - 3600
    text = f"witness one {key.text()}\nquorum one\n"
    return draft(server, clock, tmp_path / "town", {**plan(6, clock.now()), "policy": text})


def told(town: ServedTown, **given: object) -> list[tuple[str, bool, str]]:
    settings = town.server.settings.model_copy(update={"sign_log": True, **given})
    found = [one for one in examine(settings, {}) if one.about in ("log", "witness")]
    return [(one.about, one.fine, one.sentence) for one in found]


def test_a_stopped_log_is_told_and_keeps_no_ballot_out(server: Server, town: ServedTown) -> None:
    client = TestClient(create_application(server))
    assert client.get("/readyz").json() == {"status": "ready"}
    (server.storage.root / "keys" / town.uuid / "log.key").unlink()
    server.sequencer.step()
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["warnings"] == [f"the log of election {town.uuid} is not signed any more (log-key)"]
    assert figures(scraped(server.metrics))["veche_logs_stopped",] == 1
    account(server, organizer=False, operator=True)
    sign_in(client, server)
    (stopped,) = client.get("/api/operator/status").json()["stopped_logs"]
    assert (stopped["election"], stopped["code"]) == (town.uuid, "log-key")
    assert "the key of its log is not there" in stopped["reason"]
    ((about, fine, sentence), *_) = told(town)
    assert (about, fine) == ("log", False)
    assert "the key of its log is not there" in sentence


def test_a_witness_that_does_not_confirm_is_told(server: Server, town: ServedTown) -> None:
    server.sequencer.sequence(town.uuid)
    assert told(town) == [
        (
            "witness",
            False,
            f"election {town.uuid}: its policy names {NAME}, which nobody is to ask: add {NAME}=URL to VECHE_WITNESSES",
        )
    ]
    ((about, fine, sentence),) = told(town, witnesses=f"{NAME}=http://127.0.0.1:9")
    assert (about, fine) == ("witness", False)
    assert f"{NAME} has not cosigned the newest checkpoint" in sentence


def test_an_entry_that_nobody_signs_is_told_after_some_minutes(town: ServedTown) -> None:
    assert "0 of 2 entries are signed, and nothing more for some minutes" in told(town)[0][2]


def test_evidence_of_a_witness_is_told(server: Server, town: ServedTown) -> None:
    (server.storage.root / "evidence").mkdir()
    (server.storage.root / "evidence" / "found.txt").touch()
    assert "found.txt. Keep it, stop the server" in told(town)[0][2]


def test_a_log_that_is_not_to_be_signed_is_no_fault(town: ServedTown) -> None:
    assert [fine for _, fine, _ in told(town, sign_log=False)] == [True]


@pytest.mark.parametrize(
    "given", ["one", "one=ftp://host", "one=https://", "=https://host", "a=https://h a=https://i", "a=https://u@h"]
)
def test_a_setting_that_names_no_witness_is_refused(given: str) -> None:
    with pytest.raises(ValueError, match="witnesses"):
        Settings(witnesses=given)


def test_the_setting_takes_several_witnesses_and_warns_of_an_open_line() -> None:
    given = Settings(witnesses="w.example/1=https://w.example/a/, w.example/2=http://w.example", sign_log=True)
    assert given.witness_addresses == {"w.example/1": "https://w.example/a", "w.example/2": "http://w.example"}
    (found,) = (one for one in contradictions(given, {}) if "VECHE_WITNESSES" in one)
    assert "w.example/2 by http" in found
