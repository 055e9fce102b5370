"""Our commands at one table with the tool: its ballots and shares in our record, and ours in its archive, file by file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.rehearsals import organizer, veche
from tests.interop.joint_election import CASTS, COUNTS, set_up_by_the_tool
from tests.interop.joint_record import JointRecord
from tests.interop.tool import BeleniosTool, ToolFolder
from veche.ballot.result import Result
from veche.ballot.share import parse_delivery
from veche.cli.demo_election import Rehearsal, play, published_manifest
from veche.cli.demo_story import Story
from veche.cli.demo_town import Town
from veche.crypto.channel import Cipher
from veche.ledger.event import EventType
from veche.observer.audit import audit
from veche.observer.sources import open_source

pytestmark = pytest.mark.interop

TOWN = Town(voters=6, threshold=2, size=3, level="belenios", single=True)
MARKS = ((1, 0, 0), (0, 1, 0), (0, 1, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0))
"""The vote of each voter; afterwards the first one changes to that of the last but one."""


def test_ballots_and_shares_of_the_tool_pass_through_our_commands(tool: BeleniosTool, tmp_path: Path) -> None:
    rehearsal = Rehearsal(TOWN, Story(to_stderr=True), tmp_path / "town", tmp_path / "town-private")
    play(rehearsal, "open")
    (archive,) = rehearsal.public.glob("*.bel")
    voters, record = tool.at(tmp_path / "voters"), JointRecord(archive)
    voters.file(archive.name, archive.read_bytes())
    codes = [rehearsal.codes[login] for login in sorted(rehearsal.codes)]
    for turn, (code, marks) in enumerate([*zip(codes, MARKS, strict=True), (codes[0], MARKS[4])]):
        ballot = voters.file(f"{turn}.json", voters.generate_ballot(code, (marks,)))
        assert organizer(rehearsal, "accept", ballot) == 0
    closes_at = published_manifest(rehearsal).closes_at
    assert organizer(rehearsal, "close", at=closes_at) == 0
    assert organizer(rehearsal, "tally", at=closes_at) == 0
    trustees = tool.at(tmp_path / "trustees")
    trustees.file(archive.name, archive.read_bytes())
    for owner in (1, 3, 4):
        assert organizer(rehearsal, "share", share_of(owner, rehearsal, trustees, record), at=closes_at) == 0
    assert organizer(rehearsal, "result", at=closes_at) == 0
    assert organizer(rehearsal, "publish", "--jobs", 1, at=closes_at) == 0
    assert record.contents(EventType.RESULT) == [Result(((1, 4, 1),)).encode()]
    report = audit(open_source(str(rehearsal.public)))
    assert (report.codes(), report.verdict, report.level) == ((), "ok", "belenios")
    tool.at(rehearsal.public).verify()


def share_of(owner: int, rehearsal: Rehearsal, trustees: ToolFolder, record: JointRecord) -> Path:
    """What the trustee hands over: the two lines that the tool prints, as they are; or our file, where it cannot read the key."""
    folder, out = rehearsal.private / f"trustee-{owner}", trustees.folder / f"share-{owner}"
    key, decryption_key = folder / "trustee.key", folder / "trustee.dkey"
    if not decryption_key.exists():
        out.write_bytes(b"\n".join(trustees.decrypt(owner, key)) + b"\n")
    elif trustees.tool.cipher is Cipher.GCM:
        out.write_bytes(b"\n".join(trustees.decrypt_threshold(owner, key, decryption_key)) + b"\n")
    else:
        end = record.chain(EventType.END_BALLOTS)[0].event_hash
        files = ("--folder", rehearsal.public, "--key", key, "--dkey", decryption_key, "--out", out)
        known = ("--owner", owner, "--setup", rehearsal.setup, "--end", end, "--level", "belenios")
        assert veche("trustee", "share", *files, *known) == 0
    return out


def test_our_voters_and_trustees_take_part_by_commands_in_an_election_of_the_tool(tool: BeleniosTool, tmp_path: Path) -> None:
    folder = tool.at(tmp_path)
    theirs = set_up_by_the_tool(folder)
    record = JointRecord(folder.archive)
    for turn, (voter, marks) in enumerate(CASTS):
        code, out = folder.file(f"code-{turn}", theirs.codes[f"voter{voter}"]), tmp_path / f"vote-{turn}"
        choices = ("--choices", json.dumps([list(row) for row in marks]))
        assert veche("voter", "encrypt", "--election", record.path, "--code-file", code, *choices, "--cast", out) == 0
        folder.add_event("Ballot", out.read_bytes().strip())
    folder.add_event("EndBallots")
    folder.add_event("EncryptedTally", *folder.compute_encrypted_tally())
    setup, end = (record.chain(kind)[0].event_hash for kind in (EventType.SETUP, EventType.END_BALLOTS))
    known = ("--folder", record.path, "--setup", setup, "--end", end, "--level", "belenios", "--minimum", 0)
    for owner in (1, 2, 4):
        out = tmp_path / f"share-{owner}"
        dkey = () if owner == 1 else ("--dkey", theirs.group[owner - 2].decryption_key)
        key = theirs.private if owner == 1 else theirs.group[owner - 2].key
        assert veche("trustee", "share", *known, "--key", key, *dkey, "--owner", owner, "--out", out) == 0
        delivery = parse_delivery(out.read_bytes().strip(), record.election.uuid)
        folder.add_event("PartialDecryption", delivery.share, delivery.owned)
    result = folder.compute_result()
    assert result == Result(COUNTS).encode()
    folder.add_event("Result", result)
    folder.verify()
    assert veche("audit", record.path) == 0
