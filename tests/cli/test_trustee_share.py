"""A trustee's share is for one total that it recomputed itself. Each way a server could ask for more ends with nothing written."""

from __future__ import annotations

import json
import stat
import subprocess
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr
from dataclasses import replace
from hashlib import sha256
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from tests.cli import desks as table
from tests.crypto.ceremony_story import hold_ceremony
from tests.election.record_builder import CLOSES, DAY, OPENS, Story
from tests.election.trustee_keys import ceremony_of, single
from veche.ballot.manifest import seal
from veche.ballot.share import parse_delivery, parse_share, verify_delivery, verify_share, verify_strong_proof
from veche.cli.main import run
from veche.cli.organizer_desk import open_desk
from veche.cli.trustee_ceremony import Desk, take_shares
from veche.cli.trustee_journal import Answered, Journal, parse_journal
from veche.crypto.canonical_json import dumps, encode
from veche.crypto.channel import Cipher
from veche.observer.board import read_board
from veche.service.counting import add_share
from veche.service.key_ceremony import finish_ceremony

COUNTED = "share 1"
"""Told until here: the encrypted total stands in the record, no share yet."""


def real(told: dict[str, Any], _: Story) -> dict[str, Any]:
    """No rehearsal: a key answers for one manifest of a contest."""
    return told | {"rehearsal": False}


def story(until: str = COUNTED, changes: dict[str, Callable[..., Any]] | None = None, **more: Any) -> Story:
    return Story(until=until, changes={"manifest": real, **(changes or {})}, **more)


def key_file(tmp_path: Path, told: Story, owner: int) -> Path:
    """The trustee's secret as a key file of one number."""
    path = tmp_path / f"trustee-{owner}.key"
    if not path.exists():
        path.write_text(dumps(str(told.secrets[owner].expose())))
    return path


def drill_answered(told: Story, owner: int) -> Answered:
    """What the drill of a real strict election left in the key's journal."""
    manifest = told.manifest
    digests = sha256(told.manifest_text).hexdigest(), sha256(told.trustees).hexdigest()
    return Answered(manifest["campaign"], manifest["contest"], manifest["uuid"], *digests, owner, "")


def ends(folder: Path) -> list[str]:
    """What the trustee knows from elsewhere about this record."""
    board = read_board(str(folder))
    return ["--setup", board.setup, "--end", board.end or "00" * 32]


class Trustee:
    """Trustee 1, with its key, its journal and a place for what leaves."""

    def __init__(self, tmp_path: Path, told: Story, owner: int = 1) -> None:
        self.key = key_file(tmp_path, told, owner)
        self.owner = owner
        self.out = tmp_path / "delivery.json"
        self.journal = self.key.with_name(self.key.name + ".journal")
        if told.level == "strict" and not self.journal.exists():
            self.journal.write_bytes(Journal((drill_answered(told, owner),)).encode())

    def share(self, folder: Path | str, known: Sequence[str], *more: str) -> int:
        command = ["trustee", "share", "--folder", str(folder), "--key", str(self.key), "--owner", str(self.owner)]
        return run([*command, "--out", str(self.out), *known, *more])

    def refuses(self, folder: Path | str, known: Sequence[str], *more: str) -> str:
        """The code with which it says no; nothing was written and its journal is as it was."""
        before = self.journal.read_bytes() if self.journal.exists() else b""
        said = StringIO()
        with redirect_stderr(said):
            assert self.share(folder, known, *more) == 1
        assert not self.out.exists()
        assert (self.journal.read_bytes() if self.journal.exists() else b"") == before
        return said.getvalue().rsplit("[", 1)[1].rstrip("]\n")


def test_a_share_is_given_with_both_proofs_and_signed(tmp_path: Path) -> None:
    told = story()
    folder = told.write(tmp_path / "record")
    trustee = Trustee(tmp_path, told)
    assert trustee.share(folder, ends(folder)) == 0
    delivery = parse_delivery(trustee.out.read_bytes(), told.manifest["uuid"])
    key = read_board(str(folder)).sealed.trustees.owners[0].public_key
    statement = told.place.statement(1, delivery.owned)
    share = parse_share(delivery.share, told.tally, 1)
    verify_share(share, 1, key, told.tally, told.election.fingerprint)
    verify_strong_proof(delivery.proof, share, 1, key, told.tally, statement)
    verify_delivery(delivery.signature, delivery.proof, 1, key, statement)


def test_a_key_without_its_journal_shares_nothing_until_its_owner_says_that_it_is_lost(tmp_path: Path) -> None:
    told = story()
    folder = told.write(tmp_path / "record")
    trustee = Trustee(tmp_path, told)
    trustee.journal.unlink()
    assert trustee.refuses(folder, ends(folder)) == "journal-missing"
    assert trustee.share(folder, ends(folder), "--journal-lost") == 0


def test_the_organizer_takes_it_into_the_record(tmp_path: Path) -> None:
    told = story()
    folder = told.write(tmp_path / "record")
    trustee = Trustee(tmp_path, told, 3)
    assert trustee.share(folder, ends(folder)) == 0
    with open_desk(folder) as organizer:
        taken = add_share(organizer, trustee.out.read_bytes())
    assert (taken.owner.number, taken.reason) == (3, None)


def test_the_seal_is_enough_for_setup_and_the_end_is_asked_whole(tmp_path: Path) -> None:
    told = story()
    folder = told.write(tmp_path / "record")
    trustee = Trustee(tmp_path, told)
    _, setup, _, end = ends(folder)
    assert trustee.refuses(folder, ["--setup", setup, "--end", end[:16]]) == "not-confirmed"
    assert trustee.refuses(folder, ["--setup", setup, "--end", seal(end)]) == "not-confirmed"
    assert trustee.refuses(folder, ["--setup", setup[:16], "--end", end]) == "not-confirmed"
    assert trustee.share(folder, ["--setup", seal(setup).lower().replace("-", " "), "--end", end.upper()]) == 0


def test_without_options_the_hashes_are_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = story()
    folder = told.write(tmp_path / "record")
    trustee = Trustee(tmp_path, told)
    _, setup, _, end = ends(folder)
    for typed in ((seal(setup), "y"), ("", end), (seal(end), end)):
        answers = iter(typed)
        monkeypatch.setattr("typer.prompt", lambda _, answers=answers, **__: next(answers))
        assert trustee.refuses(folder, []) == "not-confirmed"
    answers = iter((seal(setup), end))
    monkeypatch.setattr("typer.prompt", lambda _, answers=answers, **__: next(answers))
    assert trustee.share(folder, []) == 0


# --- what a server could try ---


def test_a_board_of_one_ballot_is_not_decrypted(tmp_path: Path) -> None:
    told = story(votes=((0, ((1, 0),)),))
    folder = told.write(tmp_path / "record")
    assert Trustee(tmp_path, told).refuses(folder, ends(folder)) == "too-few-ballots"


def test_the_manifests_minimum_can_be_raised_and_not_lowered(tmp_path: Path) -> None:
    few = story(votes=((0, ((1, 0),)),))
    folder = few.write(tmp_path / "few")
    assert Trustee(tmp_path, few).refuses(folder, ends(folder), "--minimum", "0") == "too-few-ballots"
    enough = story()
    folder = enough.write(tmp_path / "enough")
    assert Trustee(tmp_path, enough).refuses(folder, ends(folder), "--minimum", "4") == "too-few-ballots"
    assert Trustee(tmp_path, enough).share(folder, ends(folder), "--minimum", "3") == 0


def test_ballots_that_weigh_nothing_do_not_hide_anybody(tmp_path: Path) -> None:
    votes = ((0, ((1, 0),)), (1, ((0, 1),)), (2, ((0, 1),)))
    thin = story(votes=votes, weights=(1, 0, 0, 1))
    folder = thin.write(tmp_path / "thin")
    assert Trustee(tmp_path, thin).refuses(folder, ends(folder)) == "too-few-ballots"


def test_a_board_with_a_ballot_left_out_ends_otherwise_than_the_trustee_knows(tmp_path: Path) -> None:
    told = story()
    known = ends(told.write(tmp_path / "record"))
    cut = story(skip=frozenset({"ballot 4"})).write(tmp_path / "cut")
    assert Trustee(tmp_path, told).refuses(cut, known) == "not-confirmed"


def test_another_election_has_another_seal(tmp_path: Path) -> None:
    told = story()
    known = ends(told.write(tmp_path / "record"))
    other = story(changes={"manifest": lambda text, _: text | {"rehearsal": False, "title": {"en": "Other"}}})
    folder = other.write(tmp_path / "other")
    assert Trustee(tmp_path, told).refuses(folder, [*known[:2], *ends(folder)[2:]]) == "not-confirmed"


def test_another_set_of_trustees_gets_nothing(tmp_path: Path) -> None:
    mine = story()
    trustee = Trustee(tmp_path, mine)
    theirs = story(ceremony=ceremony_of(hold_ceremony(name="others")))
    folder = theirs.write(tmp_path / "theirs")
    assert trustee.refuses(folder, ends(folder)) == "other-trustees"
    # Nor does a wrong number of the right set.
    folder = mine.write(tmp_path / "mine")
    trustee.owner = 2
    assert trustee.refuses(folder, ends(folder)) == "not-my-number"


def test_a_second_total_of_the_same_election_gets_nothing_whatever_was_confirmed(tmp_path: Path) -> None:
    told = story()
    folder = told.write(tmp_path / "record")
    trustee = Trustee(tmp_path, told)
    assert trustee.share(folder, ends(folder)) == 0
    first = trustee.out.read_bytes()
    trustee.out.unlink()
    # All but one ballot: the difference of the two totals would be that person's vote.
    other = story(skip=frozenset({"ballot 4"})).write(tmp_path / "all-but-one")
    assert trustee.refuses(other, ends(other)) == "second-tally"
    # The same total again: the very same bytes, and not a second decryption.
    assert trustee.share(folder, ends(folder)) == 0
    assert trustee.out.read_bytes() == first


def test_the_same_ballots_under_another_setup_are_a_second_total_too(tmp_path: Path) -> None:
    told = story()
    folder = told.write(tmp_path / "record")
    trustee = Trustee(tmp_path, told)
    assert trustee.share(folder, ends(folder)) == 0
    trustee.out.unlink()
    other = story(changes={"manifest": lambda text, _: text | {"rehearsal": True}}).write(tmp_path / "other")
    assert trustee.refuses(other, ends(other)) == "second-tally"


def test_a_total_that_is_not_the_sum_of_the_ballots_is_not_decrypted(tmp_path: Path) -> None:
    alien = story(votes=((0, ((1, 0),)), (1, ((1, 0),))))
    told = story(changes={"tally": lambda _, __: alien.tally.encode()})
    folder = told.write(tmp_path / "record")
    assert Trustee(tmp_path, told).refuses(folder, ends(folder)) == "record-refuted"


def test_a_record_that_the_audit_refutes_is_not_decrypted(tmp_path: Path) -> None:
    for name, change in {
        "late": {"closed": lambda told, _: told | {"time": CLOSES - 5}},
        "uncounted": {"closed": lambda told, _: told | {"ballots": 2}},
        "early": {"opened": lambda told, _: told | {"time": OPENS - 5}},
    }.items():
        told = story(changes=change)
        folder = told.write(tmp_path / name)
        assert Trustee(tmp_path, told).refuses(folder, ends(folder)) == "record-refuted"


@pytest.mark.parametrize(
    ("until", "code"), [("EndBallots", "not-closed"), ("EncryptedTally", "not-decrypting"), ("published", "not-decrypting")]
)
def test_shares_are_given_while_the_record_waits_for_them_and_at_no_other_time(tmp_path: Path, until: str, code: str) -> None:
    told = story(until=until)
    folder = told.write(tmp_path / "record")
    assert Trustee(tmp_path, told).refuses(folder, ends(folder)) == code


def test_a_cancelled_election_is_not_decrypted(tmp_path: Path) -> None:
    def cancelled(entries: list[bytes], told: Story) -> list[bytes]:
        return [
            *entries,
            encode({"annex": "cancelled", "election": told.manifest["uuid"], "time": CLOSES + DAY, "reason": "flood"}),
        ]

    told = story(changes={"entries": cancelled})
    folder = told.write(tmp_path / "record")
    assert Trustee(tmp_path, told).refuses(folder, ends(folder)) == "not-decrypting"


def test_a_lower_level_than_the_trustee_accepts_is_refused(tmp_path: Path) -> None:
    told = story(level="belenios")
    folder = told.write(tmp_path / "record")
    assert Trustee(tmp_path, told).refuses(folder, ends(folder)) == "record-refuted"
    assert Trustee(tmp_path, told).share(folder, ends(folder), "--level", "belenios") == 0


def test_half_a_record_hides_the_minimum_and_is_refused(tmp_path: Path) -> None:
    told = story(level="belenios")
    archive = told.bel_only(tmp_path / "bare")
    assert Trustee(tmp_path, told).refuses(archive, ends(archive), "--level", "belenios", "--minimum", "0") == "manifest-missing"


def test_an_archive_cut_short_or_absent_leaves_everything_as_it_was(tmp_path: Path) -> None:
    told = story()
    folder = told.write(tmp_path / "record")
    known = ends(folder)
    archive = next(folder.glob("*.bel"))
    archive.write_bytes(archive.read_bytes()[:-700])
    assert Trustee(tmp_path, told).refuses(folder, known) == "archive-truncated"
    assert Trustee(tmp_path, told).share(tmp_path / "nowhere", known) == 2


# --- elections without a manifest, as other people's tools make them ---


def bare(**more: Any) -> Story:
    return Story(
        until=COUNTED, level="belenios", changes={"line": lambda _, __: None}, ceremony=None, items=(single("Anna"),), **more
    )


def test_without_a_manifest_five_ballots_are_the_least_unless_the_trustee_says_otherwise(tmp_path: Path) -> None:
    told = bare()
    archive = told.bel_only(tmp_path / "bare")
    trustee = Trustee(tmp_path, told)
    assert trustee.refuses(archive, ends(archive)) == "too-few-ballots"
    assert trustee.refuses(archive, ends(archive), "--minimum", "3") == "record-refuted"
    assert trustee.refuses(archive, ends(archive), "--level", "belenios") == "too-few-ballots"
    assert trustee.share(archive, ends(archive), "--level", "belenios", "--minimum", "3") == 0


# --- the journal ---


def test_the_journal_is_private_and_remembers_before_anything_leaves(tmp_path: Path) -> None:
    told = story()
    folder = told.write(tmp_path / "record")
    trustee = Trustee(tmp_path, told)
    trustee.out = tmp_path / "no-such-folder" / "delivery.json"
    assert trustee.share(folder, ends(folder)) == 2
    assert stat.S_IMODE(trustee.journal.stat().st_mode) == 0o600
    (remembered,) = parse_journal(trustee.journal.read_bytes()).delivered
    trustee.out.parent.mkdir()
    assert trustee.share(folder, ends(folder)) == 0
    assert trustee.out.read_text() == remembered.delivery


def test_an_existing_file_is_not_overwritten_and_nothing_is_remembered(tmp_path: Path) -> None:
    told = story()
    folder = told.write(tmp_path / "record")
    trustee = Trustee(tmp_path, told)
    trustee.out.write_text("mine")
    before = trustee.journal.read_bytes()
    assert trustee.share(folder, ends(folder)) == 1
    assert trustee.out.read_text() == "mine"
    assert trustee.journal.read_bytes() == before


def test_a_key_that_answered_for_another_manifest_of_the_contest_shares_nothing(tmp_path: Path) -> None:
    first = story()
    folder = first.write(tmp_path / "first")
    trustee = Trustee(tmp_path, first)
    assert trustee.share(folder, ends(folder)) == 0
    trustee.out.unlink()
    journal = json.loads(trustee.journal.read_text())
    # As if the share had been for another uuid: only what the key answers for is left to stop it.
    journal["delivered"] = []
    trustee.journal.write_text(dumps(journal))
    second = story(changes={"manifest": lambda text, _: text | {"rehearsal": False, "title": {"en": "Other"}}})
    folder = second.write(tmp_path / "second")
    assert trustee.refuses(folder, ends(folder)) == "another-manifest"


# --- keys made by the ceremony, and other people's tools ---


def by_files(tmp_path: Path, **more: Any) -> tuple[list[Desk], Story]:
    desks, trustees_json, finished = table.hold(tmp_path)
    return desks, story(ceremony=table.ceremony_of(desks, trustees_json, finished), **more)


def test_seed_and_dkey_of_the_ceremony_give_the_share(tmp_path: Path) -> None:
    desks, told = by_files(tmp_path)
    folder = told.write(tmp_path / "record")
    keys = [f"--key={desks[1].private / 'trustee.key'}", f"--dkey={desks[1].private / 'trustee.dkey'}"]
    command = ["trustee", "share", "--folder", str(folder), "--owner=2", *keys, "--out", str(tmp_path / "out.json")]
    journal = desks[1].private / "trustee.key.journal"
    journal.write_bytes(Journal((drill_answered(told, 2),)).encode())
    assert run([*command, *ends(folder)]) == 0
    assert len(parse_journal(journal.read_bytes()).delivered) == 1
    with open_desk(folder) as organizer:
        assert add_share(organizer, (tmp_path / "out.json").read_bytes()).reason is None


@pytest.mark.interop
@pytest.mark.parametrize("cipher", ["ccm", "gcm"])
def test_the_tool_decrypts_with_our_seed_and_dkey(
    tmp_path: Path, cipher: str, belenios_tool: Path, belenios_tool_sid: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "TERMS", replace(table.TERMS, cipher=Cipher(cipher)))
    desks = table.sit_down(tmp_path, table.TERMS)
    for step in (table.all_certify, table.all_commit, table.all_reveal, table.all_deal):
        step(desks)
    for desk in desks:
        take_shares(desk, None, table.RANDOM)
    trustees, finished = finish_ceremony(desks[0].shared, [], None)
    told = story(ceremony=table.ceremony_of(desks, trustees.raw, finished))
    archive = told.bel_only(tmp_path / "bare")
    tool = belenios_tool if cipher == "ccm" else belenios_tool_sid
    keys = ["--key", str(desks[2].private / "trustee.key"), "--decryption-key", str(desks[2].private / "trustee.dkey")]
    command = [str(tool), "election", "decrypt-threshold", *keys, "--trustee-id", "3", "--dir", str(archive.parent)]
    answer = subprocess.run(command, capture_output=True, check=True, timeout=120).stdout.splitlines()
    share = parse_share(answer[0], told.tally, 3)
    key = read_board(str(archive)).sealed.trustees.owners[2].public_key
    verify_share(share, 3, key, told.tally, told.election.fingerprint)
