"""Checkpoints go to witnesses and come back confirmed; whatever a witness does, votes are taken and the log goes on."""

from __future__ import annotations

import asyncio
import itertools
import socket
import threading
import time
from hashlib import sha256
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.observer.witness_process import NAME, in_process, in_thread, new_witness
from tests.service.hand_clock import HandClock
from tests.service.town import draft, open_town, plan
from tests.service.witnessed_town import answering, at_server, code, confirmed, policy, saying, submission, town_with, wait_for
from veche.crypto.errors import Unsupported
from veche.crypto.scalar import system_randomness
from veche.crypto.signed_note import ML_DSA_44, VerifierKey
from veche.crypto.signing_key import SigningKey
from veche.ledger.checkpoint import Checkpoint
from veche.ledger.policy import policy_of_manifest
from veche.ledger.signed_checkpoint import sign_checkpoint
from veche.observer.receipt_check import check_by_policy
from veche.observer.witness import open_witness
from veche.service import witness_submission
from veche.service.application import create_application
from veche.service.sequencer import log_folder
from veche.service.server import Server
from veche.service.witness_client import MAX_ANSWER, WitnessClient
from veche.service.witness_submission import WitnessSubmission


@pytest.fixture
def database() -> str:
    """SQLite alone: nothing here depends on the kind of database."""
    return ""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "witness"


@pytest.fixture
def key(folder: Path) -> VerifierKey:
    return new_witness(folder)


def test_a_receipt_satisfies_the_quorum_after_a_witness_of_another_process_cosigned(
    server: Server, clock: HandClock, tmp_path: Path, folder: Path, key: VerifierKey
) -> None:
    town = open_town(server, clock, tmp_path / "town", policy=policy(key))
    known = town.manifest.log
    assert known is not None
    open_witness(folder, time.time).store.add_log(known.keys)
    raw = town.ballot(0)
    asyncio.run(server.casting.cast(town.uuid, raw, "192.0.2.1"))
    tracker = sha256(raw).hexdigest()
    with in_process(folder) as (_, url, _), at_server(server, {NAME: url}) as witnesses:
        server.sequencer.sequence(town.uuid)
        wait_for(lambda: code(witnesses) == "confirmed")
    route = f"/observer/elections/{town.uuid}/ballots/{tracker}.tlog-proof"
    receipt = TestClient(create_application(server)).get(route).content
    found = check_by_policy(receipt, policy_of_manifest(known), tracker)
    assert found.short is None
    assert found.lines[0].startswith("Confirmed by 1 witness")


def test_the_log_grows_and_each_checkpoint_is_cosigned_with_its_proof(
    server: Server, clock: HandClock, tmp_path: Path, folder: Path, key: VerifierKey
) -> None:
    town = town_with(server, clock, tmp_path, folder, key)
    with in_thread(folder) as witness:
        made = submission(town, witness.url)
        assert made.step(NAME) == 1
        assert confirmed(town) == 1
        assert made.step(NAME) == 0, "what is confirmed is not sent again"
        town.make_keys()
        server.sequencer.sequence(town.uuid)
        assert confirmed(town) == 0
        assert made.step(NAME) == 1
        assert confirmed(town) == 1
        # A new process learns from the 409 where the witness is.
        town.drill()
        server.sequencer.sequence(town.uuid)
        assert submission(town, witness.url).step(NAME) == 1
        assert confirmed(town) == 1


def test_a_log_of_two_keys_sends_witnesses_the_short_line_only(
    server: Server, clock: HandClock, tmp_path: Path, folder: Path, key: VerifierKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    town = town_with(server, clock, tmp_path, folder, key)
    known, newest = town.manifest.log, server.sequencer.newest(town.uuid)
    assert known is not None
    assert newest is not None
    second = SigningKey.generate(known.origin, system_randomness, ML_DSA_44)
    both = sign_checkpoint(newest.checkpoint, [*server.sequencer.signers(town.uuid), second], 1)
    (log_folder(server.storage.root, town.uuid) / "checkpoint").write_bytes(both)
    sent: list[int] = []
    ask = WitnessClient._ask

    def asked(self: WitnessClient, method: str, name: str, body: bytes | None) -> object:
        sent.append(len(body or b""))
        return ask(self, method, name, body)

    monkeypatch.setattr(WitnessClient, "_ask", asked)
    with in_thread(folder) as witness:
        assert submission(town, witness.url).step(NAME) == 1
    assert sent
    assert max(sent) < 1024
    assert confirmed(town) == 1


def test_a_silent_witness_is_asked_later_and_later_and_the_log_goes_on(
    server: Server, clock: HandClock, tmp_path: Path, folder: Path, key: VerifierKey
) -> None:
    town = town_with(server, clock, tmp_path, folder, key)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
    moment = 0.0
    made = submission(town, address, lambda: moment)
    tried: list[float] = []
    for _ in range(4000):
        before = made._desks[0].failures
        made.step(NAME)
        if made._desks[0].failures > before:
            tried.append(moment)
        moment += 0.5
    pauses = [after - before for before, after in itertools.pairwise(tried)]
    assert pauses[:9] == [1, 2, 4, 8, 16, 32, 64, 128, 256]
    assert set(pauses[9:]) == {300}
    assert code(made) == "witness-silent"
    town.make_keys()
    assert server.sequencer.sequence(town.uuid)
    with in_thread(folder) as witness:
        again = submission(town, witness.url)
        assert again.step(NAME) == 1


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (404, b"", "witness-log-unknown"),
        (403, b"", "witness-key-unknown"),
        (429, b"", "witness-refuses"),
        (500, b"\xff\xfe", "witness-refuses"),
        (302, b"", "witness-refuses"),
        (409, b"many\n", "witness-refuses"),
        (409, b"0\n", "witness-refuses"),
        (409, b"9999\n", "witness-ahead"),
        (200, b"", "witness-refuses"),
        (200, b"\xff\n", "witness-refuses"),
        (200, "— stranger.example/w AAAAAAAA\n".encode(), "witness-refuses"),
        (200, b"x" * (MAX_ANSWER + 1), "witness-silent"),
        (422, b"no\n", "witness-contradicts"),
    ],
)
def test_whatever_else_a_witness_says_is_told_and_changes_nothing(
    server: Server, clock: HandClock, tmp_path: Path, folder: Path, key: VerifierKey, status: int, body: bytes, expected: str
) -> None:
    town = town_with(server, clock, tmp_path, folder, key)
    served = (log_folder(server.storage.root, town.uuid) / "checkpoint").read_bytes()
    with answering(saying(status, body)) as url:
        made = submission(town, url)
        assert made.step(NAME) == 0
    assert code(made) == expected
    assert (log_folder(server.storage.root, town.uuid) / "checkpoint").read_bytes() == served
    assert (server.storage.root / witness_submission.EVIDENCE).exists() == (status == 422)


def test_a_witness_that_is_ahead_stays_so_until_it_is_not(
    server: Server, clock: HandClock, tmp_path: Path, folder: Path, key: VerifierKey
) -> None:
    town = town_with(server, clock, tmp_path, folder, key)
    moment = 0.0
    with answering(saying(409, b"9999\n")) as url:
        made = submission(town, url, lambda: moment)
        for _ in range(3):
            made.step(NAME)
            assert code(made) == "witness-ahead"
            moment += 400
    assert not server.sequencer.stopped, "a witness's word alone stops no log"
    with in_thread(folder) as witness:
        made._desks[0].client = WitnessClient(witness.url)
        assert made.step(NAME) == 1


@pytest.mark.parametrize("answer", [(409, b"9\n"), (422, b"no\n")], ids=["ahead", "contradicts"])
@pytest.mark.parametrize(("size", "stops"), [(1, True), (9, True), (0, False)], ids=["another root", "more entries", "the same"])
def test_a_witness_that_shows_what_the_log_has_signed_and_the_database_lacks_stops_this_log(
    server: Server,
    clock: HandClock,
    tmp_path: Path,
    folder: Path,
    key: VerifierKey,
    answer: tuple[int, bytes],
    size: int,
    stops: bool,
) -> None:
    town = town_with(server, clock, tmp_path, folder, key)
    newest, signers = server.sequencer.newest(town.uuid), server.sequencer.signers(town.uuid)
    assert newest is not None
    checkpoint = Checkpoint(newest.checkpoint.origin, size, bytes(32)) if size else newest.checkpoint
    note = sign_checkpoint(checkpoint, signers, 1)
    with answering(saying(*answer), saying(200, note)) as url:
        made = submission(town, url)
        made.step(NAME)
    expected = "witness-ahead" if answer[0] == 409 else "witness-contradicts"
    assert code(made) == expected
    assert server.sequencer.stopped == ({town.uuid: expected} if stops else {})
    town.make_keys()
    assert server.sequencer.step() == (0 if stops else 1)


def test_what_a_stranger_signed_stops_no_log(
    server: Server, clock: HandClock, tmp_path: Path, folder: Path, key: VerifierKey
) -> None:
    town = town_with(server, clock, tmp_path, folder, key)
    assert town.manifest.log is not None
    stranger = SigningKey.generate(town.manifest.log.origin, system_randomness)
    note = sign_checkpoint(Checkpoint(town.manifest.log.origin, 9, bytes(32)), [stranger])
    with answering(saying(409, b"9\n"), saying(200, note)) as url:
        submission(town, url).step(NAME)
    assert not server.sequencer.stopped


def test_a_line_of_the_witness_for_another_checkpoint_is_refused(
    server: Server, clock: HandClock, tmp_path: Path, folder: Path, key: VerifierKey
) -> None:
    town = town_with(server, clock, tmp_path, folder, key)
    with in_thread(folder) as witness:
        submission(town, witness.url).step(NAME)
        old = (log_folder(server.storage.root, town.uuid) / "checkpoint").read_bytes().splitlines(keepends=True)[-1]
    town.make_keys()
    server.sequencer.sequence(town.uuid)
    with answering(saying(200, old)) as url:
        made = submission(town, url)
        assert made.step(NAME) == 0
    assert (code(made), confirmed(town)) == ("witness-refuses", 0)


def test_a_contradiction_is_kept_once_and_not_asked_for_again(
    server: Server, clock: HandClock, tmp_path: Path, folder: Path, key: VerifierKey
) -> None:
    town = town_with(server, clock, tmp_path, folder, key)
    with answering(saying(422, b"no\n")) as url:
        made = submission(town, url)
        for _ in range(3):
            made.step(NAME)
            made.told(town.uuid)
    (kept,) = (server.storage.root / witness_submission.EVIDENCE).iterdir()
    assert kept.read_bytes().startswith(b"old 0\n")
    assert kept.read_bytes().endswith(b"answered 422\nno\n")
    assert kept.stat().st_mode & 0o077 == 0 or kept.parent.stat().st_mode & 0o077 == 0
    assert str(kept) in made.standings()[0].sentence


def test_a_witness_that_drips_or_never_ends_is_given_up_in_time() -> None:
    def drip(handler: BaseHTTPRequestHandler) -> None:
        try:
            while True:
                handler.wfile.write(b"H")
                time.sleep(0.05)
        except OSError:
            return

    def body(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        drip(handler)

    for respond in (drip, body):
        with answering(respond) as url:
            began = time.monotonic()
            with pytest.raises(Unsupported):
                WitnessClient(url, seconds=0.5)._ask("POST", "add-checkpoint", b"")
            assert time.monotonic() - began < 3


def test_ballots_are_taken_while_a_witness_hangs(
    server: Server, clock: HandClock, tmp_path: Path, folder: Path, key: VerifierKey
) -> None:
    town = open_town(server, clock, tmp_path / "town", policy=policy(key))
    hangs, asked = threading.Event(), threading.Event()

    def hang(_: BaseHTTPRequestHandler) -> None:
        asked.set()
        hangs.wait(30)

    with answering(hang) as url:
        with at_server(server, {NAME: url}):
            server.sequencer.sequence(town.uuid)
            assert asked.wait(10)
            began = time.monotonic()
            asyncio.run(server.casting.cast(town.uuid, town.ballot(0), "192.0.2.1"))
            assert server.sequencer.sequence(town.uuid)
            assert time.monotonic() - began < 5
        hangs.set()


def test_only_addresses_of_the_setting_are_asked_and_only_for_witnesses_of_the_policy(
    server: Server, clock: HandClock, tmp_path: Path, folder: Path, key: VerifierKey
) -> None:
    town = draft(server, clock, tmp_path / "plain", plan(6, clock.now()))
    other = {**plan(6, clock.now(), "district-2"), "policy": f"witness one {key.text()} http://127.0.0.1:9\nquorum none\n"}
    named = draft(server, clock, tmp_path / "town", other)
    for one in (town, named):
        server.sequencer.sequence(one.uuid)
    assert submission(town, "http://127.0.0.1:9").standings() == []
    unset = WitnessSubmission(server.sequencer, server.storage.root, {"witness.example/other": "http://127.0.0.1:9"})
    unset.told(named.uuid)
    assert unset.standings() == []


# The log's keys.
