"""The log as static resources, and receipts that anybody checks offline."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from hashlib import sha256
from html import escape
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.service.hand_clock import HandClock
from tests.service.town import ServedTown, open_town
from veche.crypto.signed_note import COSIGNATURE
from veche.crypto.signing_key import SigningKey
from veche.ledger.cosignature import make_line
from veche.ledger.policy import KnownLog, Policy
from veche.ledger.receipt import parse_receipt, verify_ballot, verify_receipt
from veche.ledger.signed_checkpoint import parse_signed, with_lines
from veche.observer.standing import log_json, logged_word
from veche.service.application import create_application
from veche.service.server import Server


@pytest.fixture
def town(server: Server, clock: HandClock, tmp_path: Path) -> ServedTown:
    """An open election with a signed log."""
    town = open_town(server, clock, tmp_path / "town")
    server.sequencer.sequence(town.uuid)
    return town


def test_checkpoint_and_tiles_are_served_as_the_specification_says(town: ServedTown) -> None:
    web, one = TestClient(create_application(town.server)), f"/observer/elections/{town.uuid}"
    found = web.get(f"{one}/checkpoint")
    newest = town.server.sequencer.newest(town.uuid)
    assert newest is not None
    assert found.content == newest.data()
    assert found.headers["content-type"] == "text/plain; charset=utf-8"
    assert "no-cache" in found.headers["cache-control"]
    assert found.headers["access-control-allow-origin"] == "*"
    tile = web.get(f"{one}/tile/0/000.p/{newest.checkpoint.size}")
    assert len(tile.content) == 32 * newest.checkpoint.size
    assert tile.headers["content-type"] == "application/octet-stream"
    assert "immutable" in tile.headers["cache-control"]
    assert web.head(f"{one}/tile/0/000.p/{newest.checkpoint.size}").headers["content-length"] == str(len(tile.content))
    shown = web.get(one).json()["checkpoint"]
    assert shown == {"size": newest.checkpoint.size, "root": newest.checkpoint.root.hex(), "note": newest.data().decode()}


@pytest.mark.parametrize(
    "path", ["0/000", "0/0", "entries/000.p/0", "%2e%2e/checkpoint", "0/%2e%2e/%2e%2e/checkpoint", "9/000.p/1"]
)
def test_no_other_path_leads_to_a_file(town: ServedTown, path: str) -> None:
    web = TestClient(create_application(town.server))
    assert web.get(f"/observer/elections/{town.uuid}/tile/{path}").status_code == 404
    assert web.get("/observer/elections/..%2f..%2fkeys/checkpoint").status_code == 404


def test_a_receipt_is_there_as_soon_as_a_checkpoint_covers_the_ballot(town: ServedTown) -> None:
    web, raw = TestClient(create_application(town.server)), town.ballot(0)
    asyncio.run(town.server.casting.cast(town.uuid, raw, "192.0.2.1"))
    tracker, log = sha256(raw).hexdigest(), town.manifest.log
    address = f"/observer/elections/{town.uuid}/ballots/{tracker}.tlog-proof"
    assert log is not None
    early = web.get(address)
    assert (early.status_code, early.json()["code"], early.headers["retry-after"]) == (404, "not-in-log-yet", str(log.period))
    before = web.get(f"/observer/elections/{town.uuid}").headers["etag"]
    town.server.sequencer.sequence(town.uuid)
    assert web.get(f"/observer/elections/{town.uuid}").headers["etag"] != before
    receipt = parse_receipt(web.get(address).content)
    logged = verify_receipt(receipt, Policy(tuple(KnownLog(key) for key in log.keys), (), (), None))
    verify_ballot(logged, tracker)


def test_a_cast_leads_to_where_the_ballot_stands_and_that_to_the_receipt(town: ServedTown) -> None:
    web, raw, later = TestClient(create_application(town.server)), town.ballot(0), town.ballot(0)
    place = web.post(f"/api/elections/{town.uuid}/ballots", content=raw).headers["location"]
    assert web.post(f"/api/elections/{town.uuid}/ballots", content=raw).headers["location"] == place
    accepted = web.get(place)
    said = accepted.json()
    assert (said["standing"], said["counted"]) == ("accepted", "not counted yet: voting goes on")
    assert web.get(said["receipt"]).headers["retry-after"]
    town.server.sequencer.sequence(town.uuid)
    logged = web.get(place, headers={"if-none-match": accepted.headers["etag"]}).json()
    assert logged["standing"] == "in the public log"
    assert parse_receipt(web.get(logged["receipt"]).content).index == logged["log_index"]
    newest = web.post(f"/api/elections/{town.uuid}/ballots", content=later).headers["location"]
    assert web.get(place).json()["counted"] == "not counted: a later ballot with the same code replaced it"
    town.close()
    town.server.sequencer.sequence(town.uuid)
    assert web.get(newest).json()["counted"] == "counted"


def test_the_words_are_those_that_a_receipt_is_checked_with(town: ServedTown) -> None:
    """What a server claims, and what `check-receipt` says offline, are told in one language."""
    signed, witness = town.server.sequencer.newest(town.uuid), SigningKey("w.example/1", bytes(32), COSIGNATURE)
    assert signed is not None
    assert town.manifest.log is not None
    policy = f"witness w1 {witness.verifier.text()}\nquorum w1\n"
    manifest = replace(town.manifest, log=replace(town.manifest.log, policy=policy))
    assert logged_word(signed, manifest) == "in the public log"
    assert log_json(signed.data(), manifest)["witnesses"] == [{"name": "w1", "time": None}]
    note = with_lines(signed.data(), [make_line(witness, signed.checkpoint, 1_793_000_000)], [witness.verifier])
    assert logged_word(parse_signed(note), manifest) == "confirmed by 1 witnesses"
    assert log_json(note, manifest)["witnesses"] == [{"name": "w1", "time": 1_793_000_000}]


def test_the_page_of_an_election_shows_its_log(town: ServedTown) -> None:
    web = TestClient(create_application(town.server))
    newest = town.server.sequencer.newest(town.uuid)
    assert newest is not None
    page = web.get(f"/en/observe/{town.uuid}").text
    assert newest.checkpoint.root.hex() in page
    assert f"{newest.checkpoint.size} entries, " in page
    assert escape(newest.data().decode()) in page
    assert "This vote asks for no outside witnesses." in page


def test_what_is_no_ballot_has_no_receipt(town: ServedTown) -> None:
    web = TestClient(create_application(town.server))
    one = f"/observer/elections/{town.uuid}/ballots"
    assert web.get(f"{one}/{'0' * 64}.tlog-proof").json()["code"] == "not-in-record"
    assert web.get(f"{one}/AB.tlog-proof").json()["code"] == "tracker-malformed"
