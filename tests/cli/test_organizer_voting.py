"""While the vote runs: the registrar's word, the clock, the ballots. Each refusal is one sentence and changes nothing."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pytest

from tests.cli.rehearsals import (
    VOTERS,
    At,
    ballots,
    checked,
    closes,
    codes_of,
    contents,
    made_uuid,
    opens,
    organizer,
    refused,
)
from veche.cli.organizer_desk import open_desk
from veche.cli.registrar import save_issued, sign_issued
from veche.crypto.canonical_json import encode
from veche.crypto.signed_note import NoteSigner
from veche.observer.board import read_board
from veche.observer.durable_files import append_private


def test_only_the_registrars_own_word_counts(at: At, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    made = at("seal")
    signer = NoteSigner.from_private_text((made.private / "registrar" / "registrar.key").read_text().strip())
    entry, data, total = sign_issued(str(made.public), made.codes, None, signer, False)
    good, listed = save_issued(entry, data, total, tmp_path / "issued")
    bad = tmp_path / "bad.json"
    another = {**json.loads(entry), "total": total - 1}
    bad.write_bytes(encode(another))
    refused(made, "issued-signature", capsys, "issued", bad, "--credentials", listed)
    (tmp_path / "short.json").write_bytes(encode(json.loads(data)[:-1]))
    refused(made, "issued-credentials", capsys, "issued", good, "--credentials", tmp_path / "short.json")
    bad.write_bytes(b'{"annex":"opened","election":"%s","time":1}' % made_uuid(made).encode())
    refused(made, "entry-malformed", capsys, "issued", bad, "--credentials", listed)
    assert organizer(made, "issued", good) == 0
    refused(made, "issued-credentials", capsys, "issued", good)
    assert checked(made).counts["issued"] == VOTERS


def test_the_box_opens_at_the_announced_time_and_not_a_second_earlier(at: At, capsys: pytest.CaptureFixture[str]) -> None:
    made = at("hand-out")
    refused(made, "too-early", capsys, "open", "--present", "1,2,3", at=opens(made) - 1)
    refused(made, "not-open", capsys, "open", "--present", "1,2,3", at=closes(made))
    assert organizer(made, "open", "--present", "1,2,3", at=opens(made)) == 0
    assert checked(made).state == "open"


def test_a_late_opening_needs_an_explanation_in_the_record(at: At, capsys: pytest.CaptureFixture[str]) -> None:
    made = at("hand-out")
    late = opens(made) + 61
    refused(made, "too-late", capsys, "open", "--present", "1,2,3", at=late)
    assert organizer(made, "incident", "power-failure", at=late) == 0
    assert organizer(made, "open", "--present", "1,2,3", at=late) == 0
    checked(made)


@pytest.mark.parametrize("present", ["", "1,2", "2,2", "1,2,4"])
def test_the_box_stays_shut_until_one_trustee_more_than_needed_has_answered(
    at: At, capsys: pytest.CaptureFixture[str], present: str
) -> None:
    made = at("hand-out")
    refused(made, "roll-call", capsys, "open", "--present", present, at=opens(made))
    assert organizer(made, "open", "--present", "3,1,2", at=opens(made)) == 0


def test_a_minute_is_not_late(at: At) -> None:
    made = at("hand-out")
    assert organizer(made, "open", "--present", "1,2,3", at=opens(made) + 60) == 0
    checked(made)


def test_nobody_closes_early_and_nobody_leaves_it_open_unexplained(at: At, capsys: pytest.CaptureFixture[str]) -> None:
    made = at("vote")
    refused(made, "too-early", capsys, "close", at=closes(made) - 1)
    refused(made, "too-late", capsys, "close", at=closes(made) + 61)
    assert organizer(made, "close", at=closes(made) + 60) == 0
    refused(made, "entry-order", capsys, "close", at=closes(made) + 60)
    checked(made)


def test_the_end_moves_only_to_later_and_as_far_as_promised(at: At, capsys: pytest.CaptureFixture[str]) -> None:
    made = at("vote")
    end = closes(made)
    refused(made, "entry-time", capsys, "extend", "queue", "--until", end + 7201)
    refused(made, "entry-time", capsys, "extend", "queue", "--until", end)
    refused(made, "entry-time", capsys, "extend", "queue", "--until", end + 3600, at=end)
    assert organizer(made, "extend", "queue", "--until", end + 3600) == 0
    refused(made, "too-early", capsys, "close", at=end)
    assert organizer(made, "accept", *ballots(made, range(5, 6), made.private / "late"), at=end + 60) == 0
    assert organizer(made, "close", at=end + 3600) == 0
    checked(made)


def test_time_never_goes_back(at: At, capsys: pytest.CaptureFixture[str]) -> None:
    made = at("vote")
    assert organizer(made, "suspend", "look", at=made.now) == 0
    refused(made, "entry-time", capsys, "resume", "done", at=made.now - 1)


def test_a_step_out_of_its_turn_is_said_without_jargon_and_before_any_clock(at: At, capsys: pytest.CaptureFixture[str]) -> None:
    made = at("vote")
    for line in (["resume", "done"], ["open", "--present", "1,2,3"], ["certify"], ["annul", "oops"]):
        shown = refused(made, "not-published" if line == ["certify"] else "entry-order", capsys, *line)
        assert "may follow" not in shown
        assert "veche organizer" in shown
    assert "closing does not come now" in refused(at("seal"), "entry-order", capsys, "close")


def test_a_later_end_that_is_not_allowed_is_told_in_times_of_day(at: At, capsys: pytest.CaptureFixture[str]) -> None:
    made = at("vote")
    shown = refused(made, "entry-time", capsys, "extend", "queue", "--until", closes(made) + 7201)
    assert str(closes(made)) not in shown


def test_a_reason_is_a_code_and_no_story_about_a_person(at: At, capsys: pytest.CaptureFixture[str]) -> None:
    made = at("vote")
    refused(made, "entry-malformed", capsys, "suspend", "Ivan Petrov shouted")


def test_every_good_ballot_is_taken_and_a_bad_one_does_not_stop_the_others(
    at: At, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = at("open")
    paths = ballots(made, range(VOTERS), tmp_path / "box")
    paths[2].write_bytes(paths[2].read_bytes().replace(b'"response":"', b'"response":"1', 1))
    (tmp_path / "box" / "z.json").write_bytes(b"no ballot")
    (tmp_path / "box" / "zz.json").write_bytes(bytes(2_000_000))
    capsys.readouterr()
    assert organizer(made, "accept", tmp_path / "box") == 1
    captured = capsys.readouterr()
    assert len(captured.out.split()) == VOTERS - 1
    assert "ballot-2.json: refused" in captured.err
    assert "z.json: refused" in captured.err
    assert "[ballot-malformed]" in captured.err
    assert f"{VOTERS - 1} taken, 0 were there already, 3 refused." in captured.err
    assert checked(made).counts["ballots"] == VOTERS - 1


def test_the_same_ballot_again_gets_the_same_acknowledgement_and_adds_nothing(at: At, tmp_path: Path) -> None:
    made = at("open")
    paths = ballots(made, range(2), tmp_path / "box")
    acks = tmp_path / "acks"
    assert organizer(made, "accept", *paths, "--acks", acks) == 0
    first, record = contents(acks), contents(made.public)
    assert organizer(made, "accept", *paths, paths[0], "--acks", acks, at=made.now + 60) == 0
    assert (contents(acks), contents(made.public)) == (first, record)
    # Lost on the way to the voter: made again, with the time at which the ballot came.
    assert organizer(made, "accept", *paths, "--acks", tmp_path / "again", at=made.now + 120) == 0
    assert contents(tmp_path / "again") == first
    assert {name.removesuffix(".ack") for name in first} == {sha256(path.read_bytes().strip()).hexdigest() for path in paths}


def test_a_ballot_whose_append_was_taken_back_is_acknowledged_with_the_time_of_the_second_try(at: At, tmp_path: Path) -> None:
    made = at("open")
    path = ballots(made, range(1), tmp_path / "box")[0]
    tracker = sha256(path.read_bytes().strip()).hexdigest()
    # What a process leaves that was killed after writing down the time and before the append.
    append_private(made.private / "ballot-times.jsonl", encode({"tracker": tracker, "time": made.now}) + b"\n")
    assert organizer(made, "accept", path, "--acks", tmp_path / "acks", at=made.now + 7) == 0
    assert (tmp_path / "acks" / f"{tracker}.ack").read_text().split("\n")[7] == str(made.now + 7)


def test_an_acknowledgement_names_the_place_in_the_chain(at: At, tmp_path: Path) -> None:
    made = at("open")
    paths = ballots(made, range(1), tmp_path / "box")
    assert organizer(made, "accept", *paths, "--acks", tmp_path / "acks") == 0
    tracker = sha256(paths[0].read_bytes().strip()).hexdigest()
    lines = (tmp_path / "acks" / f"{tracker}.ack").read_text().split("\n")
    board = read_board(str(made.public))
    with open_desk(made.public, str(made.now)) as desk:
        height, event = desk.view.heights[tracker]
    assert lines[3:8] == [board.setup, tracker, str(height), event, str(made.now)]
    assert height == board.ballots[0].height == 1


def test_no_ballot_is_taken_outside_the_announced_time_or_while_suspended(
    at: At, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = at("open")
    path = ballots(made, range(1), tmp_path / "box")[0]
    refused(at("hand-out"), "not-open", capsys, "accept", path)
    made = at("open")
    refused(made, "not-open", capsys, "accept", path, at=closes(made))
    assert organizer(made, "suspend", "attack") == 0
    refused(made, "not-open", capsys, "accept", path)
    assert organizer(made, "resume", "over") == 0
    assert organizer(made, "accept", path) == 0
    checked(made)


def test_a_code_that_was_not_handed_out_cannot_vote(at: At, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = at("seal")
    made.now = opens(made)
    assert organizer(made, "open", "--present", "1,2,3") == 0
    path = ballots(made, range(1), tmp_path / "box")[0]
    assert organizer(made, "accept", path) == 1
    assert "[not-issued]" in codes_of(capsys)
    assert checked(made).counts["ballots"] == 0


def test_a_box_with_another_key_acknowledges_nothing(at: At, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = at("open")
    path = ballots(made, range(1), tmp_path / "box")[0]
    key = made.private / "box.key"
    own = key.read_bytes()
    key.write_bytes((made.private / "log.key").read_bytes())
    refused(made, "box-key", capsys, "accept", path)
    key.unlink()
    refused(made, "private-folder", capsys, "accept", path)
    key.write_bytes(own)
    assert organizer(made, "accept", path) == 0


def test_a_ballot_that_cannot_be_read_ends_with_2(at: At, tmp_path: Path) -> None:
    assert organizer(at("open"), "accept", tmp_path / "none.json") == 2
