"""Who signs a log: its key, a credential, the spare key of the manifest, and a second key of ML-DSA-44."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.service.hand_clock import HandClock
from tests.service.town import draft, open_town, plan
from veche.cli.log_key import spare
from veche.crypto.errors import Malformed, Refused
from veche.crypto.scalar import system_randomness
from veche.crypto.signed_note import ML_DSA_44
from veche.crypto.signing_key import SigningKey
from veche.ledger.signed_checkpoint import verify_log
from veche.observer.audit import audit
from veche.observer.database_source import DatabaseSource
from veche.service.campaign_example import JSON_EXAMPLE
from veche.service.campaign_file import read_campaign
from veche.service.contest_desk import held_desk
from veche.service.sequencer import Sequencer, log_folder
from veche.service.server import Server, open_server
from veche.service.settings import Settings
from veche.service.voting import add_incident


@pytest.fixture
def database() -> str:
    """SQLite alone: nothing here depends on the kind of database."""
    return ""


def test_a_spare_key_of_the_manifest_signs_when_the_first_is_lost(server: Server, clock: HandClock, tmp_path: Path) -> None:
    other = SigningKey.generate("spare", system_randomness)
    town = draft(server, clock, tmp_path / "town", {**plan(6, clock.now()), "spare_key": other.verifier.text()})
    known = town.manifest.log
    assert known is not None
    assert [one.name for one in known.keys] == [known.origin] * 2
    server.sequencer.sequence(town.uuid)
    before = server.sequencer.newest(town.uuid)
    path = server.storage.root / "keys" / town.uuid / "log.key"
    path.write_text(other.private_text() + "\n")
    town.make_keys()
    assert server.sequencer.sequence(town.uuid)
    after = server.sequencer.newest(town.uuid)
    assert before is not None
    assert after is not None
    assert [one.key for one in verify_log(before, known.origin, known.keys)] == [known.keys[0]]
    assert [one.key for one in verify_log(after, known.origin, known.keys)] == [known.keys[1]]


def test_an_audit_accepts_a_log_that_the_spare_key_goes_on_signing(server: Server, clock: HandClock, tmp_path: Path) -> None:
    other = SigningKey.generate("spare", system_randomness)
    town = open_town(server, clock, tmp_path / "town", spare_key=other.verifier.text())
    server.sequencer.sequence(town.uuid)
    (server.storage.root / "keys" / town.uuid / "log.key").write_text(other.private_text() + "\n")
    with held_desk(server.storage, clock, town.uuid) as desk:
        add_incident(desk, "log-key-changed")
    with capture_logs() as written:
        assert server.sequencer.sequence(town.uuid)
    assert "add the incident log-key-changed" in written[0]["event"]
    folder = log_folder(server.storage.root, town.uuid)
    report = audit(DatabaseSource(server.storage.database, server.storage.files, town.uuid, folder), level="strict")
    assert (report.verdict, report.done.get("9.13.3")) == ("ok", 1)


def test_a_key_of_nobody_or_one_that_others_can_read_signs_nothing(server: Server, clock: HandClock, tmp_path: Path) -> None:
    town = draft(server, clock, tmp_path / "town", plan(6, clock.now()))
    path = server.storage.root / "keys" / town.uuid / "log.key"
    path.chmod(0o640)
    assert server.sequencer.step() == 0
    assert server.sequencer.stopped == {town.uuid: "log-key"}
    path.chmod(0o600)
    path.write_text(SigningKey.generate("spare", system_randomness).private_text() + "\n")
    other = Sequencer(server.storage, server.clock, server.keys)
    assert other.step() == 0
    assert other.stopped == {town.uuid: "log-key"}


@pytest.mark.parametrize("name", ["log.key", "log-ml-dsa.key"])
def test_a_key_that_cannot_be_read_stops_its_log_and_no_ballot(server: Server, clock: HandClock, tmp_path: Path, name: str) -> None:
    town = draft(server, clock, tmp_path / "town", plan(6, clock.now()))
    path = server.storage.root / "keys" / town.uuid / name
    path.unlink(missing_ok=True)
    path.mkdir(0o700)
    assert server.sequencer.step() == 0
    assert server.sequencer.stopped == {town.uuid: "log-key"}
    server.storage.verify_writable()


def test_a_credential_comes_before_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: HandClock) -> None:
    handed = tmp_path / "credentials"
    handed.mkdir()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(handed))
    server = open_server(Settings(data=tmp_path / "data", database="", checkers=1), clock)
    try:
        town = draft(server, clock, tmp_path / "town", plan(6, clock.now()))
        path = server.storage.root / "keys" / town.uuid / "log.key"
        (handed / f"{town.uuid}.log.key").write_bytes(path.read_bytes())
        path.unlink()
        assert server.sequencer.sequence(town.uuid)
    finally:
        server.close()


def test_a_log_with_a_second_key_of_ml_dsa_is_signed_by_both(tmp_path: Path, clock: HandClock) -> None:
    server = open_server(Settings(data=tmp_path / "data", database="", checkers=1), clock)
    try:
        town = draft(server, clock, tmp_path / "town", plan(6, clock.now()), ml_dsa=True)
        known = town.manifest.log
        assert known is not None
        server.sequencer.sequence(town.uuid)
        newest = server.sequencer.newest(town.uuid)
        assert newest is not None
        assert [one.key for one in verify_log(newest, known.origin, known.keys)] == list(known.keys)
        assert known.keys[1].kind == ML_DSA_44
    finally:
        server.close()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("policy", "quorum nobody\n"),
        ("policy", "no policy"),
        ("spare_key", "no key"),
        ("spare_key", SigningKey.generate("spare", system_randomness, ML_DSA_44).verifier.text()),
    ],
)
def test_a_plan_with_a_policy_or_spare_key_that_is_none_is_refused(
    tmp_path: Path, clock: HandClock, field: str, value: str
) -> None:
    server = open_server(Settings(data=tmp_path / "data", database="", checkers=1), clock)
    try:
        with pytest.raises(Malformed):
            draft(server, clock, tmp_path / "town", {**plan(6, clock.now()), field: value})
    finally:
        server.close()


def test_a_campaign_names_policy_and_spare_key_once_for_all_contests() -> None:
    public = SigningKey.generate("spare", system_randomness).verifier.text()
    written = {**json.loads(JSON_EXAMPLE), "spare_key": public, "policy": "quorum none"}
    found = read_campaign(json.dumps(written).encode(), "vote.example")
    assert {(one.spec["spare_key"], one.spec["policy"]) for one in found.contests} == {(public, "quorum none")}
    with pytest.raises(Malformed, match="policy: "):
        read_campaign(json.dumps({**written, "policy": "quorum nobody"}).encode(), "vote.example")


def test_the_command_makes_a_spare_key_that_only_its_owner_reads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "spare.key"
    spare(file)
    assert SigningKey.from_private_text(file.read_text().strip()).verifier.text() == capsys.readouterr().out.strip()
    assert file.stat().st_mode & 0o777 == 0o600
    with pytest.raises(Refused):
        spare(file)
