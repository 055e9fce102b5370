"""The voter: code, ballot, opened ballot, and where it stands in the record."""

from __future__ import annotations

import json
import stat
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cli.code_story import LOGINS, code_story, codes, credential_of, sealed_folder
from tests.crypto.drawing import drawing
from veche.ballot.credential import ALPHABET, generate_code
from veche.ballot.election import Election, Question
from veche.ballot.encrypted_ballot import read_ballot, verify_ballot
from veche.ballot.prepared_ballot import parse_opened
from veche.cli.main import run
from veche.cli.voter_ballot import listed_secret, parse_marks, parse_options
from veche.cli.voter_tracking import describe_ballot, describe_own_ballots
from veche.crypto.errors import ElectionError, Inconsistent, Malformed, Refused
from veche.crypto.version1 import compact
from veche.observer.board import read_board, read_sealed
from veche.observer.tracker import compact_tracker, parse_tracker


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A sealed election for nine voters, none of whom has voted."""
    return sealed_folder(tmp_path / "record")


@pytest.fixture
def code_file(tmp_path: Path) -> Path:
    path = tmp_path / "code.txt"
    path.write_text(codes()["voter1"] + "\n")
    return path


def encrypt(folder: Path, code: Path, *more: str) -> int:
    return run(["voter", "encrypt", "--election", str(folder), "--code-file", str(code), *more])


def answering(monkeypatch: pytest.MonkeyPatch, *answers: str) -> list[str]:
    """Somebody sits at the terminal and types these; what was asked is kept."""
    asked: list[str] = []
    typed = iter(answers)

    def prompt(question: str, **_: object) -> str:
        asked.append(question)
        return next(typed)

    monkeypatch.setattr("typer.prompt", prompt)
    return asked


# --- the code ---


def test_a_listed_code_is_taken_however_it_is_typed(folder: Path) -> None:
    sealed = read_sealed(str(folder))
    code = codes()["voter2"]
    secret = listed_secret(code, sealed)
    assert listed_secret(f"  {code.replace('-', ' ')} ", sealed).same_as(secret)
    assert listed_secret(code.replace("-", ""), sealed).same_as(secret)


@pytest.mark.parametrize("group", [1, 2, 3, 4])
def test_a_typing_error_is_named_by_its_group_and_the_code_is_not_shown(folder: Path, group: int) -> None:
    groups = codes()["voter1"].split("-")
    start = groups[group - 1]
    groups[group - 1] = ALPHABET[(ALPHABET.index(start[0]) + 1) % 58] + start[1:]
    with pytest.raises(Refused, match=f"group {group} of 4") as refused:
        listed_secret("-".join(groups), read_sealed(str(folder)))
    assert refused.value.code == "code-mistyped"
    assert not any(part in str(refused.value) for part in groups)


def test_a_right_code_of_another_election_is_called_that(folder: Path) -> None:
    with pytest.raises(Refused) as refused:
        listed_secret(generate_code(drawing("another")), read_sealed(str(folder)))
    assert refused.value.code == "code-unknown"


def test_what_cannot_be_a_code_is_malformed(folder: Path) -> None:
    with pytest.raises(Malformed):
        listed_secret("0OIl", read_sealed(str(folder)))


# --- the marks ---

BLANK = Question("Which?", ("a", "b", "c"), 1, 2, True)
PLAIN = Question("Yes?", ("yes", "no"), 0, 1, False)


def asked(folder: Path, *questions: Question) -> Election:
    return replace(read_sealed(str(folder)).election, questions=questions)


def test_options_are_chosen_by_their_numbers_and_the_blank_vote_by_its_name(folder: Path) -> None:
    election = asked(folder, BLANK, PLAIN)
    assert parse_options(["1,3", "2"], election) == ((0, 1, 0, 1), (0, 1))
    assert parse_options(["blank", "none"], election) == ((1, 0, 0, 0), (0, 0))
    assert parse_marks("[[0,1,0,1],[0,1]]", election) == parse_options(["1,3", "2"], election)


@pytest.mark.parametrize(
    "written", [["1"], ["1", "1", "1"], ["4", "1"], ["0", "1"], ["1,2,3", "1"], ["none", "1"], ["1", "blank"], ["x", "1"]]
)
def test_marks_that_are_no_vote_are_refused_naming_the_question(folder: Path, written: list[str]) -> None:
    with pytest.raises(ElectionError, match=r"question"):
        parse_options(written, asked(folder, BLANK, PLAIN))


@pytest.mark.parametrize("written", ["", "[[1,0]", "[[2,0],[0,1]]", "[[1,0,0,0]]", "[[1,1,0,0],[1,0]]", "[[true,0,0,0],[0,0]]"])
def test_marks_in_json_are_as_strict(folder: Path, written: str) -> None:
    with pytest.raises(ElectionError):
        parse_marks(written, asked(folder, BLANK, PLAIN))


# --- encrypting, casting, opening ---


def test_a_cast_ballot_is_one_that_the_box_takes(
    folder: Path, code_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert encrypt(folder, code_file, "--choose", "2", "--cast", str(tmp_path / "ballot.json")) == 0
    raw = (tmp_path / "ballot.json").read_bytes()
    sealed = read_sealed(str(folder))
    ballot = verify_ballot(read_ballot(raw), sealed.election, sealed.credentials.weights)
    assert ballot.credential == credential_of("voter1")
    shown = capsys.readouterr()
    commitment, tracker = shown.out.splitlines()
    assert commitment == json.loads(raw)["signature"]["hash"]
    assert tracker == compact(raw)
    assert codes()["voter1"] not in shown.out + shown.err


def test_the_fingerprint_is_shown_before_it_is_asked_whether_to_test(
    folder: Path, code_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[str] = []

    def prompt(question: str, **_: object) -> str:
        seen.append(capsys.readouterr().out)
        return "test"

    monkeypatch.setattr("typer.prompt", prompt)
    both = ["--cast", str(tmp_path / "ballot.json"), "--open", str(tmp_path / "opened.json")]
    assert encrypt(folder, code_file, "--choose", "1", *both) == 0
    opened = parse_opened((tmp_path / "opened.json").read_bytes())
    assert seen == [opened.commitment + "\n"]
    assert not (tmp_path / "ballot.json").exists()
    assert stat.S_IMODE((tmp_path / "opened.json").stat().st_mode) == 0o600


def test_without_options_everything_is_asked(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    questions = answering(monkeypatch, codes()["voter3"], "1", "perhaps", "cast")
    assert run(["voter", "encrypt", "--election", str(folder), "--cast", str(tmp_path / "b"), "--open", str(tmp_path / "o")]) == 0
    assert questions[0] == "Your code"
    assert questions[1] == "Choose 0 to 1 of them"
    assert questions[2:] == ["Cast this ballot, or test it? (cast/test)"] * 2
    assert (tmp_path / "b").exists()
    assert codes()["voter3"] not in capsys.readouterr().err


def test_an_existing_file_is_never_overwritten(folder: Path, code_file: Path, tmp_path: Path) -> None:
    (tmp_path / "ballot.json").write_text("mine")
    assert encrypt(folder, code_file, "--choose", "2", "--cast", str(tmp_path / "ballot.json")) == 1
    assert (tmp_path / "ballot.json").read_text() == "mine"


def test_a_mistyped_code_leaves_no_ballot(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "code.txt").write_text(codes()["voter1"][:-1] + ("2" if codes()["voter1"][-1] == "1" else "1"))
    assert encrypt(folder, tmp_path / "code.txt", "--choose", "2", "--cast", str(tmp_path / "ballot.json")) == 1
    assert not (tmp_path / "ballot.json").exists()


def opened(folder: Path, code_file: Path, tmp_path: Path) -> Path:
    path = tmp_path / "opened.json"
    assert encrypt(folder, code_file, "--choose", "2", "--open", str(path)) == 0
    return path


def test_an_opened_ballot_says_in_words_what_was_encrypted(
    folder: Path, code_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = opened(folder, code_file, tmp_path)
    fingerprint = capsys.readouterr().out.strip()
    assert run(["voter", "check-opened", str(path), "--election", str(folder), "--fingerprint", fingerprint]) == 0
    assert "By the river" in capsys.readouterr().out


def test_an_opened_ballot_that_holds_something_else_than_it_says_is_refused(folder: Path, code_file: Path, tmp_path: Path) -> None:
    path = opened(folder, code_file, tmp_path)
    text = path.read_text()
    path.write_text(text.replace('"choices":[[0,1]]', '"choices":[[1,0]]'))
    assert path.read_text() != text
    assert run(["voter", "check-opened", str(path), "--election", str(folder)]) == 1


def test_an_opened_ballot_with_another_fingerprint_than_was_shown_is_refused(folder: Path, code_file: Path, tmp_path: Path) -> None:
    path = opened(folder, code_file, tmp_path)
    assert run(["voter", "check-opened", str(path), "--election", str(folder), "--fingerprint", "A" * 43]) == 1


# --- finding it again ---

VOTES = (("voter1", (1, 0)), ("voter2", (0, 1)), ("voter1", (0, 1)), ("voter3", (0, 0)))


@pytest.fixture
def voted(tmp_path: Path) -> Path:
    return code_story("EndBallots", {}, VOTES).write(tmp_path / "voted")


def test_a_tracker_is_read_in_both_its_forms(voted: Path) -> None:
    tracker = read_board(str(voted)).ballots[0].tracker
    assert parse_tracker(tracker) == parse_tracker(compact_tracker(tracker)) == parse_tracker(tracker.upper()) == tracker
    for wrong in ("", tracker[:-1], compact_tracker(tracker)[:-1] + "-", "A" * 42 + "B"):
        with pytest.raises(Malformed):
            parse_tracker(wrong)


def test_the_last_ballot_counts_and_an_earlier_one_was_replaced_by_it(voted: Path) -> None:
    board = read_board(str(voted))
    first, second, third, _ = (place.tracker for place in board.ballots)
    said = " ".join(describe_ballot(board, first))
    assert "event 1." in said
    assert f"replaced it: event 3, tracker {compact_tracker(third)}" in said
    assert "counts unless you vote again" in " ".join(describe_ballot(board, third))
    assert "counts unless you vote again" in " ".join(describe_ballot(board, second))


def test_after_the_close_it_simply_counts(tmp_path: Path) -> None:
    board = read_board(str(code_story("EncryptedTally", {}, VOTES).write(tmp_path / "closed")))
    assert "It is the last ballot with your code: it counts." in describe_ballot(board, board.ballots[1].tracker)


def test_a_ballot_that_is_not_there_is_said_to_be_missing(voted: Path) -> None:
    with pytest.raises(Refused) as refused:
        describe_ballot(read_board(str(voted)), "00" * 32)
    assert refused.value.code == "not-in-record"


def test_all_ballots_of_a_code_are_listed(voted: Path) -> None:
    board = read_board(str(voted))
    lines = describe_own_ballots(board, credential_of("voter1"))
    assert [line.split()[1] for line in lines[:2]] == ["1", "3"]
    assert "replaced" in lines[0]
    assert "counts so far" in lines[1]
    assert describe_own_ballots(board, credential_of(LOGINS[-1])) == ["There is no ballot with your code in this record."]


def test_the_commands_find_a_ballot_by_its_file_its_tracker_and_its_code(
    voted: Path, code_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    story = code_story("EndBallots", {}, VOTES)
    (tmp_path / "mine.json").write_bytes(story.cast[1][1] + b"\n")
    archive = next(voted.glob("*.bel"))
    assert run(["voter", "track", str(archive), str(tmp_path / "mine.json")]) == 0
    assert run(["voter", "track", str(voted), compact(story.cast[1][1])]) == 0
    assert capsys.readouterr().out.count("event 2") == 2
    assert run(["voter", "track", str(voted), "00" * 32]) == 1
    assert run(["voter", "track", str(tmp_path / "nowhere"), "00" * 32]) == 2
    assert run(["voter", "my-ballots", str(voted), "--code-file", str(code_file)]) == 0
    assert "2 ballot(s)" in capsys.readouterr().out


def cut(archive: bytes) -> bytes:
    return archive[:-100]


def flipped(archive: bytes) -> bytes:
    at = archive.index(b'"election_uuid"') + 20
    return archive[:at] + bytes([archive[at] ^ 1]) + archive[at + 1 :]


@pytest.mark.parametrize("damage", [cut, flipped])
def test_a_damaged_archive_is_noticed_while_looking(voted: Path, damage: Callable[[bytes], bytes]) -> None:
    archive = next(voted.glob("*.bel"))
    archive.write_bytes(damage(archive.read_bytes()))
    with pytest.raises((Malformed, Inconsistent)):
        read_board(str(voted))


# --- with other people's tools ---


def bare_files(folder: Path, into: Path) -> Path:
    """election.json and its like, as the tool's `setup` leaves them: a final newline, logins in the list."""
    sealed = read_sealed(str(folder))
    into.mkdir()
    (into / "election.json").write_bytes(sealed.election.raw + b"\n")
    (into / "trustees.json").write_bytes(sealed.trustees.raw + b"\n")
    listed = [f"{credential},,login{place}" for place, credential in enumerate(sealed.credentials.weights)]
    (into / "public_creds.json").write_text(json.dumps(listed, separators=(",", ":")) + "\n")
    return into


def test_a_ballot_is_made_from_the_bare_files_of_an_election_too(folder: Path, code_file: Path, tmp_path: Path) -> None:
    files = bare_files(folder, tmp_path / "files")
    assert read_sealed(str(files)).credentials.weights == read_sealed(str(folder)).credentials.weights
    assert encrypt(files, code_file, "--choose", "2", "--cast", str(tmp_path / "ballot.json")) == 0


@pytest.mark.interop
def test_the_tool_accepts_the_ballot_and_makes_one_with_our_code(
    folder: Path, code_file: Path, tmp_path: Path, belenios_tool_sid: Path
) -> None:
    assert encrypt(folder, code_file, "--choose", "2", "--cast", str(tmp_path / "ballot.json")) == 0
    archive = tmp_path / "archive"
    archive.mkdir()
    bel = next(folder.glob("*.bel"))
    (archive / bel.name).write_bytes(bel.read_bytes())
    tool = [str(belenios_tool_sid), "election"]
    where = ["--dir", str(archive)]
    subprocess.run([*tool, "verify-ballot", "--ballot", str(tmp_path / "ballot.json"), *where], check=True, timeout=120)
    (tmp_path / "choice.json").write_text("[[0,1]]\n")
    made = [*tool, "generate-ballot", "--privcred", str(code_file), "--choice", str(tmp_path / "choice.json"), *where]
    answer = subprocess.run(made, capture_output=True, check=True, timeout=120)
    sealed = read_sealed(str(folder))
    verify_ballot(read_ballot(answer.stdout.strip()), sealed.election, sealed.credentials.weights)
