"""What a voter is told about her receipt, her acknowledgement and her paper, without any network."""

from __future__ import annotations

import sys
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from tests.election.record_builder import CLOSES, VOTES, Story
from tests.observer.logged_record import (
    BOX,
    KEYS,
    ONE_WITNESS,
    WITNESS,
    acknowledged,
    ballot_entries,
    receipt_of,
    shown,
    told,
    with_log,
    write_log,
)
from tests.observer.served_record import Shown, send, served
from veche.cli.main import run
from veche.cli.voter_paper import MOST, make_paper, paper_text
from veche.cli.voter_receipt import fetch_receipt
from veche.crypto.errors import ElectionError, Inconsistent, Malformed, Refused, Unsupported
from veche.crypto.signed_note import NoteSigner
from veche.ledger.policy import parse_policy
from veche.ledger.signed_checkpoint import parse_signed
from veche.observer.board import read_sealed
from veche.observer.receipt_check import check_by_policy, check_by_record, parse_paper

SWAPPED = (VOTES[2], VOTES[1], VOTES[0], VOTES[3])
POLICY = f"log {KEYS[0].text()}\n{ONE_WITNESS}"
NO_QUORUM = f"log {KEYS[0].text()}\nlog {BOX.verifier.text()}\nquorum none\n"


def record(path: Path, **wanted: Any) -> str:
    """A mirror's folder of the told election."""
    story = told(**wanted)
    story.write(path)
    write_log(path, story.entries)
    return str(path)


def check(data: bytes, tmp_path: Path, *words: str) -> int:
    (tmp_path / "paper").write_bytes(data)
    return run(["voter", "check-receipt", str(tmp_path / "paper"), *words])


def test_neither_policy_nor_record_is_exit_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(receipt_of(told(), 0), tmp_path) == 2
    assert "--policy FILE or --election FOLDER" in capsys.readouterr().err
    folder = record(tmp_path / "m")
    (tmp_path / "policy").write_text(NO_QUORUM)
    assert check(receipt_of(told(), 0), tmp_path, "--election", folder, "--policy", str(tmp_path / "policy")) == 2
    assert check(receipt_of(told(), 0), tmp_path, "--election", "http://127.0.0.1:1/observer/elections/4hVecheTestA11") == 2
    assert check(receipt_of(told(), 0), tmp_path, "--election", str(tmp_path / "nowhere")) == 2


def test_without_a_quorum_it_is_in_the_public_log_and_with_one_confirmed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "none").write_text(NO_QUORUM)
    assert check(receipt_of(told(), 0), tmp_path, "--policy", str(tmp_path / "none")) == 0
    said = capsys.readouterr().out
    assert "In the public log: entry" in said
    assert "onfirmed" not in said
    (tmp_path / "one").write_text(POLICY)
    assert check(receipt_of(told(), 0, None, WITNESS), tmp_path, "--policy", str(tmp_path / "one")) == 0
    assert "Confirmed by 1 witnesses (w1): entry" in capsys.readouterr().out
    assert check(receipt_of(told(), 0), tmp_path, "--policy", str(tmp_path / "one")) == 1
    missing = capsys.readouterr()
    assert "quorum-missing" in missing.err
    assert "Confirmed" not in missing.out


@pytest.mark.parametrize(
    ("ballot", "until", "sentence"),
    [
        (0, "", "Not counted: a later ballot with the same code replaced it (event 3)"),
        (2, "", "Counted: voting is over"),
        (2, "EndBallots", "Not counted yet: voting goes on"),
    ],
)
@pytest.mark.parametrize("paper", [receipt_of, acknowledged], ids=["receipt", "acknowledgement"])
def test_counted_is_said_when_voting_is_over_and_no_later_ballot_replaced_it(
    paper: object, ballot: int, until: str, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    story = told(until=until)
    folder = record(tmp_path / "m", until=until)
    assert check(paper(story, ballot), tmp_path, "--election", folder) == 0  # type: ignore[operator]
    said = capsys.readouterr().out
    assert sentence in said
    assert "In the public log: entry" in said


def test_an_acknowledgement_is_accepted_and_no_more_without_a_record(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "none").write_text(NO_QUORUM)
    assert check(acknowledged(told(), 0), tmp_path, "--policy", str(tmp_path / "none")) == 0
    said = capsys.readouterr().out
    assert "Accepted: the ballot box has signed" in said
    assert "In the public log" not in said
    (tmp_path / "one").write_text(POLICY)
    assert check(acknowledged(told(), 0), tmp_path, "--policy", str(tmp_path / "one")) == 2


def test_what_is_of_another_ballot_or_of_nobody_is_refused(tmp_path: Path) -> None:
    folder = record(tmp_path / "m")
    story = told()
    trackers = [event.payload or "" for _, event in ballot_entries(story)]
    for data in (receipt_of(story, 0), acknowledged(story, 0)):
        assert check(data, tmp_path, "--election", folder, "--ballot", trackers[0]) == 0
        assert check(data, tmp_path, "--election", folder, "--ballot", trackers[1]) == 1
        assert check(data.replace(b"vote.example", b"note.example"), tmp_path, "--election", folder) == 1
        assert check(data[:-40], tmp_path, "--election", folder) == 1
    assert check(b"hello", tmp_path, "--election", folder) == 1
    stranger = NoteSigner(BOX.verifier.name, bytes(32))
    with pytest.raises(ElectionError):
        check_by_record(stranger.note(acknowledged(story, 0).decode().split("\n\n")[0] + "\n"), folder)


def test_a_receipt_of_an_entry_that_is_no_ballot_says_nothing_about_a_vote() -> None:
    from tests.ledger.memory_store import MemoryStore
    from tests.observer.logged_record import checkpoint_of, tiles_of
    from veche.ledger.receipt import make_receipt
    from veche.ledger.tile_reader import proven_inclusion

    entries = told().entries
    note = checkpoint_of(entries)
    proof = proven_inclusion(MemoryStore(tiles_of(entries)), parse_signed(note).checkpoint, 0, entries[0])
    with pytest.raises(Inconsistent) as refused:
        check_by_policy(make_receipt(entries[0], 0, proof, note), parse_policy(NO_QUORUM.encode()))
    assert refused.value.code == "receipt-ballot"


def test_a_record_with_another_history_is_convicted_by_a_receipt_and_by_an_acknowledgement(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = record(tmp_path / "m", votes=SWAPPED)
    for data in (receipt_of(told(), 0), acknowledged(told(), 0)):
        assert check(data, tmp_path, "--election", folder) == 3
        assert run(["evidence", capsys.readouterr().out.strip().splitlines()[-1]]) == 0
    (tmp_path / "m" / "checkpoint").unlink()
    for data, code in ((receipt_of(told(), 0), "receipt-record"), (acknowledged(told(), 0), "acknowledgement-broken")):
        assert check(data, tmp_path, "--election", folder) == 1
        assert code in capsys.readouterr().err


def test_an_older_copy_of_the_record_says_that_it_is_older(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = record(tmp_path / "m", until="ballot 3")
    for data in (receipt_of(told(), 3), acknowledged(told(), 3)):
        assert check(data, tmp_path, "--election", folder) == 0
        assert "take a newer one" in capsys.readouterr().out
    (tmp_path / "m" / "checkpoint").unlink()
    assert check(acknowledged(told(), 1), tmp_path, "--election", folder) == 0
    assert "No signed checkpoint in this copy covers it yet" in capsys.readouterr().out


def test_a_checkpoint_that_is_not_of_the_entries_beside_it_is_noticed(tmp_path: Path) -> None:
    folder = record(tmp_path / "m")
    write_log(tmp_path / "m", told(SWAPPED).entries)
    with pytest.raises(Inconsistent) as refused:
        check_by_record(acknowledged(told(), 0), folder)
    assert refused.value.code == "root-differs"


@pytest.mark.parametrize("how", ["another ballot dropped", "this ballot dropped", "an entry moved", "ended before the ballot"])
def test_a_closed_copy_that_the_receipt_of_a_larger_log_contradicts_is_refused(
    how: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The copy's log has signed fewer entries than the receipt's checkpoint counts: roots alone compare nothing."""
    story, ballot = told(), 2
    if how == "an entry moved":
        folder = tmp_path / "m"
        short = told(until="Result")
        short.write(folder)
        moved = [entry for entry in short.entries if b'"annex":"opened"' not in entry]
        (folder / "entries.jsonl").write_bytes(b"".join(entry + b"\n" for entry in moved))
        write_log(folder, moved)
        where = str(folder)
    else:
        votes = {
            "another ballot dropped": (VOTES[0], VOTES[2], VOTES[3]),
            "this ballot dropped": (VOTES[0], VOTES[1], VOTES[3]),
            "ended before the ballot": VOTES[:2],
        }[how]
        where = record(tmp_path / "m", votes=votes, until="closed")
    assert check(receipt_of(story, ballot), tmp_path, "--election", where) == 1
    shown_text = capsys.readouterr()
    assert "receipt-record" in shown_text.err
    assert "ounted" not in shown_text.out
    assert "take a newer one" not in shown_text.out


@pytest.mark.parametrize(
    ("kind", "until", "word"), [("cancelled", "EncryptedTally", "cancelled"), ("annulled", "certified", "annulled")]
)
@pytest.mark.parametrize("paper", [receipt_of, acknowledged], ids=["receipt", "acknowledgement"])
def test_a_ballot_of_a_vote_that_was_given_up_or_declared_void_is_not_counted(
    paper: object, kind: str, until: str, word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given_up = Story(changes={"manifest": with_log("quorum none\n")}, until=until)
    given_up.entries.append(given_up._annex_text(kind, {"time": CLOSES + 500, "reason": "court"}))
    given_up.write(tmp_path / "m")
    write_log(tmp_path / "m", given_up.entries)
    assert check(paper(given_up, 2), tmp_path, "--election", str(tmp_path / "m")) == 0  # type: ignore[operator]
    said = capsys.readouterr().out
    assert f"Not counted: the vote was {word}" in said
    assert "Counted:" not in said


# --- fetching ---


def receipts(late: int = 0, policy: str = "quorum none\n") -> Shown:
    """A server that hands out receipts, after it was asked `late` times for one."""
    story = told(policy=policy)
    server = shown(story)
    trackers = {event.payload: number for number, (_, event) in enumerate(ballot_entries(story))}
    asked: list[str] = []

    def odd(reader: BaseHTTPRequestHandler, name: str) -> bool:
        if not name.endswith(".tlog-proof"):
            return False
        asked.append(name)
        tracker = name.removeprefix("ballots/").removesuffix(".tlog-proof")
        if len(asked) <= late:
            send(reader, 404, b'{"code":"not-in-log-yet","detail":"wait"}', {"Retry-After": "7"})
        elif tracker not in trackers:
            send(reader, 404, b'{"code":"not-in-record","detail":"no such ballot"}')
        else:
            send(reader, 200, receipt_of(story, trackers[tracker]))
        return True

    server.odd = odd
    return server


def tracker(ballot: int = 0, policy: str = "quorum none\n") -> str:
    return ballot_entries(told(policy=policy))[ballot][1].payload or ""


def test_a_receipt_is_fetched_checked_and_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "my.tlog-proof"
    with served(receipts()) as address:
        assert run(["voter", "receipt", tracker(), "--election", address, "--out", str(out)]) == 0
        assert "In the public log" in capsys.readouterr().out
        assert run(["voter", "receipt", tracker(), "--election", address, "--out", str(out)]) == 1
        assert run(["voter", "receipt", "0" * 64, "--election", address, "--out", str(tmp_path / "x")]) == 1
    assert run(["voter", "check-receipt", str(out), "--election", record(tmp_path / "m")]) == 0
    assert not (tmp_path / "x").exists()


def test_a_receipt_is_waited_for_as_the_server_asks_and_not_for_ever() -> None:
    pauses: list[float] = []
    with served(receipts(3)) as address:
        data, _ = fetch_receipt(address, read_sealed(address), tracker(), 300, pauses.append)
    assert pauses == [7, 7, 7]
    assert data == receipt_of(told(), 0)
    with served(receipts(1000)) as address, pytest.raises(Refused) as refused:
        fetch_receipt(address, read_sealed(address), tracker(), 20, pauses.append)
    assert refused.value.code == "not-in-log-yet"
    assert pauses[3:] == [7, 7]


def test_a_receipt_of_another_ballot_is_not_kept_and_a_missing_witness_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server = shown(told())
    server.files[f"ballots/{tracker()}.tlog-proof"] = receipt_of(told(), 1)
    with served(server) as address:
        assert run(["voter", "receipt", tracker(), "--election", address, "--out", str(tmp_path / "r")]) == 1
    assert not (tmp_path / "r").exists()
    with served(receipts(policy=ONE_WITNESS)) as address:
        words = ["voter", "receipt", tracker(policy=ONE_WITNESS), "--election", address, "--out", str(tmp_path / "r")]
        assert run(words) == 0
    assert "Not confirmed yet" in capsys.readouterr().err


# --- paper ---


def test_the_paper_holds_note_and_number_and_reads_back(tmp_path: Path) -> None:
    note, receipt = acknowledged(told(), 2), receipt_of(told(), 2)
    index = ballot_entries(told())[2][0]
    text = paper_text(note, index)
    assert len(text) < MOST
    assert parse_paper(text) == (note, index)
    assert parse_paper(note) == (note, None)
    folder = record(tmp_path / "m")
    assert check(text, tmp_path, "--election", folder) == 0
    assert check(paper_text(note, index + 1), tmp_path, "--election", folder) == 1
    page, without = make_paper(note, receipt, ".html")
    assert not without
    shown_page = page.decode()
    assert "<svg" in shown_page
    assert 'lang="ru"' in shown_page
    assert 'lang="en"' in shown_page
    assert f"<dd>{index}</dd>" in shown_page
    assert "<script" not in shown_page


def test_the_code_alone_is_an_svg_and_decodes_to_the_paper(tmp_path: Path) -> None:
    (tmp_path / "a.ack").write_bytes(acknowledged(told(), 0))
    assert run(["voter", "paper", str(tmp_path / "a.ack"), "--out", str(tmp_path / "a.svg")]) == 0
    assert (tmp_path / "a.svg").read_bytes().startswith(b"<svg")
    assert run(["voter", "paper", str(tmp_path / "a.ack"), "--out", str(tmp_path / "a.pdf")]) == 1


def test_without_segno_a_page_says_so_and_a_code_alone_cannot_be_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "segno", None)
    (tmp_path / "a.ack").write_bytes(acknowledged(told(), 0))
    assert run(["voter", "paper", str(tmp_path / "a.ack"), "--out", str(tmp_path / "a.html")]) == 0
    assert "segno" in capsys.readouterr().err
    assert b"<svg" not in (tmp_path / "a.html").read_bytes()
    with pytest.raises(Unsupported):
        make_paper(acknowledged(told(), 0), None, ".svg")


def test_what_is_no_acknowledgement_or_too_long_or_of_another_ballot_is_not_printed() -> None:
    note = acknowledged(told(), 0)
    with pytest.raises(Malformed):
        make_paper(BOX.note("hello\n"), None, ".html")
    with pytest.raises(Refused) as refused:
        paper_text(note + bytes(MOST), None)
    assert refused.value.code == "paper-too-long"
    with pytest.raises(Inconsistent):
        make_paper(note, receipt_of(told(), 1), ".html")
