"""The tool's ballots and shares in our election, and ours in the tool's: each side accepts what the other made."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.interop.joint_election import CASTS, COUNTS, ROOF, TREES, WEIGHTS, set_up, set_up_by_the_tool, vote
from tests.interop.joint_record import JointRecord
from tests.interop.mixed_ceremony import hold_our_ceremony
from tests.interop.tool import BeleniosTool, ToolFolder
from veche.ballot.credential import derive, generate_code, public_credential
from veche.ballot.election import Question, make_election
from veche.ballot.result import Result
from veche.ballot.trustees import SingleTrustee, make_trustees
from veche.cli.trustee_key import make_single_key
from veche.crypto.canonical_json import parse_canonical
from veche.crypto.scalar import system_randomness
from veche.crypto.version1 import compact
from veche.ledger.event import EventType

pytestmark = pytest.mark.interop

ONEFILE = Path(__file__).parents[2] / "observer" / "onefile.py"

def single_key(folder: Path) -> tuple[Path, SingleTrustee]:
    """The private file of a single trustee, as our command writes it, and the public key."""
    private, public = make_single_key("Auditor", system_randomness)
    path = folder / "trustee.privkey"
    path.write_bytes(private)
    return path, SingleTrustee.from_json(parse_canonical(public))


def test_an_election_of_ours_with_ballots_and_shares_of_the_tool_is_accepted_by_both(tool: BeleniosTool, tmp_path: Path) -> None:
    private, auditor = single_key(tmp_path)
    group, files = hold_our_ceremony(tmp_path, 3, 2, tool.cipher)
    record, codes = set_up(tmp_path / "record", make_trustees((auditor, group)), (TREES, ROOF), WEIGHTS)
    folder = tool.at(record.path.parent)
    for voter, marks in CASTS:
        ballot = folder.generate_ballot(codes[voter], marks)
        folder.verify_ballot(ballot)
        record.offer(ballot)
    record.close()
    record.append(EventType.PARTIAL_DECRYPTION, *folder.decrypt(1, private))
    for owner, place in ((2, 1), (4, 3)):
        record.append(EventType.PARTIAL_DECRYPTION, *folder.decrypt_threshold(owner, *files[place - 1].paths))
    assert record.our_result() == Result(COUNTS)
    record.append(EventType.RESULT, record.our_result().encode())
    assert_accepted_by_both(record, folder)


def test_an_election_of_the_tool_with_ballots_and_shares_of_ours_is_accepted_by_both(tool: BeleniosTool, tmp_path: Path) -> None:
    folder = tool.at(tmp_path)
    theirs = set_up_by_the_tool(folder)
    codes, secrets = theirs.codes, theirs.secrets()
    record = JointRecord(folder.archive)
    for voter, marks in CASTS:
        ballot = vote(record, codes[f"voter{voter}"], marks)
        folder.verify_ballot(ballot)
        folder.add_event("Ballot", ballot)
    folder.add_event("EndBallots")
    tally, sized = record.our_tally()
    assert folder.compute_encrypted_tally() == (tally.encode(), sized.encode())
    folder.add_event("EncryptedTally", tally.encode(), sized.encode())
    for owner in (1, 3, 4):
        share = record.our_share(owner, secrets[owner])
        folder.add_event("PartialDecryption", share.share, share.owned)
    assert folder.compute_result() == Result(COUNTS).encode()
    folder.add_event("Result", record.our_result().encode())
    assert_accepted_by_both(record, folder)


def assert_accepted_by_both(record: JointRecord, folder: ToolFolder) -> None:
    """The tool verifies the closed election and computes the same; our audit and our second verifier find nothing."""
    folder.verify()
    assert folder.compute_result() == Result(COUNTS).encode()
    tally = record.chain(EventType.ENCRYPTED_TALLY)[0]
    assert list(folder.compute_encrypted_tally()) == [one.content for one in tally.records]
    assert folder.tool.objections(record.path, record.chain(EventType.BALLOT)) == []
    report = record.audit()
    assert (report.codes(), report.verdict, report.level, report.result) == ((), "ok", "belenios", Result(COUNTS).to_json())
    second = subprocess.run([sys.executable, ONEFILE, record.path], capture_output=True, text=True, check=False, timeout=300)
    assert second.returncode == 0, second.stdout


def test_a_code_gives_the_same_key_here_and_there(tool: BeleniosTool, tmp_path: Path) -> None:
    folder = tool.at(tmp_path)
    uuid = folder.generate_token()
    theirs = folder.generate_credentials(uuid, ["a@vote.example,ann,1", "b@vote.example,bob,3"])
    codes = [*theirs.values(), generate_code(system_randomness)]
    keys = [public_credential(derive(code, uuid)).hex() for code in codes]
    assert [folder.derive(uuid, code) for code in codes] == keys
    listed = json.loads((tmp_path / "public_creds.json").read_bytes())
    assert sorted(listed) == sorted([f"{keys[0]},1,ann", f"{keys[1]},3,bob"])


def test_an_election_is_written_with_the_same_bytes_here_and_there(tool: BeleniosTool, tmp_path: Path) -> None:
    folder = tool.at(tmp_path)
    uuid = folder.generate_token()
    _, line = folder.generate_trustee_key()
    key = SingleTrustee.from_json(parse_canonical(line.strip()))
    questions = (TREES, ROOF, Question('Все ли знаки верны? "«\\/\t\x7f»', ("Да", "é\n"), 0, 2, False))
    description = "Line one\nveche:1 level=belenios manifest=sha256:0"
    template = {"description": description, "name": "Jöint", "questions": [one.to_json() for one in questions]}
    assert folder.make_trustees() == make_trustees((key,)).raw
    ours = make_election(uuid, "Jöint", description, key.public_key, questions)
    assert folder.make_election(uuid, template) == ours.raw


def test_the_tracker_that_a_voter_compares_is_the_same_here_and_there(tool: BeleniosTool, tmp_path: Path) -> None:
    record, codes = set_up(tmp_path / "record", make_trustees((single_key(tmp_path)[1],)))
    ballot = vote(record, codes[0], ((1, 0),))
    assert tool.run(tmp_path, "sha256-b64", given=ballot).decode().strip() == compact(ballot)
