"""Specifies observer/witness*.py: every answer of C2SP tlog-witness over real HTTP, races, crashes, and the evidence kept."""

from __future__ import annotations

import socket
import sqlite3
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from tests.ledger.naive_tree import NaiveTree
from tests.ledger.small_log import (
    CHECKPOINT5,
    ENTRIES,
    LOG,
    LOG_KEY,
    LOG_SIGNER,
    ORIGIN,
    SPARE,
    STRANGER,
    WITNESS,
    checkpoint_over,
    signer,
)
from tests.observer.witness_process import (
    DATABASE,
    EVIDENCE,
    KEY,
    NAME,
    Answer,
    ask,
    body_of,
    in_process,
    in_thread,
    new_witness,
    submit,
)
from veche.crypto.errors import Refused
from veche.crypto.signed_note import COSIGNATURE, VerifierKey, parse_verifier_key
from veche.ledger.checkpoint import Checkpoint
from veche.ledger.contradiction import parse_contradiction, verify_contradiction
from veche.ledger.cosignature import make_line
from veche.ledger.merkle import EMPTY_ROOT, leaf_hash
from veche.ledger.signed_checkpoint import note_bytes, parse_signed, sign_checkpoint, verify_lines, with_lines
from veche.ledger.submission import Cosigned, origin_hash
from veche.observer import bounded_server, witness_server
from veche.observer.witness import MAX_KEPT, open_witness

TREE = NaiveTree([leaf_hash(entry) for entry in ENTRIES])
OTHER = bytes(range(32))


def over(size: int, root: bytes | None = None, origin: str = ORIGIN) -> bytes:
    checkpoint = Checkpoint(origin, size, TREE.root(size) if root is None else root)
    return sign_checkpoint(checkpoint, [LOG_SIGNER if origin == ORIGIN else signer(origin)])


def growth(old: int, new: int) -> bytes:
    return body_of(old, TREE.consistency(old, new), over(new))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "witness"


@pytest.fixture
def key(folder: Path) -> VerifierKey:
    return new_witness(folder, LOG_KEY)


@pytest.fixture
def url(folder: Path, key: VerifierKey) -> Iterator[str]:
    """A witness that has cosigned the first three entries."""
    with in_thread(folder) as server:
        assert submit(server.url, growth(0, 3)).status == 200
        yield server.url


def verified(answer: Answer, key: VerifierKey, size: int) -> int:
    """The time of the cosignature in a good answer."""
    assert answer.status == 200
    lines = answer.body.decode().removesuffix("\n").split("\n")
    cosigned = parse_signed(with_lines(over(size), lines, [key]))
    (found,) = verify_lines(cosigned, [key])
    return found.time


def place_of(server: witness_server.WitnessServer) -> tuple[str, int]:
    return str(server.server_address[0]), server.server_address[1]


def newest(url: str) -> Answer:
    return ask(url, "GET", f"/{LOG['origin_hash_hex']}/checkpoint")


@pytest.mark.parametrize("new", [3, 4, 5])
def test_a_continuation_is_cosigned_now_and_shown_with_both_lines(url: str, key: VerifierKey, new: int) -> None:
    before = int(time.time())
    assert before <= verified(submit(url, growth(3, new)), key, new) <= time.time()
    shown = newest(url)
    signed = parse_signed(shown.body)
    assert shown.status == 200
    assert signed.checkpoint == checkpoint_over(ENTRIES[:new])
    assert [one.key for one in verify_lines(signed, [LOG_KEY, key])] == [LOG_KEY, key]


def test_the_first_checkpoint_may_be_the_one_of_no_entries(folder: Path, key: VerifierKey) -> None:
    with in_thread(folder) as server:
        assert newest(server.url).status == 404
        verified(submit(server.url, body_of(0, [], over(0))), key, 0)
        assert parse_signed(newest(server.url).body).checkpoint.root == EMPTY_ROOT
        verified(submit(server.url, growth(0, 5)), key, 5)


def test_lines_of_strangers_are_neither_kept_nor_shown(url: str, key: VerifierKey) -> None:
    five = checkpoint_over(ENTRIES)
    strange = with_lines(
        over(5), [make_line(WITNESS, five, 1), make_line(STRANGER, five, 1)], [WITNESS.verifier, STRANGER.verifier]
    )
    assert submit(url, body_of(3, TREE.consistency(3, 5), strange)).status == 200
    assert [line[0] for line in parse_signed(newest(url).body).note.lines] == [ORIGIN, NAME]


FIVE = checkpoint_over(ENTRIES)
PROOF = TREE.consistency(3, 5)
FLIPPED = [bytes([PROOF[0][0] ^ 1]) + PROOF[0][1:], *PROOF[1:]]
FORGED = over(5)[:-10] + b"AAAAAAAA=\n"

REFUSALS: list[tuple[str, int, bytes]] = [
    ("nothing", 400, b""),
    ("no checkpoint", 400, b"old 3\n\n"),
    ("no old size", 400, b"\n" + over(5)),
    ("an old size with a zero in front", 400, growth(3, 5).replace(b"old 3", b"old 03")),
    ("a negative old size", 400, growth(3, 5).replace(b"old 3", b"old -3")),
    ("a proof that is not base64", 400, growth(3, 5).replace(b"old 3\n", b"old 3\n!\n")),
    ("a hash that is too short", 400, growth(3, 5).replace(b"old 3\n", b"old 3\nAAAA\n")),
    ("more than 63 hashes", 400, body_of(3, [OTHER] * 64, over(5))),
    ("old above the new size", 400, body_of(6, [], over(5))),
    ("old above the new size that was cosigned", 400, body_of(3, [], over(2))),
    ("a text that is no checkpoint", 400, body_of(3, PROOF, LOG_SIGNER.verifier.text().encode() + b"\n\n")),
    ("lines with carriage returns", 400, growth(3, 5).replace(b"\n", b"\r\n")),
    ("an unknown origin", 404, body_of(0, [], over(5, origin="other.example/log"))),
    ("an unknown origin, whatever else is wrong", 404, body_of(3, FLIPPED, over(5, origin="other.example/log"))),
    ("no line of the log", 403, body_of(3, PROOF, note_bytes(FIVE, [make_line(STRANGER, FIVE, 0)]))),
    ("a key of the log that is not known here", 403, body_of(3, PROOF, sign_checkpoint(FIVE, [SPARE]))),
    ("a line of the known key that does not verify", 403, body_of(3, PROOF, FORGED)),
    ("a wrong line beside a good one", 403, body_of(3, PROOF, over(5) + FORGED.split(b"\n\n")[1])),
    ("an unsigned checkpoint of an old size that is not the last", 403, body_of(2, [], sign_checkpoint(FIVE, [SPARE]))),
    ("an old size below the last", 409, growth(2, 5)),
    ("an old size above the last", 409, growth(4, 5)),
    ("old 0 from who does not know", 409, growth(0, 5)),
    ("another root and a wrong old size", 409, body_of(0, [], over(5, OTHER))),
    ("the same size with another root", 422, body_of(3, [], over(3, OTHER))),
    ("the same size with a proof", 422, body_of(3, [OTHER], over(3))),
    ("a proof with one bit changed", 422, body_of(3, FLIPPED, over(5))),
    ("a proof without its last hash", 422, body_of(3, PROOF[:-1], over(5))),
    ("a proof with a hash too many", 422, body_of(3, [*PROOF, OTHER], over(5))),
    ("no proof", 422, body_of(3, [], over(5))),
    ("another tree with the proof of this one", 422, body_of(3, PROOF, over(5, OTHER))),
]


@pytest.mark.parametrize(
    ("body", "status"), [(body, status) for _, status, body in REFUSALS], ids=[name for name, _, _ in REFUSALS]
)
def test_what_is_refused_changes_nothing(url: str, key: VerifierKey, body: bytes, status: int) -> None:
    before = newest(url).body
    answer = submit(url, body)
    assert answer.status == status
    if status == 409:
        assert (answer.kind, answer.body) == ("text/x.tlog.size", b"3\n")
    assert newest(url).body == before
    verified(submit(url, growth(3, 5)), key, 5)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (422, body_of(0, [], over(0, OTHER))),
        (422, body_of(0, [OTHER], over(5))),
        (409, growth(3, 5)),
    ],
    ids=["size 0 with another root than the empty one", "a proof from 0", "an old size where nothing was cosigned"],
)
def test_what_is_refused_before_the_first_cosignature(folder: Path, key: VerifierKey, status: int, body: bytes) -> None:
    with in_thread(folder) as server:
        answer = submit(server.url, body)
        assert answer.status == status
        assert status != 409 or answer.body == b"0\n"
        assert newest(server.url).status == 404


def test_other_paths_and_endless_bodies_are_refused(url: str) -> None:
    assert ask(url, "POST", "/", b"x").status == 404
    assert ask(url, "GET", "/add-checkpoint").status == 404
    assert ask(url, "GET", f"/{origin_hash('other.example/log')}/checkpoint").status == 404
    assert ask(url, "GET", f"/{LOG['origin_hash_hex'].upper()}/checkpoint").status == 404
    assert ask(url, "PUT", "/add-checkpoint", b"x").status == 501
    assert ask(url, "POST", "/add-checkpoint", None, **{"Content-Length": "400000"}).status == 400
    assert ask(url, "POST", "/add-checkpoint", None, **{"Content-Length": "1" * 30}).status == 411
    assert ask(url, "POST", "/add-checkpoint", None, **{"Transfer-Encoding": "chunked"}).status == 411


def test_who_sends_slowly_is_cut_off_and_others_are_answered(
    folder: Path, key: VerifierKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(witness_server.WitnessServer, "seconds", 1)
    with in_thread(folder) as server, socket.create_connection(place_of(server), timeout=20) as slow:
        begun = time.monotonic()
        slow.sendall(b"POST /add-checkpoint HTTP/1.1\r\n")
        verified(submit(server.url, growth(0, 3)), key, 3)
        with pytest.raises(OSError, match=r"."):
            while time.monotonic() < begun + 10:
                slow.sendall(b"X: y\r\n")
                time.sleep(0.1)
        assert time.monotonic() < begun + 5


def test_many_idle_connections_are_bounded(folder: Path, key: VerifierKey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_server, "AT_ONCE", 2)
    with in_thread(folder) as server:
        place, before = place_of(server), threading.active_count()
        with socket.create_connection(place), socket.create_connection(place), socket.create_connection(place, timeout=10) as third:
            # Beside threads of other tests one for each of the two, and one that ends it in time.
            assert (third.recv(1), threading.active_count() <= before + 4) == (b"", True)


def test_a_witness_answers_at_an_address_of_ipv6(folder: Path, key: VerifierKey) -> None:
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    with in_thread(folder, "::1") as server:
        assert server.url.startswith("http://[::1]:")
        verified(submit(server.url, growth(0, 3)), key, 3)


def test_of_submissions_that_race_one_is_cosigned(folder: Path, key: VerifierKey) -> None:
    for size in (4, 5):
        # The same log, and one that shows another tree to the same witness at the same moment.
        fresh = folder.parent / f"race-{size}"
        own = new_witness(fresh, LOG_KEY)
        with in_thread(fresh) as server, ThreadPoolExecutor(12) as pool:
            bodies = [growth(0, size), body_of(0, [], over(size, OTHER))] * 6
            statuses = list(pool.map(lambda body, url=server.url: submit(url, body).status, bodies))
            assert sorted(statuses) == [200] + [409] * 11
            shown = parse_signed(newest(server.url).body)
            assert len(verify_lines(shown, [LOG_KEY, own])) == 2


def test_a_slow_submission_does_not_take_the_state_back(folder: Path, key: VerifierKey) -> None:
    store = open_witness(folder, time.time).store
    with in_thread(folder) as server:
        assert submit(server.url, growth(0, 5)).status == 200
    with pytest.raises(Refused, match="witness-size"):
        raise_code(lambda: store.advance(Cosigned(), checkpoint_over(ENTRIES[:3]), over(3)))
    log = store.log(ORIGIN)
    assert log is not None
    assert log.cosigned.size == 5


def raise_code(act: object) -> None:
    """Lets pytest match the code of a refusal."""
    assert callable(act)
    try:
        act()
    except Refused as error:
        raise Refused(error.code, error.code) from error


def test_a_witness_remembers_over_a_restart(folder: Path, key: VerifierKey) -> None:
    with in_process(folder) as (process, url, shown):
        assert shown == key
        verified(submit(url, growth(0, 3)), key, 3)
        process.terminate()
        assert process.wait(10) == 0
    with in_process(folder) as (_, url, _):
        assert submit(url, growth(0, 3)).body == b"3\n"
        assert submit(url, body_of(3, [], over(3, OTHER))).status == 422
        verified(submit(url, growth(3, 5)), key, 5)


def test_killed_between_store_and_answer_it_never_cosigns_another_history(folder: Path, key: VerifierKey) -> None:
    with in_process(folder, sys.executable, "-m", "tests.observer.witness_process", str(folder)) as (process, url, _):
        with pytest.raises(OSError, match=r"."):
            submit(url, growth(0, 3))
        assert process.wait(10) == -9
    with in_process(folder) as (_, url, _):
        other = submit(url, body_of(0, [], over(3, OTHER)))
        assert (other.status, other.body) == (409, b"3\n")
        assert submit(url, body_of(3, [], over(3, OTHER))).status == 422
        verified(submit(url, growth(3, 3)), key, 3)


def test_two_roots_of_one_size_leave_evidence_that_anybody_can_verify(folder: Path, url: str) -> None:
    assert submit(url, body_of(3, [], over(3, OTHER))).status == 422
    (evidence,) = (folder / EVIDENCE).glob("*.json")
    found = parse_contradiction(evidence.read_bytes())
    verify_contradiction(found, [LOG_KEY])
    assert {found.older.checkpoint.root, found.newer.checkpoint.root} == {TREE.root(3), OTHER}
    (kept,) = (folder / EVIDENCE).glob("*.txt")
    assert over(3, OTHER) in kept.read_bytes()
    assert over(3) in kept.read_bytes()


def test_a_signed_checkpoint_that_does_not_continue_is_kept_once(folder: Path, url: str) -> None:
    for _ in range(2):
        assert submit(url, body_of(3, PROOF, over(5, OTHER))).status == 422
        # Other lines below make it no other checkpoint.
        extra = over(5, OTHER) + make_line(WITNESS, FIVE, 1).encode() + b"\n"
        assert submit(url, body_of(3, PROOF, extra)).status == 422
    assert [path.suffix for path in (folder / EVIDENCE).iterdir()] == [".txt"]


def test_what_nobody_known_signed_is_not_kept(folder: Path, url: str) -> None:
    assert submit(url, body_of(3, PROOF, sign_checkpoint(FIVE, [SPARE]))).status == 403
    assert not (folder / EVIDENCE).exists()


def test_a_holder_of_the_log_key_cannot_fill_the_disk(folder: Path, url: str) -> None:
    (folder / EVIDENCE).mkdir()
    for number in range(MAX_KEPT):
        (folder / EVIDENCE / f"{number}.txt").touch()
    assert submit(url, body_of(3, [], over(3, OTHER))).status == 422
    assert len(list((folder / EVIDENCE).iterdir())) == MAX_KEPT


def test_a_log_gets_a_spare_key_while_the_witness_runs(folder: Path, url: str) -> None:
    body = body_of(3, PROOF, sign_checkpoint(FIVE, [SPARE]))
    assert submit(url, body).status == 403
    open_witness(folder, time.time).store.add_log([SPARE.verifier])
    assert submit(url, body).status == 200


def test_keys_of_two_logs_or_of_a_witness_make_no_log(folder: Path, key: VerifierKey) -> None:
    store = open_witness(folder, time.time).store
    for keys in ([LOG_KEY, STRANGER.verifier], []):
        with pytest.raises(Refused):
            store.add_log(keys)
    with pytest.raises(Exception, match="a key of type 1 or 6"):
        store.add_log([WITNESS.verifier])


def test_the_key_is_for_its_owner_alone(folder: Path, key: VerifierKey) -> None:
    assert (folder / KEY).stat().st_mode & 0o777 == 0o600
    assert key.kind == COSIGNATURE
    with pytest.raises(Refused):
        new_witness(folder)
    (folder / KEY).chmod(0o640)
    with pytest.raises(Refused, match="others"):
        open_witness(folder, time.time)


def test_a_lost_memory_is_not_made_again_beside_the_key(folder: Path, key: VerifierKey) -> None:
    (folder / DATABASE).unlink()
    with pytest.raises(Refused) as refusal:
        open_witness(folder, time.time)
    assert refusal.value.code == "witness-store-lost"
    assert not (folder / DATABASE).exists()
    (folder / DATABASE).touch()
    with pytest.raises(Refused) as refusal:
        open_witness(folder, time.time)
    assert refusal.value.code == "witness-store-lost"


def test_a_memory_that_is_lost_while_the_witness_runs_is_not_begun_anew(folder: Path, url: str) -> None:
    (folder / DATABASE).unlink()
    assert submit(url, growth(3, 5)).status == 503
    assert newest(url).status == 503
    assert not (folder / DATABASE).exists()


def test_a_damaged_memory_is_said_to_be_no_contradiction_of_the_log(folder: Path, url: str) -> None:
    with closing(sqlite3.connect(folder / DATABASE)) as connection:
        connection.execute("UPDATE log SET note = NULL")
        connection.commit()
    for body in (growth(3, 5), growth(0, 5), body_of(0, [], over(5, OTHER))):
        assert submit(url, body).status == 503
    assert not (folder / EVIDENCE).exists()


@pytest.mark.parametrize("change", ["root = zeroblob(32)", "size = 4", "note = x'00'", "keys = 'x'", "size = 0, note = NULL"])
def test_each_damage_of_a_memory_is_told_as_such(folder: Path, url: str, change: str) -> None:
    with closing(sqlite3.connect(folder / DATABASE)) as connection:
        connection.execute(f"UPDATE log SET {change}")
        connection.commit()
    for body in (growth(3, 5), growth(0, 5), growth(4, 5)):
        assert submit(url, body).status == 503
    assert not (folder / EVIDENCE).exists()


def test_the_known_checkpoint_of_the_vectors_is_cosigned(url: str, key: VerifierKey) -> None:
    assert parse_signed(CHECKPOINT5).checkpoint == FIVE
    verified(submit(url, LOG["add_checkpoint_body"].encode()), key, 5)
    assert parse_verifier_key(key.text()) == key
