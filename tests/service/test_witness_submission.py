"""Checkpoints go to witnesses and come back confirmed; whatever a witness does, votes are taken and the log goes on."""

from __future__ import annotations

import asyncio
import itertools
import re
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from sqlalchemy import delete, update
from starlette.testclient import TestClient

from tests.observer.witness_process import NAME, in_process, in_thread, new_witness
from tests.service.hand_clock import HandClock
from tests.service.town import ServedTown, draft, open_town, plan
from veche.crypto.errors import Inconsistent, Malformed, Unsupported
from veche.crypto.scalar import system_randomness
from veche.crypto.signed_note import ML_DSA_44, VerifierKey
from veche.crypto.signing_key import SigningKey
from veche.ledger.policy import policy_of_manifest, verify_policy
from veche.ledger.signed_checkpoint import sign_checkpoint, verify_log
from veche.observer import witness_server
from veche.observer.receipt_check import check_by_policy
from veche.observer.tables import elections, entries
from veche.observer.witness import open_witness
from veche.service import witness_submission
from veche.service.application import create_application
from veche.service.at_work import at_work
from veche.service.sequencer import Sequencer, log_folder
from veche.service.server import Server, open_server
from veche.service.settings import Settings
from veche.service.witness_client import MAX_ANSWER, WitnessClient
from veche.service.witness_start import verify_witnesses
from veche.service.witness_submission import WitnessSubmission


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "witness"


@pytest.fixture
def key(folder: Path) -> VerifierKey:
    return new_witness(folder)


def policy(key: VerifierKey) -> str:
    return f"witness one {key.text()}\nquorum one\n"


def town_with(server: Server, clock: HandClock, tmp_path: Path, folder: Path, key: VerifierKey) -> ServedTown:
    """An election whose policy names the witness, which knows its log; the first checkpoint is signed."""
    town = draft(server, clock, tmp_path / "town", {**plan(6, clock.now()), "policy": policy(key)})
    assert town.manifest.log is not None
    open_witness(folder, time.time).store.add_log(town.manifest.log.keys)
    server.sequencer.sequence(town.uuid)
    return town


def submission(town: ServedTown, url: str, clock: Callable[[], float] = time.monotonic) -> WitnessSubmission:
    """One that has not begun: a test takes its steps."""
    made = WitnessSubmission(town.server.sequencer, town.server.storage.root, {NAME: url}, clock)
    made.told(town.uuid)
    return made


def confirmed(town: ServedTown) -> int:
    """How many witnesses of the policy stand under the served checkpoint, whatever the quorum asks."""
    newest, known = town.server.sequencer.newest(town.uuid), town.manifest.log
    assert newest is not None
    assert known is not None
    return len(verify_policy(replace(policy_of_manifest(known), quorum=None), newest).witnesses)


def code(made: WitnessSubmission) -> str:
    (standing,) = made.standings()
    return standing.code


@contextmanager
def answering(respond: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[str]:
    """A witness that answers as `respond` says."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            respond(self)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Nothing: the parameter's name is the library's."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        listening.daemon_threads = True
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.server_port}"
        finally:
            listening.shutdown()
            thread.join()


def saying(status: int, body: bytes) -> Callable[[BaseHTTPRequestHandler], None]:
    def respond(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return respond


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


@contextmanager
def at_server(server: Server, addresses: dict[str, str]) -> Iterator[WitnessSubmission]:
    """The threads run, as in a server with this setting."""
    made = WitnessSubmission(server.sequencer, server.storage.root, addresses)
    made.start()
    try:
        yield made
    finally:
        made.stop()
        assert not any(thread.name.startswith("witness ") for thread in threading.enumerate())


def wait_for(ready: Callable[[], object], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end
        time.sleep(0.02)


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


def reopened(town: ServedTown, url: str) -> Server:
    """The same folder and database, opened by a new process with the witness in its settings."""
    town.server.close()
    return open_server(town.server.settings.model_copy(update={"witnesses": f"{NAME}={url}", "sign_log": True}), town.clock)


def old_backup(town: ServedTown, *, outside: bool) -> None:
    """The database is as it was after the first entries; `outside`: the state outside the database is lost as well."""
    with town.server.storage.database.writing() as connection:
        connection.execute(delete(entries).where(entries.c.place >= 2))
        connection.execute(update(elections).values(entries=2))
    shutil.rmtree(town.server.storage.root / "heads", ignore_errors=True)
    if outside:
        shutil.rmtree(town.server.storage.root / "log-state")
        shutil.rmtree(town.server.storage.root / "log")


@pytest.fixture
def grown(server: Server, clock: HandClock, tmp_path: Path, folder: Path, key: VerifierKey) -> ServedTown:
    """Three entries of which the witness has cosigned all."""
    town = town_with(server, clock, tmp_path, folder, key)
    town.make_keys()
    server.sequencer.sequence(town.uuid)
    with in_thread(folder) as witness:
        assert submission(town, witness.url).step(NAME) == 1
    return town


def test_an_old_backup_is_caught_by_a_witness_where_the_outside_state_is_lost_too(grown: ServedTown, folder: Path) -> None:
    old_backup(grown, outside=True)
    with in_thread(folder) as witness, pytest.raises(Inconsistent, match="cosigned 3 entries") as refusal:
        reopened(grown, witness.url)
    assert refusal.value.code == "witness-ahead"
    assert not (grown.server.storage.root / "log" / grown.uuid / "checkpoint").exists(), "nothing was signed"


def test_an_old_backup_with_the_outside_state_is_caught_without_a_witness(grown: ServedTown) -> None:
    old_backup(grown, outside=False)
    with pytest.raises(Inconsistent) as refusal:
        reopened(grown, "http://127.0.0.1:9")
    assert refusal.value.code == "log-behind"


def changed(town: ServedTown) -> None:
    """Another history of the same length, with no state outside the database, that this server has begun to sign."""
    shutil.rmtree(town.server.storage.root / "log-state")
    shutil.rmtree(town.server.storage.root / "log")
    with town.server.storage.database.writing() as connection:
        connection.execute(update(entries).where(entries.c.place == 1).values(text=b"another"))


def test_another_history_is_caught_by_the_checkpoint_that_the_witness_shows(grown: ServedTown, folder: Path) -> None:
    changed(grown)
    with in_thread(folder) as witness, pytest.raises(Inconsistent) as refusal:
        reopened(grown, witness.url)
    assert refusal.value.code == "witness-contradicts"


def test_another_history_is_caught_by_a_witness_that_shows_no_checkpoint(
    grown: ServedTown, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed(grown)
    forked = Sequencer(grown.server.storage, grown.clock, grown.server.keys)
    forked.sequence(grown.uuid)
    monkeypatch.setattr(witness_server, "_NEWEST", re.compile("nothing"))
    with in_thread(folder) as witness, pytest.raises(Inconsistent) as refusal:
        reopened(grown, witness.url)
    assert refusal.value.code == "witness-contradicts"


def test_a_lost_state_is_taken_from_the_witness_when_the_database_is_whole(grown: ServedTown, folder: Path) -> None:
    shutil.rmtree(grown.server.storage.root / "log-state")
    shutil.rmtree(grown.server.storage.root / "log")
    with in_thread(folder) as witness:
        server = reopened(grown, witness.url)
        try:
            newest = server.sequencer.newest(grown.uuid)
            assert newest is not None
            assert newest.checkpoint.size == 3
        finally:
            server.close()


@pytest.mark.parametrize("respond", [saying(404, b""), saying(503, b""), saying(200, b"nonsense"), saying(409, b"0\n")])
def test_a_witness_that_lags_or_says_nothing_is_only_told_of(
    grown: ServedTown, respond: Callable[[BaseHTTPRequestHandler], None]
) -> None:
    with answering(respond) as url:
        reopened(grown, url).close()


def test_a_witness_that_hangs_holds_up_the_start_for_a_bounded_time(grown: ServedTown) -> None:
    hangs = threading.Event()

    def hang(_: BaseHTTPRequestHandler) -> None:
        hangs.wait(30)

    with answering(hang) as url:
        began = time.monotonic()
        verify_witnesses(grown.server.sequencer, grown.server.storage.root, {NAME: url}, seconds=0.3)
        assert time.monotonic() - began < 3
        hangs.set()


def test_a_server_at_work_has_its_checkpoints_confirmed(grown: ServedTown, folder: Path) -> None:
    with in_thread(folder) as witness:
        server = reopened(grown, witness.url)
        try:
            grown.server = server
            grown.drill()
            with at_work(server):
                wait_for(
                    lambda: server.sequencer.newest(grown.uuid) and confirmed(grown) == 1 and code(server.witnesses) == "confirmed"
                )
        finally:
            server.close()


# The log's keys.


def test_a_spare_key_of_the_manifest_signs_when_the_first_is_lost(server: Server, clock: HandClock, tmp_path: Path) -> None:
    spare = SigningKey.generate("spare", system_randomness)
    town = draft(server, clock, tmp_path / "town", {**plan(6, clock.now()), "spare_key": spare.verifier.text()})
    known = town.manifest.log
    assert known is not None
    assert [one.name for one in known.keys] == [known.origin] * 2
    server.sequencer.sequence(town.uuid)
    before = server.sequencer.newest(town.uuid)
    path = server.storage.root / "keys" / town.uuid / "log.key"
    path.write_text(spare.private_text() + "\n")
    town.make_keys()
    assert server.sequencer.sequence(town.uuid)
    after = server.sequencer.newest(town.uuid)
    assert before is not None
    assert after is not None
    assert [one.key for one in verify_log(before, known.origin, known.keys)] == [known.keys[0]]
    assert [one.key for one in verify_log(after, known.origin, known.keys)] == [known.keys[1]]


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
